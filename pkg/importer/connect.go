package importer

import (
	"regexp"
	"slices"
	"strings"
)

func (t *translation) connectorName(_ *scope, p Property, _ rule) {
	t.res.Connector = p.Value
	switch {
	case t.consumer.has("group.id"):
		t.say(p, NotNeeded, []string{"kafka.group_id"}, "the consumer has a group of its own (group.id)")
	case t.opts.GroupID != "" && t.opts.ContinueGroup:
		t.say(p, NotNeeded, []string{"kafka.group_id"}, "the group was named with --group-id")
	case !t.opts.ContinueGroup:
		t.say(p, NotNeeded, []string{"kafka.group_id"}, "the connector's group is not gone on with, as was asked for")
	case t.managed:
		t.say(p, NotNeeded, []string{"kafka.group_id"}, "a managed connector's group is connect-<its id> and not connect-<its name>")
	default:
		t.res.Group = "connect-" + p.Value
		t.set(p, "kafka.group_id", t.res.Group, "the connector's own group, so that forwarding goes on at the very next event")
	}
}

func (t *translation) groupID(_ *scope, p Property, r rule) {
	switch {
	case t.opts.GroupID != "" && t.opts.ContinueGroup:
		t.say(p, NotNeeded, r.keys, "the group was named with --group-id")
	case !t.opts.ContinueGroup:
		t.say(p, NotNeeded, r.keys, "the connector's group is not gone on with, as was asked for")
	default:
		t.res.Group = p.Value
		t.set(p, "kafka.group_id", p.Value, "the group in use, so that forwarding goes on at the very next event")
	}
}

func (t *translation) class(_ *scope, p Property, r rule) {
	switch p.Value {
	case "com.splunk.kafka.connect.SplunkSinkConnector", "SplunkSinkConnector", "SplunkSink":
		t.say(p, NotNeeded, nil, r.text)
	default:
		t.say(p, NotSupported, nil, "it is not a Splunk sink that is known here; what it has in common with one was translated, so look at each line")
	}
}

func (t *translation) topicsRegex(_ *scope, p Property, _ rule) {
	if _, err := regexp.Compile(p.Value); err != nil {
		t.missing(Missing{Key: "kafka.topic_pattern", Text: "the pattern in Go's syntax"})
		t.say(p, FillIn, []string{"kafka.topic_pattern"}, "it is not a regular expression in Go's syntax, which has no lookahead and no backreference; write it anew")
		return
	}
	t.set(p, "kafka.topic_pattern", p.Value, "")
}

func (t *translation) valueConverter(_ *scope, p Property, r rule) {
	class := p.Value[strings.LastIndexByte(p.Value, '.')+1:]
	switch class {
	case "StringConverter", "ByteArrayConverter":
		t.say(p, NotNeeded, nil, "values are sent as they are, byte for byte, as with "+class)
	case "JsonConverter":
		text := "values that are JSON are sent as they are, byte for byte"
		if strings.EqualFold(orElse(t.connector.value("value.converter.schemas.enable"), t.worker.value("value.converter.schemas.enable")), "false") {
			t.say(p, NotNeeded, nil, text)
			return
		}
		t.say(p, NotSupported, nil, "schemas.enable is on unless it is false: the converter takes the event out of a payload, while here the whole value is sent. "+
			"The audit log has no such envelope, so there is nothing to do for it; for other topics have the producer write plain JSON")
	case "AvroConverter", "ProtobufConverter", "JsonSchemaConverter", "CloudEventsConverter":
		t.say(p, NotSupported, nil, class+" reads values that are not plain JSON; such records become dead letters here. The audit log is plain JSON; for other topics keep the connector, or write JSON")
	default:
		t.say(p, NotSupported, nil, "a converter that is not known here; values are sent as they are, and those that are no JSON object become dead letters (or use hec.endpoint: raw)")
	}
	_ = r
}

func (t *translation) schemasEnable(s *scope, p Property, r rule) {
	converter := s.value("value.converter")
	switch {
	case strings.EqualFold(p.Value, "false"):
		t.say(p, NotNeeded, nil, "values are read as plain JSON, which false means")
	case strings.HasSuffix(converter, ".JsonConverter"), converter == "":
		t.say(p, NotSupported, nil, r.text)
	default:
		t.say(p, NotNeeded, nil, "it counts for JsonConverter only")
	}
}

func (t *translation) workerConverter(s *scope, p Property, r rule) {
	if t.connector.has("value.converter") {
		t.say(p, NotNeeded, nil, "the connector has its own, which goes before it")
		return
	}
	t.valueConverter(s, p, r)
}

func (t *translation) workerSchemas(s *scope, p Property, r rule) {
	if t.connector.has("value.converter") {
		t.say(p, NotNeeded, nil, "it belongs to the worker's converter, and the connector has its own")
		return
	}
	t.schemasEnable(s, p, rule{text: "with JsonConverter and true the event is taken out of a payload, which is not supported: the whole value is sent"})
	_ = r
}

