package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"auditlog-forwarder/pkg/faultnet"
)

// plan is what a seed decides: everything about a run but the moments at
// which two things that happen at once meet.
type plan struct {
	Seed       uint64        `json:"seed"`
	Events     int           `json:"events"` // that Splunk can take
	Partitions int           `json:"partitions"`
	Endpoints  int           `json:"endpoints"`
	Second     second        `json:"second"` // the second member
	Gzip       bool          `json:"gzip"`
	Ack        bool          `json:"ack"`
	MaxEvents  int           `json:"max_events"` // of a batch
	Window     int           `json:"window"`
	Uncommit   int           `json:"max_uncommitted"`
	Timeout    time.Duration `json:"timeout"` // hec.timeout
	AckTimeout time.Duration `json:"ack_timeout"`
	Service    time.Duration `json:"service"` // what an indexer takes for an answer
	AckDelay   time.Duration `json:"ack_delay"`
	PoisonCode int           `json:"poison_code"`
	Records    []kind        `json:"-"`       // in the order in which they are produced
	Preload    int           `json:"preload"` // of Records, before the forwarder starts
	Trickle    bool          `json:"trickle"` // the rest comes slowly, else at once
	Steps      []step        `json:"steps"`
	Noise      noisePlan     `json:"noise"`
}

// second is what the second member of the group does.
type second string

const (
	nobody second = "nobody"
	peer   second = "peer"  // there from the start to the end
	guest  second = "guest" // joins and leaves
)

// kind is what a produced record is.
type kind byte

const (
	good      kind = iota
	poison         // Splunk refuses it by number
	malformed      // no JSON object
	tombstone      // no value
	huge           // over hec.max_event_bytes
	noise          // a rule sums it up
)

// verb is what a step does.
type verb string

const (
	doReply    verb = "reply"         // the next posts are answered by Reply
	doNet      verb = "net"           // the next requests meet Fault
	doRefuse   verb = "refuse"        // connections break, the next ones are reset
	doShut     verb = "shut"          // connections break and nothing listens, for a while
	doDown     verb = "down"          // the indexer ends and comes back
	doDead     verb = "dead"          // an endpoint answers nothing, to the end
	doNoToken  verb = "no-token"      // the token is unknown for the next posts
	doDisabled verb = "disabled"      // the token is disabled for the next posts
	doIndex    verb = "index-refused" // the token may not write the index for the next posts
	doNear     verb = "near"          // successes say that a queue fills up: code 24, or 25 with Times odd
	doLarge    verb = "too-large"     // bodies with more than a third of a batch are refused by 413
	doCloud    verb = "cloud-size"    // the same by code 6 with number 0, as Splunk Cloud was seen to
	doKill     verb = "kill"          // SIGKILL, and a new start
	doStop     verb = "stop"          // SIGTERM, and a new start
	doGiveUp   verb = "give-up"       // SIGTERM while nothing is taken for longer than the drain, and a new start
	doJoin     verb = "join"          // the guest joins
	doLeave    verb = "leave"         // and leaves by SIGTERM
	doBroker   verb = "broker-restart"
	doFreeze   verb = "broker-freeze"
	doFull     verb = "store-full"
	doNoStore  verb = "store-unwritable"
	doRotate   verb = "rotate-token"
	doPolls    verb = "lost-polls"  // the answers to the next polls get lost
	doForget   verb = "ack-restart" // the indexer forgets its channels, and what it had not indexed
	doNoAck    verb = "never-ack"   // the next requests are taken, lost, and never confirmed
	doSilent   verb = "silent-ack"  // the next requests are indexed and never confirmed
	doLate     verb = "late-ack"    // the next requests are confirmed late
)

// step is one fault and when it begins: after At events are indexed.
type step struct {
	At       int            `json:"at"`
	Do       verb           `json:"do"`
	Endpoint int            `json:"endpoint"`
	Member   int            `json:"member,omitempty"`
	Times    int            `json:"times,omitempty"`
	Reply    string         `json:"reply,omitempty"`
	Fault    faultnet.Fault `json:"fault,omitzero"`
	For      time.Duration  `json:"for,omitempty"`
}

// String is short: a report holds many.
func (s step) String() string {
	what := string(s.Do)
	switch s.Do {
	case doReply:
		what = s.Reply
	case doNet:
		what = s.Fault.Kind.String()
	case doKill, doStop, doGiveUp:
		what += " " + memberName(s.Member)
	}
	if s.Times > 1 {
		what += fmt.Sprintf("×%d", s.Times)
	}
	if s.Endpoint > 0 {
		what += fmt.Sprintf("/%d", s.Endpoint)
	}
	return fmt.Sprintf("%s@%d", what, s.At)
}

func memberName(n int) string { return string(rune('a' + n)) }

// faults names the steps.
func (p plan) faults() string {
	names := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		names[i] = s.String()
	}
	if n := p.Noise; n.On {
		names = append(names, fmt.Sprintf("summaries/%s/%d", n.Every, n.MaxKeys))
		if n.More > 0 {
			names = append(names, fmt.Sprintf("%s+%d", n.End, n.More))
		}
	}
	return strings.Join(names, " ")
}

// ownBroker reports whether nobody else may use the run's broker.
func (p plan) ownBroker() bool {
	return slices.ContainsFunc(p.Steps, func(s step) bool { return s.Do == doBroker || s.Do == doFreeze })
}

