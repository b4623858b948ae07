package importer

import (
	"slices"
	"strings"
)

const unknownText = "no property of the connector, of Kafka Connect or of a Kafka client that is known here; nothing was done about it, so look up what it was for"

// rule is what is known about one property. A name that ends with * stands
// for all that begin so.
type rule struct {
	name    string
	verdict Verdict  // what mostly becomes of it
	keys    []string // ours; {} is kafka or dead_letter_topic
	text    string   // the reason, what to do, or how it is translated
	whole   bool     // apply wants empty values and placeholders as well
	apply   func(t *translation, s *scope, p Property, r rule)
}

// table is the rules of one kind of property.
type table struct {
	title string
	about string
	rules []rule
}

func tables() []table {
	return []table{
		{"The Splunk Sink connector", "of `com.splunk.kafka.connect.SplunkSinkConnector`, and of Confluent's managed `SplunkSink`.", splunkRules()},
		{"Every sink connector", "what Kafka Connect itself knows of each connector.", connectorRules()},
		{"Confluent's managed connectors", "what stands only in the configuration of a connector in Confluent Cloud.", managedRules()},
		{
			"The Kafka consumer", "with `consumer.override.` before it in the connector, with `consumer.` in the worker, as `CONNECT_CONSUMER_…` in the environment, and as it is in a client's file. " +
				"A connector's goes before a worker's.", consumerRules(),
		},
		{
			"Connections to Kafka", "before these stands the same. With `producer.` they count for the dead-letter topic, as `dead_letter_topic.…`.", connectionRules(),
		},
		{"librdkafka", "names that only its clients have (Python, Go, .NET, kcat), read by `init --from-properties`.", librdkafkaRules()},
		{"The worker", "of a standalone or distributed worker, or as `CONNECT_…` in the environment.", workerRules()},
	}
}

// match finds the rule for a name: an exact one, else that with the longest
// beginning.
func match(rules []rule, name string) (rule, bool) {
	best := -1
	for i, r := range rules {
		if r.name == name {
			return r, true
		}
		prefix, ok := strings.CutSuffix(r.name, "*")
		if ok && strings.HasPrefix(name, prefix) && (best < 0 || len(r.name) > len(rules[best].name)) {
			best = i
		}
	}
	if best < 0 {
		return rule{}, false
	}
	return rules[best], true
}

// with names our keys for the part of the configuration that is meant.
func (r rule) with(prefix string) rule {
	r.keys = slices.Clone(r.keys)
	for i := range r.keys {
		r.keys[i] = strings.ReplaceAll(r.keys[i], "{}", prefix)
	}
	r.text = strings.ReplaceAll(r.text, "{}", prefix)
	return r
}

func notNeeded(text string, names ...string) []rule { return all(NotNeeded, text, names) }

func notSupported(text string, names ...string) []rule { return all(NotSupported, text, names) }

func all(v Verdict, text string, names []string) (rules []rule) {
	for _, name := range names {
		rules = append(rules, rule{name: name, verdict: v, text: text})
	}
	return rules
}

// to is a rule that translates into one key.
func to(name, key string, apply func(*translation, *scope, Property, rule), text string) rule {
	return rule{name: name, verdict: Translated, keys: []string{key}, text: text, apply: apply}
}
