package config

import "slices"

func kafkaKeys() section {
	return section{
		name: "kafka",
		doc:  "Where audit events are read: the cluster, the topics, and as whom.",
		keys: slices.Concat([]Key{
			{
				Name: "kafka.bootstrap_servers", Kind: List, Required: true, Main: true,
				Doc: "Brokers to contact first, each host:port. " +
					"Confluent Cloud shows that of the audit log cluster in its Console under https://confluent.cloud/settings/audit_logs/cli, and by `confluent kafka cluster describe` in the audit log environment; its port is 9092.",
				Example: "pkc-xxxxx.us-west-2.aws.confluent.cloud:9092",
			},
			{
				Name: "kafka.topics", Kind: List, Main: true,
				Doc:     "Topics to read. Confluent Cloud writes all audit events of an organization to one topic, the default.",
				Example: "confluent-audit-log-events",
			},
			{
				Name: "kafka.topic_pattern", Kind: String,
				Doc: "Regular expression in Go's syntax; the topics whose whole name matches it are read instead of kafka.topics. " +
					"Topics made later are found within kafka.metadata_refresh.",
				Example: "confluent-audit-log-events(-.+)?",
			},
			{
				Name: "kafka.group_id", Kind: String, Main: true,
				Doc: "Consumer group under which offsets are committed. " +
					"Members with the same name share the partitions. Another name starts again at kafka.start.",
				Example: "auditlog-forwarder",
			},
			{
				Name: "kafka.group_instance_id", Kind: String,
				Doc: "Name of this member for static membership (group.instance.id). " +
					"A member that comes back under it within kafka.session_timeout gets its partitions back without a rebalance. Every member needs its own; empty turns it off.",
				Example: "forwarder-1",
			},
			{
				Name: "kafka.client_id", Kind: String,
				Doc:     "Name that brokers see in their logs, quotas and metrics.",
				Example: "auditlog-forwarder",
			},
			{
				Name: "kafka.client_rack", Kind: String,
				Doc:     "Rack or availability zone of this host. Brokers that allow it then serve reads from a replica in the same zone; empty reads from leaders.",
				Example: "usw2-az1",
			},
			{
				Name: "kafka.start", Kind: String, Main: true, Values: []string{"earliest", "latest"}, Open: true,
				Doc: "Where a group without a committed offset starts: earliest, latest, or a point in time in RFC 3339. " +
					"It has no effect on partitions with a committed offset. It counts for partitions and topics that are added later, too: with latest, what is written there before they are noticed (kafka.metadata_refresh) is not read.",
				Example: "2026-11-01T00:00:00Z",
			},
			{
				Name: "kafka.security_protocol", Kind: String, Main: true,
				Values:  []string{"SASL_SSL", "SSL", "SASL_PLAINTEXT", "PLAINTEXT"},
				Doc:     "How connections are encrypted and authenticated. Confluent Cloud needs SASL_SSL; PLAINTEXT is for a local broker.",
				Example: "SASL_SSL",
			},
		}, saslKeys("kafka", "for Confluent Cloud the API key of the audit log cluster", "XXXXXXXXXXXXXXXX", true), grouped("TLS to Kafka", tlsKeys("kafka.tls", "the brokers'", "the password", "kafka")), grouped("How Kafka is read", []Key{
			{
				Name: "kafka.session_timeout", Kind: Duration, Min: "6s", Max: "30m",
				Doc:     "How long the group waits for a silent member before its partitions go to others.",
				Example: "45s",
			},
			{
				Name: "kafka.commit_interval", Kind: Duration, Min: "0s", Max: "1m",
				Doc: "Shortest time between two commits of offsets. With 0s the next commit goes as soon as the last one is answered and something is new; that is what keeps repeats after a crash few. " +
					"Raise it only for a cluster with a request quota, and batch.max_uncommitted with it: all that is accepted within one interval must fit there, else delivery waits for the commits.",
				Example: "100ms",
			},
			{
				Name: "kafka.metadata_refresh", Kind: Duration, Min: "1s", Max: "1h",
				Doc:     "How often topics and partitions are looked up, and so how soon new ones are noticed.",
				Example: "1m",
			},
			{
				Name: "kafka.fetch_max_wait", Kind: Duration, Min: "10ms", Max: "30s",
				Doc:     "How long a broker may hold a fetch back when nothing is new. Longer means fewer requests while idle.",
				Example: "500ms",
			},
			{
				Name: "kafka.fetch_bytes", Kind: Bytes, Min: "16KiB", Max: "64MiB",
				Doc:     "How much of one partition is asked for in one fetch. Part of the memory bound: eight times this for each claimed partition, since compressed records are held unpacked.",
				Example: "1MiB",
			},
		})),
	}
}
