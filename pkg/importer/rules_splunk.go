package importer

import "slices"

// splunkRules are those of the self-managed connector (versions 1 to 2.2) and
// of the managed one.
func splunkRules() []rule {
	return slices.Concat([]rule{
		to("splunk.hec.uri", "hec.url", (*translation).hecURI, "each address that a comma divides"),
		{name: "splunk.hec.token", verdict: Translated, keys: []string{"hec.token_file"}, apply: secretTo("hec.token"), text: "into a file of its own"},
		{name: "splunk.indexes", verdict: Translated, keys: []string{"hec.index", "hec.routes"}, apply: metaTo("index"), text: "one for all topics; or one for each in order, as rules `topic=<name> -> index=…`"},
		{name: "splunk.sources", verdict: Translated, keys: []string{"hec.source", "hec.routes"}, apply: metaTo("source"), text: "as the indexes. Without it `hec.source` is set to nothing, which leaves it to the token, as the connector does"},
		{name: "splunk.sourcetypes", verdict: Translated, keys: []string{"hec.sourcetype", "hec.routes"}, apply: metaTo("sourcetype"), text: "as the indexes. Without it `hec.sourcetype` is set to nothing"},
		to("splunk.hec.raw", "hec.endpoint", (*translation).hecRaw, "`true` is `raw`"),
		{name: "splunk.hec.raw.line.breaker", verdict: Translated, keys: []string{"hec.raw_line_breaker"}, whole: true, apply: (*translation).lineBreaker, text: "only for the raw endpoint. Where the connector has none, here it is a line break"},
		{name: "splunk.hec.json.event.enrichment", verdict: Translated, keys: []string{"hec.fields"}, apply: (*translation).enrichment, text: "not for the raw endpoint, and not for formatted values, to which nothing is added here"},
		to("splunk.hec.json.event.formatted", "hec.formatted", boolTo("hec.formatted"), "the connector sends what is no HEC event as an ordinary one; here it becomes a dead letter"),
		{name: "splunk.hec.use.record.timestamp", verdict: Translated, keys: []string{"hec.time"}, apply: (*translation).recordTime, text: "`true`, the connector's default, is `record`; `false` is `none`. `event`, our default, is the event's own time"},
		{name: "splunk.hec.auto.extract.timestamp", verdict: Translated, keys: []string{"hec.auto_extract_timestamp"}, apply: (*translation).autoExtract, text: "with `hec.time: none`"},
		to("splunk.hec.max.batch.size", "batch.max_events", intTo("batch.max_events", 1, 100000), "events, as there"),
		to("splunk.flush.window", "batch.linger", secondsTo("batch.linger"), ""),
		to("splunk.hec.socket.timeout", "hec.timeout", secondsTo("hec.timeout"), "there for each read, here for the whole request"),
		to("splunk.hec.backoff.threshhold.seconds", "hec.backoff_max", secondsTo("hec.backoff_max"), "the first wait, `hec.backoff_min`, is shorter"),
		to("splunk.hec.enable.compression", "hec.gzip", boolTo("hec.gzip"), "on by default here"),
		to("splunk.hec.ack.enabled", "hec.ack.enabled", (*translation).ack, "`true` sets `batch.window` to 16 and `batch.drain` to a minute as well, since indexing takes its time"),
		to("splunk.hec.ack.poll.interval", "hec.ack.poll_interval", secondsTo("hec.ack.poll_interval"), "only with acknowledgement"),
		to("splunk.hec.event.timeout", "hec.ack.timeout", secondsTo("hec.ack.timeout"), "only with acknowledgement"),
		to("splunk.hec.ssl.validate.certs", "hec.tls.insecure_skip_verify", (*translation).validateCerts, "the other way round; better give `hec.tls.ca_file`, or `hec.tls.pinned_sha256`"),
		{name: "splunk.hec.ssl.trust.store.path", verdict: Translated, keys: []string{"hec.tls.truststore_file"}, apply: textTo("hec.tls.truststore_file"), text: "copy the file to the forwarder's host"},
		{name: "splunk.hec.ssl.trust.store.file", verdict: Translated, keys: []string{"hec.tls.truststore_file"}, apply: (*translation).storeContent, text: "the managed connector holds the store itself; it is written to the folder of secrets"},
		{name: "splunk.hec.ssl.trust.store.password", verdict: Translated, keys: []string{"hec.tls.truststore_password_file"}, apply: secretTo("hec.tls.truststore_password"), text: "into a file of its own"},
		{name: "splunk.header.support", verdict: Translated, keys: []string{"hec.index_header", "hec.source_header", "hec.sourcetype_header", "hec.host_header"}, apply: (*translation).headerSupport, text: "`true` sets the four with the connector's names; not on the raw endpoint or for formatted values"},
		{name: "splunk.header.index", verdict: Translated, keys: []string{"hec.index_header"}, apply: headerTo("hec.index_header"), text: "if `splunk.header.support` is `true`"},
		{name: "splunk.header.source", verdict: Translated, keys: []string{"hec.source_header"}, apply: headerTo("hec.source_header"), text: "if `splunk.header.support` is `true`"},
		{name: "splunk.header.sourcetype", verdict: Translated, keys: []string{"hec.sourcetype_header"}, apply: headerTo("hec.sourcetype_header"), text: "if `splunk.header.support` is `true`"},
		{name: "splunk.header.host", verdict: Translated, keys: []string{"hec.host_header"}, apply: headerTo("hec.host_header"), text: "if `splunk.header.support` is `true`"},
		{name: "splunk.header.custom", verdict: Translated, keys: []string{"hec.field_headers"}, apply: (*translation).customHeaders, text: "if `splunk.header.support` is `true`"},
	},
		notNeeded("`kafka_topic`, `kafka_partition` and `kafka_offset` are always sent as fields; there is no `kafka_timestamp`", "splunk.hec.track.data"),
		notNeeded("memory is bounded by `batch.window` batches of `batch.max_bytes` for each partition", "splunk.hec.max.outstanding.events"),
		notNeeded("retries never end and nothing is dropped for being late (the connector drops events after its last retry, unless it is -1)", "splunk.hec.max.retries"),
		notNeeded("the answers of each address tell its health", "splunk.hec.lb.poll.interval"),
		notNeeded("connections follow the work; `batch.window` requests at once for each partition", "splunk.hec.threads", "splunk.hec.total.channels",
			"splunk.hec.max.http.connection.per.channel", "splunk.hec.concurrent.queue.capacity"),
		notNeeded("connections are always kept; `hec.connection_max_age` says how long", "splunk.hec.http.keepalive"),
		notNeeded("one poller asks for each channel that is in use", "splunk.hec.ack.poll.threads"),
		notNeeded("a cookie alone never counts as a lost session", "splunk.hec.ack.legacy.sticky.session.expiry.enabled"),
		notNeeded("JKS and PKCS#12 are told apart by their bytes", "splunk.hec.ssl.trust.store.type"),
		notNeeded("an address with http:// is taken, with a warning at each start", "splunk.hec.ssl.enforced"),
		notNeeded("the forwarder starts without Splunk and waits for it; `check` tries it", "splunk.validation.disable"),
		notSupported("Kerberos before Splunk is not spoken; let a proxy that does it stand between", "kerberos.user.principal", "kerberos.keytab.path"),
		[]rule{{
			name: "enable.timestamp.extraction", verdict: NotSupported, apply: (*translation).extraction,
			text: "`hec.time: event` reads the audit event's own `time`; for other forms set `hec.time: none` and `hec.auto_extract_timestamp: true`, and write the rule into the sourcetype's props.conf",
		}},
		notSupported("see `enable.timestamp.extraction`, without which it has no effect", "timestamp.regex", "timestamp.format", "timestamp.timezone", "timestamp.regex.timeout.ms"),
	)
}

