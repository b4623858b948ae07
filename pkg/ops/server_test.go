package ops

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// start runs a server on a free port until the test ends and returns its URL.
func start(t *testing.T, health *Health, status func() Status, opts ...Option) string {
	t.Helper()
	reg := NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "events_total", Help: "Events."})
	reg.MustRegister(c)
	c.Add(17)
	s := New(Config{Listen: "127.0.0.1:0"}, reg, health, status, zap.NewNop(), opts...)
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.Addr()
}

// request returns the status code, the body and the header.
func request(t *testing.T, method, url string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	code, body, _ := request(t, http.MethodGet, url)
	return code, body
}

func TestHealthz(t *testing.T) {
	t.Parallel()
	var stuck atomic.Bool
	h := NewHealth()
	h.Set("splunk", errors.New("down")) // not a matter of life and death
	url := start(t, h, nil, WithAlive(func() bool { return !stuck.Load() }))
	if code, body := get(t, url+"/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q", code, body)
	}
	stuck.Store(true)
	if code, body := get(t, url+"/healthz"); code != http.StatusServiceUnavailable || !strings.HasPrefix(body, "stuck: ") {
		t.Errorf("%d %q", code, body)
	}
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	h := NewHealth()
	url := start(t, h, nil)
	if code, body := get(t, url+"/readyz"); code != http.StatusOK || body != "ready\n" {
		t.Errorf("%d %q", code, body)
	}
	h.Require("kafka", "joining the group")
	h.Set("splunk", errors.New("token refused\nsee hec.token_file"))
	code, body := get(t, url+"/readyz")
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	if code != http.StatusServiceUnavailable || len(lines) != 2 {
		t.Fatalf("%d %q", code, body)
	}
	for i, want := range []string{"kafka: joining the group (since ", "splunk: token refused see hec.token_file (since "} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want it to begin with %q", i+1, lines[i], want)
		}
	}
	h.Set("kafka", nil)
	h.Set("splunk", nil)
	if code, _ := get(t, url+"/readyz"); code != http.StatusOK {
		t.Errorf("%d after all is well", code)
	}
}

func TestMetricsPage(t *testing.T) {
	t.Parallel()
	code, body := get(t, start(t, NewHealth(), nil)+"/metrics")
	if code != http.StatusOK {
		t.Fatalf("%d %q", code, body)
	}
	for _, want := range []string{"\nevents_total 17\n", "\ngo_goroutines "} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in the metrics", want)
		}
	}
}

func TestStatusPages(t *testing.T) {
	t.Parallel()
	h := NewHealth()
	h.Set("kafka", nil)
	h.Set("splunk", errors.New("<script>token</script> refused"))
	url := start(t, h, func() Status {
		return Status{Version: "1.2.3", Rows: []Row{{"lag", "17 events"}, {"<b>", "&"}}}
	})

	code, body, header := request(t, http.MethodGet, url+"/")
	if code != http.StatusOK || header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", code, header)
	}
	for _, want := range []string{
		"auditlog-forwarder 1.2.3", "Not ready", `<tr class="bad"><td>splunk</td>`, "<tr><td>kafka</td><td>ready</td>",
		"&lt;script&gt;token&lt;/script&gt; refused", `<th scope="row">lag</th><td>17 events</td>`, "&lt;b&gt;",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, asset := range []string{"<script", "src=", "http://", "https://", "<b>"} {
		if strings.Contains(body, asset) {
			t.Errorf("the page holds %q", asset)
		}
	}
	if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy is %q", csp)
	}

	code, body, header = request(t, http.MethodGet, url+"/status")
	if code != http.StatusOK || header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", code, header)
	}
	var got report
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	want := report{
		Alive: true, Version: "1.2.3",
		Conditions: []Condition{{Name: "kafka", Ready: true}, {Name: "splunk", Reason: "<script>token</script> refused"}},
		Rows:       []Row{{"lag", "17 events"}, {"<b>", "&"}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(report{}, "Time"), cmpopts.IgnoreFields(Condition{}, "Since")); diff != "" {
		t.Error(diff)
	}
	if got.Time.IsZero() || got.Conditions[1].Since.IsZero() {
		t.Errorf("a time is missing: %s", body)
	}

	h.Set("splunk", nil)
	if _, body := get(t, url+"/"); !strings.Contains(body, `class="banner ok"`) || strings.Contains(body, `class="bad"`) {
		t.Error("the page is not ready although every condition is")
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	plain := start(t, NewHealth(), nil)
	for _, c := range []struct {
		method, url string
		want        int
	}{
		{http.MethodGet, plain + "/", http.StatusOK},
		{http.MethodHead, plain + "/healthz", http.StatusOK},
		{http.MethodPost, plain + "/healthz", http.StatusMethodNotAllowed},
		{http.MethodGet, plain + "/nothing", http.StatusNotFound},
		{http.MethodGet, plain + "/debug/pprof/", http.StatusNotFound},
		{http.MethodGet, plain + "/debug/pprof/cmdline", http.StatusNotFound},
	} {
		if code, body, _ := request(t, c.method, c.url); code != c.want {
			t.Errorf("%s %s: %d %q, want %d", c.method, c.url, code, body, c.want)
		}
	}
}

func TestListenErrors(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // nothing was accepted
	for listen, want := range map[string]string{
		taken.Addr().String(): "give each its own",
		"192.0.2.1:9611":      "give an address of this machine",
		"127.0.0.1:99999":     "give an address of this machine",
	} {
		s := New(Config{Listen: listen}, NewRegistry(), NewHealth(), nil, zap.NewNop())
		err := s.Run(t.Context())
		if err == nil {
			t.Fatalf("%s could be listened on", listen)
		}
		for _, part := range []string{"admin.listen", strings.Split(listen, ":")[1], want} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}
}

func TestNoAdminServer(t *testing.T) {
	t.Parallel()
	s := New(Config{}, NewRegistry(), NewHealth(), nil, zap.NewNop())
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Run(ctx); err != nil || s.Addr() != "" {
		t.Errorf("%v, address %q", err, s.Addr())
	}
}

// TestBadMetricIsLogged: one collector that fails does not hide the others.
func TestBadMetricIsLogged(t *testing.T) {
	t.Parallel()
	reg := NewRegistry()
	desc := prometheus.NewDesc("broken", "Broken.", nil, nil)
	reg.MustRegister(badCollector{desc})
	core, logs := observer.New(zap.WarnLevel)
	s := New(Config{Listen: "127.0.0.1:0"}, reg, NewHealth(), nil, zap.New(core))
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	code, body := get(t, "http://"+s.Addr()+"/metrics")
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if code != http.StatusOK || !strings.Contains(body, "go_goroutines") {
		t.Errorf("%d %q", code, body)
	}
	if logs.Len() == 0 || !strings.Contains(logs.All()[0].Message, "out of order") {
		t.Errorf("log: %v", logs.All())
	}
}

type badCollector struct{ desc *prometheus.Desc }

func (b badCollector) Describe(ch chan<- *prometheus.Desc) { ch <- b.desc }

func (b badCollector) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(b.desc, errors.New("out of order"))
}
