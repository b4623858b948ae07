//go:build !linux

package kafkatest

import "io"

// holdPort has nothing to offer here: another broker may be given the port of
// one that is stopped.
func holdPort(int) (io.Closer, error) { return io.NopCloser(nil), nil }
