package config

import (
	"errors"
	"fmt"

	"auditlog-forwarder/pkg/hec"
)

func filterKeys() section {
	return section{
		name: "filter",
		doc: "What becomes of events by rules: leave them out, sum them up, send them elsewhere, hide values in them. " +
			"What is left out is counted by rule, and its offsets are committed. docs/filters.md describes the rules.",
		keys: []Key{
			{
				Name: "filter.rules", Kind: List, Main: true,
				Doc: "Files of rules in Sigma's format, in the order in which they are looked at: a path, a pattern such as /etc/auditlog-forwarder/filters/*.yml, or preset:noise-authorize and preset:keep-security. " +
					"A relative path starts at the working directory. They are read at the start only. " +
					"auditlog-forwarder filter test shows what they do.",
				Example: "preset:noise-authorize",
			},
			{
				Name: "filter.hash_key", Kind: String, Secret: true, FromFile: true,
				Doc: "Key of the hashes that rules write in place of values, 16 bytes or more. " +
					"The same key makes the same hash of a value, so that events still correlate; who has it can find out by trying what was hashed. Needed by rules with redact: with: hash.",
				Example: "8b1f0f6c0b9d4e5f8a7c6d5e4f3a2b1c",
			},
			{
				Name: "filter.drop_methods", Kind: List,
				Doc:     "Events whose data.methodName is exactly one of these are not forwarded, unless a rule of filter.rules keeps or sums them up. Each is counted under drop_methods:<method>.",
				Example: "mds.Authorize",
			},
		},
	}
}

// filtered returns what of the filter does not go with how events are sent.
func (c Config) filtered() (errs []error) {
	if c.HEC.Formatted {
		const why = "cannot be used with hec.formatted, whose values hold the event within another; remove one of them"
		if len(c.Filter.Rules) > 0 {
			errs = append(errs, errors.New("filter.rules: "+why))
		}
		if len(c.Filter.DropMethods) > 0 {
			errs = append(errs, errors.New("filter.drop_methods: "+why))
		}
	}
	if name, where := c.Filter.Routes(); name != "" && c.HEC.Endpoint == hec.EndpointRaw {
		errs = append(errs, fmt.Errorf("filter.rules: the rule %q (%s) routes, which cannot be done with hec.endpoint: raw, where all events of a request go to the same place; remove it, or use hec.endpoint: event", name, where))
	}
	return errs
}
