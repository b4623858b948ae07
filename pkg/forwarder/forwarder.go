// Package forwarder is the core: it takes the records of one partition to a
// destination and says which offset may be committed. It knows neither Kafka
// nor Splunk.
//
// A lane is one partition for as long as this member owns it. One goroutine
// runs it: reads records, puts them into the open batch, sends full batches,
// and marks an offset when the oldest batch is settled. Nothing of a lane
// outlives it, so a late answer can never commit for the partition's next
// owner, and an offset gap can never stall it.
//
// The invariants, held by TestLaneKeepsItsPromises:
//
//	P1 no mark passes a record that is not accepted, filtered or dead-lettered
//	P2 marks only rise, but for another note at the same offset
//	P3 at most Window batches of a lane are out
//	P4 any cut and a restart lose nothing
//	P5 a lane returns within Drain of losing its partition
//	P6 the bytes of a body go out as they came in
//	P7 at most MaxUncommitted events, and the windows, are accepted and not committed
//	P9 a record that was summarised is in exactly one summary that counts, or the
//	   note beside the mark makes the next owner read it again
package forwarder

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/summary"
)

// Sink is where batches go.
type Sink interface {
	// Append encodes one record behind dst, and says where in the result the
	// record's value stands, its bytes as they are. An error says why this
	// record can never be sent; dst is then returned as it was.
	Append(dst []byte, rec *audit.Record, ev audit.Event) (_ []byte, value int, err error)
	// Deliver returns when every event of b is settled: accepted, or refused
	// for good and listed by ascending index. It tries without an end; only ctx
	// stops it, and then nothing is known of any event. b's memory is not read
	// after the return.
	Deliver(ctx context.Context, b audit.Batch) ([]audit.Refusal, error)
}

// Noter is a Sink that keeps a note beside each mark; see Claim.Mark.
type Noter interface {
	// Note returns what to keep beside next, the offset that is about to be
	// marked. The lane's goroutine calls it, when everything before next is
	// settled.
	Note(topic string, partition int32, next int64) string
}

// DeadLetters keeps what will never be accepted. Put returns when all entries
// are safe on disk, or an error with none of them stored.
type DeadLetters interface {
	Put(entries []deadletter.Entry) error
}

// DeadLetterCopy is a second place for what DeadLetters keeps. Copy returns
// when it has all entries, or with an error, after which it is called again; it
// gives up when ctx ends.
type DeadLetterCopy interface {
	Copy(ctx context.Context, entries []deadletter.Entry) error
}

// Filter decides what becomes of events.
type Filter interface {
	// Judge makes a judge for one lane, whose goroutine alone uses it.
	Judge() Judge
}

// Judge decides about one event after the other.
type Judge interface {
	// Judge decides about an event. It may set ev.Route. What the verdict points
	// to is valid until the next call.
	Judge(rec *audit.Record, ev *audit.Event) Verdict
}

// Verdict is what becomes of an event. The zero value sends it as it is.
type Verdict struct {
	Rule  string // the rule that left the event out; empty: it is sent
	Value []byte // sent in place of the record's value; nil: that one, byte for byte
	// Summary, not nil, leaves the event out as Rule does, and counts it in the
	// summary of its key.
	Summary *summary.Item
}

// Summariser is a Filter that has rules which summarise.
type Summariser interface {
	Filter
	// SummaryRules is a text of all that decides which events are summarised and
	// under which key; empty: none are. The same configuration has the same text.
	SummaryRules() string
}

// Options are what a Forwarder needs besides its configuration.
type Options struct {
	Sink        Sink
	DeadLetters DeadLetters
	Copy        DeadLetterCopy // nil: DeadLetters alone keeps them
	Filter      Filter         // nil: nothing is left out
	// Verbatim says that every record goes to the sink as it is, also one without
	// a value or larger than MaxEventBytes; nothing is read of it or filtered.
	Verbatim bool
	// Summaries bounds the windows of a Filter that summarises.
	Summaries summary.Config
	// AnyText says that the destination takes any text, not JSON objects alone.
	AnyText bool
	// MaxEventBytes is the largest body that the destination takes.
	MaxEventBytes int
	Log           *zap.Logger
	Registerer    prometheus.Registerer
	// OnProblem is told when a lane has to wait because dead letters cannot be
	// stored, and nil when it waits no longer. Optional.
	OnProblem func(error)
}

// Forwarder runs lanes.
type Forwarder struct {
	cfg     Config
	opts    Options
	log     *zap.Logger
	metrics *metrics
	gate    gate

	mu    sync.Mutex
	lanes map[*lane]struct{} // the running ones, for the gauges
	taken int64              // records read by lanes that have ended
	made  int64              // summary events made by lanes that have ended, and not given up
}

// New makes a forwarder.
func New(cfg Config, opts Options) *Forwarder {
	f := &Forwarder{cfg: cfg, opts: opts, log: opts.Log, lanes: map[*lane]struct{}{}, gate: gate{max: int64(cfg.MaxUncommitted)}}
	f.metrics = newMetrics(opts.Registerer, f)
	return f
}

// Claim is a partition that this member owns.
type Claim struct {
	Topic     string
	Partition int32
	Start     int64 // the first offset that will be read; below 0: not known
	Committed int64 // what lies below is settled; above Start it is read only to know where the last owner was
	Note      string
	// Mark takes the next offset to read; it is called from the lane's goroutine
	// only. note is kept beside the offset, and is Note of the partition's next
	// owner. committed, which may be nil, must be called once, from anywhere: when
	// the mark is committed, or when it will not be any more.
	Mark      func(next int64, note string, committed func())
	HighWater func() int64 // the partition's end, as far as it is known
	Bound     *Bound       // where the lane ends; nil: with its claim
}

// MemoryPerLane returns the most bytes that one lane holds in batches while
// no record has more than maxRecord bytes: Window batches out and one open,
// each with its body, and keys, headers and dead letters within MaxBytes.
func (c Config) MemoryPerLane(maxRecord int) int {
	return (c.Window + 1) * (2*c.MaxBytes + slack + maxRecord + envelopeRoom + c.MaxEvents*bytesPerEvent)
}

func (f *Forwarder) enter(l *lane) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lanes[l] = struct{}{}
}

func (f *Forwarder) leave(l *lane) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.lanes, l)
	f.taken += l.taken.Load()
	f.made += l.made.Load()
}

// Stuck returns the partitions whose lanes do not turn within the time given.
// Waiting for Kafka, for Splunk, or for room on the disk is no reason to be
// among them: a lane answers from all of these. What remains is a disk that
// hangs in the middle of a write, or a mistake in this program.
func (f *Forwarder) Stuck(ctx context.Context, within time.Duration) []string {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var stuck []string
	for _, l := range f.running() {
		if l.excused.Load() {
			continue
		}
		select {
		case l.ping <- none{}:
		case <-l.gone:
		case <-ctx.Done():
			if !l.excused.Load() {
				stuck = append(stuck, fmt.Sprintf("%s/%d", l.claim.Topic, l.claim.Partition))
			}
		}
	}
	return stuck
}

// running returns the lanes of this moment.
func (f *Forwarder) running() []*lane {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*lane, 0, len(f.lanes))
	for l := range f.lanes {
		all = append(all, l)
	}
	return all
}
