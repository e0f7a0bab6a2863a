package main

import (
	"fmt"

	"cloud.google.com/go/pubsub/v2/pstest"
)

// serve starts the server. pstest panics when it cannot listen; that is an error to whoever chose the address.
func serve(address string) (server *pstest.Server, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("cannot listen on %s: %v", address, reason)
		}
	}()
	return pstest.NewServerWithAddress(address), nil
}
