package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"auditlog-forwarder/pkg/alerts/firing"
	"auditlog-forwarder/pkg/app"
)

// printAlertTrial writes which alerts would have fired: a table with the noisiest
// first, what each was about, and what it would have cost.
func printAlertTrial(w io.Writer, r app.AlertReport) error {
	p := &trialPrinter{w: w}
	if r.Events == 0 { // then nothing can be told of any alert
		p.cost(r, nil)
		return p.err
	}
	all := slices.Clone(r.Alerts)
	slices.SortStableFunc(all, func(a, b *firing.Verdict) int {
		if a.Judged != b.Judged {
			return strings.Compare(strconv.FormatBool(b.Judged), strconv.FormatBool(a.Judged))
		}
		return cmp.Or(cmp.Compare(b.Fired, a.Fired), cmp.Compare(b.Rows, a.Rows))
	})
	rows := [][]string{{"ALERT", "LEVEL", "EVENTS", "MESSAGES", "A DAY", "MOST A DAY", "FIRST", "LAST"}}
	for _, v := range all {
		rows = append(rows, verdictRow(v))
	}
	p.table(rows)
	for _, v := range all {
		p.verdict(v)
	}
	p.notes(all)
	p.cost(r, all)
	return p.err
}

func verdictRow(v *firing.Verdict) []string {
	row := []string{v.Alert, v.Level, humanize.Comma(v.Matched), humanize.Comma(v.Fired), perDay(v.PerDay), "-", "-", "-"}
	if !v.Judged {
		return []string{v.Alert, v.Level, humanize.Comma(v.Matched), "not judged"}
	}
	if v.Fired > 0 {
		row[5], row[6], row[7] = humanize.Comma(most(v)), stamp(*v.First), stamp(*v.Last)
	}
	return row
}

// most is the number of messages on the day that had the most.
func most(v *firing.Verdict) (n int64) {
	for _, count := range v.Days {
		n = max(n, count)
	}
	return n
}

func perDay(n *float64) string {
	switch {
	case n == nil:
		return "?"
	case *n == 0:
		return "0"
	case *n < 0.1:
		return "<0.1"
	}
	return humanize.FormatFloat("#,###.#", *n)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// verdict tells what an alert would have been about.
func (p *trialPrinter) verdict(v *firing.Verdict) {
	if !v.Judged || v.Fired == 0 {
		return
	}
	extra := ""
	if v.Rows != v.Fired {
		extra = fmt.Sprintf(" with %s", countOf(v.Rows, "row"))
	}
	if v.Suppressed > 0 {
		extra += fmt.Sprintf("; suppress kept %s silent", countOf(v.Suppressed, "row"))
	}
	p.line("\n%s: %s%s", v.Alert, countOf(v.Fired, "message"), extra)
	for _, g := range v.Groups {
		about := subjectText(g.Subjects)
		if about == "" {
			about = "all of them"
		}
		events := ""
		if g.Events != g.Rows {
			events = fmt.Sprintf(" (%s)", countOf(g.Events, "event"))
		}
		p.line("  %s × %s%s, the last %s UTC", humanize.Comma(g.Rows), about, events, stamp(g.Last))
		if g.Message != "" {
			p.line("      %s", g.Message)
		}
		if g.Sample != "" {
			p.line("      %s", g.Sample)
		}
	}
	if v.MoreGroups > 0 {
		p.line("  %s × others", humanize.Comma(v.MoreGroups))
	}
}

// subjectText writes the subjects that there are.
func subjectText(subjects map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(subjects)) {
		if subjects[name] != firing.Unknown {
			parts = append(parts, name+"="+subjects[name])
		}
	}
	return strings.Join(parts, " ")
}

// notes writes what verdicts leave open, each once for all alerts that have it.
func (p *trialPrinter) notes(all []*firing.Verdict) {
	var order []string
	names := map[string][]string{}
	for _, v := range all {
		for _, note := range v.Notes {
			if names[note] == nil {
				order = append(order, note)
			}
			names[note] = append(names[note], v.Alert)
		}
	}
	for i, note := range order {
		if i == 0 {
			p.line("")
		}
		p.line("%s: %s", someOf(names[note]), note)
	}
}

// someOf writes names, and of many the first ones.
func someOf(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(names[:most-1], ", "), len(names)-most+1)
}

// cost tells what all of it comes to.
func (p *trialPrinter) cost(r app.AlertReport, all []*firing.Verdict) {
	if r.Events > 0 {
		p.line("")
	}
	if r.Unreadable > 0 {
		p.line("%s not read:", areEvents(r.Unreadable))
		for _, named := range r.Named {
			p.line("  %s", named)
		}
		if more := r.Unreadable - int64(len(r.Named)); more > 0 {
			p.line("  and %s more", humanize.Comma(more))
		}
	}
	if r.Events == 0 {
		return
	}
	fired := 0
	var noisy []string
	for _, v := range all {
		if v.Judged && v.Fired > 0 {
			fired++
			if v.PerDay != nil && len(noisy) < 3 {
				noisy = append(noisy, fmt.Sprintf("%s (%s)", v.Alert, perDay(v.PerDay)))
			}
		}
	}
	p.line("%s in %s, from %s to %s (UTC).", countOf(r.Events, "event"), spanText(r.To.Sub(r.From)), stamp(r.From), stamp(r.To))
	if fired == 0 {
		p.line("None of the alerts would have fired.")
		return
	}
	p.line("%s would have sent %s.", countOf(int64(fired), "alert"), countOf(r.Fired, "message"))
	if r.PerDay == nil {
		p.line("That is too little time to tell what a day comes to.")
		return
	}
	p.line("A day like that has %s messages; most of them from %s.", perDay(r.PerDay), strings.Join(noisy, ", "))
}

func spanText(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
	return d.Round(time.Second).String()
}

func areEvents(n int64) string {
	if n == 1 {
		return "1 value was"
	}
	return humanize.Comma(n) + " values were"
}

func countOf(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return humanize.Comma(n) + " " + thing + "s"
}
