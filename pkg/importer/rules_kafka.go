package importer

import "slices"

// consumerRules are the consumer's own of Kafka 3.9.
func consumerRules() []rule {
	return slices.Concat([]rule{
		to("group.id", "kafka.group_id", (*translation).groupID, "the connector's group, if it was given another than `connect-<name>`"),
		to("group.instance.id", "kafka.group_instance_id", textTo("kafka.group_instance_id"), "each member needs its own"),
		to("client.id", "kafka.client_id", textTo("kafka.client_id"), ""),
		to("client.rack", "kafka.client_rack", textTo("kafka.client_rack"), ""),
		{name: "auto.offset.reset", verdict: Translated, keys: []string{"kafka.start"}, apply: (*translation).offsetReset, text: "`earliest` and `latest`; only where the group has no offset"},
		to("session.timeout.ms", "kafka.session_timeout", millisTo("kafka.session_timeout"), "6s to 30m"),
		to("fetch.max.wait.ms", "kafka.fetch_max_wait", millisTo("kafka.fetch_max_wait"), "10ms to 30s"),
		to("max.partition.fetch.bytes", "kafka.fetch_bytes", intTo("kafka.fetch_bytes", 16<<10, 64<<20), ""),
		to("metadata.max.age.ms", "kafka.metadata_refresh", millisTo("kafka.metadata_refresh"), "1s to 1h"),
		{name: "group.protocol", verdict: NotNeeded, text: "`classic` is what is spoken; `consumer` (KIP-848) is not supported: the group has to be empty before it changes", apply: only("classic")},
		{name: "isolation.level", verdict: NotNeeded, text: "always `read_committed`: what a transaction took back is never sent"},
		{name: "enable.auto.commit", verdict: NotNeeded, text: "an offset is committed when Splunk has the event, and never before"},
	},
		notNeeded("an offset is committed when Splunk has the event, as soon as the last commit is answered (`kafka.commit_interval`)", "auto.commit.interval.ms"),
		notNeeded("a member that waits for Splunk stays in the group, however long", "max.poll.interval.ms"),
		notNeeded("`batch.max_events` and `kafka.fetch_bytes` say how much is held", "max.poll.records", "fetch.max.bytes"),
		notNeeded("a broker answers as soon as there is anything new", "fetch.min.bytes"),
		notNeeded("it follows from the session's time", "heartbeat.interval.ms"),
		notNeeded("partitions are shared with the sticky strategy, which moves as few as it can", "partition.assignment.strategy", "group.remote.assignor"),
		notNeeded("values are sent as they are", "key.deserializer", "value.deserializer"),
		notNeeded("topics are never made", "allow.auto.create.topics"),
		notNeeded("checksums are always checked", "check.crcs"),
		notNeeded("internal topics are never read unless `kafka.topics` names them", "exclude.internal.topics"),
		notNeeded("a setting inside Kafka's own client", "internal.leave.group.on.close", "internal.throw.on.fetch.stable.offset.unsupported"),
		notSupported("code in Java cannot be run; what interceptors for monitoring told is in /metrics at `admin.listen`", "interceptor.classes"),
		notSupported("interceptors cannot be run; what they told is in /metrics at `admin.listen`", "confluent.monitoring.interceptor.*"),
	)
}

