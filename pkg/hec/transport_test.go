package hec

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/hec/hectest"
)

// TestHTTP2: spoken where both sides can, and not where it is turned off.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		t.Run(fmt.Sprintf("http2=%v", on), func(t *testing.T) {
			t.Parallel()
			splunk := hectest.New()
			var other atomic.Int32
			want := 1
			if on {
				want = 2
			}
			front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.ProtoMajor != want {
					other.Add(1)
				}
				splunk.ServeHTTP(w, req)
			}))
			front.EnableHTTP2 = true
			front.StartTLS()
			t.Cleanup(front.Close)
			ca := writeFile(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}))
			r := newRigOf(t, func(c *Config) { c.URLs, c.HTTP2, c.TLS.CAFile = []string{front.URL}, on, ca }, hectest.Start(t))
			events := r.deliverAll(t, 4, 10, nil)
			if splunk.Len() != len(events) || other.Load() > 0 {
				t.Errorf("%d events of %d, %d requests in another version than HTTP/%d", splunk.Len(), len(events), other.Load(), want)
			}
			if err := r.SetTLS(r.cfg.TLS); err != nil {
				t.Error(err)
			}
		})
	}
}

// fronted is a HEC server that notes on which connection each request came.
type fronted struct {
	*hectest.Server
	url string

	mu    sync.Mutex
	conns []int32 // by request
}

func newFronted(t *testing.T) *fronted {
	t.Helper()
	type connection struct{}
	f := &fronted{Server: hectest.New()}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n, _ := req.Context().Value(connection{}).(int32)
		f.mu.Lock()
		f.conns = append(f.conns, n)
		f.mu.Unlock()
		f.ServeHTTP(w, req)
	}))
	var n atomic.Int32 // not their ports, which may come again
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connection{}, n.Add(1))
	}
	server.Start()
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// distinct counts the connections.
func (f *fronted) distinct() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[int32]bool{}
	for _, c := range f.conns {
		all[c] = true
	}
	return len(all)
}

// TestConnectionMaxAge: one connection is used again and again until it is too
// old; 0 keeps it. That none is used again may be the machine's fault once (a
// connection whose writer is slow to end is closed), but not each time.
func TestConnectionMaxAge(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		age   time.Duration
		fresh bool
	}{{0, false}, {time.Hour, false}, {time.Nanosecond, true}} {
		t.Run(tc.age.String(), func(t *testing.T) {
			t.Parallel()
			splunk := newFronted(t)
			r := newRigOf(t, func(c *Config) { c.URLs, c.ConnectionMaxAge = []string{splunk.url}, tc.age }, hectest.Start(t))
			const posts = 20
			events := r.deliverAll(t, 1, posts, nil)
			if splunk.Len() != len(events) {
				t.Errorf("%d events of %d", splunk.Len(), len(events))
			}
			if n := splunk.distinct(); tc.fresh != (n == posts) {
				t.Errorf("%d connections for %d posts", n, posts)
			}
		})
	}
}

// TestConnectionAge: a post of an endpoint whose connections are older than
// allowed takes new ones, not before half of that age; 0 keeps them for ever.
func TestConnectionAge(t *testing.T) {
	t.Parallel()
	for age, swaps := range map[time.Duration][2]int{0: {0, 0}, time.Hour: {24, 48}} {
		t.Run(age.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newTestPool(t, 1, nil)
				p.cfg.ConnectionMaxAge = age
				p.swap(p.endpoints[0])
				n, last, since := 0, p.endpoints[0].transport, time.Now()
				for start := time.Now(); time.Since(start) < 24*time.Hour; {
					var mine ticket
					l := take(t, p, &mine)
					p.took(l)
					if used := time.Since(since); l.conn != last {
						if used < age/2 {
							t.Errorf("connections are left after %s of %s", used, age)
						}
						n, last, since = n+1, l.conn, time.Now()
					} else if age > 0 && used > age {
						t.Errorf("connections are used after %s of %s", used, age)
					}
					pass(t, 10*time.Second)
				}
				if n < swaps[0]-1 || n > swaps[1] {
					t.Errorf("new connections %d times in a day, want %d to %d", n, swaps[0], swaps[1])
				}
			})
		})
	}
}

// TestFreshConnection: a load balancer pins a connection to one indexer; after
// an answer that says that it goes away, the next try must find another.
func TestFreshConnection(t *testing.T) {
	t.Parallel()
	for _, reply := range []hectest.Reply{hectest.HEC(23), hectest.Empty(404), hectest.HTML(502), hectest.HTML(503)} {
		splunk := newFronted(t)
		r := newRigOf(t, func(c *Config) { c.URLs = []string{splunk.url} }, hectest.Start(t))
		splunk.Script(hectest.Normal(), reply)
		r.deliverAll(t, 1, 3, nil)
		if splunk.Len() != 9 || len(splunk.conns) != 4 {
			t.Fatalf("%d events in %d posts, want 9 in 4", splunk.Len(), len(splunk.conns))
		}
		if leaving := splunk.conns[1]; slices.Contains(splunk.conns[2:], leaving) {
			t.Errorf("connections %d: the second one's was said to go away, and is used again", splunk.conns)
		}
	}
}

