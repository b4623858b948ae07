package forwarder

import (
	"time"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/summary"
)

// summaryGrace is how much longer than a window's length a lane waits for the
// record that closes it, before it sends what the window has so far.
const summaryGrace = 5 * time.Second

// summaries are a lane's. They belong to its goroutine.
type summaries struct {
	l     *lane
	win   *summary.Window
	rules string // their fingerprint

	// While the partition is read again below the committed offset, noted is
	// what the last owner knew of the window, which marks repeat.
	again     bool
	noted     summary.Note
	changed   bool  // its rules are others
	from      int64 // where counting begins again
	recounted int64

	at      int64         // behind the last record that was looked at
	pouring bool          // summaries go into batches; nothing is read until they are in
	held    *audit.Record // the record that closed it; its memory lasts, since nothing is read

	timer *time.Timer
	armed bool
	due   bool // what the window has is to be sent
	json  []byte
}

// newSummaries takes up what the last owner noted. It is nil if there is
// nothing to summarise.
func (l *lane) newSummaries() *summaries {
	// A partition without a committed offset has no note; one that others keep
	// notes for is none of ours.
	rules := l.f.summaryRules()
	note, err := summary.ParseNote(l.claim.Note)
	if err != nil && (rules != "" || summary.IsNote(l.claim.Note)) {
		l.log.Warn("what the last owner of this partition noted is not understood; if it kept summaries, some records are in none", zap.Error(err), zap.String("note", l.claim.Note))
	}
	if rules == "" {
		l.lostSummaries(note.Unsent, note, "no rule summarises any more")
		return nil
	}
	s := &summaries{
		l: l, rules: summary.Fingerprint(rules, l.f.opts.Summaries), at: max(l.claim.Start, l.claim.Committed),
		win:   summary.NewWindow(l.f.opts.Summaries, l.claim.Topic, l.claim.Partition),
		timer: time.NewTimer(time.Hour),
	}
	s.timer.Stop()
	switch {
	case !note.Open():
	case note.Start >= l.claim.Committed:
		l.lostSummaries(note.Unsent, note, "the note beside the committed offset is of later ones")
	default:
		s.changed, s.from = note.Rules != s.rules, note.Start
		if s.changed {
			l.log.Warn("the rules have changed while a window of summaries was open; its records are counted by the new rules, and its summaries say rules_changed",
				zap.Int64("from_offset", note.Start), zap.Int64("to_offset", l.claim.Committed))
		}
		s.again, s.noted, s.at = true, note, l.claim.Start
		if s.changed && note.Sent > note.Start {
			// What was sent is so under the keys of then. Under others it would be
			// counted twice, and so it would if this window ended elsewhere.
			s.from = note.Sent
		} else {
			s.win.Restore(note, s.changed)
		}
		l.log.Info("reading the open window of summaries again", zap.Int64("from_offset", note.Start), zap.Int64("to_offset", l.claim.Committed))
	}
	return s
}

// lostSummaries tells of records that were left out and are in no summary.
func (l *lane) lostSummaries(n int64, note summary.Note, why string) {
	if n == 0 {
		return
	}
	l.count.m.unsummarised.Add(float64(n))
	l.log.Error("records that a rule summarised may be missing from the summaries: "+why,
		zap.Int64("records", n), zap.Int64("from_offset", note.Start), zap.Int64("to_offset", l.claim.Committed))
}

// reread takes a record below the committed offset: all of it is settled, but
// for the count in its window.
func (s *summaries) reread(rec *audit.Record) {
	if s == nil || !s.again || rec.Offset < s.from {
		return
	}
	if s.closes(rec) {
		return // under the rules of before it would not
	}
	s.recount(rec)
}

func (s *summaries) recount(rec *audit.Record) {
	s.at = rec.Offset + 1
	if rec.Value != nil && len(rec.Value) <= s.l.f.opts.MaxEventBytes {
		if ev, err := s.l.read(rec.Value); err == nil {
			if v := s.l.judge.Judge(rec, &ev); v.Summary != nil && s.add(rec, v.Summary) {
				s.recounted++
				if s.changed {
					s.win.Changed()
				}
			}
		}
	}
	if s.at == s.l.claim.Committed || s.at >= s.l.bound.last {
		s.caughtUp()
	}
	if s.at >= s.l.bound.last {
		s.l.stopTaking()
	}
}

// owed reports whether records that are to be read again are in no summary yet.
func (s *summaries) owed() bool { return s != nil && s.again && s.noted.Unsent > 0 }

