package config

func summaryKeys() section {
	return section{
		name: "summaries",
		doc: "How events are counted that a rule summarises: for each window of a partition one summary event for each key. " +
			"docs/summaries.md has what they say, and the search that counts right.",
		keys: []Key{
			{
				Name: "summaries.every", Kind: Duration, Min: "1s", Max: "1h",
				Doc:     "How long a window is, by the records' timestamps. After a restart at most the records of one window, and no more than 100,000, are read again to be counted.",
				Example: "1m",
			},
			{
				Name: "summaries.max_keys", Kind: Int, Min: "1", Max: "100000",
				Doc:     "A window of a partition closes early when it has this many keys, or about 4 MiB of them.",
				Example: "10000",
			},
			{
				Name: "summaries.samples", Kind: Int, Min: "0", Max: "20",
				Doc:     "How many ids of the counted events each summary lists: those of the first ones.",
				Example: "3",
			},
		},
	}
}
