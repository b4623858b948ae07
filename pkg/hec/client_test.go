package hec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/hec/hectest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a client and its server.
type rig struct {
	*Client
	server *hectest.Server
	logs   *observer.ObservedLogs

	mu       sync.Mutex
	problems []string      // what OnProblem was told; "" for nil
	changed  chan struct{} // closed and replaced at each
}

func newRig(t *testing.T, change func(*Config), opts ...hectest.Option) *rig {
	t.Helper()
	return newRigOf(t, change, hectest.Start(t, opts...))
}

// newRigOf is newRig with several servers, of which the first is r.server.
func newRigOf(t *testing.T, change func(*Config), servers ...*hectest.Server) *rig {
	t.Helper()
	r := &rig{server: servers[0], changed: make(chan struct{})}
	cfg := DefaultConfig()
	cfg.Token = creds.NewSecret(hectest.DefaultToken)
	for _, s := range servers {
		cfg.URLs = append(cfg.URLs, s.URL())
	}
	cfg.BackoffMin, cfg.BackoffMax = time.Millisecond, 5*time.Millisecond
	if change != nil {
		change(&cfg)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	r.logs = logs
	c, err := New(cfg, Options{
		Version: "test", Log: zap.New(core), Registerer: prometheus.NewRegistry(),
		OnProblem: func(err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			close(r.changed)
			r.changed = make(chan struct{})
			if err == nil {
				r.problems = append(r.problems, "")
			} else {
				r.problems = append(r.problems, err.Error())
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	r.Client = c
	return r
}

// batch encodes events n..m-1.
func (r *rig) batch(events ...string) audit.Batch {
	b := audit.Batch{Topic: "audit"}
	for i, e := range events {
		rec := &audit.Record{Topic: "audit", Partition: 2, Offset: int64(100 + i), Value: []byte(e), Timestamp: time.UnixMilli(1793491200007)}
		ev, _ := audit.ReadEvent(rec.Value) // what is no event is for Splunk to refuse here
		body, _, err := r.Append(b.Body, rec, ev)
		if err != nil {
			panic(err) // only with Config.Formatted
		}
		b.Body, b.Ends, b.Values = body, append(b.Ends, len(body)), b.Values+len(e)
	}
	return b
}

func (r *rig) bodies() []string {
	var all []string
	for _, e := range r.server.Events() {
		all = append(all, string(e.Event))
	}
	return all
}

// told returns what OnProblem was told, without the first good news.
func (r *rig) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.problems) > 0 && r.problems[0] == "" {
		return slices.Clone(r.problems[1:])
	}
	return slices.Clone(r.problems)
}

func numbered(n int) (events []string) {
	for i := range n {
		events = append(events, fmt.Sprintf(`{"id":"%d","time":"2026-11-01T00:00:0%d.250Z"}`, i, i%10))
	}
	return events
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	for _, gzip := range []bool{true, false} {
		t.Run(fmt.Sprintf("gzip=%v", gzip), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *Config) { c.Gzip, c.Index, c.Host = gzip, "confluent_audit", `a "host"` })
			want := append(numbered(3), `{"id":"no time","spaced" :  [ 1 ] }`)
			refused, err := r.Deliver(t.Context(), r.batch(want...))
			if err != nil || len(refused) != 0 {
				t.Fatal(refused, err)
			}
			if got := r.bodies(); !slices.Equal(got, want) {
				t.Fatalf("got %q, want %q", got, want)
			}
			e := r.server.Events()[1]
			if e.RawTime != "1793491201.250" || e.Index != "confluent_audit" || e.Source != "http:Confluent Audit Logs" ||
				e.Sourcetype != "confluent:auditlog" || e.Host != `a "host"` ||
				string(e.Fields) != `{"kafka_topic":"audit","kafka_partition":"2","kafka_offset":"101"}` {
				t.Errorf("envelope %+v, fields %s", e, e.Fields)
			}
			if last := r.server.Events()[3]; last.RawTime != "1793491200.007" {
				t.Errorf("an event without a time has %s, want the record's", last.RawTime)
			}
			if n := testutil.ToFloat64(r.metrics.timeFallback); n != 1 {
				t.Errorf("%v fallbacks counted, want 1", n)
			}
			req := r.server.Requests()[0]
			if ua := req.Header.Get("User-Agent"); ua != "auditlog-forwarder/test" {
				t.Errorf("User-Agent %q", ua)
			}
			if (req.Header.Get("Content-Encoding") == "gzip") != gzip {
				t.Errorf("Content-Encoding %q", req.Header.Get("Content-Encoding"))
			}
		})
	}
}

