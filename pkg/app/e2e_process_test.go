package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for a state before it gives up. It decides
// nothing else.
const patience = 4 * time.Minute

// settings are configuration keys such as kafka.group_id with their values.
type settings map[string]string

// with returns a copy with more settings.
func (s settings) with(more settings) settings {
	all := settings{}
	for _, m := range []settings{s, more} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

// environ returns the whole environment of a process: nothing of this one's
// may decide what a test finds.
func (s settings) environ() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	for key, value := range s {
		env = append(env, "AUDITLOG_FORWARDER_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))+"="+value)
	}
	return env
}

// command runs the product to its end.
func command(t *testing.T, s settings, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, product(t), args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = s.environ(), t.TempDir(), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %v: %v", args, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// process is a running forwarder.
type process struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	admin string
	ended chan struct{} // closed when the process has ended and its log is read

	mu      sync.Mutex
	lines   []map[string]any // its log
	raw     []string         // what is no JSON
	changed chan struct{}    // closed and renewed with every line
}

// start runs the product; it is killed when the test ends. It returns when the
// admin server listens.
func start(t *testing.T, name string, s settings) *process {
	t.Helper()
	return startCommand(t, name, s, "run")
}

// startCommand does what start does with another command.
func startCommand(t *testing.T, name string, s settings, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, ended: make(chan struct{}), changed: make(chan struct{})}
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), product(t), args...)
	p.cmd.Env, p.cmd.Dir = s.with(settings{"admin.listen": "127.0.0.1:0"}).environ(), t.TempDir()
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.read(stderr)
		_ = p.cmd.Wait() // the tests look at the exit code
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.ended
		if t.Failed() {
			p.dump()
		}
	})
	p.admin, _ = p.line("admin server listens")["address"].(string)
	return p
}

func (p *process) read(r io.Reader) {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var line map[string]any
		err := json.Unmarshal(scan.Bytes(), &line)
		p.mu.Lock()
		if err != nil {
			p.raw = append(p.raw, scan.Text())
		} else {
			p.lines = append(p.lines, line)
		}
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// dump shows the end of the log.
func (p *process) dump() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines[max(0, len(p.lines)-40):] {
		text, _ := json.Marshal(line)
		p.t.Logf("%s: %s", p.name, text)
	}
	for _, line := range p.raw[max(0, len(p.raw)-40):] {
		p.t.Logf("%s: %s", p.name, line)
	}
}

// logged returns the lines with this message.
func (p *process) logged(msg string) (found []map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		if text, _ := line["msg"].(string); strings.HasPrefix(text, msg) {
			found = append(found, line)
		}
	}
	return found
}

// line waits for a line of the log that begins with msg, and returns the first.
func (p *process) line(msg string) map[string]any {
	p.t.Helper()
	guard := time.After(patience)
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		if found := p.logged(msg); len(found) > 0 {
			return found[0]
		}
		select {
		case <-changed:
		case <-p.ended:
			if found := p.logged(msg); len(found) > 0 {
				return found[0]
			}
			p.dump()
			p.t.Fatalf("%s has ended (%s) without logging %q", p.name, p.cmd.ProcessState, msg)
		case <-guard:
			p.dump()
			p.t.Fatalf("%s has not logged %q", p.name, msg)
		}
	}
}

func (p *process) signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("send %s to %s: %v", s, p.name, err)
	}
}

// wait returns the exit code; -1 after a signal that was not handled.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.dump()
		p.t.Fatalf("%s does not end", p.name)
		return -1
	}
}

// stop ends the process as an operator would, and wants exit code 0.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.wait(); code != 0 {
		p.dump()
		p.t.Errorf("%s: exit code %d after SIGTERM, want 0", p.name, code)
	}
}

// get asks the admin server.
func (p *process) get(path string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+p.admin+path, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// metric returns the sum of a metric's series, and how many there are; -1 of
// a process that does not answer.
func (p *process) metric(name string) (sum float64, series int) {
	_, text, err := p.get("/metrics")
	if err != nil {
		return 0, -1
	}
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		fields := strings.Fields(rest)
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			p.t.Errorf("%s: metric %s: %v", p.name, strings.TrimSpace(line), err)
		}
		sum += value
		series++
	}
	return sum, series
}

// owned returns the partitions that the process owns, by its own metrics.
func (p *process) owned() (partitions []int32) {
	_, text, err := p.get("/metrics")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "auditlog_forwarder_partition_owned{"); ok {
			_, rest, _ = strings.Cut(rest, `partition="`)
			number, _, _ := strings.Cut(rest, `"`)
			n, err := strconv.ParseInt(number, 10, 32)
			if err != nil {
				p.t.Errorf("%s: %s: %v", p.name, line, err)
			}
			partitions = append(partitions, int32(n))
		}
	}
	return partitions
}
