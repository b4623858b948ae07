package config

func heartbeatKeys() section {
	return section{
		name: "heartbeat",
		doc: "Events about the forwarder itself, sent to Splunk at regular times by `run`: whether it is ready, how far it is behind, and what it has done. " +
			"A quiet organisation has days without an audit event; the alert Pipeline health rests on these. docs/operations.md has their fields.",
		keys: []Key{
			{
				Name: "heartbeat.interval", Kind: Duration, Max: "1h",
				Doc:     "How often one is sent, 10s at the least; about 600 bytes each. The first comes after one interval. 0s sends none.",
				Example: "1m",
			},
			{
				Name: "heartbeat.index", Kind: String,
				Doc:     "Splunk's index field of heartbeats. Empty takes hec.index.",
				Example: "main",
			},
			{
				Name: "heartbeat.source", Kind: String,
				Doc:     "Splunk's source field of heartbeats.",
				Example: "auditlog-forwarder",
			},
			{
				Name: "heartbeat.sourcetype", Kind: String,
				Doc:     "Splunk's sourcetype field of heartbeats. The app's macro confluent_audit_heartbeats looks for the default.",
				Example: "auditlog-forwarder:heartbeat",
			},
		},
	}
}
