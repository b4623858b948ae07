package hectest

import (
	"bytes"
	"io"
	"net/http"
)

// The two scripts.
const (
	planPosts = iota
	planPolls
)

// Script queues replies for the next POSTs to the event and raw endpoints;
// after them normal behaviour resumes. Health, acknowledgement polls and posts
// without a body do not use them up; for the last see [WithEmptyPosts].
func (s *Server) Script(replies ...Reply) { s.script(planPosts, replies) }

// ScriptPolls queues replies for the next acknowledgement polls.
func (s *Server) ScriptPolls(replies ...Reply) { s.script(planPolls, replies) }

func (s *Server) script(which int, replies []Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans[which] = append(s.plans[which], replies...)
}

// Scripted tells how many queued replies are left.
func (s *Server) Scripted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.plans[planPosts]) + len(s.plans[planPolls])
}

// SetFault sets a hook that is asked about every POST to the event, raw and ack
// endpoints that no script answers; n counts them from 0. It returns nil for
// normal behaviour. r.Body reads the decompressed body. Calls may overlap. It is
// not asked about posts without a body, by which a client asks whether its token
// is good; see [WithEmptyPosts].
func (s *Server) SetFault(fn func(n int, r *http.Request) *Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fn
}

// SetDown makes every POST answer 503 code 9 and health 503 code 18.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

func (s *Server) isDown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.down
}

// Poison refuses events for which refuse is true with code 6 and their number,
// after indexing those before. nil ends it. Calls may overlap.
func (s *Server) Poison(refuse func(event []byte) bool) { s.PoisonCode(codeFormat, refuse) }

// PoisonCode is Poison with another code.
func (s *Server) PoisonCode(code int, refuse func(event []byte) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.poison, s.poisoned = refuse, code
}

func (s *Server) poisoner() (func([]byte) bool, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.poison, s.poisoned
}

// plan returns what is to be answered in place of normal behaviour, or nil.
func (s *Server) plan(rt route, x *exchange) *Reply {
	which := planPosts
	if rt == routePoll {
		which = planPolls
	} else if x.wire == 0 && !s.cfg.emptyPosts {
		return nil
	}
	s.mu.Lock()
	if queue := s.plans[which]; len(queue) > 0 {
		rep := queue[0]
		s.plans[which] = queue[1:]
		s.mu.Unlock()
		return &rep
	}
	fault, n := s.fault, s.posts
	s.posts++
	s.mu.Unlock()
	if fault == nil {
		return nil
	}
	r := *x.r
	r.Body = io.NopCloser(bytes.NewReader(x.body))
	return fault(n, &r)
}
