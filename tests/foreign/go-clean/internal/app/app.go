// Package app starts the server.
package app

import (
	"log"
	"net/http"
	"os"
)

// Run serves until it is stopped.
func Run() {
	log.Fatal(http.ListenAndServe(":"+os.Getenv("HTTP_PORT"), http.NotFoundHandler()))
}
