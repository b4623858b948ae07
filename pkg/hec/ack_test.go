package hec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/hec/hectest"
)

// ackRig is the acknowledgements of one address before a HEC server, or a load
// balancer, that is called in memory: so time may be virtual.
type ackRig struct {
	*acks
	t       *testing.T
	handler http.Handler
	logs    *observer.ObservedLogs

	mu   sync.Mutex
	told []string // what tell was told; "" for nil
}

const ackRigTimeout = 5 * time.Minute

func ackServer(opts ...hectest.Option) *hectest.Server {
	return hectest.New(append(opts, hectest.WithToken(hectest.Token{Value: hectest.DefaultToken, UseACK: true}))...)
}

func newAckRig(t *testing.T, h http.Handler, change func(*ackOptions)) *ackRig {
	t.Helper()
	r := &ackRig{t: t, handler: h}
	core, logs := observer.New(zapcore.DebugLevel)
	r.logs = logs
	wire := &ackWire{do: r.do, url: "http://splunk.test" + pathAck, hide: strings.Clone, header: func() http.Header {
		return http.Header{"Authorization": {"Splunk " + hectest.DefaultToken}, "User-Agent": {"test"}}
	}}
	o := ackOptions{
		enabled: true, interval: time.Second, timeout: ackRigTimeout, endpoint: "splunk.test", poll: wire.poll,
		metrics: newAckMetrics(prometheus.NewRegistry()), log: zap.New(core),
		tell: func(p *Problem) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if p == nil {
				r.told = append(r.told, "")
			} else {
				r.told = append(r.told, p.Class.String()+": "+p.Error())
			}
		},
	}
	if change != nil {
		change(&o)
	}
	r.acks = newAcks(o)
	return r
}

// do calls the handler. What cuts a connection needs one, and says 501 here.
func (r *ackRig) do(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	if w.Code == http.StatusNotImplemented {
		return nil, io.ErrUnexpectedEOF
	}
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

// sent is a post of one event that was answered.
type sent struct {
	*ackSession
	id int64 // -1: none
}

// answered is an answer on its way back.
type answered struct {
	header http.Header
	req    *http.Request
	body   []byte
}

// post sends one event as the client does; nil if no answer came.
func (r *ackRig) post(ctx context.Context) *sent {
	r.t.Helper()
	s := r.session()
	return r.answer(ctx, s, r.send(s)) //nolint:contextcheck // ctx is that of the wait, not of the post
}

// send is the way out; nil: no answer comes back.
func (r *ackRig) send(s *ackSession) *answered {
	r.t.Helper()
	req := httptest.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://splunk.test"+pathEvent, strings.NewReader(`{"event":1}`))
	req.Header.Set("Authorization", "Splunk "+hectest.DefaultToken)
	s.sign(req)
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	if w.Code == http.StatusNotImplemented {
		return nil
	}
	return &answered{w.Header(), req, w.Body.Bytes()}
}

func (r *ackRig) answer(ctx context.Context, s *ackSession, got *answered) *sent {
	r.t.Helper()
	if got == nil {
		r.lost(s)
		return nil
	}
	r.noteReply(s, &http.Response{Header: got.header, Request: got.req})
	var said struct {
		Code  int    `json:"code"`
		AckID *int64 `json:"ackId"`
	}
	if err := json.Unmarshal(got.body, &said); err != nil {
		said.Code = noCode
	}
	r.finish(ctx, s, said.Code, said.AckID)
	if said.AckID == nil {
		return &sent{s, -1}
	}
	return &sent{s, *said.AckID}
}

// outcome waits for a post and says what became of it, and after how long.
func (r *ackRig) outcome(p *sent) string {
	r.t.Helper()
	began := time.Now()
	err := r.wait(r.t.Context(), p.ackSession, p.id)
	return fmt.Sprint(errText(err), " after ", time.Since(began).Round(time.Second))
}

func errText(err error) string {
	switch {
	case err == nil:
		return "indexed"
	case errors.Is(err, errUnconfirmed):
		return "unconfirmed"
	}
	return err.Error()
}

func (r *ackRig) unconfirmed(reason string) int {
	return int(testutil.ToFloat64(r.metrics.unconfirmed.WithLabelValues(reason)))
}

func (r *ackRig) tells() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

// bubble runs a test in virtual time. It fails if a poller is left.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func sleep(d time.Duration) { <-time.After(d) }

func TestAcksConfirm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := ackServer(hectest.WithAckDelay(1500 * time.Millisecond))
		r := newAckRig(t, server, nil)
		var posts []*sent
		for range 3 {
			posts = append(posts, r.post(t.Context()))
		}
		if n := testutil.ToFloat64(r.metrics.open.WithLabelValues("splunk.test")); n != 3 {
			t.Errorf("%v open, want 3", n)
		}
		for i, p := range posts {
			if p.id != int64(i) || p.ackSession.id != posts[0].ackSession.id {
				t.Errorf("post %d has id %d on channel %s", i, p.id, p.ackSession.id)
			}
		}
		if got := r.outcome(posts[0]); got != "indexed after 2s" {
			t.Error(got)
		}
		for _, p := range posts[1:] {
			if got := r.outcome(p); got != "indexed after 0s" {
				t.Error(got)
			}
		}
		sleep(time.Hour)
		if n := server.Stats().Polls; n != 2 {
			t.Errorf("%d polls, want one before and one after: none while nothing is open", n)
		}
		if n := testutil.ToFloat64(r.metrics.open.WithLabelValues("splunk.test")); n != 0 || len(r.tells()) != 0 {
			t.Errorf("%v open, told %q", n, r.tells())
		}
	})
}

