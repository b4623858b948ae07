package faultnet

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
)

// Hold reserves the port of addr, or a free one for port 0, by a socket that is
// bound and never listens: connections to it are refused, listening on it goes,
// and the system gives it to nobody who asks for any port, nor to an outgoing
// connection. So what listens and stops gets its port back, and until then
// nobody else answers there. It returns addr with the port; what cannot be held
// is left to listening, which says why. release may be called again.
func Hold(addr string) (held string, release func()) {
	none := func() {}
	at, err := netip.ParseAddrPort(addr)
	if err != nil || !at.Addr().Is4() {
		return addr, none
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return addr, none
	}
	release = sync.OnceFunc(func() { _ = syscall.Close(fd) })
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())})
	}
	var bound syscall.Sockaddr
	if err == nil {
		bound, err = syscall.Getsockname(fd)
	}
	v4, ok := bound.(*syscall.SockaddrInet4)
	if err != nil || !ok {
		release()
		return addr, none
	}
	return net.JoinHostPort(at.Addr().String(), strconv.Itoa(v4.Port)), release
}
