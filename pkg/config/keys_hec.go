package config

import "slices"

func hecKeys() section {
	return section{
		name: "hec",
		doc:  "Where events go: Splunk's HTTP Event Collector (HEC).",
		keys: slices.Concat(
			grouped("Where events go", hecAddress()),
			grouped("What Splunk gets with each event", hecShape()),
			grouped("How events are sent", hecDelivery()),
			grouped("Indexer acknowledgement", hecAck()),
			grouped("Limits for small Splunk licences", hecLimit()),
			grouped("TLS to Splunk", tlsKeys("hec.tls", "Splunk's", "the token", "splunk")),
		),
	}
}

func hecAddress() []Key {
	return []Key{
		{
			Name: "hec.url", Kind: List, Required: true, Main: true,
			Doc: "Address of HEC, https://host:port, or several of one Splunk, between which the load is spread. The path /services/collector/event is added if it is not there. " +
				"Splunk Enterprise listens on port 8088; Splunk Cloud on AWS is https://http-inputs-<stack>.splunkcloud.com:443.",
			Example: "https://splunk.example.com:8088",
		},
		{
			Name: "hec.token", Kind: String, Required: true, Secret: true, FromFile: true, Main: true,
			Doc: "HEC token. Splunk shows it under Settings, Data inputs, HTTP Event Collector. With several addresses all of them must know it.",
		},
	}
}

func hecShape() []Key {
	return []Key{
		{
			Name: "hec.index", Kind: String, Main: true,
			Doc:     "Index that events go to. Empty takes the token's default index. The token must be allowed to write to it.",
			Example: "confluent_audit",
		},
		{
			Name: "hec.source", Kind: String,
			Doc:     "Splunk's source field of every event. The default is what published searches for Confluent audit logs expect.",
			Example: "http:Confluent Audit Logs",
		},
		{
			Name: "hec.sourcetype", Kind: String,
			Doc:     "Splunk's sourcetype field of every event.",
			Example: "confluent:auditlog",
		},
		{
			Name: "hec.host", Kind: String,
			Doc:     "Splunk's host field of every event. Empty leaves it to Splunk.",
			Example: "forwarder-1",
		},
		{
			Name: "hec.routes", Kind: List,
			Doc: "Rules that give some events another index, source, sourcetype or host: conditions, ->, settings. " +
				"A condition is topic=, method= or header.<name>= with a pattern in which * and ? stand for any characters and any one; all of a rule's conditions must hold. The first rule that sets a field wins. " +
				"Values with blanks stand in double quotes. A pattern with a comma stands in double quotes where the rules are given as one text: in the environment, in a flag, in a file without [ ]. See docs/routing.md.",
			Example: "method=kafka.* -> index=confluent_audit_kafka",
		},
		{
			Name: "hec.index_header", Kind: String,
			Doc:     "Kafka header whose value is the event's index, where the record has it. It goes before hec.routes and hec.index. Of a header that is there more than once the last counts; a value that is empty or no text is passed over.",
			Example: "splunk.header.index",
		},
		{
			Name: "hec.source_header", Kind: String,
			Doc:     "Kafka header whose value is the event's source, where the record has it.",
			Example: "splunk.header.source",
		},
		{
			Name: "hec.sourcetype_header", Kind: String,
			Doc:     "Kafka header whose value is the event's sourcetype, where the record has it.",
			Example: "splunk.header.sourcetype",
		},
		{
			Name: "hec.host_header", Kind: String,
			Doc:     "Kafka header whose value is the event's host, where the record has it.",
			Example: "splunk.header.host",
		},
		{
			Name: "hec.fields", Kind: List,
			Doc:     "Indexed fields that every event gets beside kafka_topic, kafka_partition and kafka_offset, each name=value. Splunk's own names cannot be given.",
			Example: "env=prod",
		},
		{
			Name: "hec.field_headers", Kind: List,
			Doc:     "Kafka headers whose values become indexed fields of the same name, or header=field to rename. A header that is there more than once becomes a list; a value that is no text becomes base64: and its bytes in base64.",
			Example: "region",
		},
		{
			Name: "hec.time", Kind: String, Values: []string{"event", "record", "none"},
			Doc:     "What Splunk's _time is: event, the event's own time and without one the record's; record, the Kafka record's timestamp; none, what Splunk finds.",
			Example: "event",
		},
		{
			Name: "hec.auto_extract_timestamp", Kind: Bool,
			Doc:     "Let Splunk take the time out of the event by its sourcetype's rules (auto_extract_timestamp). Only with hec.time none, since a time that is sent goes first.",
			Example: "false",
		},
		{
			Name: "hec.formatted", Kind: Bool,
			Doc: "The values are HEC events already, {\"event\": …} with their own time, index and so on, and are sent as they are. What is no such event goes to the dead-letter store. " +
				"The fields kafka_topic, kafka_partition and kafka_offset are not added.",
			Example: "false",
		},
		{
			Name: "hec.endpoint", Kind: String, Values: []string{"event", "raw"},
			Doc:     "Which endpoint of HEC takes the events. raw sends the values alone, any text, without time and fields, divided by hec.raw_line_breaker; Splunk then breaks and dates them by the sourcetype's rules.",
			Example: "event",
		},
		{
			Name: "hec.raw_line_breaker", Kind: Escaped,
			Doc:     "What stands behind each event on the raw endpoint, unless it ends with it. The sourcetype's LINE_BREAKER must fit; an event that holds it is broken in two. The default is a line break.",
			Example: "####",
		},
		{
			Name: "hec.max_event_bytes", Kind: Bytes, Min: "1KiB", Max: "800MiB",
			Doc:     "Largest event that Splunk is asked to take. Larger ones go to the dead-letter store.",
			Example: "5MiB",
		},
	}
}

