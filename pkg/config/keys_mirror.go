package config

import "slices"

func mirrorKeys() section {
	return section{
		name: "mirror",
		doc: "Where `mirror` copies the audit topic to: a cluster of yours. " +
			"Only that command reads these keys; it reads the topic as kafka says, and kafka.group_id is not used. docs/mirror.md walks through it.",
		keys: slices.Concat([]Key{
			{
				Name: "mirror.bootstrap_servers", Kind: List,
				Doc:     "Brokers of the destination's cluster to contact first, each host:port. It must not be the audit log's cluster, which is read-only.",
				Example: "pkc-yyyyy.eu-west-1.aws.confluent.cloud:9092",
			},
			{
				Name: "mirror.name", Kind: String,
				Doc:     "Name of the destination topic. Empty takes the source topic's.",
				Example: "confluent-audit-log-events",
			},
			{
				Name: "mirror.retention", Kind: Duration,
				Doc: "How long the destination topic keeps records, such as 90d, if it is created here. " +
					"One that exists is not changed; if it keeps them shorter, a warning says so. 0s is the cluster's default.",
				Example: "90d",
			},
			{
				Name: "mirror.replication_factor", Kind: Int,
				Doc:     "Replicas of the destination topic, if it is created here. -1 is the cluster's default.",
				Example: "3",
			},
			{
				Name: "mirror.compression", Kind: String, Values: []string{"none", "lz4", "zstd", "gzip", "snappy"},
				Doc:     "How what is written is compressed.",
				Example: "zstd",
			},
			{
				Name: "mirror.group_id", Kind: String,
				Doc: "Consumer group of the audit log's cluster under which the mirror commits what is copied. " +
					"Mirrors with the same name share the partitions. Another name copies again from kafka.start.",
				Example: "auditlog-forwarder-mirror",
			},
			{
				Name: "mirror.group_instance_id", Kind: String,
				Doc: "Name of this member for static membership (group.instance.id). " +
					"A mirror that comes back under it within kafka.session_timeout goes on at once. Every member needs its own; empty turns it off.",
				Example: "mirror-1",
			},
			{
				Name: "mirror.security_protocol", Kind: String,
				Values:  []string{"SASL_SSL", "SSL", "SASL_PLAINTEXT", "PLAINTEXT"},
				Doc:     "How connections to the destination are encrypted and authenticated.",
				Example: "SASL_SSL",
			},
			{
				Name: "mirror.sasl.mechanism", Kind: String, Values: []string{"PLAIN"},
				Doc:     "SASL mechanism.",
				Example: "PLAIN",
			},
			{
				Name: "mirror.sasl.username", Kind: String, FromFile: true,
				Doc:     "User name; for Confluent Cloud an API key of the destination's cluster.",
				Example: "YYYYYYYYYYYYYYYY",
			},
			{
				Name: "mirror.sasl.password", Kind: String, Secret: true, FromFile: true,
				Doc: "Password; for Confluent Cloud the secret of the API key.",
			},
		}, tlsKeys("mirror.tls", "the brokers'", "the password", "kafka")),
	}
}
