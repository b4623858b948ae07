package kafka_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// darkListener accepts connections that nobody serves while dark is set, as a
// firewall does that drops what is new and lets go on what it knows.
type darkListener struct {
	net.Listener
	dark *atomic.Bool
	kept chan net.Conn
}

func (l *darkListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || !l.dark.Load() {
			return c, err
		}
		l.kept <- c
	}
}

// TestCommitsInTheDark: fetching goes on, and the committer's own connections
// find nobody: the member does not count as ready, since delivery will stop.
func TestCommitsInTheDark(t *testing.T) {
	t.Parallel()
	var dark atomic.Bool
	kept := make(chan net.Conn, 1000)
	c, cfg, client := commitCluster(t, 1, kfake.NumBrokers(1), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), network, address)
		return &darkListener{Listener: l, dark: &dark, kept: kept}, err
	}))
	c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		if c.KeepControl(); dark.Load() {
			return nil, errors.New("cut"), true
		}
		return nil, nil, false
	})
	r := join(t, cfg, nil)
	r.until("the first commits", func() bool { return r.covered == 2 && len(r.states) > 0 && r.states[len(r.states)-1] == "" })
	dark.Store(true)
	addTo(t, client, 1)
	r.until("that it is told", func() bool { return r.states[len(r.states)-1] != "" })
	r.until("all records: fetching works", func() bool { return r.marks == 4 })
	r.change(func() {
		if text := r.states[len(r.states)-1]; !strings.Contains(text, "commit") {
			t.Errorf("told %q, which does not speak of commits", text)
		}
	})
	dark.Store(false)
	for len(kept) > 0 {
		_ = (<-kept).Close()
	}
	r.until("that it is over", func() bool { return r.covered == 4 && r.states[len(r.states)-1] == "" })
}
