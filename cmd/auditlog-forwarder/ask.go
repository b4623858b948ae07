package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/importer"
)

// errInterrupted is what an answer is when somebody would rather stop.
var errInterrupted = errors.New("interrupted")

// asker asks on a terminal. The first signal ends the question that is open.
type asker struct {
	in    io.Reader
	keys  io.Reader // in, until ctx ends
	out   io.Writer
	on    bool
	lines *bufio.Reader
	err   error
}

func newAsker(ctx context.Context, in io.Reader, out io.Writer) *asker {
	a := &asker{in: in, keys: app.Stoppable(ctx, in), out: out}
	a.lines = bufio.NewReader(a.keys)
	return a
}

func (a *asker) terminal() bool {
	f, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// all asks for what is not known.
func (a *asker) all(s *importer.Start) error {
	if !a.on {
		return nil
	}
	a.text(&s.Bootstrap, "Broker of the audit log, host:port (confluent kafka cluster describe shows it): ")
	if !s.HasUser() {
		a.text(&s.APIKey, "API key of the audit log (empty: later): ")
	}
	if s.HasUser() && !s.HasPassword() {
		a.secret(s.KnowAPISecret, "Its secret (not shown; empty: later): ")
	}
	a.text(&s.URL, "Splunk's HTTP Event Collector, https://host:port: ")
	a.text(&s.Index, "Index (empty: the token's own): ")
	a.secret(s.KnowToken, "HEC token (not shown; empty: later): ")
	return a.err
}

func (a *asker) text(into *string, question string) {
	if *into != "" || a.err != nil {
		return
	}
	_, _ = fmt.Fprint(a.out, question)
	line, err := a.line()
	if a.failed(err) {
		_, _ = fmt.Fprintln(a.out)
		return
	}
	*into = strings.TrimSpace(line)
}

// line ends at a carriage return as well: what is pasted while the terminal gives
// keys has no other.
func (a *asker) line() (string, error) {
	var line []byte
	for {
		c, err := a.lines.ReadByte()
		if err != nil || c == '\n' || c == '\r' {
			return string(line), err
		}
		line = append(line, c)
	}
}

// secret takes the terminal over: with keys that come one by one the echo is off
// before anything is read, and on again when a signal ends the question. An
// interrupt is a key then, and no signal.
func (a *asker) secret(into func(string), question string) {
	f, ok := a.in.(*os.File)
	if !ok || a.err != nil {
		return
	}
	before, err := term.MakeRaw(int(f.Fd()))
	if a.failed(err) {
		return
	}
	defer func() { a.failed(term.Restore(int(f.Fd()), before)) }()
	keys := &interruptible{in: a.lines}
	answer, err := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{keys, a.out}, "").ReadPassword(question)
	if keys.interrupted {
		err = errInterrupted
	}
	if err != nil {
		_, _ = io.WriteString(a.out, "\r\n")
	}
	if !a.failed(err) {
		into(strings.TrimSpace(answer))
	}
}

// failed keeps the first error. The end of what is typed is none.
func (a *asker) failed(err error) bool {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return false
	case a.err != nil:
	case errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted):
		a.err = errInterrupted
	default:
		a.err = fmt.Errorf("read an answer: %w", err)
	}
	return true
}

// interruptible notes the key that would be a signal outside of raw mode. It gives
// one byte at a time, so that whoever reads a line leaves the next one where it is.
type interruptible struct {
	in          io.Reader
	interrupted bool
}

// Read implements io.Reader.
func (i *interruptible) Read(p []byte) (int, error) {
	n, err := i.in.Read(p[:min(1, len(p))])
	i.interrupted = i.interrupted || bytes.IndexByte(p[:n], 3) >= 0
	return n, err
}