func TestAcksOff(t *testing.T) {
	t.Parallel()
	r := newAckRig(t, ackServer(), func(o *ackOptions) { o.enabled = false })
	first, second := r.post(t.Context()), r.post(t.Context())
	r.lost(r.session())
	if first.ackSession.id != second.ackSession.id || r.session().id != first.ackSession.id {
		t.Error("the channel changed")
	}
	if err := r.wait(t.Context(), second.ackSession, second.id); err != nil {
		t.Error(err)
	}
}

// TestAcksLate: two minutes for the last requests before a pause are normal and
// worth no word; half the timeout without any is.
func TestAcksLate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		delay time.Duration
		want  string
		tells []string
		count int
	}{
		{"two minutes", 2 * time.Minute, "indexed after 2m0s", nil, 0},
		{"four minutes", 4 * time.Minute, "indexed after 4m0s", []string{"has taken 1 requests and has not said for 2m30s", ""}, 0},
		{"never", -1, "unconfirmed after 5m0s", []string{"has taken 1 requests and has not said for 2m30s"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := ackServer()
				server.SetAckDelay(func(string, int) time.Duration { return tc.delay })
				r := newAckRig(t, server, nil)
				if got := r.outcome(r.post(t.Context())); got != tc.want {
					t.Errorf("%s, want %s", got, tc.want)
				}
				synctest.Wait()
				told := r.tells()
				if len(told) != len(tc.tells) {
					t.Fatalf("told %q, want %q", told, tc.tells)
				}
				for i, want := range tc.tells {
					if (want == "") != (told[i] == "") || !strings.Contains(told[i], want) {
						t.Errorf("told %q, want %q", told[i], want)
					}
				}
				if n := r.unconfirmed(reasonTimeout); n != tc.count {
					t.Errorf("%d timeouts counted, want %d", n, tc.count)
				}
			})
		})
	}
}

// TestAcksRestart: the indexer's ids count from 0 again.
func TestAcksRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := ackServer(hectest.WithAckDelay(10 * time.Second))
		r := newAckRig(t, server, nil)
		var old []*sent
		for range 5 {
			old = append(old, r.post(t.Context()))
		}
		late, later := r.session(), r.session() // under way over the restart
		server.ForgetAcks()
		young := r.post(t.Context())
		if young.id != 0 {
			t.Fatalf("id %d, want 0", young.id)
		}
		for _, p := range old {
			if got := r.outcome(p); got != "unconfirmed after 0s" {
				t.Error(got)
			}
		}
		// They began when ids 1 and 2 were long given, so they are the new one's.
		also := r.answer(t.Context(), late, r.send(late))
		if also.id != 1 || also.ackSession.id != old[0].ackSession.id {
			t.Errorf("id %d on channel %s", also.id, also.ackSession.id)
		}
		if next := r.session(); next.id == young.ackSession.id {
			t.Error("a post was sent on the channel that began anew")
		}
		sleep(time.Minute)
		for _, p := range []*sent{young, also} {
			select {
			case <-p.entry.done:
				t.Errorf("id %d is believed while another post on the channel is out", p.id)
			default:
			}
		}
		last := r.answer(t.Context(), later, r.send(later))
		if got := r.outcome(young); got != "indexed after 0s" {
			t.Error(got)
		}
		if got := r.outcome(also); got != "indexed after 0s" {
			t.Error(got)
		}
		if got := r.outcome(last); got != "indexed after 10s" {
			t.Error(got)
		}
		if n := r.unconfirmed(reasonLost); n != 5 {
			t.Errorf("%d counted, want 5", n)
		}
	})
}

