package kafka

import (
	"maps"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// watchErrors reads Sarama's errors, which would block it otherwise.
func (g *Group) watchErrors(errs <-chan error) {
	told := map[string]time.Time{}
	for err := range errs {
		e := g.explain(err)
		g.fetching.note(err, e, time.Now())
		// A broken connection yields one error for each partition, again and
		// again: one line a minute for each text is enough.
		if now := time.Now(); now.Sub(told[e.Error()]) > time.Minute {
			told[e.Error()] = now
			g.log.Warn("kafka", zap.String("reason", e.Error()), zap.NamedError("cause", err))
		}
		maps.DeleteFunc(told, func(_ string, at time.Time) bool { return time.Since(at) > time.Hour })
	}
}

// setOut says whether this member is in the group, and if not, why.
func (g *Group) setOut(err error) {
	g.mu.Lock()
	g.out = err
	g.mu.Unlock()
	g.tellState()
}

// tellState tells about a change, once.
func (g *Group) tellState() {
	overdue := g.commitOverdue(time.Now())
	g.mu.Lock()
	err := g.out
	if err == nil {
		err = g.fetching.lasting(time.Now())
	}
	what := "not reading from kafka; it is tried again"
	if err == nil && overdue != nil {
		err, what = overdue, "events are read, but their offsets cannot be committed; it is tried again"
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	changed := g.state != text
	g.state = text
	g.mu.Unlock()
	if !changed {
		return
	}
	if err != nil {
		g.log.Error(what, zap.String("reason", text))
	}
	if g.opts.OnState != nil {
		g.opts.OnState(err)
	}
}

// countLost books a range of offsets that nobody will ever read.
func (g *Group) countLost(topic string, partition int32, from, to int64) {
	g.lost.WithLabelValues(topic, strconv.Itoa(int(partition))).Add(float64(to - from))
	g.lostTotal.Add(to - from)
	g.log.Error("LOST GROUND: events expired in kafka before they were read; going on from the oldest that is left",
		zap.String("topic", topic), zap.Int32("partition", partition),
		zap.Int64("first_lost_offset", from), zap.Int64("last_lost_offset", to-1), zap.Int64("lost", to-from),
		zap.String("next_step", "find out why the forwarder was behind (auditlog_forwarder_lag_seconds), or raise the topic's retention"))
}