// connectionRules are what consumers, producers and admin clients of Kafka 3.9
// share: addresses, timeouts, SASL and TLS.
func connectionRules() []rule {
	return slices.Concat([]rule{
		to("bootstrap.servers", "{}.bootstrap_servers", (*translation).bootstrap, ""),
		to("security.protocol", "{}.security_protocol", (*translation).securityProtocol, "without it Kafka's default, `PLAINTEXT`"),
		{name: "sasl.mechanism", verdict: Translated, keys: []string{"{}.sasl.mechanism"}, apply: (*translation).mechanism, text: "of those that `{}.sasl.mechanism` allows; without it Kafka's default, `GSSAPI`, which is Kerberos"},
		{name: "sasl.jaas.config", verdict: Translated, keys: []string{"{}.sasl.username", "{}.sasl.password_file"}, whole: true, apply: (*translation).jaas, text: "`username` and `password` of PlainLoginModule and ScramLoginModule; of OAuthBearerLoginModule the client and its secret"},
		oauthRule("sasl.oauthbearer.token.endpoint.url", "with OAUTHBEARER", false, "token_url", "token_endpoint", "token_endpoint_url"),
		to("ssl.truststore.location", "{}.tls.truststore_file", (*translation).truststore, "of type `PEM` it is `{}.tls.ca_file`; copy the file to the forwarder's host"),
		{name: "ssl.truststore.password", verdict: Translated, keys: []string{"{}.tls.truststore_password_file"}, apply: scopedSecret("tls.truststore_password"), text: "into a file of its own"},
		{name: "ssl.truststore.certificates", verdict: Translated, keys: []string{"{}.tls.ca_file"}, apply: pemTo("tls.ca_file"), text: "PEM in the property itself, written to a file of its own"},
		to("ssl.keystore.location", "{}.tls.keystore_file", (*translation).keystore, "of type `PEM` it is `{}.tls.client_cert_file` and `{}.tls.client_key_file`"),
		{name: "ssl.keystore.password", verdict: Translated, keys: []string{"{}.tls.keystore_password_file"}, apply: scopedSecret("tls.keystore_password"), text: "into a file of its own"},
		{name: "ssl.keystore.certificate.chain", verdict: Translated, keys: []string{"{}.tls.client_cert_file"}, apply: pemTo("tls.client_cert_file"), text: "PEM in the property itself, written to a file of its own"},
		{name: "ssl.keystore.key", verdict: Translated, keys: []string{"{}.tls.client_key_file"}, apply: pemTo("tls.client_key_file"), text: "PEM in the property itself, written to a file of its own"},
		{name: "ssl.key.password", verdict: Translated, keys: []string{"{}.tls.client_key_password_file"}, apply: scopedSecret("tls.client_key_password"), text: "into a file of its own"},
		{name: "ssl.endpoint.identification.algorithm", verdict: NotNeeded, whole: true, apply: (*translation).endpointIdentification, text: "the name in the certificate is always checked. Empty (off) is not supported: set `{}.tls.server_name` to the name in the certificate, or `{}.tls.pinned_sha256`"},
		{name: "ssl.enabled.protocols", verdict: NotNeeded, text: "TLS 1.2 and 1.3; `{}.tls.min_version: \"1.3\"` allows the last alone", apply: (*translation).tlsVersions},
		{name: "ssl.protocol", verdict: NotNeeded, text: "the newest version that both sides know is spoken"},
		{name: "client.dns.lookup", verdict: NotNeeded, text: "all addresses of a name are tried", apply: only("use_all_dns_ips", "default")},
	},
		notNeeded("PEM, JKS and PKCS#12 are told apart by their bytes", "ssl.truststore.type", "ssl.keystore.type"),
		notNeeded("connections, their timeouts and their buffers are seen to by the client; a connection that is lost is made again for ever",
			"connections.max.idle.ms", "default.api.timeout.ms", "receive.buffer.bytes", "send.buffer.bytes", "reconnect.backoff.max.ms", "reconnect.backoff.ms",
			"request.timeout.ms", "retry.backoff.max.ms", "retry.backoff.ms", "retries", "socket.connection.setup.timeout.max.ms", "socket.connection.setup.timeout.ms",
			"metadata.recovery.strategy"),
		notNeeded("metrics are at `admin.listen`, under /metrics", "metric.reporters", "metrics.num.samples", "metrics.recording.level", "metrics.sample.window.ms",
			"auto.include.jmx.reporter", "enable.metrics.push", "confluent.metrics.reporter.*"),
		notNeeded("it serves Java's TLS; Go's own is used", "ssl.keymanager.algorithm", "ssl.trustmanager.algorithm", "ssl.provider", "ssl.secure.random.implementation", "security.providers"),
		notSupported("the cipher suites are those that Go holds to be secure, and cannot be chosen", "ssl.cipher.suites"),
		notSupported("code in Java cannot be run; give certificates and keys as files (`{}.tls.…`)", "ssl.engine.factory.class"),
		notSupported("code in Java cannot be run; give the credentials as `{}.sasl.…`", "sasl.client.callback.handler.class", "sasl.login.class"),
		[]rule{{name: "sasl.login.callback.handler.class", verdict: NotNeeded, text: "the handler of OAUTHBEARER with OIDC is not needed; others are code in Java and cannot be run", apply: (*translation).loginHandler}},
		notNeeded("a token is fetched again in time before it ends", "sasl.login.refresh.buffer.seconds", "sasl.login.refresh.min.period.seconds",
			"sasl.login.refresh.window.factor", "sasl.login.refresh.window.jitter", "sasl.login.connect.timeout.ms", "sasl.login.read.timeout.ms",
			"sasl.login.retry.backoff.max.ms", "sasl.login.retry.backoff.ms", "sasl.oauthbearer.header.urlencode"),
		notNeeded("it serves brokers, which check tokens; a client only shows one", "sasl.oauthbearer.clock.skew.seconds", "sasl.oauthbearer.expected.audience",
			"sasl.oauthbearer.expected.issuer", "sasl.oauthbearer.jwks.endpoint.refresh.ms", "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
			"sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", "sasl.oauthbearer.jwks.endpoint.url", "sasl.oauthbearer.scope.claim.name", "sasl.oauthbearer.sub.claim.name"),
		notSupported("Kerberos is not spoken; use SASL/PLAIN, SCRAM or certificates", "sasl.kerberos.kinit.cmd", "sasl.kerberos.min.time.before.relogin",
			"sasl.kerberos.service.name", "sasl.kerberos.ticket.renew.jitter", "sasl.kerberos.ticket.renew.window.factor"),
	)
}