// TestDeliverRetries: none of these answers may lose or repeat an event.
func TestDeliverRetries(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		script []hectest.Reply
		tells  string // part of what OnProblem is told; "": nothing, it passes by itself
	}{
		{"busy once", []hectest.Reply{hectest.HEC(9)}, ""},
		{"busy for long", []hectest.Reply{hectest.HEC(9), hectest.HEC(9), hectest.HEC(26), hectest.HEC(18), hectest.HEC(8)}, "HEC code 26"},
		{"shutting down", []hectest.Reply{hectest.HEC(23)}, ""},
		{"load balancer", []hectest.Reply{hectest.HTML(502), hectest.HTML(503), hectest.HTML(504), hectest.Empty(500)}, "HTTP 504"},
		{"time-out page", []hectest.Reply{hectest.TimedOut()}, ""},
		{"dropped", []hectest.Reply{hectest.Drop(), hectest.Reset()}, ""},
		{"token disabled for a while", []hectest.Reply{hectest.HEC(1), hectest.HEC(4)}, "hec.token"},
		{"index missing for a while", []hectest.Reply{hectest.HECEvent(7, 0).Lost()}, "hec.index"},
		{"rolling restart", []hectest.Reply{hectest.Empty(404)}, "hec.url"},
		{"Splunk Web", []hectest.Reply{hectest.Redirect("/en-US/")}, "Splunk Web"},
		{"a login page", []hectest.Reply{hectest.HTML(200)}, "hec.url"},
		{"an empty 200", []hectest.Reply{hectest.Empty(200)}, "hec.url"},
		{"the body taken off", []hectest.Reply{hectest.HEC(5)}, "without its body"},
		{"patience asked for", []hectest.Reply{hectest.HEC(9).RetryAfter("3600")}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			want := numbered(5)
			if _, err := r.Deliver(t.Context(), r.batch(want[:1]...)); err != nil { // it works, before it does not
				t.Fatal(err)
			}
			r.logs.TakeAll()
			r.server.Script(tc.script...)
			refused, err := r.Deliver(t.Context(), r.batch(want[1:]...))
			if err != nil || len(refused) != 0 {
				t.Fatal(refused, err)
			}
			if got := r.bodies(); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			told := r.told()
			switch {
			case tc.tells == "" && len(told) > 0:
				t.Errorf("told %q about what passed by itself", told)
			case tc.tells != "" && (len(told) < 2 || !strings.Contains(strings.Join(told, "\n"), tc.tells) || told[len(told)-1] != ""):
				t.Errorf("told %q; want %q and then that it is over", told, tc.tells)
			}
			// The log is all that some have, so it must not end with a trouble.
			loud := r.logs.Filter(func(e observer.LoggedEntry) bool { return e.Level >= zapcore.InfoLevel }).All()
			if n := len(loud); tc.tells != "" && (n < 2 || loud[n-1].Level != zapcore.InfoLevel) {
				t.Errorf("the log does not say that it is over: %v", loud)
			}
		})
	}
}

// TestDeliverLostReply: Splunk has the events and the client cannot know it.
// The batch comes again; it must not be lost.
func TestDeliverLostReply(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]hectest.Reply{
		"reset": hectest.Reset().Took(), "dropped": hectest.Drop().Took(), "truncated": hectest.HEC(0).Truncated(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			r.server.Script(reply)
			want := numbered(3)
			if _, err := r.Deliver(t.Context(), r.batch(want...)); err != nil {
				t.Fatal(err)
			}
			if got := r.bodies(); !slices.Equal(got, append(slices.Clone(want), want...)) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestDeliverRefusedEvents(t *testing.T) {
	t.Parallel()
	bad := func(event []byte) bool { return bytes.Contains(event, []byte("poison")) }
	poison := `{"id":"poison"}`
	for _, tc := range []struct {
		name   string
		poison []int
		events int
	}{
		{"first", []int{0}, 4}, {"last", []int{3}, 4}, {"middle", []int{1, 2}, 4}, {"all", []int{0, 1, 2}, 3}, {"alone", []int{0}, 1},
	} {
		for _, code := range []int{6, 12, 13, 15} {
			t.Run(fmt.Sprintf("%s, code %d", tc.name, code), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, nil)
				r.server.PoisonCode(code, bad)
				events := numbered(tc.events)
				var want []string
				for i := range events {
					if slices.Contains(tc.poison, i) {
						events[i] = poison
					} else {
						want = append(want, events[i])
					}
				}
				refused, err := r.Deliver(t.Context(), r.batch(events...))
				if err != nil {
					t.Fatal(err)
				}
				var at []int
				for _, f := range refused {
					at = append(at, f.Index)
					if f.Code != code || !strings.Contains(f.Reply, fmt.Sprintf("HEC code %d", code)) {
						t.Errorf("refusal %+v, want code %d", f, code)
					}
				}
				if !slices.Equal(at, tc.poison) {
					t.Errorf("refused %v, want %v", at, tc.poison)
				}
				if got := r.bodies(); !slices.Equal(got, want) {
					t.Errorf("indexed %q, want %q", got, want)
				}
			})
		}
	}
}