// connectorRules are those that Kafka Connect has for every sink connector.
func connectorRules() []rule {
	const converted = "values are sent as they are, and headers are read as text; see `value.converter`"
	return slices.Concat([]rule{
		{name: "name", verdict: Translated, keys: []string{"kafka.group_id"}, apply: (*translation).connectorName, text: "the connector's group is `connect-<name>`"},
		{name: "connector.class", verdict: NotNeeded, text: "it told which connector this is", apply: (*translation).class},
		to("topics", "kafka.topics", listTo("kafka.topics"), ""),
		to("topics.regex", "kafka.topic_pattern", (*translation).topicsRegex, "in Go's syntax, which has no lookahead and no backreference"),
		{name: "value.converter", verdict: NotNeeded, text: "values that are text in JSON are sent byte for byte (StringConverter, JsonConverter without schemas, ByteArrayConverter). Avro, Protobuf and JSON Schema are not supported: such records become dead letters", apply: (*translation).valueConverter},
		{name: "value.converter.schemas.enable", verdict: NotNeeded, text: "`false` is how audit events are read. With `true` JsonConverter takes the event out of a `payload`, which is not supported: the whole value is sent", apply: (*translation).schemasEnable},
		{name: "errors.deadletterqueue.topic.name", verdict: Translated, keys: []string{"dead_letter_topic.name"}, apply: (*translation).deadLetterTopic, text: "besides the store on disk; its cluster and credentials come from `producer.…` of the worker. The topic must exist"},
		{name: "transforms", verdict: NotSupported, text: "transformations are not run; say with filter rules what is dropped, routed or redacted (`hec.routes`, `filter`)", apply: (*translation).transform},
		{name: "transforms.*", verdict: NotSupported, text: "see `transforms`", apply: (*translation).transform},
	},
		notNeeded("one process reads all partitions at once; to share them start more members with the same `kafka.group_id`", "tasks.max", "tasks.max.enforce"),
		notNeeded("the key is not sent to Splunk, so it need not be converted", "key.converter", "key.converter.*"),
		notNeeded(converted, "header.converter", "header.converter.*"),
		notNeeded("it belongs to a converter, and values are sent as they are", "value.converter.*"),
		notNeeded("a refused event never stops the others, and is never lost: it is kept in `dead_letter.dir`", "errors.tolerance"),
		notNeeded("retries of what may pass never end", "errors.retry.timeout", "errors.retry.delay.max.ms"),
		notNeeded("each dead letter is logged with its place, and its content only in the store", "errors.log.enable", "errors.log.include.messages"),
		notNeeded("the headers are always written, with Kafka Connect's names", "errors.deadletterqueue.context.headers.enable"),
		notNeeded("topics are not made by the forwarder; make the dead-letter topic yourself", "errors.deadletterqueue.topic.replication.factor"),
		notNeeded("files of secrets and certificates are read again when they change", "config.action.reload"),
		notSupported("predicates serve transformations only, see `transforms`", "predicates", "predicates.*"),
		notNeeded("a licence of Confluent's own connectors; there is none here", "confluent.*"),
	)
}

