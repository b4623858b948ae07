package hec

import (
	"context"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// try is one request of a post on its way. Late news of it must not count for the
// next, so each has its own.
type try struct {
	began time.Time
	got   atomic.Int32
	from  atomic.Pointer[net.Addr] // our end of the connection; nil: there was none
}

// How far a try got before it failed.
const (
	gotNothing    int32 = iota
	gotConnection       // all of it may have been sent, and Splunk may have taken it
	sentPart            // writing failed: Splunk cannot have the whole
)

// startTry begins before the clock of its timeout does.
func startTry() *try { return &try{began: time.Now()} }

// trace lets net/http say how far the try gets.
func (t *try) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			from := info.Conn.LocalAddr()
			t.from.Store(&from)
			t.got.Store(gotConnection)
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			// Good news can come later than the answer, so only bad ones count.
			if info.Err != nil {
				t.got.Store(sentPart)
			}
		},
	})
}

// unheard tells the debug log of a try that brought no answer: from which port,
// for whoever looks at the network, and how long it has waited. The fault suite
// reads it too: by it alone it knows that a client's time was up.
func (t *try) unheard(log *zap.Logger, e *endpoint, r *reply) {
	from := ""
	if p := t.from.Load(); p != nil {
		from = (*p).String()
	}
	log.Debug("no answer to a post", zap.String("endpoint", e.name), zap.String("from", from),
		zap.Duration("waited", time.Since(t.began)), zap.Error(r))
}
