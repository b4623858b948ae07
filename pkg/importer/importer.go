// Package importer turns the configuration of a Kafka Connect sink for Splunk,
// of a Kafka client or of the Confluent CLI into ours.
//
// Nothing is dropped in silence: every property that is read ends in one
// [Finding], as translated, as not needed with the reason, as not supported
// with what to do, as to be filled in, or as unknown. What is known about each
// property stands in tables of rules, which also make docs/connect.md.
//
// Secrets are creds.Secret from where they are understood on. No finding,
// error or YAML holds one, and of a property that nobody knows no value is
// shown at all.
package importer

import (
	"fmt"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
)

// Verdict says what became of a property.
type Verdict string

// The verdicts.
const (
	Translated   Verdict = "translated"
	NotNeeded    Verdict = "not_needed"
	NotSupported Verdict = "not_supported"
	FillIn       Verdict = "fill_in"
	Unknown      Verdict = "unknown"
)

// Finding is one property and what became of it. It never holds a secret.
type Finding struct {
	Property string   `json:"property"`
	Where    string   `json:"where"`
	Verdict  Verdict  `json:"verdict"`
	Keys     []string `json:"keys,omitempty"`
	Text     string   `json:"text,omitempty"`
}

// Missing is a key without which the configuration cannot be used.
type Missing struct {
	Key    string `json:"key"`
	Secret bool   `json:"secret,omitempty"`
	Text   string `json:"text"`
}

// Options says what is wanted.
type Options struct {
	ContinueGroup bool   // take the connector's own consumer group
	GroupID       string // the group, where the files do not tell; it goes before what they tell
	SecretsDir    string // where secret files will be; empty: secrets are left out
	Name          string // of the configuration in messages
}

// Result is the translation.
type Result struct {
	Connector string    `json:"connector,omitempty"` // its name
	Group     string    `json:"group_id,omitempty"`  // the consumer group that is gone on with; empty: none
	Findings  []Finding `json:"findings"`
	Missing   []Missing `json:"missing"`            // what is still to be given
	Mistakes  []string  `json:"mistakes,omitempty"` // what pkg/config refuses of the result
	Warnings  []string  `json:"warnings,omitempty"`
	Notes     []string  `json:"notes,omitempty"`
	Next      []string  `json:"next"`
	Offsets   []Offset  `json:"offsets,omitempty"`

	settings map[string]setting
	files    []SecretFile
	out      string
	barren   bool
}

// setting is one value of ours and where it comes from.
type setting struct {
	value any
	from  []string
	note  string
}

// SecretFile is a file that is to be written for its owner alone.
type SecretFile struct {
	Path string
	data creds.Secret
}

// Import translates documents, those that are given later being stronger.
func Import(docs []Document, opts Options) (*Result, error) {
	t := newTranslation(opts)
	for _, d := range docs {
		t.add(d)
	}
	if t.empty() && len(t.res.Offsets) == 0 && len(t.res.Findings) == 0 {
		return nil, fmt.Errorf("no property was read; give the connector's JSON or .properties, and the worker's .properties or environment")
	}
	if t.empty() && slices.ContainsFunc(docs, func(d Document) bool { return d.Kind == OffsetSet }) { // offsets alone: nothing to write
		t.res.Next = offsetSteps(t.res.Offsets, orElse(opts.Name, "config.yaml"))
		return t.res, nil
	}
	t.translate()
	t.finish()
	if t.res.barren = !t.res.HasConfig(); t.res.barren {
		t.res.Next = []string{"give a file that is read: connect import --help names them"}
	}
	return t.res, nil
}

// HasConfig reports whether there is a configuration to write. Files of
// offsets alone give none.
func (r *Result) HasConfig() bool { return len(r.settings) > 0 }

// Barren reports that nothing of the files could be translated, though they
// were more than offsets.
func (r *Result) Barren() bool { return r.barren }

// Count returns how many findings have a verdict.
func (r *Result) Count(v Verdict) int {
	n := 0
	for _, f := range r.Findings {
		if f.Verdict == v {
			n++
		}
	}
	return n
}

// Ready reports whether the configuration is whole but for secrets, which may
// come from elsewhere.
func (r *Result) Ready() bool {
	return len(r.Mistakes) == 0 && !slices.ContainsFunc(r.Missing, func(m Missing) bool { return !m.Secret })
}

// lookupKey finds a key of ours. Versions differ in what they have, so the
// table decides and not this package.
func lookupKey(name string) (config.Key, bool) {
	keys := config.Keys()
	i := slices.IndexFunc(keys, func(k config.Key) bool { return k.Name == name })
	if i < 0 {
		return config.Key{}, false
	}
	return keys[i], true
}

// allows reports whether a key may have a value, as far as its table tells.
func allows(name, value string) bool {
	k, ok := lookupKey(name)
	return ok && (k.Open || len(k.Values) == 0 || slices.Contains(k.Values, value))
}

func fileKeyOf(name string) string { return name + "_file" }

// slug makes the name of a secret's file.
func slug(key string) string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(key)
}
