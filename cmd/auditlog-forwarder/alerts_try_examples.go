package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
)

// provedAlert is what an alert's examples show.
type provedAlert struct {
	Alert    string          `json:"alert"`
	Right    bool            `json:"right"`
	Fires    share           `json:"fires"`  // of the examples that must fire
	Silent   share           `json:"silent"` // of those that must not
	Examples []provedExample `json:"examples"`
	Missing  string          `json:"missing,omitempty"`
}

// share is how many of some examples are right.
type share struct {
	Right int `json:"right"`
	Of    int `json:"of"`
}

func (s share) String() string { return fmt.Sprintf("%d/%d", s.Right, s.Of) }

type provedExample struct {
	Name     string   `json:"name"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Fires    bool     `json:"fires"` // as the example says
	Fired    int      `json:"fired"`
	Messages []string `json:"messages"`
}

func (e provedExample) right() bool { return e.Fires == (e.Fired > 0) }

// maxMessages bounds those that are printed of an example.
const maxMessages = 5

// examples runs alerts over their examples.
func (f *alertTestFlags) examples(cmd *cobra.Command, list []*alerts.Alert) error {
	all, wrong := []provedAlert{}, 0
	for _, a := range list {
		p, err := prove(a)
		if err != nil {
			return err
		}
		if !p.Right {
			wrong++
		}
		all = append(all, p)
	}
	var err error
	if f.format.value == "json" {
		err = printJSON(cmd.OutOrStdout(), all)
	} else {
		err = printProved(cmd.OutOrStdout(), all, f.show)
	}
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if wrong > 0 {
		return &exitError{
			code: exitRunning, err: fmt.Errorf("the examples do not prove %d of %s", wrong, plural(len(list), "alert")),
			hint: "change the rule or the example; --alert NAME --show prints what fires",
		}
	}
	return nil
}

func prove(a *alerts.Alert) (provedAlert, error) {
	outcomes, err := firing.TryExamples(a, alerts.Subjects())
	if err != nil {
		return provedAlert{}, err
	}
	p := provedAlert{Alert: a.Name, Right: true, Examples: []provedExample{}}
	for _, o := range outcomes {
		e := provedExample{Name: o.Example.Name, File: a.Rule.File, Line: o.Example.Line, Fires: o.Example.Fires, Fired: len(o.Firings), Messages: []string{}}
		for _, one := range o.Firings[:min(maxMessages, len(o.Firings))] {
			e.Messages = append(e.Messages, one.Message)
		}
		s := &p.Silent
		if e.Fires {
			s = &p.Fires
		}
		if s.Of++; e.right() {
			s.Right++
		}
		p.Right = p.Right && e.right()
		p.Examples = append(p.Examples, e)
	}
	switch {
	case p.Fires.Of == 0:
		p.Right, p.Missing = false, "it has no example that fires"
	case p.Silent.Of == 0:
		p.Right, p.Missing = false, "it has no example that does not fire"
	}
	return p, nil
}

func printProved(w io.Writer, all []provedAlert, show bool) error {
	p := &trialPrinter{w: w}
	rows, examples := [][]string{{"ALERT", "FIRES", "SILENT", ""}}, 0
	for _, a := range all {
		remark := ""
		if !a.Right {
			remark = "WRONG"
		}
		rows = append(rows, []string{a.Alert, a.Fires.String(), a.Silent.String(), remark})
		examples += len(a.Examples)
	}
	p.table(rows)
	p.line("%s, %s", plural(len(all), "alert"), plural(examples, "example"))
	for _, a := range all {
		p.proved(a, show)
	}
	return p.err
}

func (p *trialPrinter) proved(a provedAlert, show bool) {
	if a.Right && !show {
		return
	}
	p.line("\n%s", a.Alert)
	if a.Missing != "" {
		p.line("  %s", a.Missing)
	}
	for _, e := range a.Examples {
		said := "fires"
		if e.Fired == 0 {
			said = "does not fire"
		}
		switch {
		case !e.right():
			p.line("  WRONG: %q %s (%s:%d)", e.Name, said, e.File, e.Line)
		case show:
			p.line("  %q %s", e.Name, said)
		default:
			continue
		}
		for _, m := range e.Messages {
			p.line("    %s", m)
		}
		if more := e.Fired - len(e.Messages); more > 0 {
			p.line("    and %d more", more)
		}
	}
}
