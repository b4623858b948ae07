package config

func hecKeys() section {
	return section{
		name: "hec",
		doc:  "Where events go: Splunk's HTTP Event Collector (HEC).",
		keys: []Key{
			{
				Name: "hec.url", Kind: String, Required: true,
				Doc: "Address of HEC, https://host:port. The path /services/collector/event is added if it is not there. " +
					"Splunk Enterprise listens on port 8088; Splunk Cloud on AWS is https://http-inputs-<stack>.splunkcloud.com:443.",
				Example: "https://splunk.example.com:8088",
			},
			{
				Name: "hec.token", Kind: String, Secret: true, FromFile: true,
				Doc: "HEC token. Splunk shows it under Settings, Data inputs, HTTP Event Collector.",
			},
			{
				Name: "hec.index", Kind: String,
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
				Name: "hec.gzip", Kind: Bool,
				Doc:     "Compress requests. Audit events shrink to about an eighth.",
				Example: "true",
			},
			{
				Name: "hec.gzip_level", Kind: Int, Min: "1", Max: "9",
				Doc:     "How hard gzip tries: 1 is fastest, 9 is smallest.",
				Example: "1",
			},
			{
				Name: "hec.timeout", Kind: Duration, Min: "1s",
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
				Name: "hec.max_event_bytes", Kind: Bytes, Min: "1KiB", Max: "800MiB",
				Doc:     "Largest event that Splunk is asked to take. Larger ones go to the dead-letter store.",
				Example: "5MiB",
			},
			{
				Name: "hec.partial_acceptance", Kind: String, Values: []string{"prefix", "none"},
				Doc: "What Splunk keeps of a request of which it refuses one event: prefix, the events before it (as measured), or none. " +
					"With prefix only the events behind the refused one are sent again, with none all but the refused one.",
				Example: "prefix",
			},
			{
				Name: "hec.tls.ca_file", Kind: String,
				Doc:     "PEM file with the certificate authorities that Splunk's certificate is checked against. Empty takes those of the system.",
				Example: "/etc/auditlog-forwarder/splunk-ca.pem",
			},
			{
				Name: "hec.tls.insecure_skip_verify", Kind: Bool,
				Doc:     "Accept any certificate of Splunk. Whoever sits on the way can then read everything, the token too; a warning is given at every start.",
				Example: "false",
			},
		},
	}
}
