package filter

import (
	"bytes"
	"cmp"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/summary"
)

var _ forwarder.Filter = (*Filter)(nil)

// Judge implements forwarder.Filter.
func (f *Filter) Judge() forwarder.Judge { return f.NewJudge() }

// Judge decides about events for one lane. It belongs to one goroutine.
type Judge struct {
	f       *Filter
	match   *sigma.Matcher // nil: no rules
	surgeon *surgeon
	hide    *sigma.Finder // of the values that rules redact
	found   bool          // hide has looked at the event
	hashed  bool          // what looks as a hash is one; see Again
	replace [][]byte      // by rule: the text in place of its values; nil: their hash
	routes  map[audit.Route]*audit.Route
	applied []*Rule
	item    summary.Item // of the event judged last, if a rule sums it up
	lists   []byte       // holds values of item that are made of several
}

// NewJudge makes a judge.
func (f *Filter) NewJudge() *Judge {
	j := &Judge{f: f, routes: map[audit.Route]*audit.Route{}, surgeon: newSurgeon(f.key)}
	if f.set != nil {
		j.match = f.set.NewMatcher()
	}
	j.hide = sigma.NewFinder(f.hidden)
	for _, r := range f.rules {
		j.replace = append(j.replace, r.Redaction.replacement())
	}
	return j
}

// Applied returns the rules that took effect on the event judged last, in their
// order. The slice is the judge's.
func (j *Judge) Applied() []*Rule { return j.applied }

// Judge implements forwarder.Judge. An event that no rule matches costs one
// pass over its bytes and no allocation.
func (j *Judge) Judge(rec *audit.Record, ev *audit.Event) forwarder.Verdict {
	j.applied = j.applied[:0]
	var v forwarder.Verdict
	if j.match != nil && j.readable(rec) {
		if hits := j.match.Match(rec.Value); len(hits) > 0 {
			var final bool
			if v, final = j.act(hits, rec, ev); final {
				return v
			}
		}
	}
	if len(j.f.methods) > 0 {
		if rule := j.f.methods[string(ev.Method)]; rule != "" {
			return forwarder.Verdict{Rule: rule}
		}
	}
	return v
}

// readable reports whether a value is an event. Where any text may come that is
// not known yet.
func (j *Judge) readable(rec *audit.Record) bool {
	if !j.f.anyText {
		return true
	}
	_, err := audit.ReadEvent(rec.Value)
	return err == nil
}

// act does what the rules say that match, and whether nothing behind them counts.
func (j *Judge) act(hits []int, rec *audit.Record, ev *audit.Event) (v forwarder.Verdict, final bool) {
	var to audit.Route
	j.surgeon.clear()
	j.found = false
	sum := -1
	for _, i := range hits {
		r := j.f.rules[i]
		if final && r.Action != Redact { // what is hidden is hidden wherever the rule stands
			continue
		}
		j.applied = append(j.applied, r)
		switch r.Action {
		case Drop:
			return forwarder.Verdict{Rule: r.Name}, true
		case Keep:
			final = true
		case Summarise:
			final, sum = true, i
		case Route:
			to = overlay(to, r.Route)
		case Redact:
			j.redact(i, rec.Value)
		}
	}
	if to != (audit.Route{}) {
		ev.Route = j.route(to)
	}
	v = forwarder.Verdict{Value: j.surgeon.operate(rec.Value)}
	if sum >= 0 {
		j.summarise(sum, rec, &v)
	}
	return v, final
}

// redact notes the values that a rule hides.
func (j *Judge) redact(i int, body []byte) {
	if !j.found {
		j.hide.Find(body)
		j.found = true
	}
	for n := range j.f.rules[i].Redaction.Fields {
		for _, value := range j.hide.Values(j.f.firstHidden[i] + n) {
			c := cut{from: value.Start, to: value.End, with: j.replace[i]}
			if c.with != nil || !j.hashed || !isHash(body[c.from:c.to]) {
				j.surgeon.add(body, c)
			}
		}
	}
}

// route returns the one copy of a route. There are as many as the rules combine to.
func (j *Judge) route(to audit.Route) *audit.Route {
	known, ok := j.routes[to]
	if !ok {
		first := to // so that only a new one is put on the heap
		known = &first
		j.routes[to] = known
	}
	return known
}

// overlay is the earlier route, with what it leaves open from the later one.
func overlay(first, then audit.Route) audit.Route {
	return audit.Route{
		Index: cmp.Or(first.Index, then.Index), Source: cmp.Or(first.Source, then.Source),
		Sourcetype: cmp.Or(first.Sourcetype, then.Sourcetype), Host: cmp.Or(first.Host, then.Host),
	}
}

// Again does to a dead letter what the rules say of the way there and of what is
// hidden; whether it is sent is decided already. judged says that it went through
// the rules of then, which may have hidden less than those of now: what looks as a
// hash stays, so that it does not become that of a hash.
func (j *Judge) Again(rec *audit.Record, ev *audit.Event, judged bool) {
	j.hashed = judged
	v := j.Judge(rec, ev)
	j.hashed = false
	if v.Value != nil {
		rec.Value = bytes.Clone(v.Value)
	}
}