// TestDeliverPartialNone: a Splunk that indexes nothing of a refused request.
func TestDeliverPartialNone(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.PartialAcceptance = PartialNone })
	r.server.Script(hectest.HECEvent(6, 2).Lost())
	events := numbered(5)
	refused, err := r.Deliver(t.Context(), r.batch(events...))
	if err != nil || len(refused) != 1 || refused[0].Index != 2 {
		t.Fatal(refused, err)
	}
	got := r.bodies()
	if want := slices.Delete(events, 2, 3); !slices.Equal(got, want) {
		t.Errorf("indexed %q, want %q", got, want)
	}
}

// TestDeliverHalves: a request that is refused without a number is halved
// until what is wrong stands alone.
func TestDeliverHalves(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Gzip = false }, hectest.WithMaxContentLength(600))
	events := numbered(9)
	events[4] = `{"id":"` + strings.Repeat("x", 700) + `"}`
	refused, err := r.Deliver(t.Context(), r.batch(events...))
	if err != nil || len(refused) != 1 || refused[0].Index != 4 || refused[0].Code != http.StatusRequestEntityTooLarge {
		t.Fatal(refused, err)
	}
	if got, want := r.bodies(), slices.Delete(slices.Clone(events), 4, 5); !slices.Equal(got, want) {
		t.Errorf("indexed %q, want %q", got, want)
	}
}

// TestDeliverGivesUpOnlyWithContext: a token that stays wrong is never a
// reason to drop.
func TestDeliverGivesUpOnlyWithContext(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Token = creds.NewSecret("0badc0de-secret") })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := r.Deliver(ctx, r.batch(numbered(2)...))
		done <- err
	}()
	if err := r.server.WaitUntil(t.Context(), func(s hectest.Stats) bool { return s.Answered >= 5 }); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if told := r.told(); len(told) != 1 || !strings.Contains(told[0], "HEC code 4") {
		t.Errorf("told %q, want one line with code 4", told)
	}
	for _, e := range r.logs.All() {
		if strings.Contains(fmt.Sprint(e.Message, e.ContextMap()), "0badc0de") {
			t.Errorf("the token is in the log: %+v", e)
		}
	}
}

func TestDeliverHangs(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Timeout = 200 * time.Millisecond })
	r.server.Script(hectest.Hang(), hectest.Hang(), hectest.Hang())
	if _, err := r.Deliver(t.Context(), r.batch(numbered(1)...)); err != nil {
		t.Fatal(err)
	}
	if told := strings.Join(r.told(), "\n"); !strings.Contains(told, "hec.timeout") {
		t.Errorf("told %q", told)
	}
}

// TestDeliverWarnsOfAcks: a token that waits to be asked for acknowledgements.
func TestDeliverWarnsOfAcks(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil, hectest.WithToken(hectest.Token{Value: hectest.DefaultToken, UseACK: true}))
	for range 3 {
		if _, err := r.Deliver(t.Context(), r.batch(numbered(1)...)); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.logs.FilterMessageSnippet("indexer acknowledgement").Len(); n != 1 {
		t.Errorf("warned %d times, want once", n)
	}
}

