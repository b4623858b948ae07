package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// compareAll compares, rule by rule, and writes a table.
func compareAll(out io.Writer, list []*sigma.Rule, theirs map[string]string) error {
	events, err := numbered()
	if err != nil {
		return err
	}
	searched := spltest.Load(events, 0)
	var table, rest strings.Builder
	fmt.Fprintf(&table, "rule\tevents\tstream\tours\tpySigma\tnamed differences\n")
	reasons := map[string]int{}
	var wrong []error
	for _, r := range list {
		search, ok := theirs[r.ID]
		if !ok {
			return fmt.Errorf("%s: pySigma made no search of it", r.Title)
		}
		c, err := compareOne(r, search, events, searched)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Title, err)
		}
		wrong = append(wrong, c.wrong...)
		named := 0
		for reason, n := range c.named {
			named += n
			reasons[reason] += n
		}
		fmt.Fprintf(&table, "%s\t%d\t%d\t%d\t%d\t%d\n", r.Title, len(events), count(c.stream), count(c.ours), count(c.theirs), named)
	}
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(columns, table.String()); err != nil {
		return err
	}
	if err := columns.Flush(); err != nil {
		return err
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		n := reasons[reason]
		fmt.Fprintf(&rest, "\n%d answers differ: %s\n", n, reason)
	}
	if _, err := io.WriteString(out, rest.String()); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d answers differ for no named reason:\n%w", len(wrong), errors.Join(wrong[:min(len(wrong), 20)]...))
	}
	_, err = fmt.Fprintf(out, "\n%d rules, %d events: no other difference\n", len(list), len(events))
	return err
}

type comparison struct {
	stream, ours, theirs []bool
	named                map[string]int
	wrong                []error
}

func compareOne(r *sigma.Rule, search string, events []spltest.Event, searched *spltest.Loaded) (*comparison, error) {
	own, err := ours(r)
	if err != nil {
		return nil, err
	}
	c := &comparison{named: map[string]int{}}
	if c.stream, err = stream(r, events); err != nil {
		return nil, err
	}
	if c.ours, err = found(own, searched, len(events)); err != nil {
		return nil, fmt.Errorf("our search: %w", err)
	}
	var unknown []bool
	c.theirs, err = found(search, searched, len(events))
	if errors.Is(err, spltest.ErrUndocumented) {
		c.theirs, unknown, err = eachAlone(search, events)
	}
	if err != nil {
		return nil, fmt.Errorf("pySigma's search: %w\n%s", err, search)
	}
	for i := range events {
		if c.stream[i] != c.ours[i] {
			if reason := knownOfSplunk(r, events[i].Raw); reason != "" {
				c.named[reason]++
				continue
			}
			c.wrong = append(c.wrong, fmt.Errorf("%s: the stream says %v, our search %v: %.300s", r.Title, c.stream[i], c.ours[i], events[i].Raw))
		}
		if unknown != nil && unknown[i] {
			c.named[undocumented]++
			continue
		}
		if c.theirs[i] == c.ours[i] {
			continue
		}
		if reason := knownOfPySigma(r, events[i].Raw); reason != "" {
			c.named[reason]++
			continue
		}
		c.wrong = append(c.wrong, fmt.Errorf("%s: our search says %v, pySigma's %v: %.300s", r.Title, c.ours[i], c.theirs[i], events[i].Raw))
	}
	return c, nil
}

func count(list []bool) (n int) {
	for _, b := range list {
		if b {
			n++
		}
	}
	return n
}