// producerRules are the producer's own of Kafka 3.9. It writes dead letters
// and nothing else.
func producerRules() []rule {
	return slices.Concat([]rule{
		to("compression.type", "dead_letter_topic.compression", (*translation).compression, ""),
	},
		notNeeded("dead letters are written with acks of all replicas, one after the other, and again until they are there",
			"acks", "batch.size", "buffer.memory", "compression.gzip.level", "compression.lz4.level", "compression.zstd.level", "delivery.timeout.ms", "enable.idempotence",
			"key.serializer", "value.serializer", "linger.ms", "max.block.ms", "max.in.flight.requests.per.connection", "max.request.size", "metadata.max.age.ms",
			"metadata.max.idle.ms", "partitioner.adaptive.partitioning.enable", "partitioner.availability.timeout.ms", "partitioner.class", "partitioner.ignore.keys",
			"transaction.timeout.ms", "transactional.id", "client.id", "interceptor.classes", "confluent.monitoring.interceptor.*"),
	)
}

// librdkafkaRules are names that Java's clients do not have.
func librdkafkaRules() []rule {
	return slices.Concat([]rule{
		to("metadata.broker.list", "{}.bootstrap_servers", (*translation).bootstrap, ""),
		{name: "sasl.mechanisms", verdict: Translated, keys: []string{"{}.sasl.mechanism"}, apply: (*translation).mechanism, text: "as `sasl.mechanism`"},
		to("sasl.username", "{}.sasl.username", scopedText("sasl.username"), ""),
		{name: "sasl.password", verdict: Translated, keys: []string{"{}.sasl.password_file"}, apply: scopedSecret("sasl.password"), text: "into a file of its own"},
		to("ssl.ca.location", "{}.tls.ca_file", scopedText("tls.ca_file"), ""),
		{name: "ssl.ca.pem", verdict: Translated, keys: []string{"{}.tls.ca_file"}, apply: pemTo("tls.ca_file"), text: "written to a file of its own"},
		to("ssl.certificate.location", "{}.tls.client_cert_file", scopedText("tls.client_cert_file"), ""),
		{name: "ssl.certificate.pem", verdict: Translated, keys: []string{"{}.tls.client_cert_file"}, apply: pemTo("tls.client_cert_file"), text: "written to a file of its own"},
		to("ssl.key.location", "{}.tls.client_key_file", scopedText("tls.client_key_file"), ""),
		{name: "ssl.key.pem", verdict: Translated, keys: []string{"{}.tls.client_key_file"}, apply: pemTo("tls.client_key_file"), text: "written to a file of its own"},
		to("enable.ssl.certificate.verification", "{}.tls.insecure_skip_verify", (*translation).verification, "the other way round"),
		oauthRule("sasl.oauthbearer.client.id", "with OAUTHBEARER", false, "client_id"),
		oauthRule("sasl.oauthbearer.client.secret", "with OAUTHBEARER, into a file of its own", true, "client_secret"),
		oauthRule("sasl.oauthbearer.scope", "with OAUTHBEARER", false, "scope", "scopes"),
		oauthRule("sasl.oauthbearer.extensions", "with OAUTHBEARER", false, "extensions"),
	},
		notNeeded("tokens come by client credentials, as with `oidc`", "sasl.oauthbearer.method"),
		notNeeded("connections and their timeouts are seen to by the client", "socket.timeout.ms", "socket.keepalive.enable", "topic.metadata.refresh.interval.ms", "broker.address.ttl",
			"broker.address.family", "message.timeout.ms", "statistics.interval.ms", "log_level", "debug", "api.version.request", "acks"),
		notNeeded("it belongs to Schema Registry, which is not used", "schema.registry.*", "basic.auth.*"),
	)
}