// transform names what a transformation is for and what does it here.
func (t *translation) transform(s *scope, p Property, r rule) {
	name, option, isOne := strings.Cut(strings.TrimPrefix(p.Name, "transforms."), ".")
	if !isOne { // the list of names
		t.say(p, NotSupported, nil, r.text)
		return
	}
	if option != "type" {
		t.say(p, NotSupported, nil, "it belongs to the transformation "+name)
		return
	}
	class := p.Value[strings.LastIndexByte(p.Value, '.')+1:]
	class = strings.TrimSuffix(strings.TrimSuffix(class, "$Value"), "$Key")
	hint, known := smtHints()[class]
	if !known {
		hint = "say with filter rules what is dropped, routed or redacted"
	}
	t.say(p, NotSupported, nil, "transformations are not run ("+shortClass(class)+"): "+hint)
	_ = s
}

// shortClass shows a class only if it looks like one.
func shortClass(class string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_$]{1,80}$`).MatchString(class) {
		return class
	}
	return "one that is not known"
}

// smtHints say for Kafka's and Confluent's transformations what to do.
func smtHints() map[string]string {
	const (
		sent  = "values are sent as they are; let Splunk do it at search time or by the sourcetype's rules"
		redo  = "redact the field with a filter rule"
		route = "hec.routes gives events another index, source or sourcetype by topic, method or header"
		time  = "hec.time says what the event's time is"
	)
	return map[string]string{
		"Filter": "drop events with filter.drop_methods or a filter rule", "Drop": "drop events with a filter rule",
		"RegexRouter": route, "TopicRegexRouter": route, "TimestampRouter": route, "MessageTimestampRouter": route, "ExtractTopic": route,
		"MaskField": redo, "InsertField": "hec.fields adds fixed fields; kafka_topic, kafka_partition and kafka_offset are always there",
		"InsertHeader": "hec.fields adds fixed fields", "HeaderFrom": sent, "DropHeaders": "headers are sent only if hec.field_headers names them",
		"ReplaceField": "redact a field with a filter rule; leaving it out is not supported", "TimestampConverter": time, "SetMaximumPrecision": sent,
		"HoistField": sent, "ExtractField": sent, "Flatten": sent, "Cast": sent, "ValueToKey": "the key is not sent", "SetSchemaMetadata": "there are no schemas",
		"TombstoneHandler": "records without a value become dead letters, and are counted", "GzipDecompress": "values must be JSON; records that are compressed one by one become dead letters",
	}
}

func (t *translation) inputFormat(_ *scope, p Property, _ rule) {
	switch format := strings.ToUpper(p.Value); format {
	case "JSON":
		t.say(p, NotNeeded, nil, "JSON is what is read, and is sent byte for byte")
	case "STRING":
		t.say(p, NotNeeded, nil, "text that holds a JSON object is sent as it is; other text becomes a dead letter, or is sent with hec.endpoint: raw")
	case "AVRO", "PROTOBUF", "JSON_SR":
		t.say(p, NotSupported, nil, format+" is not read: such records become dead letters. The audit log is plain JSON; for other topics keep the connector")
	default:
		t.say(p, NotSupported, nil, "a format that is not known here; values must be JSON, or any text with hec.endpoint: raw")
	}
}

func (t *translation) apiKey(_ *scope, p Property, _ rule) {
	t.set(p, "kafka.sasl.username", p.Value, "")
	t.put("kafka.security_protocol", "SASL_SSL", "", "as every API key of Confluent Cloud needs it")
}

func (t *translation) authMode(_ *scope, p Property, r rule) {
	if strings.EqualFold(p.Value, "KAFKA_API_KEY") {
		t.say(p, NotNeeded, nil, "an API key is what the forwarder signs in with")
		return
	}
	t.say(p, NotSupported, []string{"kafka.sasl.username", "kafka.sasl.password_file"}, r.text)
}

func (t *translation) serviceAccount(_ *scope, p Property, r rule) {
	if t.connector.has("kafka.api.key") {
		t.say(p, NotNeeded, nil, "an API key is given, which belongs to it")
		return
	}
	t.missing(Missing{Key: "kafka.sasl.username", Text: "an API key of the service account"})
	t.missing(Missing{Key: "kafka.sasl.password", Secret: true, Text: giveSecret("kafka.sasl.password")})
	t.say(p, FillIn, r.keys, r.text)
}

func (t *translation) deadLetterTopic(_ *scope, p Property, _ rule) {
	t.set(p, "dead_letter_topic.name", p.Value, "the topic has to exist; it is not made")
	if !t.producer.has("bootstrap.servers") && t.worker.has("bootstrap.servers") {
		w := t.worker.props["bootstrap.servers"]
		if placeholder(w.Value) == "" {
			t.put("dead_letter_topic.bootstrap_servers", brokers(w.Value), w.Where+": "+t.worker.shown["bootstrap.servers"], "dead letters are written to the worker's cluster")
		}
	}
}

func (t *translation) compression(_ *scope, p Property, r rule) {
	if allows("dead_letter_topic.compression", p.Value) {
		t.set(p, r.keys[0], p.Value, "")
		return
	}
	t.wrong(p, r.keys[0], "is no kind of compression that is known")
}

func (t *translation) workerBootstrap(_ *scope, p Property, r rule) {
	if t.consumer.has("bootstrap.servers") {
		t.say(p, NotNeeded, nil, "the consumer has its own; this is where the worker keeps its topics")
		return
	}
	t.set(p, r.keys[0], brokers(p.Value), "")
}

// brokers drops what Confluent writes before an address.
func brokers(value string) []string {
	list := splitList(value)
	for i := range list {
		if _, rest, ok := strings.Cut(list[i], "://"); ok {
			list[i] = rest
		}
	}
	return slices.Clip(list)
}
