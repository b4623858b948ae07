package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// settings are configuration keys such as kafka.group_id with their values.
type settings map[string]string

// environ returns a process's whole environment: nothing of ours may decide
// what a run finds.
func (s settings) environ() []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	for _, key := range slices.Sorted(maps.Keys(s)) {
		env = append(env, "AUDITLOG_FORWARDER_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))+"="+s[key])
	}
	return env
}

// process is a running forwarder. Its log goes to a file, and its lines to
// whoever waits for one.
type process struct {
	cmd   *exec.Cmd
	log   string
	up    <-chan struct{} // closed when it handles signals
	ended chan struct{}   // closed when it has ended and its log is read

	mu      sync.Mutex
	waiting map[string]chan struct{} // closed when a line has held the text
}

// startProcess starts the product in a folder of its own.
func startProcess(ctx context.Context, binary, dir, name string, s settings) (*process, error) {
	p := &process{log: filepath.Join(dir, name+".log"), ended: make(chan struct{}), waiting: map[string]chan struct{}{}}
	p.up = p.watch(saysUp)
	p.watch(saysAssigned)
	p.watch(saysRefused)
	file, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	// It must outlive the context of a run that is given up, whose end kills it.
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), binary, "run")
	p.cmd.Env, p.cmd.Dir, p.cmd.SysProcAttr = s.environ(), dir, childAttr()
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), file.Close())
	}
	started := make(chan error)
	go func() {
		defer close(p.ended)
		defer lockThread()() // see childAttr
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.read(stderr, file)
			_ = p.cmd.Wait() // whoever waits looks at the exit code
		}
		_ = file.Close() // it is for people
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// read copies the log, line by line.
func (p *process) read(from io.Reader, to io.Writer) {
	scan := bufio.NewScanner(from)
	scan.Buffer(nil, 4<<20)
	for scan.Scan() {
		_, _ = fmt.Fprintln(to, scan.Text()) // as for Close
		p.mu.Lock()
		for text, found := range p.waiting {
			if strings.Contains(scan.Text(), text) && !closed(found) {
				close(found)
			}
		}
		p.mu.Unlock()
	}
}

// What is waited for in a log, noted from a process's first line on.
const (
	saysUp       = "admin server listens"
	saysAssigned = "partitions assigned"
	saysRefused  = "dead letters cannot be stored"
)

// watch returns a channel that is closed when a line holds the text: one to come,
// or of those above any.
func (p *process) watch(text string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting[text] == nil {
		p.waiting[text] = make(chan struct{})
	}
	return p.waiting[text]
}

// isUp waits until the process handles signals; false if it does not come to
// that.
func (p *process) isUp(patience time.Duration) bool {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-p.up:
	case <-p.ended:
	case <-limit.C:
	}
	return !p.over() && limit.Stop()
}

// over reports whether the process has ended.
func (p *process) over() bool { return closed(p.ended) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (p *process) signal(s os.Signal) {
	_ = p.cmd.Process.Signal(s) // it fails only if the process has ended
}

// kill ends the process at once and waits.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

// stop ends the process as an operator would and returns what is wrong with
// how it ended.
func (p *process) stop(patience time.Duration) error {
	if !p.isUp(patience) {
		p.kill()
		return fmt.Errorf("it has ended by itself, or was not up %s after its start", patience)
	}
	p.signal(syscall.SIGTERM)
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-p.ended:
	case <-limit.C:
		p.kill()
		return fmt.Errorf("it has not ended %s after SIGTERM", patience)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	return nil
}
