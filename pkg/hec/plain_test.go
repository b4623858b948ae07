package hec

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// TestPlainToTLS: Splunk's port hangs up on plain HTTP when it speaks TLS.
// Nothing but the address tells what is wrong.
func TestPlainToTLS(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 16))
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	r := newRig(t, func(c *Config) { c.URLs = []string{"http://" + l.Addr().String()} })
	says := func(told string) {
		if !strings.HasSuffix(told, "; the connection broke; if it never works, the port speaks TLS: use https:// in hec.url") {
			t.Errorf("told %q", told)
		}
	}
	says(r.blocked(t))
	r.Check(t.Context(), func(_, _ string, err error) {
		if err == nil {
			t.Error("nothing is wrong")
		} else {
			says(err.Error())
		}
	})
}
