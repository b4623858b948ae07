package kafka

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"auditlog-forwarder/pkg/audit"
)

// Claim is one partition that this member owns.
type Claim struct {
	Topic     string
	Partition int32
	Start     int64 // the first offset that will be read
	// Committed is the group's offset: below it all is settled. It is above Start
	// where Options.Rewind asked for it, and otherwise the same.
	Committed int64
	Note      string // of the last mark; see Mark

	member  *member
	commits *committer
	claim   sarama.ConsumerGroupClaim
	started bool // a record has been read; owned by the handler's goroutine
	end     atomic.Int64
}

// Messages returns the channel of records; Read makes them ours.
func (c *Claim) Messages() <-chan *sarama.ConsumerMessage { return c.claim.Messages() }

// HighWater returns the partition's end, as of the last fetch or, where none
// goes on, as of the last seconds.
func (c *Claim) HighWater() int64 {
	return max(c.claim.HighWaterMarkOffset(), c.end.Load(), c.Start)
}

// askEnd is how often a claim that does not fetch asks for the partition's end.
const askEnd = 5 * time.Second

// watchEnd asks for the partition's end while nothing is fetched. Sarama learns
// it from fetching, and a lane that Splunk holds up does not fetch: the lag
// would stand still just when it matters.
func (c *Claim) watchEnd(ctx context.Context) {
	tick := time.NewTicker(askEnd)
	defer tick.Stop()
	for before := int64(-1); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if fetched := c.claim.HighWaterMarkOffset(); fetched != before {
			before = fetched
			continue
		}
		// An error is none of this watcher's: fetching will meet it as well.
		if end, err := c.member.client.GetOffset(c.Topic, c.Partition, sarama.OffsetNewest); err == nil {
			c.end.Store(end)
		}
	}
}

// Mark takes the next offset to read. It is committed at once, together with
// whatever else was marked while the commit before it was on its way, and at
// the latest before the partition is given back. done, if it is not nil, is
// called once, from any goroutine, and must not block: when a commit covers the
// mark, or when that need not be waited for, since the session is over or the
// partition's commits are refused; then perhaps before Mark returns. Call Mark
// from the handler only.
//
// note is committed with the mark, and is Claim.Note of the partition's next
// owner; brokers take at most 4,096 bytes (offset.metadata.max.bytes).
func (c *Claim) Mark(next int64, note string, done func()) {
	c.commits.mark(place{c.Topic, c.Partition}, mark{next, note}, done)
}

// Read fills rec from m. rec shares m's memory.
func (c *Claim) Read(m *sarama.ConsumerMessage, rec *audit.Record) {
	if !c.started {
		c.started = true
		c.member.checkFirst(c, m.Offset)
	}
	rec.Topic, rec.Partition, rec.Offset, rec.Timestamp = m.Topic, m.Partition, m.Offset, m.Timestamp
	rec.Key, rec.Value = m.Key, m.Value
	rec.Headers = rec.Headers[:0]
	for _, h := range m.Headers {
		rec.Headers = append(rec.Headers, audit.Header{Key: string(h.Key), Value: h.Value})
	}
}

// LastBefore returns the offset behind the last record in [Start, until) that
// this claim will deliver, or Start if there is none: the last ones below until
// may be markers of transactions, aborted, or gone.
func (c *Claim) LastBefore(until int64) (int64, error) {
	return lastBefore(c.member.client, place{c.Topic, c.Partition}, c.Start, until)
}
