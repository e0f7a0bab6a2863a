// Strict clients in Node: `node load.mjs SECONDS FILE NAME=HOST:PORT…`, then JSON as load.py prints it.
// Node sends nothing twice by itself: not its http.Agent, nor its fetch for a POST.
import fs from "node:fs";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const PAUSE = 15;
const [seconds, over, ...targets] = process.argv.slice(2);
const until = Date.now() + Number(seconds) * 1000;
const found = {};

function agent(keepAlive, host, port) {
  const mine = new http.Agent({ keepAlive, maxSockets: 1 });
  return (body) =>
    new Promise((resolve, reject) => {
      const headers = { "content-length": body.length };
      const request = http.request({ host, port, path: "/work", method: "POST", agent: mine, headers, timeout: 40_000 });
      request.on("timeout", () => request.destroy(new Error("timeout")));
      request.on("error", reject);
      request.on("response", (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part) => (text += part));
        answer.on("end", () => resolve([answer.statusCode, text]));
        answer.on("error", reject);
      });
      request.end(body);
    });
}

function fetching(host, port) {
  return async (body) => {
    const answer = await fetch(`http://${host}:${port}/work`, { method: "POST", body });
    return [answer.status, await answer.text()];
  };
}

async function client(name, ask) {
  const mine = (found[name] = { requests: 0, failed: 0, refused: 0, failures: [], who: {}, gap_ms: 0 });
  const times = [];
  let last = Date.now();
  while (Date.now() < until && !fs.existsSync(over)) {
    const body = String(++mine.requests);
    const began = performance.now();
    try {
      const [status, text] = await ask(body);
      const [who, said] = text.split(" ");
      if (status !== 200 || said !== body) throw new Error(`${status} ${text.slice(0, 100)}`);
      mine.who[who] = (mine.who[who] ?? 0) + 1;
      times.push(performance.now() - began);
      mine.gap_ms = Math.max(mine.gap_ms, Date.now() - last);
      last = Date.now();
    } catch (problem) {
      mine.failed += 1;
      const why = `${problem} ${problem.cause ?? ""}`;
      if (why.includes("REFUSED")) mine.refused += 1;
      if (mine.failures.length < 20) mine.failures.push(`${Date.now() / 1000} ${why}`);
    }
    await sleep(PAUSE);
  }
  times.sort((a, b) => a - b);
  mine.p50_us = Math.round(times[times.length >> 1] * 1000);
  mine.p99_us = Math.round(times[Math.floor(times.length * 0.99)] * 1000);
}

await Promise.all(
  targets.flatMap((word) => {
    const [name, address] = word.split("=");
    const [host, port] = address.split(":");
    return [
      client(`${name} kept`, agent(true, host, port)),
      client(`${name} fetch`, fetching(host, port)),
      client(`${name} fresh`, agent(false, host, port)),
    ];
  }),
);
console.log(JSON.stringify(found));
process.exit(0);