// caughtUp compares what was read again with what the last owner had. Under
// rules that are the same, only records that are gone can make a difference.
//
// The window goes on under its name all the same: the last owner may have sent
// summaries of it that hold records above the committed offset, and under
// another name those would be counted twice.
func (s *summaries) caughtUp() {
	if s == nil || !s.again {
		return
	}
	s.again = false
	before := s.noted.Seen
	if s.from > s.noted.Start {
		before = s.noted.Unsent
	}
	if missing := before - s.recounted; missing > 0 {
		s.l.lostSummaries(missing, s.noted, "they could not be read again, since they have expired in Kafka or the rules have changed")
	} else if missing < 0 {
		s.l.log.Error("records are in a summary that were not when they were first read; they were sent as well",
			zap.Int64("records", -missing), zap.Int64("from_offset", s.noted.Start), zap.Int64("to_offset", s.l.claim.Committed))
	}
}

// add counts a record, or reports that it cannot.
func (s *summaries) add(rec *audit.Record, item *summary.Item) bool {
	if !s.win.Add(rec, item) {
		return false
	}
	s.gauge()
	if s.win.Due() && !s.armed {
		s.armed = true
		s.timer.Reset(s.l.f.opts.Summaries.Every + summaryGrace)
	}
	return true
}

// closes reports whether the window has to be closed before rec can be taken,
// and begins with it.
func (s *summaries) closes(rec *audit.Record) bool {
	if s == nil || !s.win.Closes(rec) {
		return false
	}
	s.held = rec
	s.pour()
	return true
}

// turn begins to send what an open window has, when it is time, or goes on.
func (s *summaries) turn() {
	if s != nil && (s.pouring || s.due) && !s.l.full {
		s.pour()
	}
}

// pour puts the window's summaries into the open batch, as many as it takes;
// the lane goes on with it in the next batch. The window counts as open, and
// the marks say so, until the last of them is in a batch.
func (s *summaries) pour() {
	s.pouring = true
	l := s.l
	for s.win.Left() {
		if l.full {
			return
		}
		var made summary.Made
		s.json, made = s.win.Append(s.json[:0])
		l.put(max(s.at, l.claim.Committed), s.json, made)
	}
	s.win.Sent(s.at)
	s.disarm()
	if s.held != nil {
		s.close()
		if l.full {
			return
		}
		rec := s.held
		s.held = nil
		if rec.Offset < l.claim.Committed {
			s.recount(rec)
		} else {
			l.accept(rec)
		}
	} else if l.open.made > 0 {
		l.due = true
	}
	s.pouring = false
}

// put adds an event of our own to the open batch; at is what is settled with it.
func (l *lane) put(at int64, value []byte, made summary.Made) {
	b := l.open
	if b.empty() {
		b.first, b.opened, b.next = time.Now(), time.Now(), at
		if l.sum.held != nil {
			b.first = l.sum.held.Timestamp // what was read and is not settled
		}
		l.linger.Reset(l.f.cfg.Linger)
	}
	b.made++
	l.made.Add(1)
	l.unsettled.Add(1)
	rec := audit.Record{Topic: l.claim.Topic, Partition: l.claim.Partition, Offset: made.Offset, Timestamp: made.Timestamp, Value: value}
	ev, err := audit.ReadEvent(value)
	ev.Route = made.Route
	switch {
	case err != nil: // the key is no JSON value
		b.addDead(&rec, deadletter.NotJSON, "summary: "+err.Error())
	case len(value) > l.f.opts.MaxEventBytes:
		b.addDead(&rec, deadletter.TooLarge, "the summary is larger than the limit for one event")
	default:
		if err := b.addEvent(l.f.opts.Sink, &rec, ev); err != nil {
			b.addDead(&rec, deadletter.BadEnvelope, err.Error())
		}
	}
	l.fill(b, len(value))
}

// note is what the next mark says of the window.
func (s *summaries) note() string {
	switch {
	case s == nil:
		return ""
	case s.again:
		return s.noted.String()
	case !s.win.Open():
		return ""
	}
	return s.win.Note(s.rules).String()
}

func (s *summaries) close() {
	s.win.Close()
	s.disarm()
	s.gauge()
}

func (s *summaries) disarm() {
	s.timer.Stop()
	s.armed, s.due = false, false
}

func (s *summaries) gauge() {
	if n := int64(s.win.Keys()); n != s.l.keys.Load() {
		s.l.keys.Store(n)
	}
}

// holding is how many records count as read and are in no batch: one at most.
func (s *summaries) holding() int {
	if s == nil || s.held == nil || s.held.Offset < s.l.claim.Committed {
		return 0
	}
	return 1
}

// expired is when an open window has waited long enough.
func (s *summaries) expired() <-chan time.Time {
	if s == nil {
		return nil
	}
	return s.timer.C
}

func (s *summaries) stop() {
	if s != nil {
		s.timer.Stop()
	}
}

// giveUpMade takes the summaries that are not settled off the accounts: the
// partition's next owner makes them again.
func (l *lane) giveUpMade() (n int64) {
	n = int64(l.open.made)
	for _, b := range l.fifo {
		n += int64(b.made)
	}
	l.made.Add(-n)
	return n
}