// TestRepliesKeepSecrets: a page that sends the request back shows no token.
func TestRepliesKeepSecrets(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.server.Script(hectest.HEC(4).WithText("Authorization: Splunk " + hectest.DefaultToken))
	if _, err := r.Deliver(t.Context(), r.batch(numbered(1)...)); err != nil {
		t.Fatal(err)
	}
	told := strings.Join(r.told(), "\n")
	if strings.Contains(told, hectest.DefaultToken) || !strings.Contains(told, "[redacted]") {
		t.Errorf("told %q", told)
	}
}

func TestDeliverSlowsDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.server.Script(hectest.HEC(24), hectest.HEC(25))
	for range 2 {
		if _, err := r.Deliver(t.Context(), r.batch(numbered(1)...)); err != nil {
			t.Fatal(err)
		}
	}
	if n := testutil.ToFloat64(r.metrics.requests.WithLabelValues(AcceptedSlow.String())); n != 2 || r.server.Len() != 2 {
		t.Errorf("%v slow acceptances, %d events; want 2 and 2", n, r.server.Len())
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	caFile := func(t *testing.T, pem []byte) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(path, pem, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	send := func(t *testing.T, r *rig) error {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			for ctx.Err() == nil && len(r.told()) == 0 {
				select {
				case <-ctx.Done():
				case <-time.After(time.Millisecond):
				}
			}
			cancel()
		}()
		_, err := r.Deliver(ctx, r.batch(numbered(1)...))
		return err
	}
	t.Run("unknown CA", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, nil, hectest.WithSelfSignedTLS())
		if err := send(t, r); err == nil {
			t.Fatal("delivered to a server that nobody vouches for")
		}
		if told := strings.Join(r.told(), "\n"); !strings.Contains(told, "hec.tls.ca_file") {
			t.Errorf("told %q", told)
		}
	})
	t.Run("given CA", func(t *testing.T) {
		t.Parallel()
		server := hectest.Start(t, hectest.WithSelfSignedTLS())
		r := newRig(t, func(c *Config) { c.URLs, c.TLS.CAFile = []string{server.URL()}, caFile(t, server.CAPEM()) })
		if err := send(t, r); err != nil || server.Len() != 1 {
			t.Fatal(err, server.Len())
		}
	})
	t.Run("no check", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, func(c *Config) { c.TLS.InsecureSkipVerify = true }, hectest.WithSelfSignedTLS())
		if err := send(t, r); err != nil {
			t.Fatal(err)
		}
		if r.logs.FilterMessageSnippet("insecure_skip_verify").FilterLevelExact(zapcore.WarnLevel).Len() != 1 {
			t.Error("nothing warns that the check is off")
		}
	})
	t.Run("HTTPS to a plain port", func(t *testing.T) {
		t.Parallel()
		server := hectest.Start(t)
		r := newRig(t, func(c *Config) { c.URLs = []string{strings.Replace(server.URL(), "http://", "https://", 1)} })
		if err := send(t, r); err == nil {
			t.Fatal("delivered")
		}
		if told := strings.Join(r.told(), "\n"); !strings.Contains(told, "http:// in hec.url") {
			t.Errorf("told %q", told)
		}
	})
}

// TestDeliverAnything drives batches through random answers from several
// goroutines. Whatever happens, every event is settled: there once or more, or
// refused, never both nor neither.
func TestDeliverAnything(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(3, 4))
	replies := []hectest.Reply{
		hectest.HEC(9), hectest.HEC(23), hectest.HEC(26), hectest.HEC(8).Took(), hectest.Drop(), hectest.Reset().Took(), hectest.HTML(503),
		hectest.HEC(8).Took().Truncated(), hectest.HEC(4), hectest.Empty(404), hectest.Drop().TookFirst(2), hectest.HTML(413),
	}
	r := newRig(t, nil, hectest.WithFault(func(int, *http.Request) *hectest.Reply {
		mu.Lock()
		defer mu.Unlock()
		if rng.IntN(2) == 0 {
			return nil
		}
		return &replies[rng.IntN(len(replies))]
	}))
	r.server.Poison(func(event []byte) bool { return bytes.Contains(event, []byte("poison")) })
	refused := map[string]bool{}
	total := 0
	var wg sync.WaitGroup
	for lane := range 4 {
		for n := range 20 {
			var events []string
			for i := range 1 + (lane*7+n)%9 {
				kind := "fine"
				if (lane+n+i)%5 == 0 {
					kind = "poison"
				}
				events = append(events, fmt.Sprintf(`{"id":"%d-%d-%d %s"}`, lane, n, i, kind))
			}
			total += len(events)
			wg.Go(func() {
				got, err := r.Deliver(t.Context(), r.batch(events...))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, f := range got {
					refused[events[f.Index]] = true
				}
			})
		}
	}
	wg.Wait()
	there := map[string]bool{}
	for _, b := range r.bodies() {
		there[b] = true
	}
	settled := len(there)
	for e := range refused {
		if !there[e] {
			settled++
		}
		// An event that stands alone when a 413 comes is refused for it.
		if !strings.Contains(e, "poison") && there[e] {
			t.Logf("%s was taken in a request whose answer was lost, and refused later", e)
		}
	}
	if settled != total {
		t.Errorf("%d events of %d are settled", settled, total)
	}
}

