package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/term"
)

// console is a pseudo-terminal with the program behind it.
type console struct {
	t      *testing.T
	keys   *os.File // what is typed, and what is shown
	screen *os.File // the program's side
	shown  bytes.Buffer
	cmd    *exec.Cmd
	before term.State
	after  chan term.State // its modes when the program has ended
}

func startConsole(t *testing.T, args ...string) *console {
	t.Helper()
	c := &console{t: t, after: make(chan term.State, 1)}
	var err error
	if c.keys, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatalf("open a pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { _ = c.keys.Close() })
	var unlocked, number int32
	for request, value := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlocked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, c.keys.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
			t.Fatalf("prepare a pseudo-terminal: %v", errno)
		}
	}
	if c.screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatalf("open a pseudo-terminal: %v", err)
	}
	c.before = c.modes()
	// The guard decides nothing but when to give up.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c.cmd = exec.CommandContext(ctx, program, args...)
	c.cmd.Dir, c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = t.TempDir(), c.screen, c.screen, c.screen
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait() // the exit code tells
		c.after <- c.modes()
		_ = c.screen.Close() // ends who reads
	}()
	return c
}

// modes are the terminal's, such as whether it echoes.
func (c *console) modes() term.State {
	state, err := term.GetState(int(c.screen.Fd()))
	if err != nil {
		c.t.Error(err)
		return term.State{}
	}
	return *state
}

// until reads the screen until it shows a text; an empty one is its end.
func (c *console) until(text string) {
	c.t.Helper()
	some := make([]byte, 1024)
	for text == "" || !strings.Contains(c.shown.String(), text) {
		n, err := c.keys.Read(some)
		c.shown.Write(some[:n])
		switch {
		case err != nil && text != "":
			c.t.Fatalf("%v, and the screen has no %q:\n%s", err, text, c.shown.String())
		case err != nil:
			return
		}
	}
}

func (c *console) press(keys string) {
	c.t.Helper()
	if _, err := c.keys.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// TestInitAsks types answers, and stops at each kind of question: one interrupt is
// enough, and the terminal is as it was.
func TestInitAsks(t *testing.T) {
	t.Parallel()
	const broker, key, secret, splunk, token = "Broker of", "API key of", "Its secret", "Splunk's HTTP", "HEC token"
	const interrupt, kill = "\x03", "kill"
	const done, stopped = "auditlog-forwarder check --config config.yaml", "interrupted; nothing was written"
	type step struct{ question, keys string }
	for _, tt := range []struct {
		name  string
		steps []step
		code  int
		end   string // on the screen
		files []string
	}{
		{"to the end", []step{
			{broker, "broker.example.com:9092\r"},
			{key, "KEY\r"},
			{secret, "S3CRET\r"},
			{splunk, "https://splunk.example.com:8088\r"},
			{"Index", "\r"},
			{token, "wrong\x15T0KEN\r"},
		}, 0, done, []string{"config.yaml", "secrets/hec-token", "secrets/kafka-sasl-password"}},
		{"several answers pasted", []step{
			{broker, "broker.example.com:9092\rKEY\rS3CRET\rhttps://splunk.example.com:8088\r\rT0KEN\r"},
		}, 0, done, []string{"config.yaml", "secrets/hec-token", "secrets/kafka-sasl-password"}},
		{"interrupted at the first", []step{{broker, interrupt}}, 1, stopped, nil},
		{"interrupted within an answer", []step{{broker, "b\r"}, {key, "KE" + interrupt}}, 1, stopped, nil},
		{"interrupted at a secret", []step{{broker, "b\r"}, {key, "KEY\r"}, {secret, "S3CR" + interrupt}}, 1, stopped, nil},
		{"terminated at a secret", []step{{broker, "b\r"}, {key, "KEY\r"}, {secret, kill}}, 1, stopped, nil},
		{"no secret", []step{
			{broker, "broker.example.com:9092\r"}, {key, "KEY\r"}, {secret, "\x04"}, {splunk, "https://splunk.example.com:8088\r"}, {"Index", "main\r"}, {token, "\r"},
		}, 0, done, []string{"config.yaml"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := startConsole(t, "init")
			for _, s := range tt.steps {
				c.until(s.question)
				if s.keys == kill {
					if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
						t.Fatal(err)
					}
					continue
				}
				c.press(s.keys)
			}
			c.until("")
			if !strings.Contains(c.shown.String(), tt.end) {
				t.Errorf("the screen ends without %q:\n%s", tt.end, c.shown.String())
			}
			after := <-c.after
			if got := c.cmd.ProcessState.ExitCode(); got != tt.code {
				t.Errorf("exit code %d, want %d", got, tt.code)
			}
			if after != c.before {
				t.Error("the terminal has other modes than before")
			}
			for _, hidden := range []string{"S3CR", "T0KEN"} {
				if tt.name != "several answers pasted" && strings.Contains(c.shown.String(), hidden) {
					t.Errorf("the screen shows %s", hidden)
				}
			}
			var files []string
			for _, pattern := range []string{"*.yaml", "secrets/*"} {
				found, _ := filepath.Glob(filepath.Join(c.cmd.Dir, pattern)) // the patterns are right
				for _, path := range found {
					files = append(files, strings.TrimPrefix(path, c.cmd.Dir+"/"))
				}
			}
			if diff := cmp.Diff(tt.files, files); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if len(tt.files) == 3 {
				if got, err := os.ReadFile(filepath.Join(c.cmd.Dir, "secrets/hec-token")); err != nil || string(got) != "T0KEN" {
					t.Errorf("the token is %q, %v", got, err)
				}
			}
		})
	}
}
