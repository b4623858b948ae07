package hec

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// What is told of acknowledgements.
type subject int

const (
	aboutPolls   subject = iota + 1 // the polls fail
	aboutSilence                    // they are answered, and nothing is ever indexed
)

// ackVoice tells people what is wrong with the acknowledgements of an address,
// each thing once. Under its lock it tells, and asks what waits: who holds a lock
// that these need must not call it.
type ackVoice struct {
	log      *zap.Logger
	tell     func(*Problem)
	endpoint string
	waiting  func() int

	// forgotten makes what was told news again: who heard it has forgotten it.
	forgotten atomic.Bool

	mu    sync.Mutex
	about subject // 0: all is well
	class Class
	since time.Time
}

func (v *ackVoice) say(about subject, p *Problem) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.about == about && v.class == p.Class && !v.forgotten.Load() {
		return
	}
	if v.waiting() == 0 {
		return // the last one has gone since p was found, and its rest may have been here
	}
	if v.about == 0 {
		v.since = time.Now()
	}
	v.forgotten.Store(false)
	v.about, v.class = about, p.Class
	level := v.log.Warn
	if p.Class == Blocked {
		level = v.log.Error
	}
	level("no acknowledgements; what splunk took is kept and may be sent again", zap.String("endpoint", v.endpoint), zap.String("reason", p.Error()))
	if v.tell != nil {
		v.tell(p)
	}
}

func (v *ackVoice) over(about subject) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.about != about {
		return
	}
	v.end("splunk acknowledges again")
}

// rest ends whatever was told when nobody waits any more.
func (v *ackVoice) rest() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.about != 0 {
		v.end("nothing waits for splunk's acknowledgement any more")
	}
}

// end needs v.mu.
func (v *ackVoice) end(why string) {
	v.log.Info(why, zap.String("endpoint", v.endpoint), zap.Duration("after", time.Since(v.since)))
	v.about = 0
	if v.tell != nil {
		v.tell(nil)
	}
}