func hecDelivery() []Key {
	return []Key{
		{
			Name: "hec.gzip", Kind: Bool,
			Doc:     "Compress requests. Audit events shrink to about an eighth. Off saves CPU time where Splunk is near.",
			Example: "true",
		},
		{
			Name: "hec.gzip_level", Kind: Int, Min: "1", Max: "9",
			Doc:     "How hard gzip tries: 1 is fastest, 9 is smallest.",
			Example: "1",
		},
		{
			Name: "hec.timeout", Kind: Duration, Min: "100ms",
			Doc:     "How long one request may take before it counts as lost and is sent again.",
			Example: "30s",
		},
		{
			Name: "hec.backoff_min", Kind: Duration, Min: "1ms",
			Doc:     "First wait before a request is sent again. Later waits double, with jitter.",
			Example: "500ms",
		},
		{
			Name: "hec.backoff_max", Kind: Duration,
			Doc:     "Longest wait before a request is sent again, also if Splunk asks for more. Not shorter than hec.backoff_min. Retries never end.",
			Example: "30s",
		},
		{
			Name: "hec.partial_acceptance", Kind: String, Values: []string{"prefix", "none"},
			Doc: "What Splunk keeps of a request of which it refuses one event: prefix, the events before it (as measured), or none. " +
				"With prefix only the events behind the refused one are sent again, with none all but the refused one.",
			Example: "prefix",
		},
		{
			Name: "hec.connection_max_age", Kind: Duration, Min: "0s",
			Doc:     "After this long a connection is given up for a new one, whose address is looked up anew, so that no single target behind a load balancer is pinned. 0 keeps connections as long as they are used.",
			Example: "5m",
		},
		{
			Name: "hec.http2", Kind: Bool,
			Doc:     "Speak HTTP/2 where the other side offers it. Splunk itself speaks HTTP/1.1; load balancers may offer both.",
			Example: "true",
		},
		{
			Name: "hec.proxy", Kind: String, Secret: true, FromFile: true,
			Doc: "Address of the proxy for Splunk, http://[user:password@]host:port, or direct for none. Empty takes HTTPS_PROXY, HTTP_PROXY and NO_PROXY from the environment. " +
				"It counts as a secret, since it may hold a password.",
		},
	}
}

func hecAck() []Key {
	return []Key{
		{
			Name: "hec.ack.enabled", Kind: Bool, Main: true,
			Doc: "Ask Splunk whether it has indexed what it took, and commit only then (indexer acknowledgement). The token must have it turned on. " +
				"An answer takes from a second to minutes, so give batch.window room (16 or more), and batch.drain a minute. Splunk Cloud documents it for Kinesis Firehose only.",
			Example: "false",
		},
		{
			Name: "hec.ack.poll_interval", Kind: Duration, Min: "10ms",
			Doc:     "How often Splunk is asked while acknowledgements are open. All open ones of an address are asked about together.",
			Example: "1s",
		},
		{
			Name: "hec.ack.timeout", Kind: Duration, Min: "100ms",
			Doc:     "How long Splunk may take to index a request before it is sent again, and its events perhaps indexed twice. Two minutes are normal for the last requests before a pause. At least twice hec.ack.poll_interval.",
			Example: "5m",
		},
	}
}

func hecLimit() []Key {
	return []Key{
		{
			Name: "hec.limit.events_per_second", Kind: Int, Min: "0",
			Doc:     "Most events a second that this forwarder sends. 0 is no limit. Each member of the group counts for itself.",
			Example: "0",
		},
		{
			Name: "hec.limit.bytes_per_second", Kind: Bytes, Min: "0",
			Doc:     "Most bytes of events a second that this forwarder sends, before compression. 0 is no limit. Each member of the group counts for itself.",
			Example: "0",
		},
		{
			Name: "hec.limit.bytes_per_day", Kind: Bytes, Min: "0",
			Doc:     "Most bytes of events a day (UTC) that this forwarder sends, counted as Splunk's licence counts them: the events without what surrounds them. Each member of the group counts for itself; the count is kept in dead_letter.dir over restarts. 0 is no limit.",
			Example: "500MB",
		},
		{
			Name: "hec.limit.on_daily_limit", Kind: String, Values: []string{"slow", "warn"},
			Doc:     "What happens as the day's bytes run out: slow spreads the last fifth of them over the rest of the day and never exceeds them, while events wait in Kafka; warn only tells.",
			Example: "slow",
		},
	}
}