// workerRules are the worker's own of Kafka Connect 3.9.
func workerRules() []rule {
	const storage = "there are no topics of its own: the configuration is a file, and offsets are in the consumer group"
	return slices.Concat([]rule{
		{name: "bootstrap.servers", verdict: Translated, keys: []string{"kafka.bootstrap_servers"}, apply: (*translation).workerBootstrap, text: "unless `consumer.bootstrap.servers` or `consumer.override.bootstrap.servers` is given, which go before it"},
		{name: "offset.storage.file.filename", verdict: NotNeeded, text: "a standalone worker keeps only source connectors' offsets there; a sink's are in its consumer group. `connect import` reads the file if it is given"},
		{name: "value.converter", verdict: NotNeeded, text: "as the connector's, which goes before it", apply: (*translation).workerConverter},
		{name: "value.converter.schemas.enable", verdict: NotNeeded, text: "as the connector's, which goes before it", apply: (*translation).workerSchemas},
	},
		notNeeded("it names the group of workers, not the connector's, which is `connect-<name>`", "group.id"),
		notNeeded(storage, "config.storage.*", "offset.storage.*", "status.storage.*", "offset.flush.interval.ms", "offset.flush.timeout.ms"),
		notNeeded("the key is not sent to Splunk", "key.converter", "key.converter.*"),
		notNeeded("values are sent as they are, and headers are read as text", "value.converter.*", "header.converter", "header.converter.*", "internal.key.converter*", "internal.value.converter*"),
		notNeeded("there are no plugins", "plugin.path", "plugin.discovery"),
		notNeeded("there is no REST interface to change things; /metrics, /healthz and /readyz are at `admin.listen`", "listeners", "listeners.*", "admin.listeners", "admin.listeners.*",
			"rest.*", "access.control.*", "response.http.headers.config"),
		notNeeded("members need no connection to each other: Kafka shares the partitions out", "inter.worker.*", "connect.protocol", "scheduled.rebalance.max.delay.ms", "worker.sync.timeout.ms",
			"worker.unsync.backoff.ms", "rebalance.timeout.ms", "heartbeat.interval.ms", "session.timeout.ms"),
		notNeeded("`batch.drain` says how long an orderly stop may take", "task.shutdown.graceful.timeout.ms"),
		notNeeded("it serves source connectors", "exactly.once.source.support", "topic.creation.*", "producer.*"),
		notNeeded("there are no connectors that could be forbidden anything", "connector.client.config.override.policy"),
		notNeeded("topics that are read are in `/status` and in the metrics", "topic.tracking.*"),
		notNeeded("it serves the worker's own client, not the connector's consumer", "client.id", "client.rack", "metadata.max.age.ms"),
		[]rule{{name: "config.providers", verdict: NotNeeded, text: "secrets are read from files by keys that end in `_file`, or from the environment"}},
		notNeeded("see `config.providers`", "config.providers.*"),
		notNeeded("it makes topics or licences for Confluent's own connectors", "confluent.*", "metrics.context.*"),
		notNeeded("it tells the image how to start Java", "log4j.*", "cub.*", "kafka.heap.opts", "kafka.opts", "kafka.jmx.*", "jmx.*"),
	)
}
