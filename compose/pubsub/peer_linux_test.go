package main

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
)

func TestBothQuestionsNameTheUserOfAPeer(t *testing.T) {
	for _, pair := range [][2]string{
		{"127.0.0.1", "127.0.0.1"}, {"127.0.0.3", "127.0.0.3"}, {"0.0.0.0", "127.0.0.2"},
		{"::1", "::1"}, {"::", "127.0.0.1"}, {"127.0.0.1", "::ffff:127.0.0.1"},
	} {
		if listener, err := net.Listen("tcp6", "[::1]:0"); err == nil {
			listener.Close()
		} else if strings.HasPrefix(pair[0], ":") {
			continue // a machine without IPv6
		}
		accepted, client := connected(t, pair[0], pair[1])
		ours, theirs := ends(accepted)
		for name, question := range map[string]func(own, other netip.AddrPort) (found, error){"ask": ask, "read": read} {
			peer, err := question(theirs, ours)
			if err != nil || !peer.owned || peer.uid != uint32(os.Geteuid()) || peer.state != established {
				t.Errorf("%s of %v: %+v, %v", name, pair, peer, err)
			}
		}
		if uid, err := uidOfPeer(accepted); err != nil || uid != uint32(os.Geteuid()) {
			t.Errorf("%v: user %d, %v", pair, uid, err)
		}
		client.Close()
	}
}

func TestAnEndThatWasClosedIsNotRoots(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn){
		"closes":   func(client *net.TCPConn) { client.Close() },
		"resets":   func(client *net.TCPConn) { client.SetLinger(0); client.Close() },
		"says bye": func(client *net.TCPConn) { client.Write([]byte("publish")); client.Close() },
	} {
		accepted, client := connected(t, "127.0.0.1", "127.0.0.1")
		port := client.LocalAddr().(*net.TCPAddr)
		leave(client.(*net.TCPConn))
		if uid, err := uidOfPeer(accepted); err == nil {
			t.Errorf("%s: user %d", name, uid)
		}
		// A listener on the address that it had is not the other end either.
		if listener, err := net.ListenTCP("tcp", port); err == nil {
			if uid, err := uidOfPeer(accepted); err == nil {
				t.Errorf("%s, and somebody listens there: user %d", name, uid)
			}
			listener.Close()
		}
	}
}

func TestAnEndThatWasResetIsNotTheNextOneOfItsAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	stranger, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	stranger.Write([]byte("publish"))
	stranger.(*net.TCPConn).SetLinger(0)
	stranger.Close()
	dialer := net.Dialer{LocalAddr: stranger.LocalAddr()}
	ours, err := dialer.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Skip("its port has gone to another program: ", err)
	}
	defer ours.Close()
	if uid, err := uidOfPeer(accepted); err == nil {
		t.Errorf("user %d", uid)
	}
}

func connected(t *testing.T, listens, asked string) (accepted, client net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(listens, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	client, err = net.Dial("tcp", net.JoinHostPort(asked, port))
	if err != nil {
		t.Fatal(err)
	}
	accepted, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close(); client.Close() })
	return accepted, client
}
