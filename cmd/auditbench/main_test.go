package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/hec"
)

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){program: main, broken: breaks})
}

// broken is a forwarder that ends at once.
const broken = "broken"

func breaks() {
	fmt.Fprintln(os.Stderr, "it hurts")
	os.Exit(7)
}

// leakChecked runs the tests and then looks for goroutines they left behind.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if code == 0 {
		if err := goleak.Find(goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// auditbench runs the real command, whose children are the test binary too.
func auditbench(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args = append([]string{program}, args...) // by which TestMain knows it
	var out, diag bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diag
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), diag.String(), cmd.ProcessState.ExitCode()
}

// TestBench runs every subject once over few events, which must all arrive
// once: auditbench fails otherwise. No number is held against a limit.
func TestBench(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it measures processes; make test runs it")
	}
	const events = 5000
	profiles := t.TempDir()
	stdout, stderr, code := auditbench(t, "--events", fmt.Sprint(events), "--rounds", "1", "--partitions", "3",
		"--compression", "lz4", "--subjects", strings.Join(subjectNames(), ","), "--pprof", profiles, "-o", "json", "--timeout", "1m")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	if r.Events != events || r.Partitions != 3 || len(r.Samples) != len(subjectNames()) || len(r.Subjects) != len(r.Samples) {
		t.Errorf("not the run that was asked for: %s", stdout)
	}
	if r.EventBytes < 500 || r.EventBytes > 5000 {
		t.Errorf("events of %.0f bytes are no audit events", r.EventBytes)
	}
	wire := map[string]int64{}
	for _, s := range r.Samples {
		if s.CPU() <= 0 || s.CPUPerMillion <= 0 || s.Ratio <= 0 || s.EventsPerSecond <= 0 || s.PeakBytes < 1<<20 || s.PeakBytes > 4<<30 {
			t.Errorf("numbers that cannot be: %+v", s)
		}
		wire[s.Subject] = s.WireBytes
		// All of them, none, or the share that is not mds.Authorize.
		switch s.Subject {
		case baseline:
			if s.Delivered != 0 || s.Ratio != 1 {
				t.Errorf("the baseline forwarded something or is not itself: %+v", s)
			}
		case subjectFilter:
			if s.Delivered == 0 || s.Delivered > events/2 {
				t.Errorf("the filter left %d of %d events", s.Delivered, events)
			}
		default:
			if s.Delivered != events || s.Requests == 0 {
				t.Errorf("%+v; want %d delivered", s, events)
			}
		}
	}
	if wire[subjectPlain] < int64(events*r.EventBytes) || wire[subjectGzip] > wire[subjectPlain]/2 {
		t.Errorf("bytes on the wire: %v", wire)
	}
	for _, name := range []string{"plain.cpu.pprof", "plain.heap.pprof", "gzip.cpu.pprof", "gzip.heap.pprof"} {
		text, err := os.ReadFile(filepath.Join(profiles, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) { // profiles are gzipped
			t.Errorf("%s is no profile", name)
		}
	}
}