// TestAcksRestartAmbiguous: of two posts under way at the same time with the
// same id, either may be the one that the new indexer will confirm.
func TestAcksRestartAmbiguous(t *testing.T) {
	t.Parallel()
	t.Run("the old one's comes late", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server := ackServer()
			r := newAckRig(t, server, nil)
			r.outcome(r.post(t.Context())) // id 0
			x, y := r.session(), r.session()
			before := r.send(x) // id 1
			server.ForgetAcks()
			young := r.answer(t.Context(), y, r.send(y)) // id 0 again
			if got := r.outcome(r.answer(t.Context(), x, before)); got != "unconfirmed after 0s" {
				t.Errorf("an id that may be of either indexer: %s", got)
			}
			r.outcome(young)
		})
	})
	t.Run("the same id twice", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			server := ackServer()
			r := newAckRig(t, server, nil)
			r.outcome(r.post(t.Context())) // id 0
			x, y, z := r.session(), r.session(), r.session()
			before := r.send(x) // id 1
			server.ForgetAcks()
			first, second := r.send(z), r.send(y) // ids 0 and 1 again
			young := r.answer(t.Context(), y, second)
			old := r.answer(t.Context(), x, before)
			also := r.answer(t.Context(), z, first)
			for _, p := range []*sent{young, old} {
				if got := r.outcome(p); p.id != 1 || got != "unconfirmed after 0s" {
					t.Errorf("id %d: %s", p.id, got)
				}
			}
			if got := r.outcome(also); got != "unconfirmed after 1s" {
				t.Errorf("id %d on a channel of which not all is known: %s", also.id, got)
			}
		})
	})
}

// TestAcksHold: a true for a channel's first ids is not believed while a post
// is out that the id may be of.
func TestAcksHold(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		ends func(r *ackRig, server *hectest.Server, out *ackSession)
		want string
	}{
		{"the other gets the next id", func(r *ackRig, _ *hectest.Server, out *ackSession) { r.answer(r.t.Context(), out, r.send(out)) }, "indexed"},
		{"the other gets no id", func(r *ackRig, _ *hectest.Server, out *ackSession) { r.finish(r.t.Context(), out, 9, nil) }, "indexed"},
		{"the other is lost", func(r *ackRig, _ *hectest.Server, out *ackSession) { r.lost(out) }, "unconfirmed"},
		{"the other gets the same id", func(r *ackRig, s *hectest.Server, out *ackSession) {
			s.ForgetAcks()
			r.answer(r.t.Context(), out, r.send(out))
		}, "unconfirmed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := ackServer()
				r := newAckRig(t, server, nil)
				p := r.post(t.Context())
				out := r.session()
				sleep(10 * time.Second)
				select {
				case <-p.entry.done:
					t.Fatal("believed at once")
				default:
				}
				if server.PendingAcks(p.ackSession.id) != 0 {
					t.Fatal("not asked")
				}
				tc.ends(r, server, out)
				if got := r.outcome(p); got != tc.want+" after 0s" {
					t.Errorf("%s, want %s", got, tc.want)
				}
				if out.entry != nil {
					_ = r.wait(t.Context(), out, out.entry.id)
				}
			})
		})
	}
}

// TestAcksLostPoll: Splunk says true once, and that answer is lost.
func TestAcksLostPoll(t *testing.T) {
	t.Parallel()
	lost := map[string]hectest.Reply{"dropped": hectest.Drop().Took(), "a page": hectest.HTML(504).Took(), "busy": hectest.HEC(9).Took()}
	for name, reply := range lost {
		for _, busy := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, busy %v", name, busy), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					server := ackServer()
					r := newAckRig(t, server, nil)
					server.ScriptPolls(reply)
					p := r.post(t.Context())
					least, most, reason := ackRigTimeout, ackRigTimeout, reasonTimeout
					var younger sync.WaitGroup
					defer younger.Wait()
					if busy {
						least, most, reason = 10*time.Second, 30*time.Second, reasonPoll
						younger.Go(func() {
							sleep(1500 * time.Millisecond) // the first poll's answer is lost
							for range 15 {
								sleep(700 * time.Millisecond)
								if got := r.outcome(r.post(t.Context())); !strings.HasPrefix(got, "indexed") {
									t.Errorf("a younger one: %s", got)
								}
							}
						})
					}
					began := time.Now()
					err := r.wait(t.Context(), p.ackSession, p.id)
					if took := time.Since(began); !errors.Is(err, errUnconfirmed) || took < least || took > most {
						t.Errorf("%v after %s, want %s to %s", err, took, least, most)
					}
					if n := r.unconfirmed(reason); n != 1 {
						t.Errorf("%d counted as %s, want 1", n, reason)
					}
				})
			})
		}
	}
}

