package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { testscript.Main(leakChecked{m}, map[string]func(){"auditgen": main}) }

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

// TestScripts runs the command as its user does; see testdata/script.
func TestScripts(t *testing.T) {
	t.Parallel()
	commands := map[string]func(*testscript.TestScript, bool, []string){"exits": exits}
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: commands, Setup: func(env *testscript.Env) error {
		c, err := kfake.NewCluster(kfake.SeedTopics(3, "three"))
		if err != nil {
			return err
		}
		env.Defer(c.Close)
		env.Setenv("BROKER", c.ListenAddrs()[0])
		return nil
	}})
}

// exits is the script command "exits CODE FLAG...": auditgen must end with
// that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: exits code [flag...]")
	}
	err := ts.Exec("auditgen", args[1:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want := args[0]; fmt.Sprint(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// TestWritesToKafka holds that exactly the reported records lie in the topic,
// in all partitions, and that every Nth is malformed.
func TestWritesToKafka(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var stderr bytes.Buffer
	cmd := newCommand()
	cmd.SetErr(&stderr)
	cmd.SetArgs([]string{"--bootstrap-servers", c.ListenAddrs()[0], "--create-topic", "--partitions", "4", "--topic", "audit", "--events", "3000", "--malformed-every", "100"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stderr.String(), "wrote 3,000 records in ") || !strings.Contains(stderr.String(), " to topic audit, 30 of them malformed\n") {
		t.Errorf("report: %s", stderr.String())
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumeTopics("audit"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	total, malformed, partitions := 0, 0, map[int32]bool{}
	for total < 3000 {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			total++
			partitions[r.Partition] = true
			var event map[string]any
			if json.Unmarshal(r.Value, &event) != nil {
				malformed++
			}
		})
	}
	if total != 3000 || malformed != 30 || len(partitions) != 4 {
		t.Errorf("%d records, %d malformed, in %d partitions; want 3000, 30, 4", total, malformed, len(partitions))
	}
}

// onceTold calls do when somebody is told of the text.
type onceTold struct {
	bytes.Buffer
	text string
	do   func()
}

func (o *onceTold) Write(b []byte) (int, error) {
	if o.do != nil && bytes.Contains(b, []byte(o.text)) {
		o.do()
		o.do = nil
	}
	return o.Buffer.Write(b)
}

// freePort returns a port that nobody has. It lies below those that systems hand
// out by themselves, so that nobody is given it either.
func freePort(t *testing.T) int {
	t.Helper()
	for {
		port := 10_000 + rand.IntN(5000)
		free, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			continue // somebody has it
		}
		if err := free.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
}

// TestWaitsForKafka starts the broker only when the command waits for it.
func TestWaitsForKafka(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	stderr := &onceTold{text: "waiting up to 1m0s for Kafka"}
	stderr.do = func() {
		c, err := kfake.NewCluster(kfake.Ports(port))
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(c.Close)
	}
	cmd := newCommand()
	cmd.SetErr(stderr)
	cmd.SetArgs([]string{"--bootstrap-servers", fmt.Sprintf("127.0.0.1:%d", port), "--create-topic", "--events", "10", "--wait", "1m"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out := stderr.String(); stderr.do != nil || !strings.Contains(out, "wrote 10 records") {
		t.Errorf("it did not wait, or wrote nothing: %s", out)
	}
}

// lineCounter cancels after so many lines.
type lineCounter struct {
	after  int
	cancel context.CancelFunc
	lines  int
}

func (l *lineCounter) Write(b []byte) (int, error) {
	if l.lines += bytes.Count(b, []byte("\n")); l.lines >= l.after {
		l.cancel()
	}
	return len(b), nil
}

// TestStopReportsWhatWasWritten holds that an interrupted run writes out what
// it has begun, counts all of it, and is no failure.
func TestStopReportsWhatWasWritten(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &lineCounter{after: 500, cancel: cancel}
	var stderr bytes.Buffer
	cmd := newCommand()
	cmd.SetOut(out)
	cmd.SetErr(&stderr)
	cmd.SetArgs([]string{"--stdout"})
	if err := cmd.ExecuteContext(ctx); err != nil {
		t.Fatal(err)
	}
	if out.lines < 500 || !strings.Contains(strings.ReplaceAll(stderr.String(), ",", ""), fmt.Sprintf("wrote %d records ", out.lines)) {
		t.Errorf("%d lines, but the report is: %s", out.lines, stderr.String())
	}
}

// TestInterrupt sends SIGINT to the real command while it writes.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "auditgen") // by which TestMain knows the command
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), name, "--stdout", "--rate", "200")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, stderr.String())
	}
	n := 1 + bytes.Count(rest, []byte("\n"))
	if !strings.Contains(stderr.String(), fmt.Sprintf("auditgen: wrote %d record", n)) {
		t.Errorf("%d lines, but the report is: %s", n, stderr.String())
	}
}
