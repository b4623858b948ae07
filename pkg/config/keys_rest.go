package config

func batchKeys() section {
	return section{
		name: "batch",
		doc: "How events are gathered into requests. Every claimed partition has its own open batch and at most " +
			"batch.window sent ones, so batches take up to partitions × (window + 1) × 2 × max_bytes: as much again for keys, headers and dead letters as for bodies.",
		keys: []Key{
			{
				Name: "batch.max_events", Kind: Int, Min: "1", Max: "100000",
				Doc:     "A batch is sent when it holds this many events.",
				Example: "1000",
			},
			{
				Name: "batch.max_bytes", Kind: Bytes, Min: "1KiB", Max: "64MiB",
				Doc:     "A batch is sent when it holds this many bytes before compression. A single event may be larger and then goes alone.",
				Example: "512KiB",
			},
			{
				Name: "batch.linger", Kind: Duration, Min: "1ms", Max: "5m",
				Doc:     "A batch is sent at the latest this long after its first event.",
				Example: "1s",
			},
			{
				Name: "batch.window", Kind: Int, Min: "1", Max: "64",
				Doc: "How many batches of one partition may be sent and not yet accepted. " +
					"When the window is full, the partition is not read on. After a crash at most these are sent again, besides batch.max_uncommitted.",
				Example: "3",
			},
			{
				Name: "batch.max_uncommitted", Kind: Int, Min: "0", Max: "1000000",
				Doc: "How many accepted events, over all partitions, may be without a committed offset while further batches are sent. While there are more, nothing new is sent until Kafka has answered a commit. " +
					"After a crash at most these are sent again, besides the batches that were out. " +
					"A commit takes a round trip to Kafka: with 100 ms for that, 1000 let some 8,000 events a second through from one partition, and more from several. 0 sets no bound.",
				Example: "1000",
			},
			{
				Name: "batch.drain", Kind: Duration, Min: "0s", Max: "10m",
				Doc:     "How long sent batches may still be accepted after a stop or after a partition went to another member. What is not accepted by then is sent again by the next owner.",
				Example: "10s",
			},
		},
	}
}

func deadLetterKeys() section {
	return section{
		name: "dead_letter",
		doc: "Where records go that Splunk can never take: not JSON, empty, too large, or refused by Splunk. " +
			"Nothing is dropped: they are kept on disk and can be listed and replayed.",
		keys: []Key{
			{
				Name: "dead_letter.dir", Kind: String, Main: true,
				Doc:     "Folder of the store; it is made if it is missing. A relative path starts at the working directory.",
				Example: "/var/lib/auditlog-forwarder/dead-letter",
			},
			{
				Name: "dead_letter.max_bytes", Kind: Bytes, Min: "1MiB",
				Doc:     "Most bytes that the store may hold. When it is full, the partition of the next refused record waits; nothing is lost or skipped.",
				Example: "1GiB",
			},
		},
	}
}

func adminKeys() section {
	return section{
		name: "admin",
		doc:  "The admin server: /metrics, /healthz and /readyz.",
		keys: []Key{
			{
				Name: "admin.listen", Kind: String, Main: true,
				Doc:     "Address to listen on, host:port. An empty value turns the server off. It has no password: let only those reach it who may see topic names and counts.",
				Example: "127.0.0.1:9611",
			},
		},
	}
}

func logKeys() section {
	return section{
		name: "log",
		doc:  "The forwarder's own log, written to standard error.",
		keys: []Key{
			{
				Name: "log.level", Kind: String, Main: true, Values: logLevels(),
				Doc:     "Least severity that is logged.",
				Example: "info",
			},
			{
				Name: "log.format", Kind: String, Values: logFormats(),
				Doc:     "How a log line looks. With auto it is console on a terminal and json elsewhere.",
				Example: "json",
			},
		},
	}
}
