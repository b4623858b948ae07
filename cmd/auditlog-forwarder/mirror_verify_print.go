package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"auditlog-forwarder/pkg/app"
)

// printVerification prints a line for each partition, and below it what was
// found.
func printVerification(w io.Writer, r *app.MirrorReport) error {
	var errs []error
	put := func(w io.Writer, format string, args ...any) {
		_, err := fmt.Fprintf(w, format, args...)
		errs = append(errs, err)
	}
	put(w, "source  %s at %s\ncopy    %s at %s\nends    as of %s\n\n", r.Source.Topic, strings.Join(r.Source.Servers, ","),
		r.Destination.Topic, strings.Join(r.Destination.Servers, ","), r.Started.Format(time.RFC3339))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	put(table, "PARTITION\tSOURCE\tCOPY\tSAME\tMISSING\tDOUBLED\tCHANGED\tEXTRA\tOUT OF ORDER\tNOT YET\tRESULT\n")
	line := func(name string, c app.MirrorCounts, v app.MirrorVerdict) {
		put(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", name, c.Source, c.Destination, c.Same,
			c.Missing, c.Doubled, c.Changed, c.Extra, c.OutOfOrder, c.NotCopied, words(v))
	}
	for _, p := range r.Partitions {
		line(fmt.Sprint(p.Partition), p.Counts, p.Verdict)
	}
	line("all", r.Total, r.Verdict)
	errs = append(errs, table.Flush())

	for _, note := range r.Notes {
		put(w, "\nnote: %s\n", note)
	}
	for _, p := range r.Partitions {
		if len(p.Findings)+len(p.Notes) == 0 && p.Error == "" {
			continue
		}
		put(w, "\npartition %d:\n", p.Partition)
		for _, note := range p.Notes {
			put(w, "  note: %s\n", note)
		}
		if p.Error != "" {
			put(w, "  error: %s\n", p.Error)
		}
		for _, f := range p.Findings {
			put(w, "  %s\n", describe(f))
		}
		if p.FindingsLeft > 0 {
			put(w, "  and %d more, which are not listed; see --findings\n", p.FindingsLeft)
		}
	}
	return errors.Join(errs...)
}

func words(v app.MirrorVerdict) string { return strings.ReplaceAll(string(v), "_", " ") }

// describe says a finding in a line.
func describe(f app.MirrorFinding) string {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(string(f.Kind), "_", " "))
	if f.What != "" {
		b.WriteString(" " + f.What)
	}
	fmt.Fprintf(&b, ": %s", plural(int(f.Count), "record"))
	for _, s := range []struct {
		name string
		span *app.MirrorSpan
	}{{"source", f.Source}, {"copy", f.Destination}, {"first copied to", f.FirstCopy}} {
		if s.span != nil {
			fmt.Fprintf(&b, ", %s %s", s.name, offsets(*s.span))
		}
	}
	if !f.Time.IsZero() {
		b.WriteString(", of " + f.Time.Format(time.RFC3339))
	}
	return b.String()
}

func offsets(s app.MirrorSpan) string {
	if s.First == s.Last {
		return fmt.Sprintf("offset %d", s.First)
	}
	return fmt.Sprintf("offsets %d to %d", s.First, s.Last)
}
