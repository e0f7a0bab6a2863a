// Strict clients and a server in Go, for hand-off under traffic: one program, built once per test session.
//
//	programs load SECONDS FILE NAME=HOST:PORT…      HTTP/1.1, then JSON as load.py prints it
//	programs load-h2c SECONDS FILE NAME=HOST:PORT…  HTTP/2 without TLS, and gRPC
//	programs who HOST:PORT                          who answers one request of HTTP/2, or what was wrong
//	programs look HOST:PORT                         trailers, a stream's chunks and gRPC, as JSON
//	programs serve                                  HTTP/2 without TLS and nothing else, gRPC included, on HOST:PORT
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: programs load|load-h2c|who|look|serve …")
		os.Exit(64)
	}
	switch verb, words := os.Args[1], os.Args[2:]; verb {
	case "serve":
		fmt.Fprintln(os.Stderr, serve())
		os.Exit(1)
	case "who":
		who, err := post(words[0], true, true)("x")
		fmt.Println(who, err)
	case "look":
		show(look(words[0]))
	default:
		seconds, err := strconv.ParseFloat(words[0], 64)
		if err != nil {
			panic(err)
		}
		targets := map[string]string{}
		for _, word := range words[2:] {
			name, address, _ := strings.Cut(word, "=")
			targets[name] = address
		}
		until := time.Now().Add(time.Duration(seconds * float64(time.Second)))
		show(load(verb == "load-h2c", until, words[1], targets))
	}
}

func show(found any) {
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		panic(err)
	}
}
