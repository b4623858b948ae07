package importer

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"auditlog-forwarder/pkg/creds"
)

func (t *translation) raw() bool { return t.connector.isTrue("splunk.hec.raw") }
func (t *translation) formatted() bool {
	return t.connector.isTrue("splunk.hec.json.event.formatted") && !t.raw()
}

func (t *translation) hecURI(_ *scope, p Property, r rule) {
	for _, raw := range splitList(p.Value) {
		u, err := url.Parse(raw)
		if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" { // these hold a password or a token
			t.missing(Missing{Key: "hec.url", Text: "Splunk's address without user, query and fragment"})
			t.say(p, FillIn, r.keys, "an address holds a user, a query or a fragment, or is none; give hec.url as https://host:port, and the token by hec.token_file")
			return
		}
	}
	t.set(p, "hec.url", splitList(p.Value), "")
}

// metaTo translates what is given once for all topics, or once for each.
func metaTo(field string) func(*translation, *scope, Property, rule) {
	return func(t *translation, s *scope, p Property, r rule) {
		key := "hec." + field
		values, topics := strings.Split(p.Value, ","), splitList(s.value("topics"))
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		switch {
		case t.managed && field == "index" && p.Value == "default":
			t.say(p, NotNeeded, []string{key}, "default is the managed connector's way to say none: the token's own index is taken")
		case s.has("topics.regex") && !s.has("topics"):
			t.say(p, NotNeeded, []string{key}, "the connector takes it only with `topics`, and leaves it to headers and the token with `topics.regex`; set "+key+" if you mean it")
		case t.formatted():
			t.say(p, NotSupported, []string{key}, "formatted values bring their own "+field+", and nothing is added to them; have the producer write it, or leave it to the token")
		case len(values) == 1:
			t.set(p, key, values[0], "")
		case len(values) != len(topics):
			t.missing(Missing{Key: key, Text: fmt.Sprintf("%s has %d values for %d topics, which the connector refuses", p.Name, len(values), len(topics))})
			t.say(p, FillIn, r.keys, fmt.Sprintf("%d values do not fit %d topics; say with hec.routes which topic has which %s", len(values), len(topics), field))
		default:
			t.routes(p, field, topics, values)
		}
	}
}

// routes adds one setting to the rule of each topic.
func (t *translation) routes(p Property, field string, topics, values []string) {
	s := t.res.settings["hec.routes"]
	rules, _ := s.value.([]string)
	if len(rules) != len(topics) {
		rules = nil
		for _, topic := range topics {
			rules = append(rules, "topic="+quoteRoute(topic)+" ->")
		}
	}
	for i, v := range values {
		if v != "" {
			rules[i] += " " + field + "=" + quoteRoute(v)
		}
	}
	s.value, s.from = rules, append(s.from, p.Where+": "+p.Name)
	t.res.settings["hec.routes"] = s
	t.say(p, Translated, []string{"hec.routes"}, "one rule for each topic")
}

// quoteRoute makes a value of a rule, in which * and its like mean something
// in patterns, and blanks divide.
func quoteRoute(s string) string {
	if strings.ContainsAny(s, " \t\",") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return s
}

func (t *translation) hecRaw(_ *scope, p Property, _ rule) {
	if !t.raw() {
		t.set(p, "hec.endpoint", "event", "")
		return
	}
	t.set(p, "hec.endpoint", "raw", "")
	if !t.connector.has("splunk.hec.raw.line.breaker") && t.connector.props["splunk.hec.raw.line.breaker"].Value == "" {
		t.res.Notes = append(t.res.Notes, "the connector puts nothing between events on the raw endpoint; here a line break stands behind each (hec.raw_line_breaker)")
	}
}

// lineBreaker keeps a single character as it is, as the connector does, and
// trims all else, as Kafka does.
func (t *translation) lineBreaker(_ *scope, p Property, _ rule) {
	value := p.Value
	if len(value) != 1 {
		value = strings.TrimSpace(value)
	}
	switch {
	case placeholder(value) != "":
		t.fillIn(p, rule{keys: []string{"hec.raw_line_breaker"}}, placeholder(value))
	case value == "":
		t.say(p, NotNeeded, nil, "it is empty, as if it were not given; here a line break stands behind each event")
	case !t.raw():
		t.say(p, NotNeeded, []string{"hec.raw_line_breaker"}, "it counts for the raw endpoint only, which is not used")
	default:
		t.set(p, "hec.raw_line_breaker", escape(value), "")
	}
}

// escape writes what a key of kind escaped reads.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s)
}

func (t *translation) enrichment(_ *scope, p Property, r rule) {
	switch {
	case t.raw():
		t.say(p, NotNeeded, r.keys, "it counts for the event endpoint only, and the raw one is used")
	case t.formatted():
		t.say(p, NotSupported, r.keys, "formatted values are sent as they are; have the producer write the fields, or set hec.formatted to false")
	default:
		t.set(p, "hec.fields", splitList(p.Value), "")
	}
}

func (t *translation) recordTime(_ *scope, p Property, r rule) {
	switch {
	case t.raw():
		t.say(p, NotNeeded, r.keys, "the raw endpoint takes no time for an event; Splunk finds it by the sourcetype's rules")
	case t.formatted():
		t.say(p, NotNeeded, r.keys, "formatted values bring their own time")
	case strings.EqualFold(p.Value, "true"):
		t.set(p, "hec.time", "record", "")
	case strings.EqualFold(p.Value, "false"):
		t.set(p, "hec.time", "none", "")
	default:
		t.wrong(p, "hec.time", "is neither true nor false")
	}
}

