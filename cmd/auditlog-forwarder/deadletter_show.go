package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/deadletter"
)

func newDeadLetterShowCommand() *cobra.Command {
	var raw bool
	var number int
	format := &oneOf{value: "text", allowed: []string{"text", "json"}}
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one dead letter with all that is kept of it",
		Long: `Show one dead letter: where it is from, when and why it was kept, what Splunk
said and what to do about that, and the record's key, headers and body. The ID
is topic/partition/offset, as list prints it.

A record can be there more than once: it was stored again after a crash, or its
topic was made anew. All of them are shown, oldest first; --entry chooses one.

--raw writes the body to standard output byte for byte and nothing else. If
there are several with different bodies, it asks for --entry.

The exit code is 1 if there is no such dead letter, or if lines are damaged.`,
		Example: "  " + program + " deadletter show confluent-audit-log-events/3/4711\n" +
			"  " + program + " deadletter show confluent-audit-log-events/3/4711 --raw | jq .",
		Args: positional(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if number < 0 {
				return usageError(fmt.Errorf("--entry: %d is no number of an entry; 1 is the oldest", number), "")
			}
			if raw && cmd.Flags().Changed("output") {
				return usageError(errors.New("--raw and --output exclude each other"), "--raw writes the body and nothing else")
			}
			cfg, err := loadForListing(cmd)
			if err != nil {
				return err
			}
			dir, err := filepath.Abs(cfg.DeadLetter.Dir)
			if err != nil {
				return fmt.Errorf("dead_letter.dir: %w", err)
			}
			s := showing{id: args[0], number: number, json: format.value == "json", raw: raw, w: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr()}
			return s.show(dir)
		},
		ValidArgsFunction: completeIDs,
	}
	cmd.Flags().BoolVar(&raw, "raw", false, "only the body, byte for byte")
	cmd.Flags().IntVar(&number, "entry", 0, "of several with this ID, only this one; 1 is the oldest")
	cmd.Flags().VarP(format, "output", "o", "text or json")
	completeFormat(cmd, format)
	addConfigFlags(cmd, "dead_letter")
	return cmd
}

// showing prints the entries of one ID.
type showing struct {
	id        string
	number    int // 0: all
	json, raw bool
	w, stderr io.Writer

	found, shown int
	body         []byte // of --raw
	hasBody      bool
}

// errOtherBody ends --raw when it does not know which body is meant.
var errOtherBody = errors.New("several entries of this ID have different bodies")

func (s *showing) show(dir string) error {
	err := deadletter.Scan(dir, func(e deadletter.Entry, status deadletter.Status) error {
		if e.ID() != s.id {
			return nil
		}
		if s.found++; s.number != 0 && s.found != s.number {
			return nil
		}
		s.shown++
		switch {
		case s.raw:
			if s.shown > 1 && (!bytes.Equal(s.body, e.Record.Value) || s.hasBody != (e.Record.Value != nil)) {
				return errOtherBody
			}
			s.body, s.hasBody = e.Record.Value, e.Record.Value != nil
			return nil
		case s.json:
			return (&listing{all: true}).object(s.w, e, status)
		}
		return s.text(e, status)
	})
	if errors.Is(err, errOtherBody) {
		return &exitError{code: exitRunning, err: fmt.Errorf("%s: %w", s.id, err), hint: "--entry 1 is the oldest"}
	}
	damaged := damagedLines(s.stderr, err)
	if err != nil && damaged == 0 {
		return err
	}
	switch {
	case s.found == 0:
		return &exitError{
			code: exitRunning, err: fmt.Errorf("no dead letter %s in %s", s.id, dir),
			hint: "an ID is topic/partition/offset; " + program + " deadletter list --all shows them",
		}
	case s.shown == 0:
		return fmt.Errorf("--entry: there is no number %d; %s is there %s in %s", s.number, s.id, plural(s.found, "time"), dir)
	case s.raw && !s.hasBody:
		printLines(s.stderr, "", s.id+" has no body: it is a tombstone")
	case s.raw:
		if _, err := s.w.Write(s.body); err != nil {
			return err
		}
	}
	if damaged > 0 {
		return fmt.Errorf("there may be more of %s: %s of %s could not be read", s.id, plural(damaged, "line"), dir)
	}
	return nil
}

// text prints one entry for people. What comes from outside is stripped of
// what a terminal would obey.
func (s *showing) text(e deadletter.Entry, status deadletter.Status) error {
	var b bytes.Buffer
	if s.shown > 1 {
		b.WriteByte('\n')
	}
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-13s %s\n", name, text)
		}
	}
	r := e.Record
	line("id", printable(e.ID()))
	line("topic", printable(r.Topic))
	line("partition", fmt.Sprint(r.Partition))
	line("offset", fmt.Sprint(r.Offset))
	if !r.Timestamp.IsZero() {
		line("record time", r.Timestamp.UTC().Format(time.RFC3339Nano))
	}
	line("stored", e.StoredAt.UTC().Format(time.RFC3339Nano))
	line("status", string(status))
	line("reason", fmt.Sprintf("%s: %s", e.Reason, meaning(e.Reason)))
	line("detail", printable(e.Detail))
	if e.Code != 0 {
		line("splunk code", fmt.Sprint(e.Code))
	}
	line("splunk reply", printable(e.Reply))
	if status == deadletter.Pending {
		line("what to do", advice(e))
	}
	line("key", value(r.Key))
	for _, h := range r.Headers {
		line("header", value([]byte(h.Key))+" = "+value(h.Value))
	}
	if r.Value == nil {
		line("body", "none")
	} else {
		line("body", plural(len(r.Value), "byte"))
		b.WriteString(body(r.Value))
	}
	_, err := s.w.Write(b.Bytes())
	return err
}

// body is a record's value to be read: indented if it is JSON.
func body(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	var indented bytes.Buffer
	if json.Indent(&indented, text, "", "  ") == nil {
		text = indented.Bytes()
	}
	if !utf8.Valid(text) {
		return base64.StdEncoding.EncodeToString(text) + "\n(in base64, since it is no UTF-8)\n"
	}
	return strings.TrimSuffix(printable(string(text)), "\n") + "\n"
}

// value is a key or a header's value.
func value(b []byte) string {
	switch {
	case b == nil:
		return "none"
	case !utf8.Valid(b):
		return base64.StdEncoding.EncodeToString(b) + " (in base64, since it is no UTF-8)"
	case len(b) == 0:
		return `""`
	}
	return printable(string(b))
}

// printable writes runes that a terminal might obey as their number.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
}
