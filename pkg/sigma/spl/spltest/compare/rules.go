package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	catalogue "auditlog-forwarder/config/alerts"
	"auditlog-forwarder/pkg/filter"
	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

//go:embed probes.yml
var probes []byte

// rules reads the catalogue's rules, those of the filter presets and the
// probes, with each question asked in both spellings.
func rules() ([]*sigma.Rule, error) {
	names, err := fs.Glob(catalogue.FS, "*.yml")
	if err != nil {
		return nil, err
	}
	var out []*sigma.Rule
	add := func(name string, text []byte) error {
		list, err := sigma.Parse(name, text)
		for _, r := range list {
			out = append(out, sigma.BothSpellings(r))
		}
		return err
	}
	for _, name := range names {
		text, err := catalogue.FS.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := add(name, text); err != nil {
			return nil, err
		}
	}
	for _, name := range filter.Presets() {
		text, err := filter.Preset(name)
		if err != nil {
			return nil, err
		}
		if err := add(name, text); err != nil {
			return nil, err
		}
	}
	err = add("probes.yml", probes)
	return out, err
}

// stream says which events a rule matches by the stream's evaluator.
func stream(r *sigma.Rule, events []spltest.Event) ([]bool, error) {
	set, err := sigma.Compile([]*sigma.Rule{r})
	if err != nil {
		return nil, err
	}
	m := set.NewMatcher()
	out := make([]bool, len(events))
	for i, e := range events {
		out[i] = len(m.Match(e.Raw)) > 0
	}
	return out, nil
}

// found says which events a search finds. The events' hosts are their numbers.
func found(search string, events *spltest.Loaded, n int) ([]bool, error) {
	rows, err := events.Run("index=audit "+search, spltest.Options{Now: spltest.CorpusTime()})
	if err != nil {
		return nil, err
	}
	out := make([]bool, n)
	for _, row := range rows {
		i, err := strconv.Atoi(row["host"][0])
		if err != nil {
			return nil, err
		}
		out[i] = true
	}
	return out, nil
}

// ours is the search that we make of a rule.
func ours(r *sigma.Rule) (string, error) {
	q, err := spl.Translate(r)
	if err != nil {
		return "", err
	}
	s := q.String()
	if s != "" && q.Search != "" {
		// Nothing of ours may rely on what stands beside it.
		s = "(" + q.Search + ") " + q.Where
	}
	return s, nil
}

// eachAlone asks of one event after the other. Where the answer is undocumented
// for an event, unknown is true.
func eachAlone(search string, events []spltest.Event) (yes, unknown []bool, err error) {
	yes, unknown = make([]bool, len(events)), make([]bool, len(events))
	for i := range events {
		one, err := found(search, spltest.Load(events[i:i+1], 0), len(events))
		switch {
		case errors.Is(err, spltest.ErrUndocumented):
			unknown[i] = true
		case err != nil:
			return nil, nil, err
		default:
			yes[i] = one[i]
		}
	}
	return yes, unknown, nil
}

func numbered() ([]spltest.Event, error) {
	events, err := spltest.Corpus()
	if err != nil {
		return nil, err
	}
	for i := range events {
		events[i].Host = strconv.Itoa(i)
	}
	if len(events) < 500 {
		return nil, fmt.Errorf("the corpus has %d events", len(events))
	}
	return events, nil
}
