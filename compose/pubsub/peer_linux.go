package main

import (
	"net"
	"net/netip"
	"syscall"
)

// tellsUsers is whether this system says whose process is at the other end of a connection.
const tellsUsers = true

// uidOfPeer tells the user of the process at the other end of an accepted connection.
func uidOfPeer(connection net.Conn) (uint32, error) {
	ours, theirs := ends(connection)
	peer, err := ask(theirs, ours)
	if err != nil { // also where the kernel has no tcp_diag
		peer, err = read(theirs, ours)
	}
	// What was sent can be read after a reset, and then the other end's address may be another socket's by now.
	if state, wrong := stateOf(connection); wrong != nil || state != established && state != closeWait {
		return 0, errLeft
	}
	if err != nil {
		return 0, errUnknown
	}
	if !peer.owned || peer.state == listens { // without such a connection, the kernel names a listener
		return 0, errLeft
	}
	return peer.uid, nil
}

// ends are our address and the other one; that of an IPv4 peer is IPv4 on a socket for both protocols too.
func ends(connection net.Conn) (ours, theirs netip.AddrPort) {
	return plain(connection.LocalAddr()), plain(connection.RemoteAddr())
}

func plain(address net.Addr) netip.AddrPort {
	end := address.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(end.Addr().Unmap().WithZone(""), end.Port())
}

func stateOf(connection net.Conn) (state byte, err error) {
	raw, err := connection.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var info [4]byte // the first byte of struct tcp_info is the state
	if wrong := raw.Control(func(socket uintptr) {
		info, err = syscall.GetsockoptInet4Addr(int(socket), syscall.IPPROTO_TCP, syscall.TCP_INFO)
	}); wrong != nil {
		return 0, wrong
	}
	return info[0], err
}
