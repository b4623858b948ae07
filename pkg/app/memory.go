package app

import "auditlog-forwarder/pkg/config"

// memory is a bound in bytes: for events of usual size, and for the case that
// every batch holds one of the largest that the configuration allows.
type memory struct{ usual, most int64 }

const (
	// fixedMemory is what the program needs without a partition: its code, the
	// Go runtime, metadata, connections, metrics. 16 MiB at rest
	// (VmHWM of a forwarder without a broker); the rest is for what work brings.
	fixedMemory = int64(32 << 20)
	// usualEvent is the size up to which the usual bound holds.
	usualEvent = 64 << 10
	// perConnection is a connection with its buffers, also one that is idle: each
	// is kept for some seconds after its post.
	perConnection = 256 << 10
)

// collectAt is how far Go's heap may grow beyond what lives before it is
// collected, in percent. Go's own 100 takes more memory and saved no CPU time
// that auditbench could see.
const collectAt = 50

// partitionMemory returns what one partition may take.
//
// The batches are exact (forwarder.Config.MemoryPerLane). Fetching holds the
// answer that is being read, the one before, and one that arrives; a compressed
// topic fetches fetch_bytes of compressed data and holds them unpacked. No
// setting bounds a topic's ratio; audit events come to 8 : 1. On top comes what
// Go leaves uncollected.
//
// Posts are bounded by the window, however many addresses Splunk has, since a
// batch is out at one of them at a time; but each address may keep the
// connections that it had when it got all the posts. With acknowledgements a
// batch stays in the window until it is indexed: what is open then is a number
// for each, and grows no further either.
//
// summaries is what an open window of summaries may take.
func partitionMemory(cfg config.Config, summaries int) memory {
	of := func(event int) int64 {
		batches := cfg.Batch.MemoryPerLane(event)
		fetch := 8 * max(cfg.Kafka.FetchBytes, event)
		posts := cfg.Batch.Window * max(1, len(cfg.HEC.URLs)) * perConnection
		if cfg.HEC.Gzip { // JSON shrinks to less than half, always
			posts += cfg.Batch.Window * (cfg.Batch.MaxBytes + event) / 2
		}
		return int64(batches+fetch+posts+summaries) * (100 + collectAt) / 100
	}
	return memory{usual: of(min(usualEvent, cfg.HEC.MaxEventBytes)), most: of(cfg.HEC.MaxEventBytes)}
}
