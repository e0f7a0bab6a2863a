package main

import (
	"log"
	"os"
	"time"
)

func main() {
	log.Println("waiting for messages of", os.Getenv("NATS_URL"))
	for {
		time.Sleep(time.Minute)
	}
}
