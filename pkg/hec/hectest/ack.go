package hectest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// ackChannel is the acknowledgement state of one channel. An id that answered
// true is removed, so that it answers false from then on.
type ackChannel struct {
	next    int
	pending map[int]ackState
	used    time.Time
}

type ackState struct {
	due   time.Time
	never bool
	done  bool // by Ack
}

// openChannel needs s.mu. A channel idle for too long starts again from 0.
func (s *Server) openChannel(name string, now time.Time) *ackChannel {
	ch := s.channels[name]
	if ch == nil || now.Sub(ch.used) > s.cfg.ackIdle {
		ch = &ackChannel{pending: map[int]ackState{}}
		s.channels[name] = ch
	}
	ch.used = now
	return ch
}

func (s *Server) newAck(channel string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	ch := s.openChannel(channel, now)
	id := ch.next
	ch.next++
	delay := s.cfg.ackDelay
	if s.ackDelay != nil {
		delay = s.ackDelay(channel, id)
	}
	ch.pending[id] = ackState{due: now.Add(delay), never: delay < 0}
	return id
}

// SetAckDelay decides for each new id after how long it answers true; less
// than 0 is never, unless Ack names it. nil goes back to [WithAckDelay]. fn must
// not call the server.
func (s *Server) SetAckDelay(fn func(channel string, id int) time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ackDelay = fn
}

// AlterPolls lets fn change each answer to a poll, by id, before it is sent:
// true twice, ids that were not asked for, ids that are missing. nil ends it. fn
// must not call the server.
func (s *Server) AlterPolls(fn func(channel string, answer map[int]bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alter = fn
}

// Ack makes ids of a channel answer true at their next poll; without ids, all
// that are pending. An id that was never given out, or is spent, stays false.
func (s *Server) Ack(channel string, ids ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.channels[channel]
	if ch == nil {
		return
	}
	if len(ids) == 0 {
		for id := range ch.pending {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		if st, ok := ch.pending[id]; ok {
			st.done = true
			ch.pending[id] = st
		}
	}
}

// PendingAcks tells how many ids of a channel have not answered true yet.
func (s *Server) PendingAcks(channel string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ch := s.channels[channel]; ch != nil {
		return len(ch.pending)
	}
	return 0
}

// ForgetAcks drops all channels, as a restarted indexer does: what was pending
// stays false for ever and ids count from 0 again.
func (s *Server) ForgetAcks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.channels)
}

// poll answers an acknowledgement request.
func (s *Server) poll(x *exchange) Reply {
	t, code := s.authenticate(x.r, x.query)
	if code != codeSuccess {
		return HEC(code)
	}
	if !t.UseACK {
		return HEC(codeAckDisabled)
	}
	if rep, ok := x.refusedBody(); ok {
		return rep
	}
	name, code := s.channel(x.r, x.query, t)
	if code != codeSuccess {
		return HEC(code)
	}
	if len(x.body) == 0 {
		return HEC(codeNoData)
	}
	var ask struct {
		Acks []int `json:"acks"`
	}
	if err := json.Unmarshal(x.body, &ask); err != nil || ask.Acks == nil {
		return HEC(codeFormat)
	}
	return Reply{status: http.StatusOK, code: codeSuccess, raw: s.answerPoll(name, ask.Acks)}
}

func (s *Server) answerPoll(channel string, ids []int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Polls++
	now := time.Now()
	ch := s.openChannel(channel, now)
	answer := map[int]bool{} // a JSON key once
	for _, id := range ids {
		if _, twice := answer[id]; twice {
			continue
		}
		st, ok := ch.pending[id]
		answer[id] = ok && (st.done || !s.cfg.ackManual && !st.never && !now.Before(st.due))
		if answer[id] {
			delete(ch.pending, id)
		}
	}
	if s.alter != nil {
		s.alter(channel, answer)
		ids = slices.Sorted(maps.Keys(answer))
	}
	b := []byte(`{"acks":{`)
	for _, id := range ids {
		yes, ok := answer[id]
		if !ok {
			continue
		}
		delete(answer, id)
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, '"'), int64(id), 10)
		b = strconv.AppendBool(append(b, `":`...), yes)
	}
	return append(b, `}}`...)
}