// drain is batch.drain: long enough for every answer and confirmation, but
// where a run is about that it is not.
func (p plan) drain() time.Duration {
	if p.shortDrain() {
		return 300 * time.Millisecond
	}
	return 20 * time.Second
}

func (p plan) shortDrain() bool { return p.has(doGiveUp) }

// has reports whether a step of the plan does v.
func (p plan) has(v verb) bool {
	return slices.ContainsFunc(p.Steps, func(s step) bool { return s.Do == v })
}

// makePlan draws a run.
func makePlan(seed uint64) plan {
	d := &draw{Rand: rand.New(rand.NewPCG(seed, 0x6368616f73))}
	p := plan{
		Seed:       seed,
		Events:     d.between(300, 1500),
		Partitions: d.between(1, 6),
		Endpoints:  d.between(1, 3),
		Second:     weighted(d, choice[second]{88, nobody}, choice[second]{6, peer}, choice[second]{6, guest}),
		Gzip:       d.chance(50),
		Ack:        d.chance(25),
		MaxEvents:  d.between(10, 60),
		Window:     d.between(1, 4),
		Uncommit:   d.between(40, 200),
		Timeout:    d.millis(1000, 1600),
		AckTimeout: d.millis(2000, 3000),
		Service:    d.millis(0, 8),
		AckDelay:   d.millis(0, 80),
		PoisonCode: weighted(d, choice[int]{40, 6}, choice[int]{20, 12}, choice[int]{20, 13}, choice[int]{20, 15}),
		Trickle:    d.chance(10),
	}
	p.records(d)
	p.steps(d)
	if p.has(doFull) || p.has(doNoStore) { // something must want to be kept
		for _, at := range []int{len(p.Records) / 4, len(p.Records) / 2, len(p.Records) * 3 / 4} {
			if p.Records[at] == good {
				p.Records[at] = malformed
				p.Events--
			}
		}
	}
	p.noisy()
	return p
}

// records mixes what cannot be delivered among the events.
func (p *plan) records(d *draw) {
	bad := weighted(d, choice[int]{40, 0}, choice[int]{50, d.between(1, 12)}, choice[int]{10, p.Events / 8})
	p.Records = make([]kind, p.Events+bad)
	for i := range bad {
		p.Records[i] = weighted(d, choice[kind]{60, poison}, choice[kind]{20, malformed}, choice[kind]{10, tombstone}, choice[kind]{10, huge})
	}
	d.Shuffle(len(p.Records), func(i, j int) { p.Records[i], p.Records[j] = p.Records[j], p.Records[i] })
	p.Preload = len(p.Records) * d.between(50, 100) / 100
	if p.Second == guest {
		p.Trickle = true
		p.Preload = len(p.Records) / 2
	}
}

// goodBefore counts the events among the first n records.
func (p *plan) goodBefore(n int) (events int) {
	for _, k := range p.Records[:n] {
		if k == good {
			events++
		}
	}
	return events
}

// steps draws the faults and sorts them. All begin while four fifths of what
// is there from the start are out, so that each has a flow to disturb.
func (p *plan) steps(d *draw) {
	most := p.goodBefore(p.Preload) * 4 / 5
	place := func() int { return d.IntN(most + 1) }
	add := func(s step) { p.Steps = append(p.Steps, s) }
	for range d.between(1, 5) {
		s := drawFault(d, p.Endpoints)
		s.At = place()
		add(s)
	}
	if p.Ack {
		for range d.between(1, 3) {
			s := drawAckFault(d, p.Endpoints)
			s.At = place()
			add(s)
		}
	}
	for range weighted(d, choice[int]{55, 0}, choice[int]{30, 1}, choice[int]{15, 2}) {
		s := step{At: place(), Do: weighted(d, choice[verb]{65, doKill}, choice[verb]{25, doStop}, choice[verb]{10, doGiveUp})}
		if p.Second == peer {
			s.Member = d.IntN(2)
		}
		if s.Do != doGiveUp || p.Second == nobody { // a short drain would make any rebalance repeat
			add(s)
		}
	}
	if p.Endpoints > 1 && d.chance(10) {
		add(step{Do: doDead, Endpoint: d.IntN(p.Endpoints)})
	}
	if d.chance(6) {
		add(step{At: place(), Do: doRotate})
	}
	p.rare(d, place, add)
	if p.Second == guest {
		at := most / 4
		add(step{At: at, Do: doJoin})
		add(step{At: at + most/4, Do: doLeave})
	}
	slices.SortStableFunc(p.Steps, func(a, b step) int { return cmp.Compare(a.At, b.At) })
}

// rare draws what takes seconds.
func (p *plan) rare(d *draw, place func() int, add func(step)) {
	switch s := (step{At: place()}); weighted(d,
		choice[verb]{90, ""}, choice[verb]{2, doBroker}, choice[verb]{2, doFreeze}, choice[verb]{3, doFull}, choice[verb]{3, doNoStore}) {
	case doBroker:
		s.Do = doBroker
		add(s)
	case doFreeze:
		s.Do, s.For = doFreeze, d.millis(300, 2000)
		add(s)
	case doFull:
		s.Do = doFull
		add(s)
	case doNoStore:
		s.Do = doNoStore
		add(s)
	}
}
