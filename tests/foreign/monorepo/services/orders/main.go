package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8081"
	}
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("orders are stored in " + os.Getenv("DATABASE_URL")))
	})
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
