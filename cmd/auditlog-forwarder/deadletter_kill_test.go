package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec/hectest"
)

// victim is the program as a process of its own.
type victim struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

func startVictim(t *testing.T, args ...string) *victim {
	t.Helper()
	v := &victim{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)}
	v.cmd.Dir, v.cmd.Stdout, v.cmd.Stderr = t.TempDir(), &v.out, &v.out
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return v
}

// kill is SIGKILL. It is no error if the process has just ended.
func (v *victim) kill() { _ = v.cmd.Process.Kill() }

// end waits and reports whether it was killed.
func (v *victim) end(t *testing.T) (killed bool) {
	t.Helper()
	err := v.cmd.Wait()
	if v.cmd.ProcessState.ExitCode() > 0 {
		t.Fatalf("%v: %s", err, v.out.String())
	}
	return !v.cmd.ProcessState.Exited()
}

// killWhen kills as soon as the condition holds; it gives up when the process
// has ended, which done says.
func (v *victim) killWhen(cond func() bool, done <-chan struct{}) {
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	for {
		if cond() {
			v.kill()
			return
		}
		select {
		case <-tick.C:
		case <-done:
			return
		}
	}
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// TestReplayKilled kills the program at many points of a replay: while the
// event is under way, when Splunk has it and has not answered, and around the
// marks. A kill repeats one event at most, and none is missing in the end.
func TestReplayKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts and kills the command over and over; make test does")
	}
	const events = 60
	var bodies []string
	for i := range events {
		bodies = append(bodies, fmt.Sprintf(`{"id":"e%d","time":"2026-11-01T00:00:00Z"}`, i))
	}
	dir := store(t, bodies...)
	marks := filepath.Join(dir, "replayed.jsonl")

	var mu sync.Mutex
	indexed := map[string]int{}
	pass := func() *hectest.Reply { return nil }
	onEvent, onPost := func() {}, pass // guarded by mu
	server := hectest.Start(t, hectest.WithSink(func(e hectest.Event) {
		mu.Lock()
		defer mu.Unlock()
		indexed[string(e.Event)]++
		onEvent()
	}), hectest.WithFault(func(int, *http.Request) *hectest.Reply {
		mu.Lock()
		defer mu.Unlock()
		return onPost()
	}))
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(hectest.DefaultToken), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"deadletter", "replay", "--dead-letter.dir", dir, "--hec.token-file", token, "--hec.url", server.URL(),
		"--kafka.bootstrap-servers", "b:9092", "--kafka.security-protocol", "PLAINTEXT",
	}
	repeats := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, times := range indexed {
			n += times - 1
		}
		return n
	}

	const points = 18
	kills, before := 0, 0
	for point := range points {
		after := point/3%3 + 1 // events, posts or marks that are let through
		v := startVictim(t, args...)
		ended := make(chan struct{})
		var watch sync.WaitGroup
		countdown := func(do func()) func() {
			n := after
			return func() {
				if n--; n == 0 {
					do()
				}
			}
		}
		mu.Lock()
		onEvent, onPost = func() {}, pass
		switch point % 3 {
		case 0:
			onEvent = countdown(v.kill)
		case 1:
			kill := countdown(v.kill)
			onPost = func() *hectest.Reply { kill(); return nil }
		case 2:
			from, left := sizeOf(marks), after+2
			onPost = func() *hectest.Reply {
				if left--; left >= 0 {
					return nil
				}
				hang := hectest.Hang() // it does not come to its end before the mark is seen
				return &hang
			}
			watch.Go(func() { v.killWhen(func() bool { return sizeOf(marks) >= from+int64(after)*150 }, ended) })
		}
		mu.Unlock()
		if v.end(t) {
			kills++
		}
		close(ended)
		watch.Wait()
		if now := repeats(); now > before+1 {
			t.Errorf("point %d: one kill repeated %d events", point, now-before)
		}
		before = repeats()
	}
	mu.Lock()
	onEvent, onPost = func() {}, pass
	mu.Unlock()
	last := startVictim(t, args...)
	if last.end(t) {
		t.Fatal("killed by somebody else")
	}
	mu.Lock()
	defer mu.Unlock()
	for _, body := range bodies {
		if indexed[body] == 0 {
			t.Errorf("%s is missing", body)
		}
	}
	if kills != points || len(indexed) != events {
		t.Errorf("%d kills at %d points, %d events", kills, points, len(indexed))
	}
	t.Logf("%d kills, %d repeated", kills, before)
}

// TestPurgeKilled kills the program at many points of a purge. The file is the
// old one or the new one, never a part, and the next purge ends what this one
// began.
func TestPurgeKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts and kills the command over and over; make test does")
	}
	dir := t.TempDir()
	s, err := deadletter.Open(deadletter.Config{Dir: dir, MaxBytes: 1 << 30}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	const entries = 4000
	var all []deadletter.Entry
	for i := range int64(entries) {
		e := deadletter.Entry{Record: audit.Record{Topic: "t", Offset: i, Value: bytes.Repeat([]byte("x"), 2000)}, Reason: deadletter.Refused}
		if i%2 == 0 {
			e.Reason = deadletter.NotJSON
		}
		all = append(all, e)
	}
	if err := s.Put(all); err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the test looks at the folder, not at the store
	path := filepath.Join(dir, "dead-letter.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for line := range bytes.Lines(whole) {
		if bytes.Contains(line, []byte(`"reason":"refused"`)) {
			want = append(want, line...)
		}
	}
	kills, removed := 0, 0
	// A purge may be done before it is killed; then it is tried again.
	for point := 0; point < 15 || kills < 6 && point < 1000; point++ {
		v := startVictim(t, "deadletter", "purge", "--reason", "not_json", "--yes", "--dead-letter.dir", dir)
		ended := make(chan struct{})
		var watch sync.WaitGroup
		watch.Go(func() {
			v.killWhen(func() bool {
				switch copied := sizeOf(path + ".tmp"); point % 5 {
				case 4: // behind the change of names
					return sizeOf(path) < int64(len(whole))
				case 3: // before it
					return copied >= int64(len(want))
				default:
					return copied > int64(point%5)*int64(len(want))/4
				}
			}, ended)
		})
		if v.end(t) {
			kills++
		}
		close(ended)
		watch.Wait()
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case bytes.Equal(got, want):
			removed++
			if err := os.WriteFile(path, whole, 0o600); err != nil { // again from the start
				t.Fatal(err)
			}
		case !bytes.Equal(got, whole):
			t.Fatalf("point %d: the file has %d bytes, neither the %d of before nor the %d of after", point, len(got), len(whole), len(want))
		}
	}
	v := startVictim(t, "deadletter", "purge", "--reason", "not_json", "--yes", "--dead-letter.dir", dir)
	if v.end(t) || !strings.Contains(v.out.String(), "2000 dead letters (") {
		t.Errorf("the last purge: %s", v.out.String())
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes are left, want %d, %v", len(got), len(want), err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(names, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), ".tmp") }) {
		t.Error("a copy is left: ", names)
	}
	if kills < 6 {
		t.Errorf("only %d kills", kills)
	}
	t.Logf("%d kills, %d of these purges were done", kills, removed)
}