// TestFailingSubject holds that a subject that ends by itself fails the
// benchmark at once, with what it said.
func TestFailingSubject(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// A link, not a script: a file that was just written cannot be run while a
	// child that another test is starting has it open still.
	path := filepath.Join(t.TempDir(), broken)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := auditbench(t, "--events", "10", "--rounds", "1", "--subjects", "plain", "--binary", path)
	if code != exitFailed || !strings.Contains(stderr, "exit status 7") || !strings.Contains(stderr, "it hurts") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--events", "0"}, "--events: must be 1 or more"},
		{[]string{"--rounds", "0"}, "--rounds: 0 measures nothing"},
		{[]string{"--rounds", "-1"}, "--rounds: must not be negative"},
		{[]string{"--partitions", "0"}, "--partitions: must be 1 or more"},
		{[]string{"--timeout", "0s"}, "--timeout: must be more than 0"},
		{[]string{"--subjects", "plain,plane"}, `--subjects: "plane" is unknown; allowed are count, plain, gzip, filter`},
		{[]string{"--subjects", "plain,plain"}, "--subjects: plain is named twice"},
		{[]string{"--compression", "zip"}, `--compression: "zip" is unknown`},
		{[]string{"-o", "yaml"}, `--output: "yaml" is unknown`},
		{[]string{"--check", "--partitions", "3"}, "--check: the limits are those of subject plain with 6 partitions"},
		{[]string{"--check", "--subjects", "gzip"}, "--check: the limits are those of subject plain"},
		{[]string{"--speed"}, "unknown flag: --speed"},
		{[]string{"now"}, `unexpected argument "now"`},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			t.Parallel()
			_, stderr, code := auditbench(t, tc.args...)
			if code != exitUsage || !strings.Contains(stderr, tc.want) {
				t.Errorf("exit code %d, want %d with %q: %s", code, exitUsage, tc.want, stderr)
			}
		})
	}
}

// TestReceiver posts by the forwarder's own client, so that a change of its
// envelope shows here.
func TestReceiver(t *testing.T) {
	t.Parallel()
	rc := newReceiver()
	rc.timed = 2
	srv := httptest.NewServer(rc)
	t.Cleanup(srv.Close)
	for _, zipped := range []bool{false, true} {
		cfg := hec.DefaultConfig()
		cfg.URLs, cfg.Token, cfg.Gzip = []string{srv.URL}, creds.NewSecret("token"), zipped
		c, err := hec.New(cfg, hec.Options{Version: "test", Log: zap.NewNop(), Registerer: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var body []byte
		var ends []int
		for offset := range int64(3) { // the second round brings 1, 2 and 3, of which 3 is new
			rec := audit.Record{Topic: topic, Partition: 1, Offset: offset, Value: []byte(`{"id":"x"}`)}
			if zipped {
				rec.Offset++
			}
			if body, _, err = c.Append(body, &rec, audit.Event{}); err != nil {
				t.Fatal(err)
			}
			ends = append(ends, len(body))
		}
		refused, err := c.Deliver(t.Context(), audit.Batch{Body: body, Ends: ends})
		if err != nil || len(refused) > 0 {
			t.Fatalf("refused %v, %v", refused, err)
		}
	}
	got, err := stats(t.Context(), srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if got.First.IsZero() || got.Timed.Before(got.First) || got.WireBytes == 0 {
		t.Errorf("%+v", got)
	}
	got.First, got.Timed, got.WireBytes = time.Time{}, time.Time{}, 0
	if diff := cmp.Diff(received{Events: 4, Duplicates: 2, Requests: 2}, got); diff != "" {
		t.Error(diff)
	}
}

// TestReceiverRefuses holds that nothing is counted in silence as nothing.
func TestReceiverRefuses(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(newReceiver())
	t.Cleanup(srv.Close)
	var cut bytes.Buffer
	z := gzip.NewWriter(&cut)
	if err := errors.Join(func() error { _, err := z.Write(bytes.Repeat([]byte("x"), 1000)); return err }(), z.Close()); err != nil {
		t.Fatal(err)
	}
	cut.Truncate(cut.Len() - 4)
	for _, tc := range []struct{ name, body, encoding string }{
		{"empty", "", ""},
		{"no fields", `{"event":{}}`, ""},
		{"other order", `{"fields":{"kafka_partition":"1","kafka_topic":"t","kafka_offset":"2"},"event":{}}`, ""},
		{"offset is no number", `{"fields":{"kafka_partition":"1","kafka_offset":""},"event":{}}`, ""},
		{"cut short", cut.String(), "gzip"},
		{"not compressed", "{}", "gzip"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/services/collector/event", strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Encoding", tc.encoding)
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d, %v: %s", resp.StatusCode, err, text)
			}
		})
	}
}