// TestWatch: with nothing to post, a withdrawn token is noticed, and so is its
// return; nothing is indexed by asking.
func TestWatch(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	news := make(chan error)
	r.pool.tell = func(err error) { news <- err }
	next := func() error {
		select {
		case err := <-news:
			return err
		case <-t.Context().Done():
			return t.Context().Err()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.server.RemoveToken(hectest.DefaultToken)
	done := make(chan struct{})
	go func() { defer close(done); r.Watch(ctx) }()
	if err := next(); err == nil || !strings.Contains(err.Error(), "HEC code 4") {
		t.Errorf("told %v of a token that does not exist", err)
	}
	r.server.SetToken(hectest.Token{Value: hectest.DefaultToken})
	if err := next(); err != nil {
		t.Errorf("told %v of a good token", err)
	}
	cancel()
	<-done
	if n := r.server.Len(); n != 0 {
		t.Errorf("asking has indexed %d events", n)
	}
}

// TestWatchHoldsBack: while posts are tried again, an empty post that
// succeeds must not call it mended.
func TestWatchHoldsBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	release := make(chan struct{})
	r.server.SetFault(func(_ int, req *http.Request) *hectest.Reply {
		if body, err := io.ReadAll(req.Body); err != nil || len(body) == 0 {
			return nil
		}
		select {
		case <-release:
			return nil
		default:
			wrong := hectest.HECEvent(7, 0).Lost()
			return &wrong
		}
	})
	delivered := make(chan error)
	go func() {
		_, err := r.Deliver(t.Context(), r.batch(numbered(1)...))
		delivered <- err
	}()
	if err := r.server.WaitUntil(t.Context(), func(s hectest.Stats) bool { return s.Answered >= 2 }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Watch(ctx) }()
	if err := r.server.WaitUntil(t.Context(), func(s hectest.Stats) bool { return s.Answered >= 20 }); err != nil {
		t.Fatal(err)
	}
	if told := r.told(); len(told) != 1 || !strings.Contains(told[0], "hec.index") {
		t.Errorf("told %q, want once that the index is wrong", told)
	}
	cancel()
	<-done
	close(release)
	if err := <-delivered; err != nil {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*Config)
		opts   []hectest.Option
		fails  string // step
		says   string
	}{
		{"all good", nil, nil, "", ""},
		{"wrong token", func(c *Config) { c.Token = creds.NewSecret("nope") }, nil, "splunk token", "HEC code 4"},
		{"nothing listens", func(c *Config) { c.URLs = []string{"http://127.0.0.1:1"} }, nil, "splunk health", "nothing listens"},
		{"unknown CA", nil, []hectest.Option{hectest.WithSelfSignedTLS()}, "splunk health", "hec.tls.ca_file"},
		{"no check of the certificate", func(c *Config) { c.TLS.InsecureSkipVerify = true }, []hectest.Option{hectest.WithSelfSignedTLS()}, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, tc.change, tc.opts...)
			failed, steps := "", 0
			r.Check(t.Context(), func(step, found string, err error) {
				steps++
				if err != nil {
					failed = step
					if !strings.Contains(err.Error(), tc.says) {
						t.Errorf("%s: %v; want %q", step, err, tc.says)
					}
				} else if found == "" {
					t.Errorf("%s found nothing to say", step)
				}
			})
			if failed != tc.fails || steps == 0 {
				t.Errorf("failed at %q after %d steps, want %q", failed, steps, tc.fails)
			}
			if n := r.server.Len(); n != 0 {
				t.Errorf("the check indexed %d events", n)
			}
		})
	}
}
