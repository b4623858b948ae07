package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/tidwall/gjson"

	"auditlog-forwarder/pkg/faultnet"
	"auditlog-forwarder/pkg/hec/hectest"
)

// The headers by which a request is found again in hectest's log, and by
// which its size is known to a hook. The forwarder does not send them.
const (
	headerID     = "X-Chaos-Id"
	headerEvents = "X-Chaos-Events"
)

// headerChannel names the acknowledgement channel of a post or a poll.
const headerChannel = "X-Splunk-Request-Channel"

// request is one post of events, from its arrival to what became of it.
type request struct {
	id      int
	from    *incarnation       // nil: it came through none of the run's proxies
	link    *faultnet.Exchange // nil likewise
	to      *endpoint
	at      time.Time
	places  []place // of its events, in order
	bodies  []fingerprint
	sums    map[int]summaryEvent // those of places that are summaries
	indexed int                  // so many of places, from the first
	status  int                  // of the answer; 0: the connection was cut
	code    int                  // of HEC in the answer; -1: none

	ack *confirmation // nil without acknowledgement
}

// endpoint is one indexer: a hectest server behind our own listener, whose
// every request is noted before it is answered.
type endpoint struct {
	run    *run
	number int
	hec    *hectest.Server
	token  hectest.Token
	faults *faultnet.Queue // of all proxies that lead here
	addr   string
	free   func()    // gives addr's port up, which is kept while the indexer is down
	pipe   *pipeline // nil without acknowledgement

	mu     sync.Mutex
	server *http.Server
	done   chan struct{} // closed when server's accept loop has ended
	lifts  []*lift
	large  int // bodies with more events are refused; 0: none
	cloud  bool
	near   int // successes have this code; 0: as usual
}

func newEndpoint(ctx context.Context, r *run, number int) (*endpoint, error) {
	addr, free := faultnet.Hold("127.0.0.1:0")
	e := &endpoint{
		run: r, number: number, faults: &faultnet.Queue{}, addr: addr, free: free,
		token: hectest.Token{Value: r.token(), UseACK: r.plan.Ack},
	}
	opts := []hectest.Option{hectest.WithToken(e.token), hectest.WithSink(func(hectest.Event) {}), hectest.WithFault(e.refuseLarge)}
	if r.plan.Ack {
		opts = append(opts, hectest.WithManualAck())
		e.pipe = newPipeline(e)
	}
	e.hec = hectest.New(opts...)
	e.hec.PoisonCode(r.plan.PoisonCode, func(event []byte) bool {
		return bytes.HasPrefix(event, []byte(poisonMark)) || r.plan.Noise.Refuse && refusesSummary(event)
	})
	if err := e.up(ctx); err != nil {
		free()
		return nil, err
	}
	return e, nil
}

// up listens, at the same address each time.
func (e *endpoint) up(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", e.addr)
	if err != nil {
		return fmt.Errorf("start an indexer at %s: %w", e.addr, err)
	}
	e.addr = ln.Addr().String()
	srv := &http.Server{
		Handler: e, IdleTimeout: 12 * time.Second, Protocols: new(http.Protocols),
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // cut connections are on purpose
	}
	srv.Protocols.SetHTTP1(true) // splunkd does not speak HTTP/2
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // always ErrServerClosed, by down
	}()
	e.server, e.done = srv, done
	return nil
}

// down ends the indexer: every connection is cut.
func (e *endpoint) down() {
	e.mu.Lock()
	srv, done := e.server, e.done
	e.server = nil
	e.mu.Unlock()
	if srv != nil {
		_ = srv.Close() // its error is the listener's
		<-done
	}
}

