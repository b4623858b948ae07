package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"auditlog-forwarder/pkg/alerts/deploy"
)

// coloured reports whether colours can be seen and are wanted.
func coloured(w io.Writer) bool {
	f, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// planPrinter writes a plan for people and keeps the first error.
type planPrinter struct {
	w       io.Writer
	colours bool
	err     error
}

// line writes a line; its mark decides about the colour.
func (p *planPrinter) line(mark, text string) {
	if p.err != nil {
		return
	}
	if colour := map[string]string{"+": "32", "-": "31", "~": "33", "!": "35"}[mark]; p.colours && colour != "" {
		text = "\x1b[" + colour + "m" + text + "\x1b[0m"
	}
	_, p.err = fmt.Fprintln(p.w, text)
}

// contextLines are shown around a change of a text.
const contextLines = 2

func (p *planPrinter) plan(plan deploy.Plan, all bool) {
	where := plan.URL
	if plan.Version != "" {
		where += ", Splunk " + plan.Version
	}
	p.line("", fmt.Sprintf("%s, app %s, owner %s", where, plan.App, plan.Owner))
	for _, item := range plan.Items {
		quiet := item.Action == deploy.Same && len(item.Kept) == 0
		if !quiet || all {
			p.item(item)
		}
	}
	p.line("", planSum(plan))
}

func (p *planPrinter) item(i deploy.Item) {
	mark := map[deploy.Action]string{
		deploy.Create: "+", deploy.Change: "~", deploy.Rename: "~", deploy.Wait: "!", deploy.Same: "=", deploy.Foreign: "!", deploy.Orphan: "!", deploy.Remove: "-",
	}[i.Action]
	p.line(mark, fmt.Sprintf("%s %-7s %s  %s", mark, i.Action, i.Kind, i.Name))
	if i.Reason != "" {
		p.line("", "    "+i.Reason)
	}
	if i.Action == deploy.Change || i.Action == deploy.Rename {
		for _, e := range i.Changes {
			p.edit(e)
		}
	}
	for _, k := range i.Kept {
		if strings.Contains(k.Kept+k.Catalogue, "\n") {
			p.line("", fmt.Sprintf("    kept %s, as it was changed in Splunk", k.Key))
			continue
		}
		p.line("", fmt.Sprintf("    kept %s: %s (the catalogue has %s)", k.Key, quoted(k.Kept), quoted(k.Catalogue)))
	}
}

func (p *planPrinter) edit(e deploy.Edit) {
	if !strings.Contains(e.Old+e.New, "\n") {
		p.line("", fmt.Sprintf("    %s: %s -> %s", e.Key, quoted(e.Old), quoted(e.New)))
		return
	}
	p.line("", "    "+e.Key+":")
	lines := deploy.Lines(e.Old, e.New)
	skipped := false
	for n, l := range lines {
		if !nearChange(lines, n) {
			if !skipped {
				p.line("", "      ...")
			}
			skipped = true
			continue
		}
		skipped = false
		p.line(strings.TrimSpace(l[:1]), "      "+l)
	}
}

// nearChange reports whether a line differs, or stands beside one that does.
func nearChange(lines []string, at int) bool {
	for n := max(0, at-contextLines); n < min(len(lines), at+contextLines+1); n++ {
		if lines[n][0] != ' ' {
			return true
		}
	}
	return false
}

func quoted(v string) string {
	if v == "" {
		return "nothing"
	}
	return v
}

// planSum counts.
func planSum(p deploy.Plan) string {
	parts := []string{}
	for _, c := range []struct {
		action deploy.Action
		text   string
	}{
		{deploy.Create, "to create"},
		{deploy.Change, "to change"},
		{deploy.Rename, "to rename"},
		{deploy.Wait, "to rename later"},
		{deploy.Remove, "to remove"},
		{deploy.Same, "the same"},
		{deploy.Foreign, "not ours"},
		{deploy.Orphan, "not in the catalogue any more"},
	} {
		if n := p.Count(c.action); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, c.text))
		}
	}
	kept := 0
	for _, i := range p.Items {
		if len(i.Kept) > 0 {
			kept++
		}
	}
	if kept > 0 {
		parts = append(parts, fmt.Sprintf("%d with changes of users that are kept", kept))
	}
	if p.Pending() == 0 {
		parts = append([]string{"nothing to do"}, parts...)
	}
	return strings.Join(parts, ", ")
}
