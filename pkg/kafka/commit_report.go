package kafka

import (
	"errors"
	"sync/atomic"
	"time"

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

// commitReport tells about commits: each change once. It belongs to the
// committer's goroutine, but for why.
type commitReport struct {
	group *Group
	log   *zap.Logger
	count *prometheus.CounterVec

	failures int                   // in a row
	told     string                // the trouble that was last logged; empty: none
	why      atomic.Pointer[Error] // what was wrong with the last commit; nil: nothing
}

func (r *commitReport) done(clean bool) {
	r.count.WithLabelValues(resultOK).Inc()
	r.failures = 0
	if !clean {
		return
	}
	r.why.Store(nil)
	if r.told != "" {
		r.told = ""
		r.log.Info("offsets are committed again")
	}
}

// failed notes a commit that will be tried again.
func (r *commitReport) failed(err error) {
	r.count.WithLabelValues(resultFailed).Inc()
	r.failures++
	why := r.note(err)
	if r.failures >= commitQuiet {
		r.say(why, err)
	}
}

// refused notes what stays refused until somebody changes something.
func (r *commitReport) refused(err error) {
	r.count.WithLabelValues(resultRefused).Inc()
	r.say(r.note(err), err)
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

// note keeps what is wrong, for whoever asks about a commit that is overdue.
func (r *commitReport) note(err error) *Error {
	why := r.group.explain(err)
	r.why.Store(why)
	return why
}

// commitOverdue is how long an offset may wait for its commit, besides
// Config.CommitInterval, before this member does not count as ready: above
// batch.max_uncommitted delivery stops. It is judged by the time and not by
// what failed, since a try may take longer than a judge of failures has
// patience, and one that hangs fails only later.
const commitOverdue = 15 * time.Second

// commitOverdue says why marks have waited too long for their commit; nil if
// none has.
func (g *Group) commitOverdue(now time.Time) error {
	c := g.committing.Load()
	if c == nil || c.age(now) < commitOverdue+c.interval {
		return nil
	}
	e := *g.explain(errNoCommit)
	e.Hint = "look at the brokers, and at what stands before them"
	if why := c.tell.why.Load(); why != nil {
		e = *why
	}
	e.What = "offsets cannot be committed: " + e.What
	return &e
}

var errNoCommit = errors.New("the group's coordinator has not answered yet")
