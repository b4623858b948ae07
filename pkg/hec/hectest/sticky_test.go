package hectest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/hec/hectest"
)

// visit posts one event with the token that uses acknowledgement, and tells
// what came back: the status and the cookie that was set.
func visit(t *testing.T, h http.Handler, cookie string) (status int, set string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, event, strings.NewReader(`{"event":1}`))
	r.Header.Set("Authorization", "Splunk "+ackTok)
	r.Header.Set("X-Splunk-Request-Channel", chanA)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, strings.TrimSuffix(w.Header().Get("Set-Cookie"), "; Path=/")
}

func TestCookie(t *testing.T) {
	t.Parallel()
	type step struct {
		cookie string
		status int
		set    string
	}
	for _, tc := range []struct {
		name   string
		cookie hectest.Cookie
		steps  []step
	}{
		{"once", hectest.Cookie{Name: "AWSELB", Value: "a"}, []step{{"", 200, "AWSELB=a"}, {"AWSELB=a", 200, ""}, {"AWSELB=b", 200, "AWSELB=a"}}},
		{"always", hectest.Cookie{Name: "AWSALB", Value: "a", Always: true}, []step{{"", 200, "AWSALB=a1"}, {"AWSALB=a1", 200, "AWSALB=a2"}}},
		{"1.5 D required", hectest.Cookie{Name: "AWSELB", Value: "a", Require: true}, []step{{"", 400, "AWSELB=a"}, {"AWSELB=a", 200, ""}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := hectest.New(append(tokens(), hectest.WithCookie(tc.cookie))...)
			for i, st := range tc.steps {
				status, set := visit(t, s, st.cookie)
				if diff := cmp.Diff(st, step{st.cookie, status, set}, cmp.AllowUnexported(step{})); diff != "" {
					t.Errorf("step %d (-want +got):\n%s", i, diff)
				}
			}
			// A token without acknowledgement needs no cookie.
			if status, body := serve(t, s, event, hectest.DefaultToken, "", `{"event":1}`); status != 200 {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestBalancer(t *testing.T) {
	t.Parallel()
	servers := func() []*hectest.Server {
		return []*hectest.Server{hectest.New(tokens()...), hectest.New(tokens()...), hectest.New(tokens()...)}
	}
	counts := func(all []*hectest.Server) (n []int) {
		for _, s := range all {
			n = append(n, s.Len())
		}
		return n
	}
	t.Run("in turn", func(t *testing.T) {
		t.Parallel()
		all := servers()
		b := hectest.NewBalancer(hectest.BalancerOptions{}, all...)
		for range 6 {
			if status, set := visit(t, b, "lb=0"); status != 200 || set != "" {
				t.Errorf("%d, %q", status, set)
			}
		}
		if diff := cmp.Diff([]int{2, 2, 2}, counts(all)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("sticky", func(t *testing.T) {
		t.Parallel()
		all := servers()
		b := hectest.NewBalancer(hectest.BalancerOptions{Cookie: "lb"}, all...)
		_, cookie := visit(t, b, "")
		for range 4 {
			if _, set := visit(t, b, cookie); set != "" {
				t.Errorf("set %q again", set)
			}
		}
		b.Move(0, 2)
		if _, set := visit(t, b, cookie); set != "lb=2" {
			t.Errorf("moved to %q", set)
		}
		b.Move(0, 0)
		_, _ = visit(t, b, cookie)
		if diff := cmp.Diff([]int{6, 0, 1}, counts(all)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("fresh", func(t *testing.T) {
		t.Parallel()
		all := servers()
		b := hectest.NewBalancer(hectest.BalancerOptions{Cookie: "lb", Fresh: true}, all...)
		_, first := visit(t, b, "")
		_, second := visit(t, b, first)
		if first == second || second == "" {
			t.Errorf("%q, then %q", first, second)
		}
		_, _ = visit(t, b, second)
		if diff := cmp.Diff([]int{3, 0, 0}, counts(all)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("over TCP", func(t *testing.T) {
		t.Parallel()
		s := hectest.New()
		b := hectest.Balance(t, hectest.BalancerOptions{}, s)
		if _, body, err := post(t.Context(), t, client(t, nil), b.URL()+event, `{"event":1}`); err != nil || body != ok {
			t.Error(body, err)
		}
		s.Script(hectest.Drop())
		if _, _, err := post(t.Context(), t, client(t, nil), b.URL()+event, `{"event":1}`); err == nil {
			t.Error("a dropped connection was answered")
		}
	})
}

func TestAckDelaysAndAlteredPolls(t *testing.T) {
	t.Parallel()
	s := hectest.New(tokens()...)
	s.SetAckDelay(func(_ string, id int) time.Duration {
		if id == 1 {
			return -1
		}
		return 0
	})
	for range 3 {
		_, _ = visit(t, s, "")
	}
	poll := func(ids, want string) {
		t.Helper()
		if _, got := serve(t, s, "/services/collector/ack", ackTok, chanA, `{"acks":`+ids+`}`); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	poll(`[0,1,0]`, `{"acks":{"0":true,"1":false}}`)
	s.AlterPolls(func(_ string, answer map[int]bool) { answer[0], answer[9] = true, true; delete(answer, 1) })
	poll(`[1,2]`, `{"acks":{"0":true,"2":true,"9":true}}`)
	s.AlterPolls(nil)
	poll(`[1,2]`, `{"acks":{"1":false,"2":false}}`)
	s.Ack(chanA, 1)
	poll(`[1]`, `{"acks":{"1":true}}`)
	s.ScriptPolls(hectest.Raw(200, `{"acks":`))
	poll(`[1]`, `{"acks":`)
}

// TestEmptyPosts: a client that asks whether its token is good takes nothing
// from a script, unless the test wants it.
func TestEmptyPosts(t *testing.T) {
	t.Parallel()
	for _, all := range []bool{false, true} {
		var opts []hectest.Option
		left := 1
		if all {
			opts, left = append(opts, hectest.WithEmptyPosts()), 0
		}
		s := hectest.New(opts...)
		s.Script(hectest.HEC(9))
		asked := 0
		s.SetFault(func(int, *http.Request) *hectest.Reply { asked++; return nil })
		want := `{"text":"No data","code":5}`
		if all {
			want = `{"text":"Server is busy","code":9}`
		}
		if _, got := serve(t, s, event, hectest.DefaultToken, "", ""); got != want || s.Scripted() != left {
			t.Errorf("got %s, %d replies left; want %s, %d", got, s.Scripted(), want, left)
		}
		_, _ = serve(t, s, event, hectest.DefaultToken, "", "")
		if (asked > 0) != all {
			t.Errorf("the hook was asked %d times", asked)
		}
	}
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	s := hectest.Start(t, hectest.WithSelfSignedTLS(), hectest.WithHTTP2())
	tr := &http.Transport{TLSClientConfig: trusting(t, s), ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	two := &http.Client{Transport: tr}
	resp, body, err := post(t.Context(), t, two, s.URL()+event, `{"event":1}`)
	if err != nil || body != ok || resp.proto != 2 {
		t.Fatalf("HTTP/%d %s, %v", resp.proto, body, err)
	}
	for name, reply := range map[string]hectest.Reply{"drop": hectest.Drop().Took(), "reset": hectest.Reset().Took(), "truncated": hectest.HEC(0).Truncated()} {
		before := s.Len()
		s.Script(reply)
		if resp, body, err := post(t.Context(), t, two, s.URL()+event, `{"event":1}`); err == nil {
			t.Errorf("%s: got %d %s", name, resp.status, body)
		}
		if s.Len() != before+1 {
			t.Errorf("%s: %d events, want %d", name, s.Len(), before+1)
		}
	}
	old := trusting(t, s)
	old.NextProtos = []string{"http/1.1"}
	one := client(t, old)
	if resp, body, err := post(t.Context(), t, one, s.URL()+event, `{"event":1}`); err != nil || body != ok || resp.proto != 1 {
		t.Errorf("HTTP/%d %s, %v", resp.proto, body, err)
	}
}