// ServeHTTP lets hectest answer and books what it has indexed.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	link := e.run.net.Exchange(r.RemoteAddr)
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil { // hectest shall find the same
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), broken{err}))
	}
	heard := &tee{ResponseWriter: w, near: e.nearCode()}
	if strings.Contains(r.URL.Path, "/ack") {
		e.hec.ServeHTTP(heard, r)
		e.run.arrived(link, visit{channel: r.Header.Get(headerChannel), poll: true, good: heard.status == http.StatusOK})
		if e.pipe != nil {
			e.pipe.polled(r, heard.body.Bytes(), link)
		}
		return
	}
	e.run.arrived(link, visit{channel: r.Header.Get(headerChannel)})
	q := e.newRequest(r, body, link)
	if err == nil && len(q.places) > 0 {
		e.run.pause(e.run.plan.Service)
	}
	e.hec.ServeHTTP(heard, r)
	e.outcome(q)
	e.run.arrived(link, visit{channel: r.Header.Get(headerChannel), vague: vague(q, heard.body.Bytes())})
	if len(body) > 0 {
		e.met()
	}
	e.run.note(q)
	if e.pipe != nil {
		e.pipe.take(q, heard.body.Bytes())
		return
	}
	e.run.ledger.index(q)
}

// newRequest reads which events a post holds.
func (e *endpoint) newRequest(r *http.Request, body []byte, link *faultnet.Exchange) *request {
	q := &request{id: e.run.nextID(), to: e, link: link, at: time.Now()}
	if link != nil {
		q.from = e.run.behind(link.Proxy())
	}
	if e.pipe != nil {
		q.ack = &confirmation{channel: r.Header.Get(headerChannel), confirmed: confirmed{id: -1}}
	}
	q.places, q.bodies, q.sums = readEvents(r.Header.Get("Content-Encoding"), body)
	r.Header.Set(headerID, strconv.Itoa(q.id))
	r.Header.Set(headerEvents, strconv.Itoa(len(q.places)))
	return q
}

// outcome looks up in hectest's log what it has done.
func (e *endpoint) outcome(q *request) {
	q.code = -1
	log := e.hec.Requests()
	for i := len(log) - 1; i >= 0; i-- {
		if log[i].Header.Get(headerID) == strconv.Itoa(q.id) {
			q.indexed, q.status, q.code = min(log[i].Events, len(q.places)), log[i].Status, log[i].Code
			return
		}
	}
}

// readEvents reads a body apart from hectest, so that a mistake in one shows
// against the other. It stops at what is no event.
func readEvents(encoding string, body []byte) (places []place, bodies []fingerprint, sums map[int]summaryEvent) {
	if encoding == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, nil, nil
		}
		if body, err = io.ReadAll(z); err != nil {
			return nil, nil, nil
		}
	}
	sums = map[int]summaryEvent{}
	for dec := json.NewDecoder(bytes.NewReader(body)); ; {
		var envelope struct {
			Fields json.RawMessage `json:"fields"`
			Event  json.RawMessage `json:"event"`
		}
		if err := dec.Decode(&envelope); err != nil {
			return places, bodies, sums
		}
		fields := gjson.GetManyBytes(envelope.Fields, "kafka_partition", "kafka_offset")
		if s, ok := readSummary(envelope.Event); ok {
			sums[len(places)] = s
		}
		places = append(places, place{int(fields[0].Int()), fields[1].Int()})
		bodies = append(bodies, sum(envelope.Event))
	}
}

// tee keeps a copy of an answer's body, and may change the code of a success.
type tee struct {
	http.ResponseWriter
	near   int
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter. It waits for the body, which may
// change the length.
func (t *tee) WriteHeader(status int) { t.status = status }

// Write implements http.ResponseWriter; hectest calls it once.
func (t *tee) Write(b []byte) (int, error) {
	if success := []byte(`"code":0`); t.near != 0 && t.status == http.StatusOK && bytes.Contains(b, success) && t.Header().Get("Content-Length") == strconv.Itoa(len(b)) {
		b = bytes.Replace(b, success, []byte(`"code":`+strconv.Itoa(t.near)), 1)
		t.Header().Set("Content-Length", strconv.Itoa(len(b)))
	}
	t.ResponseWriter.WriteHeader(t.status)
	t.body.Write(b)
	_, err := t.ResponseWriter.Write(b)
	return len(b), err
}

// Unwrap lets hectest take the connection.
func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// broken is a body that ends too early.
type broken struct{ err error }

// Read implements io.Reader.
func (b broken) Read([]byte) (int, error) { return 0, errors.Join(io.ErrUnexpectedEOF, b.err) }