// TestAcksBadPolls: whatever comes in place of an answer, the id is asked for
// again, and what lasts is told once.
func TestAcksBadPolls(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		reply hectest.Reply
		tells string // "": nothing, unless it lasts
	}{
		{"no JSON", hectest.Raw(200, "ok"), "blocked: "},
		{"cut-off JSON", hectest.Raw(200, `{"acks":{"0":tr`), "blocked: "},
		{"no booleans", hectest.Raw(200, `{"acks":{"0":"true"}}`), "blocked: "},
		{"no acks", hectest.Raw(200, `{"text":"Success","code":0}`), "hec.url"},
		{"a login page", hectest.HTML(200), "hec.url"},
		{"a list", hectest.Raw(200, `{"acks":[0]}`), "hec.url"},
		{"redirect", hectest.Redirect("/en-US/"), "Splunk Web"},
		{"no token", hectest.HEC(2), "hec.token"},
		{"bad token", hectest.HEC(4), "hec.token"},
		{"a proxy's 401", hectest.HTML(401), "hec.token"},
		{"ack disabled", hectest.HEC(14), "hec.ack.enabled"},
		{"no channel", hectest.HEC(10), "X-Splunk-Request-Channel"},
		{"invalid channel", hectest.HEC(11), "X-Splunk-Request-Channel"},
		{"no sticky sessions", hectest.HEC(28), "sticky sessions"},
		{"wrong format", hectest.HEC(6), "blocked: "},
		{"not found", hectest.Empty(404), "hec.url"},
		{"busy", hectest.HEC(9), ""},
		{"page", hectest.HTML(503), ""},
		{"ack service", hectest.HEC(19), ""},
		{"no answer", hectest.Drop(), ""},
		{"empty answer", hectest.Raw(200, `{"acks":{}}`), ""},
		{"other ids", hectest.Raw(200, `{"acks":{"7":true,"-1":true,"00":true,"x":true}}`), ""},
		{"all false", hectest.Raw(200, `{"acks":{"0":false}}`), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := ackServer()
				r := newAckRig(t, server, nil)
				server.ScriptPolls(tc.reply, tc.reply)
				if got := r.outcome(r.post(t.Context())); got != "indexed after 3s" && got != "indexed after 4s" {
					t.Error(got)
				}
				synctest.Wait()
				told := r.tells()
				if tc.tells == "" && len(told) != 0 || tc.tells != "" && (len(told) != 2 || !strings.Contains(told[0], tc.tells) || told[1] != "") {
					t.Errorf("told %q, want %q and that it is over", told, tc.tells)
				}
			})
		})
	}
}

// TestAcksStall: a poller that reaches nobody is noticed.
func TestAcksStall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := ackServer()
		r := newAckRig(t, server, nil)
		p := r.post(t.Context())
		server.SetDown(true)
		sleep(29 * time.Second)
		if told := r.tells(); len(told) != 0 {
			t.Errorf("told %q of what may pass", told)
		}
		sleep(time.Minute)
		if told := r.tells(); len(told) != 1 || !strings.HasPrefix(told[0], "transient: ") || !strings.Contains(told[0], "HEC code 9") {
			t.Errorf("told %q", told)
		}
		polls := len(server.Requests())
		if polls > 10 {
			t.Errorf("%d polls at a server that is down", polls)
		}
		server.SetDown(false)
		if got := r.outcome(p); !strings.HasPrefix(got, "indexed") {
			t.Error(got)
		}
		synctest.Wait()
		if told := r.tells(); len(told) != 2 || told[1] != "" {
			t.Errorf("told %q", told)
		}
	})
}

// TestAcksAbandoned: nobody waits any more, so nobody asks any more.
func TestAcksAbandoned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := ackServer(hectest.WithManualAck())
		r := newAckRig(t, server, nil)
		ctx, cancel := context.WithCancel(t.Context())
		p := r.post(ctx)
		r.post(ctx) // nobody ever waits for this one
		done := make(chan error)
		go func() { done <- r.wait(ctx, p.ackSession, p.id) }()
		sleep(3 * time.Minute)
		if told := r.tells(); len(told) != 1 || told[0] == "" {
			t.Errorf("told %q", told)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		synctest.Wait()
		polls := server.Stats().Polls
		sleep(time.Hour)
		if n := server.Stats().Polls; n != polls {
			t.Errorf("%d polls for nobody", n-polls)
		}
		if told := r.tells(); len(told) != 2 || told[1] != "" {
			t.Errorf("told %q; want that nothing waits any more", told)
		}
		// A poll's judgement that comes after the last one has gone.
		r.voice.say(aboutSilence, &Problem{Class: Transient, err: errUnconfirmed})
		if told := r.tells(); len(told) != 2 {
			t.Errorf("told %q although nothing waits", told)
		}
		if n := testutil.ToFloat64(r.metrics.open.WithLabelValues("splunk.test")); n != 0 {
			t.Errorf("%v open", n)
		}
	})
}

