setInterval(() => console.log("waiting for jobs"), 60_000);
