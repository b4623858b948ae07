//go:build !linux

package faultnet

// Hold reserves nothing here: a bound port cannot be listened on by another
// socket, so the port of what has stopped is anybody's.
func Hold(addr string) (held string, release func()) { return addr, func() {} }
