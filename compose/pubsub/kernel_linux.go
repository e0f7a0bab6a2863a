package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Numbers of the kernel: sock_diag(7), and the states of a TCP socket in include/net/tcp_states.h.
const (
	sockDiag         = 4
	sockDiagByFamily = 20
	established      = 1
	closeWait        = 8
	listens          = 10
)

// found is one TCP socket of the kernel. Where no process has it, which its inode says, its uid is 0 and means nothing.
type found struct {
	uid   uint32
	owned bool
	state byte
}

// ask puts one question to the kernel, which looks the socket up as it does for a packet.
func ask(own, other netip.AddrPort) (found, error) {
	kernel, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, sockDiag)
	if err != nil {
		return found{}, err
	}
	defer syscall.Close(kernel)
	to := &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}
	if err := syscall.Sendto(kernel, question(own, other), 0, to); err != nil {
		return found{}, err
	}
	answer := make([]byte, 8192)
	size, _, err := syscall.Recvfrom(kernel, answer, syscall.MSG_DONTWAIT) // it is there when Sendto is over
	if err != nil {
		return found{}, err
	}
	order := binary.NativeEndian
	if size < 16+72 || order.Uint16(answer[4:]) != sockDiagByFamily {
		return found{}, errUnknown
	}
	message := answer[16:size] // struct inet_diag_msg
	return found{uid: order.Uint32(message[64:]), owned: order.Uint32(message[68:]) != 0, state: message[1]}, nil
}

// question is a struct nlmsghdr and a struct inet_diag_req_v2.
func question(own, other netip.AddrPort) []byte {
	family := byte(syscall.AF_INET)
	if own.Addr().Is6() {
		family = syscall.AF_INET6
	}
	order := binary.NativeEndian
	body := []byte{family, syscall.IPPROTO_TCP, 0, 0}
	body = order.AppendUint32(body, ^uint32(0)) // in every state
	body = binary.BigEndian.AppendUint16(body, own.Port())
	body = binary.BigEndian.AppendUint16(body, other.Port())
	for _, end := range []netip.AddrPort{own, other} {
		var place [16]byte
		copy(place[:], end.Addr().AsSlice())
		body = append(body, place[:]...)
	}
	body = order.AppendUint32(body, 0)          // any interface
	body = order.AppendUint64(body, ^uint64(0)) // any cookie

	header := order.AppendUint32(nil, uint32(16+len(body)))
	header = order.AppendUint16(header, sockDiagByFamily)
	header = order.AppendUint16(header, syscall.NLM_F_REQUEST)
	header = order.AppendUint32(header, 1) // sequence number
	header = order.AppendUint32(header, 0) // to the kernel
	return append(header, body...)
}

// read looks for the socket in the tables of proc(5); an IPv4 one of a socket for both protocols is in the second.
func read(own, other netip.AddrPort) (found, error) {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(table)
		if err != nil {
			continue
		}
		wide := strings.HasSuffix(table, "6")
		row := find(bufio.NewScanner(file), kernelForm(own, wide), kernelForm(other, wide))
		file.Close()
		if row != nil {
			return *row, nil
		}
	}
	return found{}, errUnknown
}

func find(rows *bufio.Scanner, own, other string) *found {
	for rows.Scan() {
		words := strings.Fields(rows.Text())
		if len(words) < 10 || words[1] != own || words[2] != other {
			continue
		}
		state, wrongState := strconv.ParseUint(words[3], 16, 8)
		uid, wrongUID := strconv.ParseUint(words[7], 10, 32)
		if wrongState != nil || wrongUID != nil { // never the zero that they come with: that is root
			return nil
		}
		return &found{uid: uint32(uid), owned: words[9] != "0", state: byte(state)}
	}
	return nil
}

// kernelForm is an end as the tables have it: hexadecimal words of 32 bits in the byte order of the machine.
func kernelForm(end netip.AddrPort, wide bool) string {
	address := end.Addr().AsSlice()
	if wide {
		whole := end.Addr().As16()
		address = whole[:]
	}
	var text strings.Builder
	for ; len(address) > 0; address = address[4:] {
		fmt.Fprintf(&text, "%08X", binary.NativeEndian.Uint32(address))
	}
	fmt.Fprintf(&text, ":%04X", end.Port())
	return text.String()
}