func (t *translation) autoExtract(_ *scope, p Property, r rule) {
	switch {
	case !strings.EqualFold(p.Value, "true"):
		t.say(p, NotNeeded, r.keys, "off is the default")
	case t.raw():
		t.say(p, NotNeeded, r.keys, "the raw endpoint always does that")
	case t.formatted():
		t.set(p, "hec.auto_extract_timestamp", true, "")
		t.put("hec.time", "none", "", "a time that is sent goes before what Splunk finds")
	case strings.EqualFold(t.connector.value("splunk.hec.use.record.timestamp"), "false"):
		t.set(p, "hec.auto_extract_timestamp", true, "")
	default:
		t.say(p, NotNeeded, r.keys, "the record's time is sent (splunk.hec.use.record.timestamp), and goes before what Splunk finds; for the latter set hec.time to none as well")
	}
}

func (t *translation) extraction(_ *scope, p Property, r rule) {
	if strings.EqualFold(p.Value, "true") {
		t.say(p, NotSupported, []string{"hec.time"}, r.text)
		return
	}
	t.say(p, NotNeeded, nil, "off, so that nothing is extracted")
}

func (t *translation) ack(_ *scope, p Property, r rule) {
	boolTo("hec.ack.enabled")(t, nil, p, r)
	if strings.EqualFold(p.Value, "true") {
		t.put("batch.window", int64(16), "", "with acknowledgement a batch is out until Splunk has indexed it")
		t.put("batch.drain", time.Minute, "", "so that an orderly stop waits for open acknowledgements")
	}
}

func (t *translation) validateCerts(_ *scope, p Property, _ rule) {
	switch strings.ToLower(p.Value) {
	case "true":
		t.set(p, "hec.tls.insecure_skip_verify", false, "")
	case "false":
		t.set(p, "hec.tls.insecure_skip_verify", true, "anybody on the way can read the token; better give hec.tls.ca_file or hec.tls.pinned_sha256 and take this away")
	default:
		t.wrong(p, "hec.tls.insecure_skip_verify", "is neither true nor false")
	}
}

// storeContent decodes the store that a managed connector holds.
func (t *translation) storeContent(_ *scope, p Property, r rule) {
	_, text, ok := strings.Cut(p.Value, ";base64,")
	data, err := base64.StdEncoding.DecodeString(text)
	switch {
	case !ok || err != nil:
		t.missing(Missing{Key: "hec.tls.truststore_file", Text: "the truststore's file"})
		t.say(p, FillIn, r.keys, "it is not the store itself (data:…;base64,…); give its file as hec.tls.truststore_file")
	case t.opts.SecretsDir == "":
		t.missing(Missing{Key: "hec.tls.truststore_file", Text: "the truststore's file"})
		t.say(p, FillIn, r.keys, "it holds the store itself, which is not written without --secrets-dir; give its file as hec.tls.truststore_file")
	default:
		path := t.file("hec-truststore", creds.NewSecret(string(data)))
		t.set(p, "hec.tls.truststore_file", path, "written to "+path)
	}
}

// headersOff says why headers are not used, or nothing if they are.
func (t *translation) headersOff() (v Verdict, why string) {
	switch {
	case !t.connector.isTrue("splunk.header.support"):
		return NotNeeded, "splunk.header.support is not true, so that it has no effect"
	case t.raw():
		return NotSupported, "the raw endpoint takes nothing for a single event; set hec.endpoint to event, or say with hec.routes what each topic gets"
	case t.formatted():
		return NotSupported, "formatted values are sent as they are; have the producer write index, source, sourcetype and host into them"
	}
	return "", ""
}

func (t *translation) headerSupport(_ *scope, p Property, r rule) {
	if v, why := t.headersOff(); v != "" {
		if !strings.EqualFold(p.Value, "true") {
			v, why = NotNeeded, "off is the default"
		}
		t.say(p, v, r.keys, why)
		return
	}
	for _, field := range []string{"index", "source", "sourcetype", "host"} {
		name := "splunk.header." + field
		if !t.connector.has(name) { // the connector's default is the property's own name
			t.put("hec."+field+"_header", name, p.Where+": "+p.Name, "")
		}
	}
	t.say(p, Translated, r.keys, "headers that are not named have the connector's names")
}

func headerTo(key string) func(*translation, *scope, Property, rule) {
	return func(t *translation, _ *scope, p Property, r rule) {
		if v, why := t.headersOff(); v != "" {
			t.say(p, v, r.keys, why)
			return
		}
		t.set(p, key, p.Value, "")
	}
}

// customHeaders makes fields of headers. The connector takes any name.
func (t *translation) customHeaders(_ *scope, p Property, r rule) {
	if v, why := t.headersOff(); v != "" {
		t.say(p, v, r.keys, why)
		return
	}
	names, bad := []string{}, []string{}
	for _, name := range splitList(p.Value) {
		if regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`).MatchString(name) {
			names = append(names, name)
			continue
		}
		field := regexp.MustCompile(`[^A-Za-z0-9_.:-]+`).ReplaceAllString(name, "_")
		names, bad = append(names, name+"="+field), append(bad, field)
	}
	note := ""
	if len(bad) > 0 {
		note = "a field has no such characters; renamed to " + strings.Join(bad, ", ")
	}
	t.set(p, "hec.field_headers", names, note)
}
