package hec

import (
	"net"
	"time"
)

// vanished is after how long without a sign of life a connection's peer is
// taken to be gone. A host that lost its power, or is behind a firewall that now
// drops everything, refuses nothing; without this each post to it would hold its
// lane for all of hec.timeout. One that is slow gives signs of life all the time,
// since its kernel acknowledges what arrives. Only where it reads nothing at all for
// so long, so that its kernel has no room for the rest of a post, it counts as gone
// too: Linux has one limit for both. It then never gets the whole, and indexes none.
// HTTP/2 asks by itself; see newTransport.
const vanished = 15 * time.Second

// newDialer makes connections that end when the peer is gone for so long.
func newDialer(gone time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: 10 * time.Second,
		// Asked for while an answer is waited for...
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: gone / 3, Interval: gone / 3, Count: 2},
		// ...and while something is on its way, where nothing is asked.
		Control: endUnacknowledged(gone),
	}
}
