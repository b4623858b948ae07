package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"auditlog-forwarder/pkg/app"
)

// trialPrinter writes a report for people and keeps the first error.
type trialPrinter struct {
	w   io.Writer
	err error
}

func (p *trialPrinter) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// table writes rows with aligned columns.
func (p *trialPrinter) table(rows [][]string) {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(t, strings.Join(row, "\t")) // a Builder takes all
	}
	_ = t.Flush()
	for line := range strings.Lines(text.String()) {
		p.line("%s", strings.TrimRight(line, " \n"))
	}
}

func printTrial(w io.Writer, r app.FilterReport, show string) error {
	p := &trialPrinter{w: w}
	count := func(name string, events, bytes int64, remark string) []string {
		share := "-"
		if r.Read.Bytes > 0 {
			share = fmt.Sprintf("%.1f%%", 100*float64(bytes)/float64(r.Read.Bytes))
		}
		return []string{name, humanize.Comma(events), humanize.Bytes(uint64(bytes)), share, remark}
	}
	if len(r.Rules) > 0 {
		rows := [][]string{{"RULE", "EVENTS", "BYTES", "SHARE", "ACTION"}}
		for _, c := range r.Rules {
			rows = append(rows, count(c.Rule, c.Events, c.Bytes, string(c.Action)))
		}
		p.table(rows)
		p.line("")
	}
	rows := [][]string{{"EVENTS", "NUMBER", "BYTES", "SHARE", ""}, count("read", r.Read.Events, r.Read.Bytes, "")}
	if r.NoEvents.Events > 0 {
		rows = append(rows, count("no events", r.NoEvents.Events, r.NoEvents.Bytes, "go to the dead letters"))
	}
	rows = append(rows,
		count("dropped", r.Dropped.Events, r.Dropped.Bytes, ""),
		count("summed up", r.Summarised.Events, r.Summarised.Bytes, ""),
		count("summaries", r.Summaries.Events, r.Summaries.Bytes, "sent in their place"),
		count("sent", r.Sent.Events, r.Sent.Bytes, fmt.Sprintf("%s untouched, %s redacted", humanize.Comma(r.Untouched.Events), humanize.Comma(r.Redacted.Events))))
	p.table(rows)
	if len(r.Routes) > 0 {
		p.line("")
		rows := [][]string{{"ROUTED TO", "EVENTS", "BYTES", "SHARE", ""}}
		for _, c := range r.Routes {
			rows = append(rows, count(routeText(c.Index, c.Source, c.Sourcetype, c.Host), c.Events, c.Bytes, ""))
		}
		p.table(rows)
	}
	p.line("")
	p.saved(r)
	p.examples(r, show)
	return p.err
}

func routeText(index, source, sourcetype, host string) string {
	var parts []string
	for _, v := range [][2]string{{"index", index}, {"source", source}, {"sourcetype", sourcetype}, {"host", host}} {
		if v[1] != "" {
			parts = append(parts, v[0]+"="+v[1])
		}
	}
	return strings.Join(parts, " ")
}

func (p *trialPrinter) saved(r app.FilterReport) {
	if r.Read.Bytes == 0 {
		return
	}
	p.line("The rules save %s of %s of the licence (%.1f%%).", signed(r.SavedBytes), humanize.Bytes(uint64(r.Read.Bytes)), 100*float64(r.SavedBytes)/float64(r.Read.Bytes))
	span := r.Last.Sub(r.First).Round(time.Second)
	if r.PerDay == nil {
		p.line("The events span %s, too little to tell what a day comes to.", span)
		return
	}
	p.line("The events span %s; a day like that has %s, of which %s are sent and %s saved.", span,
		humanize.Bytes(uint64(r.PerDay.ReadBytes)), humanize.Bytes(uint64(r.PerDay.SentBytes)), signed(r.PerDay.SavedBytes))
}

// signed writes a number of bytes that may be below 0: summaries of single
// events are larger than these.
func signed(n int64) string {
	if n < 0 {
		return "-" + humanize.Bytes(uint64(-n))
	}
	return humanize.Bytes(uint64(n))
}

func (p *trialPrinter) examples(r app.FilterReport, show string) {
	if show == "" {
		return
	}
	p.line("\nExamples of %q:", show)
	if len(r.Examples) == 0 {
		p.line("none of the events")
	}
	for _, e := range r.Examples {
		p.line("before: %s", e.Before)
		switch {
		case e.After == "" && len(e.Key) > 0:
			p.line("summed up by: %s", strings.Join(e.Key, " "))
		case e.After == "":
			p.line("after:  not sent")
		case e.After == e.Before:
			p.line("after:  the same")
		default:
			p.line("after:  %s", e.After)
		}
		if e.Route != nil {
			p.line("to:     %s", routeText(e.Route.Index, e.Route.Source, e.Route.Sourcetype, e.Route.Host))
		}
	}
}
