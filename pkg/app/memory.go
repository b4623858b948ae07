package app

import "auditlog-forwarder/pkg/config"

// memory is a bound in bytes: for events of usual size, and for the case that
// every batch holds one of the largest that the configuration allows.
type memory struct{ usual, most int64 }

const (
	// fixedMemory is what the program needs without a partition: its code, the
	// Go runtime, metadata, connections, metrics. Measured at 22 MiB.
	fixedMemory = int64(32 << 20)
	// usualEvent is the size up to which the usual bound holds.
	usualEvent = 64 << 10
	// perPost is a connection with its buffers and a compressor.
	perPost = 1 << 20
)

// partitionMemory returns what one partition may take.
//
// The batches are exact (forwarder.Config.MemoryPerLane). Fetching holds the
// answer that is being read, the one before, and one that arrives. Go's
// collector lets the heap grow to twice what lives, so all of it counts twice.
// A compressed topic fetches fetch_bytes of compressed data: there the fetch
// part grows by the topic's ratio, which no setting bounds.
func partitionMemory(cfg config.Config) memory {
	of := func(event int) int64 {
		batches := cfg.Batch.MemoryPerLane(event)
		fetch := 3 * max(cfg.Kafka.FetchBytes, event)
		posts := cfg.Batch.Window * perPost
		if cfg.HEC.Gzip { // JSON shrinks to less than half, always
			posts += cfg.Batch.Window * (cfg.Batch.MaxBytes + event) / 2
		}
		return 2 * int64(batches+fetch+posts)
	}
	return memory{usual: of(min(usualEvent, cfg.HEC.MaxEventBytes)), most: of(cfg.HEC.MaxEventBytes)}
}
