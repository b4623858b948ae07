package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec/hectest"
)

// event shows an event as Splunk holds it.
func (s *screen) event(e hectest.Event) {
	var fields []string
	gjson.ParseBytes(e.Fields).ForEach(func(key, value gjson.Result) bool {
		fields = append(fields, key.Str+"="+value.Str)
		return true
	})
	s.lines("", margin+s.paint(bold, gjson.GetBytes(e.Event, "data.methodName").Str))
	s.labelled("_time   ", e.Time.UTC().Format("2006-01-02 15:04:05.000 UTC"))
	s.labelled("meta    ", fmt.Sprintf("index=%s host=%s source=%q sourcetype=%s", e.Index, e.Host, e.Source, e.Sourcetype))
	s.labelled("fields  ", strings.Join(fields, " "))
	const label = "event   "
	s.beside(label, shorten(e.Event, s.width()-len(margin)-len(label), eventLines))
}

// eventLines is how much of the screen an event's body gets.
const eventLines = 4

// letters shows up to n dead letters, each reason at least once.
func (s *screen) letters(all []deadletter.Entry, n int) {
	var chosen []deadletter.Entry
	for round := 0; len(chosen) < n && round < len(all); round++ {
		for _, reason := range deadletter.Reasons() {
			seen := 0
			for _, e := range all {
				if e.Reason != reason {
					continue
				}
				if seen == round && len(chosen) < n {
					chosen = append(chosen, e)
				}
				seen++
			}
		}
	}
	s.lines(margin + s.paint(faint, fmt.Sprintf("%-16s  %-9s  %s", "partition/offset", "reason", "why")))
	for _, e := range chosen {
		at := place{e.Record.Partition, e.Record.Offset}
		why := e.Detail
		if e.Reply != "" {
			why += ": " + e.Reply
		}
		if e.Code == 0 && len(e.Record.Value) > 0 {
			why += "; body " + string(bytes.ToValidUTF8(e.Record.Value, []byte("?")))
		}
		s.lines(margin + clip(fmt.Sprintf("%-16s  %-9s  %s", at, e.Reason, why), s.width()-len(margin)))
	}
}
