package config

func heartbeatKeys() section {
	return section{
		name: "heartbeat",
		doc: "Events about the forwarder itself, sent to Splunk at regular times by `run`: whether it is ready, how far it is behind, and what it has done. " +
			"A quiet organisation has days without an audit event; the alert Pipeline health rests on these. docs/operations.md has their fields.",
		keys: []Key{
			{
				Name: "heartbeat.interval", Kind: Duration, Max: "1h",
				Doc:     "How often a heartbeat is sent: 10s to 1h, or 0s for none. Each has about 600 bytes; the first comes after one interval.",
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
