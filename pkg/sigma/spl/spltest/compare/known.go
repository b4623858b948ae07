package main

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// undocumented is why an answer of pySigma's is not compared.
const undocumented = "pySigma's search uses a command or function on a field with several values, and Splunk does not document what it does then"

// knownOfPySigma names why pySigma's search may answer differently from ours
// for an event. It is empty where it may not.
func knownOfPySigma(r *sigma.Rule, raw []byte) string {
	if nullAsked(r, raw) {
		return "pySigma takes JSON's null, which Splunk shows as the text null, for a value that is there and that a star is like; Sigma, the stream and our searches do not"
	}
	return ""
}

// knownOfSplunk names why a search may answer differently from the stream.
func knownOfSplunk(r *sigma.Rule, raw []byte) string {
	if nullAsked(r, raw) && bytes.Contains(raw, []byte(`"null"`)) {
		return `a search takes the text "null" for JSON's null, where the difference matters, for Splunk shows both alike; the stream tells them apart`
	}
	if existsAsked(r, raw) {
		return "a rule asks whether an object or an array exists; Splunk has no field for one, only for what is in it"
	}
	return ""
}

// existsAsked reports whether the rule asks whether something exists that is an
// object or an array in the event.
func existsAsked(r *sigma.Rule, raw []byte) bool {
	fields := spltest.Extract(raw, 0)
	found := false
	for _, s := range r.Detection.Searches {
		tests(s.Expr, func(t *sigma.Test) {
			p := t.Path.String()
			if t.Op != sigma.Exists || len(fields[p]) > 0 {
				return
			}
			for name := range fields {
				found = found || strings.HasPrefix(name, p+".") || strings.HasPrefix(name, p+"{}")
			}
			last := p[strings.LastIndexByte(p, '.')+1:]
			found = found || bytes.Contains(raw, []byte(`"`+last+`":{}`)) || bytes.Contains(raw, []byte(`"`+last+`":[]`))
		})
	}
	return found
}

// nullAsked reports whether the rule asks for null, or for any text, where the
// event has a null, or the text.
func nullAsked(r *sigma.Rule, raw []byte) bool {
	fields := spltest.Extract(raw, 0)
	return slices.ContainsFunc(nullPaths(r), func(field string) bool { return slices.Contains(fields[field], "null") })
}

func nullPaths(r *sigma.Rule) []string {
	var out []string
	for _, s := range r.Detection.Searches {
		tests(s.Expr, func(t *sigma.Test) {
			if t.Op == sigma.Null || t.Op == sigma.Exists || t.Op == sigma.Match && slices.ContainsFunc(t.Of, likeNull) {
				out = append(out, t.Path.String())
			}
		})
	}
	return out
}

// tests calls f with each question of an expression.
func tests(e sigma.Expr, f func(*sigma.Test)) {
	switch e := e.(type) {
	case sigma.And:
		for _, part := range e {
			tests(part, f)
		}
	case sigma.Or:
		for _, part := range e {
			tests(part, f)
		}
	case sigma.Not:
		tests(e.Expr, f)
	case *sigma.Test:
		f(e)
	}
}

func likeNull(o sigma.Operand) bool {
	like, err := path.Match(strings.ToLower(o.Text), "null")
	return err == nil && like
}
