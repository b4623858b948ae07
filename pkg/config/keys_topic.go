package config

import "slices"

func deadLetterTopicKeys() section {
	return section{
		name: "dead_letter_topic",
		doc: "A Kafka topic, in a cluster of yours, that gets a copy of every dead letter, besides the store on disk. " +
			"Its headers are named as those of Kafka Connect's dead-letter queues. A dead letter counts as kept when both have it; while the topic cannot be written, the partition of the next dead letter waits.",
		keys: slices.Concat([]Key{
			{
				Name: "dead_letter_topic.name", Kind: String,
				Doc:     "Name of the topic. It must exist; empty turns the copies off. It must not be one that is read: the audit log's cluster takes no writes.",
				Example: "auditlog-dead-letters",
			},
			{
				Name: "dead_letter_topic.bootstrap_servers", Kind: List,
				Doc:     "Brokers of the topic's cluster to contact first, each host:port. Needed with a name.",
				Example: "pkc-yyyyy.eu-west-1.aws.confluent.cloud:9092",
			},
			{
				Name: "dead_letter_topic.security_protocol", Kind: String,
				Values:  []string{"SASL_SSL", "SSL", "SASL_PLAINTEXT", "PLAINTEXT"},
				Doc:     "How connections are encrypted and authenticated.",
				Example: "SASL_SSL",
			},
		}, saslKeys("dead_letter_topic", "for Confluent Cloud an API key of the topic's cluster, with WRITE and DESCRIBE on the topic", "YYYYYYYYYYYYYYYY", false), tlsKeys("dead_letter_topic.tls", "the brokers'", "the password", "kafka"), []Key{
			{
				Name: "dead_letter_topic.compression", Kind: String, Values: []string{"none", "lz4", "zstd", "gzip", "snappy"},
				Doc:     "How what is written is compressed.",
				Example: "zstd",
			},
		}),
	}
}
