package kafka

import (
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// The results by which commits are counted.
const (
	resultOK      = "ok"
	resultFailed  = "failed"       // tried again
	resultRefused = "refused"      // tried again; somebody has to change something
	resultOver    = "session_over" // the member joins again
)

// commitReport tells about commits: each change once, and what lasts to the
// group's state. It belongs to the committer's goroutine.
type commitReport struct {
	group *Group
	log   *zap.Logger
	count *prometheus.CounterVec

	failures int    // in a row
	told     string // the trouble that was last logged; empty: none
}

func (r *commitReport) done(clean bool) {
	r.count.WithLabelValues(resultOK).Inc()
	r.failures = 0
	if clean && r.told != "" {
		r.told = ""
		r.log.Info("offsets are committed again")
	}
}

// failed notes a commit that will be tried again.
func (r *commitReport) failed(asked map[place]int64, err error) {
	r.count.WithLabelValues(resultFailed).Inc()
	r.failures++
	why := r.note(asked, err)
	if r.failures >= commitQuiet {
		r.say(why, err)
	}
}

// refused notes what stays refused until somebody changes something.
func (r *commitReport) refused(at place, err error) {
	r.count.WithLabelValues(resultRefused).Inc()
	r.say(r.note(map[place]int64{at: 0}, err), err)
}

func (r *commitReport) over(err error) {
	r.count.WithLabelValues(resultOver).Inc()
	r.log.Warn("the group went on without this member, which joins again; what was accepted since the last commit comes again", zap.Error(err))
}

func (r *commitReport) say(why *Error, err error) {
	if text := why.Error(); r.told != text {
		r.told = text
		r.log.Warn("offsets cannot be committed; it is tried again, and batch.max_uncommitted bounds what is sent meanwhile",
			zap.String("reason", text), zap.NamedError("cause", err))
	}
}

// note makes what lasts part of the group's state.
func (r *commitReport) note(asked map[place]int64, err error) *Error {
	cfg, _ := r.group.current()
	why, now := cfg.explain(err), time.Now()
	for at := range asked {
		r.group.fetching.note(&sarama.ConsumerError{Topic: at.topic, Partition: at.partition, Err: err}, why, now)
	}
	return why
}
