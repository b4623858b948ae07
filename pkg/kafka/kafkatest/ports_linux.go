package kafkatest

import (
	"fmt"
	"io"
	"net"
)

// holdPort marks a port as taken among all processes of this system that use
// this package, until it is closed or this process ends. It fails if another
// one has marked it. The mark is an abstract socket: the kernel forgets it with
// its owner, and it leaves no file behind.
func holdPort(port int) (io.Closer, error) {
	held, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("@auditlog-kafkatest-%d", port)})
	if err != nil {
		return nil, fmt.Errorf("hold port %d: %w", port, err)
	}
	return held, nil
}
