package faultnet

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
)

// Hold keeps a port of an IPv4 address, or a free one for port 0, until release,
// by a socket that is bound and does not listen: who connects is refused, the
// caller may listen there and stop as often as it likes, and the system gives the
// port to nobody else who asks for any, nor to an outgoing connection.
func Hold(addr string) (held string, release func(), err error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil || !at.Addr().Is4() {
		return "", nil, fmt.Errorf("hold the port of %q: not an IPv4 address with a port", addr)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, fmt.Errorf("hold the port of %s: %w", addr, err)
	}
	release = sync.OnceFunc(func() { _ = syscall.Close(fd) }) // nothing was written to it
	port, err := bind(fd, at)
	if err != nil {
		release()
		return "", nil, fmt.Errorf("hold the port of %s: %w", addr, err)
	}
	return net.JoinHostPort(at.Addr().String(), strconv.Itoa(port)), release, nil
}

// bind lets others bind the port too, as every listener of Go does.
func bind(fd int, at netip.AddrPort) (port int, err error) {
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}); err != nil {
		return 0, err
	}
	name, err := syscall.Getsockname(fd)
	if v4, ok := name.(*syscall.SockaddrInet4); ok {
		return v4.Port, err
	}
	return 0, err
}
