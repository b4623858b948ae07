package hectest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// Request is one line of the request log. It never holds a token.
type Request struct {
	Method    string
	Path      string
	Query     url.Values  // without token
	Header    http.Header // without Authorization
	WireBytes int         // body as sent
	BodyBytes int         // body decompressed
	Events    int         // indexed from it
	Status    int         // 0 if the connection was cut without a reply
	Code      int         // HEC code; -1 if the reply was not HEC JSON
}

// Stats are the server's counters since it was made.
type Stats struct {
	Arrived    int64 // requests on any path
	Answered   int64 // of them, replied to or cut
	Events     int64 // indexed
	EventBytes int64 // bytes of indexed event values
	WireBytes  int64 // bytes of bodies as sent
	BodyBytes  int64 // bytes of bodies decompressed
	Polls      int64 // acknowledgement polls carried out
	Codes      map[int]int64
}

// Events returns what was indexed, in order of indexing.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Len returns how many events were indexed, stored or not.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.stats.Events)
}

// Requests returns the request log in order of answering.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.copyStats()
}

func (s *Server) copyStats() Stats {
	st := s.stats
	st.Codes = maps.Clone(st.Codes)
	return st
}

// Wait returns when n events are indexed, or with an error that says how many
// were when ctx ended.
func (s *Server) Wait(ctx context.Context, n int) error {
	if err := s.WaitUntil(ctx, func(st Stats) bool { return st.Events >= int64(n) }); err != nil {
		return fmt.Errorf("wait for %d events, %d indexed: %w", n, s.Len(), err)
	}
	return nil
}

// WaitUntil returns when cond holds; it is asked again whenever the counters
// change, with the server locked, so it must not call the server.
func (s *Server) WaitUntil(ctx context.Context, cond func(Stats) bool) error {
	for {
		s.mu.Lock()
		met, changed := cond(s.copyStats()), s.changed
		s.mu.Unlock()
		if met {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// notify needs s.mu.
func (s *Server) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// commit hands over the events of one request.
func (s *Server) commit(in *intake) {
	if in.count == 0 {
		return
	}
	s.indexing.Lock()
	defer s.indexing.Unlock()
	if s.cfg.sink != nil {
		for i := range in.events {
			s.cfg.sink(in.events[i])
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.sink == nil {
		s.events = append(s.events, in.events...)
	}
	s.stats.Events += int64(in.count)
	s.stats.EventBytes += in.bytes
	s.notify()
}

func (s *Server) log(x *exchange, rep Reply) {
	if rep.act != actAnswer {
		rep.status, rep.code = 0, -1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Answered++
	s.stats.WireBytes += int64(x.wire)
	s.stats.BodyBytes += int64(len(x.body))
	s.stats.Codes[rep.code]++
	s.notify()
	if s.cfg.discard {
		return
	}
	header := x.r.Header.Clone()
	header.Del("Authorization")
	query := maps.Clone(x.query)
	delete(query, "token")
	s.requests = append(s.requests, Request{
		Method: x.r.Method, Path: x.r.URL.Path, Query: query, Header: header,
		WireBytes: x.wire, BodyBytes: len(x.body), Events: x.indexed, Status: rep.status, Code: rep.code,
	})
}

// runRaw takes every line that is not blank as one event.
func (in *intake) runRaw(body []byte) {
	blank := true
	for line := range bytes.Lines(body) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		blank = false
		if in.count >= in.limit {
			return
		}
		d := in.defaults
		if !in.token.mayWrite(d.index) {
			in.verdict = at(codeIndex, in.count)
			return
		}
		if in.poison != nil && in.poison(line) {
			in.verdict = at(in.poisoned, in.count)
			return
		}
		in.count++
		in.bytes += int64(len(line))
		if in.keep {
			in.events = append(in.events, Event{
				Time: d.time, RawTime: d.rawTime, Host: d.host, Source: d.source, Sourcetype: d.sourcetype,
				Index: d.index, Event: line[:len(line):len(line)], Channel: d.channel, Raw: true,
			})
		}
	}
	if blank {
		in.verdict = verdict{code: codeNoData}
	}
}
