package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// program is the name by which auditbench starts itself.
	program = "auditbench"
	// envPrefix begins every variable that configures the forwarder.
	envPrefix = "AUDITLOG_FORWARDER_"
	// killAfter is how long a child has to end once it was told to.
	killAfter = 30 * time.Second
	// logLines are quoted of the log of a child that went wrong.
	logLines = 20
)

// helper is a child that serves the run and is not measured.
type helper struct {
	cmd   *exec.Cmd
	stdin io.Closer
	log   string
}

// startHelper starts auditbench as one of its hidden commands and waits until
// it says that it is ready. It ends when close is called or auditbench dies,
// since both close its standard input.
func startHelper(ctx context.Context, dir string, ready any, args ...string) (_ *helper, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find auditbench's own file: %w", err)
	}
	h := &helper{cmd: exec.CommandContext(ctx, self), log: filepath.Join(dir, args[0]+".log")}
	h.cmd.Args = append([]string{program}, args...)
	log, err := os.Create(h.log)
	if err != nil {
		return nil, fmt.Errorf("start auditbench %s: %w", args[0], err)
	}
	defer func() { err = errors.Join(err, log.Close()) }() // the child has its own
	h.cmd.Stderr = log
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start auditbench %s: %w", args[0], err)
	}
	stdout, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start auditbench %s: %w", args[0], err)
	}
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start auditbench %s: %w", args[0], err)
	}
	if err := json.NewDecoder(stdout).Decode(ready); err != nil {
		err = errors.Join(fmt.Errorf("auditbench %s did not become ready: %w", args[0], err), h.close())
		return nil, fmt.Errorf("%w%s", err, tail(h.log))
	}
	return h, nil
}

// close ends the helper.
func (h *helper) close() error {
	err := h.stdin.Close()
	if werr := h.cmd.Wait(); werr != nil {
		err = errors.Join(err, fmt.Errorf("auditbench %s: %w", h.cmd.Args[1], werr))
	}
	return err
}

// measured is the child whose work is counted.
type measured struct {
	cmd    *exec.Cmd
	stdout string // files
	stderr string
	exited chan struct{} // closed when err is set
	err    error
}

// startMeasured starts a command, which goes by name, in dir. The environment
// is ours without the forwarder's variables, and env.
func startMeasured(ctx context.Context, dir, path, name string, args, env []string) (_ *measured, err error) {
	m := &measured{
		cmd: exec.CommandContext(ctx, path), exited: make(chan struct{}),
		stdout: filepath.Join(dir, "stdout"), stderr: filepath.Join(dir, "stderr"),
	}
	m.cmd.Args = append([]string{name}, args...)
	m.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, envPrefix) }), env...)
	m.cmd.Cancel = func() error { return m.cmd.Process.Signal(syscall.SIGTERM) }
	m.cmd.WaitDelay = killAfter
	// Files and no pipes: nothing of ours runs for the child.
	for _, f := range []struct {
		path string
		to   *io.Writer
	}{{m.stdout, &m.cmd.Stdout}, {m.stderr, &m.cmd.Stderr}} {
		file, err := os.Create(f.path)
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", path, err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		*f.to = file
	}
	if err := m.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	go func() {
		m.err = m.cmd.Wait()
		close(m.exited)
	}()
	return m, nil
}

// stop ends the child as its operator would, and waits.
func (m *measured) stop() error {
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", m.cmd.Path, err)
	}
	kill := time.AfterFunc(killAfter, func() { _ = m.cmd.Process.Kill() }) // it may have ended just now
	defer kill.Stop()
	<-m.exited
	if m.err != nil {
		return fmt.Errorf("%s after SIGTERM: %w%s", m.cmd.Args[0], m.err, tail(m.stderr))
	}
	return nil
}

// usage is what a process has taken.
type usage struct {
	user, system time.Duration
	peak         int64 // resident bytes
}

// usage reads what wait4 told of the ended child.
func (m *measured) usage() (usage, error) {
	ru, ok := m.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return usage{}, errors.New("this system does not tell what a process has used")
	}
	return usage{user: m.cmd.ProcessState.UserTime(), system: m.cmd.ProcessState.SystemTime(), peak: maxRSS(ru)}, nil
}

// ownPeak is auditbench's own peak memory. Linux counts it into that of each
// child, which shares its parent's memory until it executes its own program:
// below it, a child's peak cannot be seen. So the broker and its events are
// kept out of this process.
func ownPeak() int64 {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return 0
	}
	return maxRSS(&ru)
}

// maxRSS returns bytes; only Darwin counts them, others count KiB.
func maxRSS(ru *syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" {
		return ru.Maxrss
	}
	return ru.Maxrss << 10
}

// tail returns the last lines of a child's log, to stand behind an error.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\nthe end of its log:\n  " + strings.Join(lines[max(0, len(lines)-logLines):], "\n  ")
}

// writeJSON writes a value in one line.
func writeJSON(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