// managedRules are those of Confluent Cloud.
func managedRules() []rule {
	return slices.Concat([]rule{
		{name: "input.data.format", verdict: NotNeeded, text: "`JSON`, and `STRING` that holds JSON, are sent as they are. `AVRO`, `PROTOBUF` and `JSON_SR` are not supported: such records become dead letters", apply: (*translation).inputFormat},
		{name: "kafka.api.key", verdict: Translated, keys: []string{"kafka.sasl.username"}, apply: (*translation).apiKey, text: "with `kafka.security_protocol: SASL_SSL`"},
		{name: "kafka.api.secret", verdict: Translated, keys: []string{"kafka.sasl.password_file"}, apply: secretTo("kafka.sasl.password"), text: "into a file of its own"},
		{name: "kafka.endpoint", verdict: Translated, keys: []string{"kafka.bootstrap_servers"}, apply: (*translation).bootstrap, text: "as `confluent connect cluster describe` shows it"},
		{name: "kafka.auth.mode", verdict: NotNeeded, text: "the forwarder signs in with an API key; with `SERVICE_ACCOUNT` make one for that account", apply: (*translation).authMode},
		{name: "kafka.service.account.id", verdict: FillIn, keys: []string{"kafka.sasl.username", "kafka.sasl.password_file"}, apply: (*translation).serviceAccount, text: "make an API key for this account: `confluent api-key create --service-account … --resource lkc-…`"},
	},
		notNeeded("a member that waits for Splunk stays in the group, however long", "max.poll.interval.ms"),
		notNeeded("`batch.max_events` and `kafka.fetch_bytes` say how much is held", "max.poll.records"),
		notNeeded("nothing that is wrong outside ends the forwarder", "auto.restart.on.user.error"),
		notNeeded("what may be reached is decided by the network of the host it runs on", "connector.egress.whitelist"),
		notNeeded("there is no Schema Registry in it", "schema.context.name", "schema.registry.*", "value.subject.name.strategy", "key.subject.name.strategy", "value.schema.*", "key.schema.*"),
		notNeeded("it tells where Confluent runs the connector", "cloud.environment", "cloud.provider", "kafka.region", "kafka.dedicated", "kafka.max.partition.validation.disable", "valid.kafka.api.key", "internal.kafka.endpoint", "kafka.endpoint.*"),
	)
}
