package filter

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/summary"
)

// idPath is where an event has its id, of which summaries keep samples.
func idPath() sigma.Path {
	p, err := sigma.ParsePath("id")
	if err != nil { // it is one
		return sigma.Path{}
	}
	return p
}

// sumUp makes what counts a rule's events.
func (r *Rule) sumUp() (err error) {
	if r.Action != Summarise {
		return nil
	}
	names := make([]string, len(r.By))
	for i, p := range r.By {
		names[i] = p.String()
	}
	var route *audit.Route
	if r.Route != (audit.Route{}) {
		route = &r.Route
	}
	r.summary, err = summary.NewRule(r.Name, names, route)
	return err
}

var _ forwarder.Summariser = (*Filter)(nil)

// SummaryRules implements forwarder.Summariser.
func (f *Filter) SummaryRules() string { return f.sums }

// summaryRules stands for all that decides which events are summed up and under
// which key: the files up to the last rule that sums up or redacts, and the key of
// the hashes that may be in it. It is empty if no rule sums up.
func summaryRules(cfg Config, rules []loaded) string {
	last, sums := -1, false
	for i, r := range rules {
		sums = sums || r.Action == Summarise
		if r.Action == Summarise || r.Action == Redact {
			last = i
		}
	}
	if !sums {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(cfg.HashKey.Reveal()))
	for _, r := range rules[:last+1] {
		mac.Write(r.text) // it never fails
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// summarise says with which events this one is counted. What rules hide is hidden
// in the summary too.
func (j *Judge) summarise(i int, rec *audit.Record, v *forwarder.Verdict) {
	v.Rule, v.Summary = j.f.rules[i].Name, &j.item
	body := rec.Value
	if v.Value != nil {
		body = v.Value
		j.match.Match(body) // only for the values
	}
	j.item.Rule, j.item.ID = j.f.rules[i].summary, nil
	j.item.Values, j.lists = j.item.Values[:0], j.lists[:0]
	for _, path := range j.f.paths[i] {
		j.item.Values = append(j.item.Values, j.value(body, path))
	}
	if ids := j.match.Values(j.f.id); len(ids) > 0 {
		j.item.ID = body[ids[0].Start:ids[0].End]
	}
}

// value is the JSON value at a path, or a list of all of them; nil without one.
func (j *Judge) value(body []byte, path sigma.PathID) []byte {
	values := j.match.Values(path)
	switch len(values) {
	case 0:
		return nil
	case 1:
		return body[values[0].Start:values[0].End]
	}
	start := len(j.lists)
	for i, v := range values {
		sep := byte(',')
		if i == 0 {
			sep = '['
		}
		j.lists = append(append(j.lists, sep), body[v.Start:v.End]...)
	}
	j.lists = append(j.lists, ']')
	return j.lists[start:len(j.lists):len(j.lists)]
}
