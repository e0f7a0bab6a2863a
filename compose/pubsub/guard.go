package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
)

var (
	errUnknown = errors.New("a user that the system does not tell")
	errLeft    = errors.New("the other end has left")
)

// guarded is a listener that closes the connections of other users before a byte of them is read.
type guarded struct {
	net.Listener
	accepts map[uint32]bool
	noted   map[string]bool
}

// guard lets everyone in where other machines or containers come from, whose users the system does not tell.
func guard(listener net.Listener) net.Listener {
	if listener.Addr().(*net.TCPAddr).IP.IsLoopback() && tellsUsers {
		return ownUserOnly(listener)
	}
	return listener
}

// ownUserOnly lets this program's user in, and root.
func ownUserOnly(listener net.Listener) *guarded {
	accepts := map[uint32]bool{0: true, uint32(os.Geteuid()): true}
	return &guarded{Listener: listener, accepts: accepts, noted: map[string]bool{}}
}

// Accept waits for the next connection of a user who may have one. Where the user cannot be told, the other end has
// left, or is in another network namespace, from which nothing comes to loopback: it is closed too.
func (listener *guarded) Accept() (net.Conn, error) {
	for {
		connection, err := listener.Listener.Accept()
		if err != nil {
			return nil, err
		}
		uid, err := uidOfPeer(connection)
		if err == nil && listener.accepts[uid] {
			return connection, nil
		}
		connection.Close()
		listener.note(uid, err)
	}
}

// note logs whose connection was refused: once for each user, or strangers could fill the log.
func (listener *guarded) note(uid uint32, err error) {
	whose := fmt.Sprintf("user %d", uid)
	if err != nil {
		whose = err.Error()
	}
	if err != errLeft && !listener.noted[whose] {
		listener.noted[whose] = true
		slog.Warn("refused a connection", "address", listener.Addr().String(), "of", whose)
	}
}
