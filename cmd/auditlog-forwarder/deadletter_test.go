package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec/hectest"
)

// store makes a store with the bodies given, at offsets from 0.
func store(t *testing.T, bodies ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := deadletter.Open(deadletter.Config{Dir: dir, MaxBytes: 1 << 20}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range bodies {
		e := deadletter.Entry{Record: audit.Record{Topic: "t", Offset: int64(i), Value: []byte(body)}, Reason: deadletter.Refused}
		if err := s.Put([]deadletter.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// damage appends what is no entry.
func damage(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "dead-letter.jsonl")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(text, "no json\n"...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// deadLetters runs deadletter with a whole configuration.
func deadLetters(ctx context.Context, t *testing.T, dir string, hec *hectest.Server, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(hectest.DefaultToken), 0o600); err != nil {
		t.Fatal(err)
	}
	args = append(append([]string{"deadletter"}, args...),
		"--dead-letter.dir", dir, "--hec.token-file", token, "--hec.url", hec.URL(), "--hec.backoff-min", "1ms", "--hec.backoff-max", "5ms",
		"--kafka.bootstrap-servers", "b:9092", "--kafka.security-protocol", "PLAINTEXT")
	var out, errs bytes.Buffer
	code = run(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

func holds(t *testing.T, what, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(text) {
			t.Errorf("%s does not match %q:\n%s", what, p, text)
		}
	}
}

const (
	goodBody = `{"id":"1","time":"2026-11-01T00:00:00Z"}`
	poison   = `{"id":"poison"}`
)

// TestReplayAccount: what is replayed, what stays, and the exit code of both.
func TestReplayAccount(t *testing.T) {
	t.Parallel()
	hec := hectest.Start(t)
	hec.Poison(func(event []byte) bool { return strings.Contains(string(event), "poison") })
	dir := store(t, goodBody, "no json", poison)

	code, out, errs := deadLetters(t.Context(), t, dir, hec, "replay", "--dry-run")
	if code != 0 || hec.Len() != 0 || errs != "" {
		t.Errorf("dry run: exit code %d, %d events arrived\n%s", code, hec.Len(), errs)
	}
	holds(t, "dry run", out, `  send +refused +t/0/0  `, `  cannot +refused +t/0/1  7 bytes  \S+`, `  send +refused +t/0/2  `,
		"^3 dead letters in "+regexp.QuoteMeta(dir)+"\n2 would be sent, 1 cannot\n\\z")

	code, out, errs = deadLetters(t.Context(), t, dir, hec, "replay")
	if code != 1 || out != "1 replayed, 1 refused again, 1 not sent\n" {
		t.Errorf("some stay: exit code %d, %s", code, out)
	}
	holds(t, "stderr", errs, `stays: t/0/1: `, `stays: t/0/2: `, `^auditlog-forwarder: 2 dead letters stay in the store$`)

	hec.Poison(nil)
	code, out, errs = deadLetters(t.Context(), t, dir, hec, "replay", "--id", "t/0/2")
	if code != 0 || out != "1 replayed, 0 refused again, 0 not sent\n" {
		t.Errorf("all that was selected: exit code %d, %s%s", code, out, errs)
	}
}

// TestReplayOfTheSame: a record that was stored twice is sent once, another
// one of its place is sent too, and the account says so.
func TestReplayOfTheSame(t *testing.T) {
	t.Parallel()
	hec := hectest.Start(t)
	dir := t.TempDir()
	s, err := deadletter.Open(deadletter.Config{Dir: dir, MaxBytes: 1 << 20}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	for i, body := range []string{goodBody, goodBody, `{"id":"2"}`} {
		e := deadletter.Entry{
			StoredAt: time.Unix(int64(i), 0), Reason: deadletter.BadEnvelope,
			Record: audit.Record{Topic: "t", Value: []byte(body), Key: []byte("k")},
		}
		if err := s.Put([]deadletter.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	code, out, errs := deadLetters(t.Context(), t, dir, hec, "replay", "--dry-run", "--hec.formatted")
	if code != 0 || !strings.Contains(out, "hec.formatted is still on") || !strings.Contains(out, "0 would be sent, 3 cannot") {
		t.Errorf("as it was: exit code %d, %s%s", code, out, errs)
	}
	code, out, errs = deadLetters(t.Context(), t, dir, hec, "replay")
	if code != 0 || out != "2 replayed, 0 refused again, 0 not sent, 1 more were the same records\n" || hec.Len() != 2 {
		t.Errorf("exit code %d, %d arrived, %s%s", code, hec.Len(), out, errs)
	}
	if code, out, errs = deadLetters(t.Context(), t, dir, hec, "list"); code != 0 || !strings.HasPrefix(out, "no dead letters in") {
		t.Errorf("some are left: %s%s", out, errs)
	}
}

// TestShowRaw: the body as it was, be it no text.
func TestShowRaw(t *testing.T) {
	t.Parallel()
	hec := hectest.Start(t)
	for _, body := range []string{"", "no newline", "a newline\n", "\xff\x00\x1b[2J\r\n"} {
		dir := store(t, body)
		if code, out, errs := deadLetters(t.Context(), t, dir, hec, "show", "t/0/0", "--raw"); code != 0 || out != body || errs != "" {
			t.Errorf("%q: exit code %d, %q, %q", body, code, out, errs)
		}
		if code, out, errs := deadLetters(t.Context(), t, dir, hec, "show", "t/0/0"); code != 0 || strings.ContainsAny(out, "\x1b\r\x00") {
			t.Errorf("%q: exit code %d, %q, %q", body, code, out, errs)
		}
	}
}

// TestDamagedLines: everything else is shown and sent, and the exit code is 1.
func TestDamagedLines(t *testing.T) {
	t.Parallel()
	hec := hectest.Start(t)
	dir := store(t, goodBody)
	damage(t, dir)
	for _, args := range [][]string{{"list"}, {"list", "-o", "json"}, {"replay", "--dry-run"}, {"replay"}} {
		code, out, errs := deadLetters(t.Context(), t, dir, hec, args...)
		if code != 1 {
			t.Errorf("%v: exit code %d, want 1", args, code)
		}
		holds(t, strings.Join(args, " "), out, `t/0/0|1 replayed`)
		holds(t, strings.Join(args, " "), errs, `^auditlog-forwarder: warning: .*dead-letter.jsonl line 2`, `^auditlog-forwarder: .*could not be read`)
	}
	if hec.Len() != 1 {
		t.Errorf("%d events arrived, want 1", hec.Len())
	}
}

// TestReplayStopped: what was sent is told and marked, also when it is stopped
// while Splunk does not answer.
func TestReplayStopped(t *testing.T) {
	t.Parallel()
	t.Run("by a signal", func(t *testing.T) {
		t.Parallel()
		hec := hectest.Start(t)
		dir := store(t, goodBody, goodBody)
		ctx, cancel := context.WithCancelCause(t.Context())
		waited := make(chan error, 1)
		go func() {
			err := hec.WaitUntil(t.Context(), func(s hectest.Stats) bool { return s.Arrived > 1 })
			cancel(signalError{os.Interrupt})
			waited <- err
		}()
		hec.SetFault(func(n int, _ *http.Request) *hectest.Reply {
			if n == 0 {
				return nil
			}
			hang := hectest.Hang()
			return &hang
		})
		code, out, errs := deadLetters(ctx, t, dir, hec, "replay")
		if err := <-waited; err != nil {
			t.Fatal(err)
		}
		if code != 1 || out != "1 replayed, 0 refused again, 0 not sent, 1 not reached\n" {
			t.Errorf("exit code %d, printed %q\n%s", code, out, errs)
		}
		holds(t, "stderr", errs, `^auditlog-forwarder: interrupted; what was sent is marked, run it again to go on$`)
		hec.SetFault(nil)
		if code, out, errs = deadLetters(t.Context(), t, dir, hec, "replay"); code != 0 || out != "1 replayed, 0 refused again, 0 not sent\n" {
			t.Errorf("it does not go on: exit code %d, printed %q\n%s", code, out, errs)
		}
	})
	t.Run("by its time", func(t *testing.T) {
		t.Parallel()
		hec := hectest.Start(t)
		hec.SetDown(true)
		code, out, errs := deadLetters(t.Context(), t, store(t, goodBody), hec, "replay", "--timeout", "100ms")
		if code != 1 || !strings.HasPrefix(out, "0 replayed, 0 refused again, 0 not sent") { // the time may be over before they are counted
			t.Errorf("exit code %d, printed %q\n%s", code, out, errs)
		}
		holds(t, "stderr", errs, `^auditlog-forwarder: gave up, since --timeout is over; what was sent is marked, run it again to go on$`)
	})
}

// locked is a buffer for two goroutines.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// TestProgressLines: a line in every interval, also while nothing moves, and
// none after the end.
func TestProgressLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out locked
		progress, stop := progressLines(&out, 10*time.Second, "replay: ", "tried")
		pass := func(d time.Duration) {
			timer := time.NewTimer(d)
			<-timer.C
			synctest.Wait()
		}
		pass(11 * time.Second)
		progress(3, 7)
		pass(20 * time.Second)
		stop()
		pass(time.Minute)
		const want = `auditlog-forwarder: replay: looking for what there is to do
auditlog-forwarder: replay: 3 of 7 tried
auditlog-forwarder: replay: 3 of 7 tried
`
		if out.buf.String() != want {
			t.Errorf("got\n%swant\n%s", out.buf.String(), want)
		}
	})
}

// TestBarMakesWay: a line that is written while a bar is drawn begins where the
// bar was, and the end leaves none of it.
func TestBarMakesWay(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := &bar{w: &out}
	if _, err := b.Write([]byte("early\n")); err != nil {
		t.Fatal(err)
	}
	b.set(1, 3)
	if text := out.String(); !strings.HasPrefix(text, "early\n") || !strings.Contains(text, "(1/3)") {
		t.Fatalf("no bar: %q", text)
	}
	if _, err := b.Write([]byte("a warning\n")); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.HasSuffix(text, "\ra warning\n") {
		t.Errorf("the line runs into the bar: %q", text)
	}
	b.set(2, 3)
	b.end()
	if text := out.String(); !strings.HasSuffix(text, "\r") {
		t.Errorf("the bar is left: %q", text)
	}
}