// TestAcksBounded: polls ask for at most so many, the oldest first.
func TestAcksBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var asked [][]int64
		r := newAckRig(t, ackServer(), func(o *ackOptions) {
			poll := o.poll
			o.poll = func(ctx context.Context, s *ackSession, ids []int64, note func(*http.Response)) (map[int64]bool, error) {
				asked = append(asked, ids)
				return poll(ctx, s, ids, note)
			}
		})
		var posts []*sent
		for range 2500 {
			posts = append(posts, r.post(t.Context()))
		}
		for _, p := range posts {
			if got := r.outcome(p); !strings.HasPrefix(got, "indexed") {
				t.Fatal(got)
			}
		}
		var sizes []int
		for _, ids := range asked {
			sizes = append(sizes, len(ids))
		}
		if diff := cmp.Diff([]int{1000, 1000, 500}, sizes); diff != "" || !slices.IsSorted(slices.Concat(asked...)) {
			t.Errorf("sizes (-want +got):\n%s", diff)
		}
	})
}

// TestAcksChannelEnds: what makes the next post take a new channel.
func TestAcksChannelEnds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		do   func(r *ackRig)
		same bool
	}{
		{"nothing", func(*ackRig) {}, true},
		{"five minutes", func(*ackRig) { sleep(5 * time.Minute) }, true},
		{"more than five minutes of nothing", func(*ackRig) { sleep(5*time.Minute + time.Second) }, false},
		{"older than allowed", func(r *ackRig) { r.maxAge = time.Minute; sleep(61 * time.Second) }, false},
		{"a lost reply", func(r *ackRig) { r.lost(r.session()) }, false},
		{"a full channel", func(r *ackRig) { r.finish(r.t.Context(), r.session(), 27, nil) }, false},
		{"a busy answer", func(r *ackRig) { r.finish(r.t.Context(), r.session(), 9, nil) }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newAckRig(t, ackServer(), nil)
				p := r.post(t.Context())
				r.outcome(p)
				tc.do(r)
				if got := r.session(); (got.id == p.ackSession.id) != tc.same {
					t.Errorf("the same channel: %v, want %v", !tc.same, tc.same)
				}
			})
		})
	}
}

// TestAcksStrangeTrue: what Splunk says too often, or of what it was not asked,
// does no harm.
func TestAcksStrangeTrue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := ackServer(hectest.WithManualAck())
		r := newAckRig(t, server, nil)
		first := r.post(t.Context())
		server.Ack(first.ackSession.id, 0)
		if got := r.outcome(first); got != "indexed after 1s" {
			t.Error(got)
		}
		second := r.post(t.Context())
		server.AlterPolls(func(_ string, answer map[int]bool) {
			answer[0], answer[7] = true, true // told before; never given
			delete(answer, 1)                 // asked
		})
		sleep(time.Minute + time.Second/2)
		select {
		case <-second.entry.done:
			t.Error("id 1 was settled by an answer about others")
		default:
		}
		server.AlterPolls(nil)
		server.Ack(first.ackSession.id, 1)
		if got := r.outcome(second); got != "indexed after 1s" {
			t.Error(got)
		}
	})
}

// TestAcksToldOnce: one channel is refused at each poll, as one that led to an
// indexer that is gone, while another works: that is told once, and it is over
// only when nothing is refused any more.
func TestAcksToldOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server := ackServer(hectest.WithManualAck())
		r := newAckRig(t, server, nil)
		r.post(t.Context())
		refused := r.session()
		r.lost(r.session()) // the next post is on another channel
		r.post(t.Context())
		server.SetFault(func(_ int, req *http.Request) *hectest.Reply {
			if reply := hectest.HEC(28); req.URL.Path == pathAck && req.Header.Get(headerChannel) == refused.id {
				return &reply
			}
			return nil
		})
		sleep(2 * time.Minute)
		if told := r.tells(); len(told) != 1 || !strings.HasPrefix(told[0], "blocked: ") {
			t.Errorf("told %d times, want once: %q", len(told), told)
		}
		server.SetFault(nil)
		sleep(time.Minute)
		if told := r.tells(); len(told) < 2 || told[1] != "" {
			t.Errorf("told %q", told)
		}
	})
}