// TestFreshConnectionAsked: the same holds when Splunk is only asked, or nothing
// but asking would go on with the indexer that goes away.
func TestFreshConnectionAsked(t *testing.T) {
	t.Parallel()
	type first struct{}
	for _, reply := range []hectest.Reply{hectest.HEC(23), hectest.Empty(404), hectest.HTML(502)} {
		splunk := hectest.New()
		leaving := hectest.New(hectest.WithEmptyPosts(), hectest.WithFault(func(int, *http.Request) *hectest.Reply { return &reply }))
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Context().Value(first{}) == nil {
				splunk.ServeHTTP(w, req)
				return
			}
			leaving.ServeHTTP(w, req)
		}))
		var conns atomic.Int32
		server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
			if conns.Add(1) == 1 {
				return context.WithValue(ctx, first{}, true)
			}
			return ctx
		}
		server.Start()
		t.Cleanup(server.Close)
		r := newRigOf(t, func(c *Config) { c.URLs = []string{server.URL} }, hectest.Start(t))
		if r.askAll(t.Context()) {
			t.Error("the one that leaves is taken to be well")
		}
		if !r.askAll(t.Context()) {
			t.Errorf("asked again on the same connection: %q", r.told())
		}
	}
}

// proxyServer is a forward proxy: it tunnels CONNECT, passes plain requests
// on, and wants credentials if it has some.
type proxyServer struct {
	*httptest.Server
	user            *url.Userinfo
	answer          int    // in place of connecting
	to              string // connects to this in place of what it is asked for
	onward          http.Transport
	tunnels, passed atomic.Int32
}

func newProxy(t *testing.T, user *url.Userinfo, answer int) *proxyServer {
	t.Helper()
	p := &proxyServer{user: user, answer: answer}
	p.Server = httptest.NewServer(p)
	t.Cleanup(func() {
		p.Close()
		p.onward.CloseIdleConnections()
	})
	return p
}

func (p *proxyServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if p.user != nil {
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.user.String()))
		if got := req.Header.Get("Proxy-Authorization"); got != want {
			w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
			http.Error(w, "who are you: "+got, http.StatusProxyAuthRequired)
			return
		}
	}
	if p.answer != 0 {
		http.Error(w, "no", p.answer)
		return
	}
	if req.Method != http.MethodConnect {
		p.passed.Add(1)
		req.RequestURI = ""
		resp, err := p.onward.RoundTrip(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body) // the client may have gone
		return
	}
	p.tunnels.Add(1)
	to, err := (&net.Dialer{}).DialContext(req.Context(), "tcp", cmp.Or(p.to, req.Host))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	from, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = to.Close()
		return
	}
	_, _ = io.WriteString(from, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
	_, _ = io.Copy(from, to) // ends when either side has gone
	_ = from.Close()
}

func TestProxy(t *testing.T) {
	t.Parallel()
	const password = "pr0xy-s3cret"
	for _, tc := range []struct {
		name   string
		tls    bool
		user   *url.Userinfo // that the proxy wants
		give   *url.Userinfo // that it gets
		answer int
		gone   bool
		blames string
	}{
		{name: "TLS", tls: true},
		{name: "TLS with credentials", tls: true, user: url.UserPassword("me", password), give: url.UserPassword("me", password)},
		{name: "plain", tls: false},
		{name: "plain with credentials", user: url.UserPassword("me", password), give: url.UserPassword("me", password)},
		{name: "TLS without credentials", tls: true, user: url.UserPassword("me", password), blames: "hec.proxy"},
		{name: "TLS with wrong ones", tls: true, user: url.UserPassword("me", "other"), give: url.UserPassword("me", password), blames: "HTTP 407"},
		{name: "plain with wrong ones", user: url.UserPassword("me", "other"), give: url.UserPassword("me", password), blames: "HTTP 407"},
		{name: "forbidden", tls: true, answer: http.StatusForbidden, blames: "allow the proxy"},
		{name: "does not reach Splunk", tls: true, answer: http.StatusBadGateway, blames: "does not reach Splunk"},
		{name: "is away", tls: true, gone: true, give: url.UserPassword("me", password), blames: "the proxy does not answer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var opts []hectest.Option
			if tc.tls {
				opts = append(opts, hectest.WithSelfSignedTLS())
			}
			server := hectest.Start(t, opts...)
			proxy := newProxy(t, tc.user, tc.answer)
			address := proxy.URL
			if tc.gone {
				away := hectest.Start(t)
				away.Pause() // keeps the port, so that nobody else answers there
				address = away.URL()
			}
			at, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			at.User = tc.give
			r := newRigOf(t, func(c *Config) { c.Proxy, c.TLS.InsecureSkipVerify = creds.NewSecret(at.String()), true }, server)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error)
			go func() {
				_, err := r.Deliver(ctx, r.batch(numbered(1)...))
				done <- err
			}()
			if tc.blames == "" {
				if err := <-done; err != nil || server.Len() != 1 {
					t.Error(err, server.Len())
				}
				if proxy.tunnels.Load()+proxy.passed.Load() == 0 {
					t.Error("the proxy was passed by")
				}
				return
			}
			told := r.await(t, func(told []string) bool { return len(told) > 0 })
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if !strings.Contains(told[0], tc.blames) {
				t.Errorf("told %q, want %q", told[0], tc.blames)
			}
			encoded := base64.StdEncoding.EncodeToString([]byte("me:" + password))
			for _, e := range r.logs.All() {
				if line := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(line, password) || strings.Contains(line, encoded) {
					t.Errorf("the log shows the proxy's password: %s", line)
				}
			}
		})
	}
}

