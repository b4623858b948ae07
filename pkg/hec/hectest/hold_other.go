//go:build !linux

package hectest

// hold reserves nothing here: a bound port cannot be listened on by another
// socket, so the port of a paused server is anybody's.
func hold(addr string) (held string, release func()) { return addr, func() {} }
