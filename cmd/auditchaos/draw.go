package main

import (
	"math/rand/v2"
	"time"

	"auditlog-forwarder/pkg/faultnet"
)

// draw is the seed's random numbers.
type draw struct{ *rand.Rand }

// between returns a number from lo to hi, both included.
func (d *draw) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

func (d *draw) chance(percent int) bool { return d.IntN(100) < percent }

func (d *draw) millis(lo, hi int) time.Duration {
	return time.Duration(d.between(lo, hi)) * time.Millisecond
}

// choice is one outcome and how often it comes.
type choice[T any] struct {
	weight int
	value  T
}

func weighted[T any](d *draw, choices ...choice[T]) (value T) {
	sum := 0
	for _, c := range choices {
		sum += c.weight
	}
	n := d.IntN(sum)
	for _, c := range choices {
		if n -= c.weight; n < 0 {
			return c.value
		}
	}
	return value
}

// drawFault draws what may happen between the forwarder and Splunk.
func drawFault(d *draw, endpoints int) step {
	s := step{Endpoint: d.IntN(endpoints), Times: d.between(1, 4)}
	// Some last: halving a batch down to one event takes half a dozen answers.
	stubborn := weighted(d, choice[int]{70, 0}, choice[int]{30, d.between(8, 30)})
	s.Do = weighted(d,
		choice[verb]{45, doReply}, choice[verb]{30, doNet}, choice[verb]{4, doRefuse}, choice[verb]{3, doShut},
		choice[verb]{4, doDown}, choice[verb]{3, doNoToken}, choice[verb]{3, doDisabled}, choice[verb]{3, doIndex},
		choice[verb]{4, doLarge}, choice[verb]{1, doCloud}, choice[verb]{3, doNear})
	switch s.Do {
	case doReply:
		all := replyNames()
		s.Reply = all[d.IntN(len(all))]
		switch r := findReply(s.Reply); {
		case r.hangs:
			s.Times = 1 // each takes hec.timeout
		case stubborn > 0 && !r.took:
			s.Times = stubborn
		}
	case doNet:
		s.Fault = drawNet(d)
		if k := s.Fault.Kind; k == faultnet.SwallowReply || k == faultnet.SwallowRequest {
			s.Times = d.between(1, 2)
		}
	case doShut, doDown:
		s.Times, s.For = 0, d.millis(20, 200)
	case doNoToken, doDisabled, doIndex:
		s.Times = max(s.Times, stubborn)
	case doLarge, doCloud:
		s.Times = d.between(2, 10)
	}
	return s
}

func drawNet(d *draw) faultnet.Fault {
	f := faultnet.Fault{Kind: weighted(d,
		choice[faultnet.Kind]{8, faultnet.DelayRequest}, choice[faultnet.Kind]{8, faultnet.SlowRequest},
		choice[faultnet.Kind]{18, faultnet.CutRequest}, choice[faultnet.Kind]{10, faultnet.SwallowRequest},
		choice[faultnet.Kind]{8, faultnet.DelayReply}, choice[faultnet.Kind]{8, faultnet.SlowReply},
		choice[faultnet.Kind]{15, faultnet.CutReply}, choice[faultnet.Kind]{15, faultnet.TruncateReply},
		choice[faultnet.Kind]{10, faultnet.SwallowReply})}
	switch f.Kind {
	case faultnet.DelayRequest, faultnet.DelayReply:
		f.Delay = weighted(d, choice[time.Duration]{80, d.millis(5, 150)}, choice[time.Duration]{20, d.millis(1700, 1900)})
	case faultnet.SlowRequest:
		f.Bytes, f.Delay = d.between(500, 4000), d.millis(1, 20)
	case faultnet.SlowReply:
		f.Bytes, f.Delay = d.between(5, 40), d.millis(1, 10)
	case faultnet.CutRequest:
		f.Bytes = d.between(1, 20_000)
	case faultnet.CutReply, faultnet.TruncateReply:
		f.Bytes = d.between(0, 250)
	}
	return f
}

// drawAckFault draws what may happen to indexer acknowledgement.
func drawAckFault(d *draw, endpoints int) step {
	s := step{Endpoint: d.IntN(endpoints), Times: d.between(1, 3)}
	s.Do = weighted(d, choice[verb]{30, doPolls}, choice[verb]{20, doForget}, choice[verb]{15, doNoAck},
		choice[verb]{15, doSilent}, choice[verb]{20, doLate})
	if s.Do == doForget {
		s.Times = 0
	}
	return s
}