func TestProxySetting(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{
		"": true, "direct": true, "http://proxy:3128": true, "http://me:s3cret@proxy:3128/": true,
		"proxy:3128": false, "https://me:s3cret@proxy": false, "http://": false, "http://me:s3cret@proxy:x": false,
		"http://me:s3cret@proxy/path": false, "s3cret": false, "http://me:s3cret%zz@proxy": false,
	} {
		cfg := DefaultConfig()
		cfg.URLs, cfg.Token, cfg.Proxy = []string{"http://splunk:8088"}, creds.NewSecret("t"), creds.NewSecret(value)
		err := errors.Join(cfg.Validate()...)
		if (err == nil) != good {
			t.Errorf("%q: error %v", value, err)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret") || !strings.HasPrefix(err.Error(), "proxy: ")) {
			t.Errorf("%q: error %v", value, err)
		}
	}
}

// TestAddresses: one HEC written in two ways would be two endpoints of one name.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for urls, want := range map[string]string{
		"https://a:8088 https://b:8088":                    "",
		"http://a https://a":                               "",
		"https://a:8088/one https://a:8088/two":            "",
		"https://a:8088 https://a:8088":                    "is given twice",
		"https://a:8088 https://A:8088/":                   "is given twice",
		"https://a:8088/services/collector https://a:8088": "is given twice",
		"https://a https://a:443/services/collector/event": "is given twice",
		"127.0.0.1:8088":                                   `url: "127.0.0.1:8088" is not an address; give https://`,
		"splunk:8088":                                      `url: "splunk:8088" is not an address; give https://`,
		"https://me:s3cret@a:x":                            `url: "(unreadable)" is not an address`,
	} {
		cfg := DefaultConfig()
		cfg.URLs, cfg.Token = strings.Fields(urls), creds.NewSecret("t")
		err := errors.Join(cfg.Validate()...)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", urls, err, want)
		}
	}
}

// TestAckTimeoutSetting: a timeout that no poll can meet sends all again for ever.
func TestAckTimeoutSetting(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		enabled       bool
		poll, timeout time.Duration
		good          bool
	}{
		{true, time.Second, 2 * time.Second, true},
		{true, time.Second, 1999 * time.Millisecond, false},
		{true, 5 * time.Second, time.Second, false},
		{false, 5 * time.Second, time.Second, true},
	} {
		cfg := DefaultConfig()
		cfg.URLs, cfg.Token = []string{"http://splunk:8088"}, creds.NewSecret("t")
		cfg.Ack = Ack{Enabled: tt.enabled, PollInterval: tt.poll, Timeout: tt.timeout}
		if err := errors.Join(cfg.Validate()...); (err == nil) != tt.good {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// TestHTTP2GivesUp: HTTP/2 may still read a body when it has closed it. Buffers
// that are used again at once must not be read any more; the race detector sees
// it.
func TestHTTP2GivesUp(t *testing.T) {
	t.Parallel()
	server := hectest.Start(t, hectest.WithSelfSignedTLS(), hectest.WithHTTP2())
	r := newRigOf(t, func(c *Config) { c.TLS.CAFile, c.Gzip = writeFile(t, server.CAPEM()), false }, server)
	b := r.batch(`{"id":"` + strings.Repeat("x", 1<<20) + `"}`)
	next := bytes.Clone(b.Body)
	for n := range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		giveUp := time.AfterFunc(time.Duration(n)*250*time.Microsecond, cancel)
		if _, err := r.Deliver(ctx, b); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		copy(b.Body, next)
		giveUp.Stop()
		cancel()
	}
}
