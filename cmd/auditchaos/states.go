package main

import (
	"net/http"
	"strconv"

	"auditlog-forwarder/pkg/hec/hectest"
)

// lift ends a state of the server after so many posts have met it.
type lift struct {
	left int
	undo func()
}

// during puts the server into a state until so many posts have met it.
func (e *endpoint) during(posts int, do, undo func()) {
	do()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lifts = append(e.lifts, &lift{left: posts, undo: undo})
}

// met counts a post against the states that it has met.
func (e *endpoint) met() {
	e.mu.Lock()
	var over []func()
	kept := e.lifts[:0]
	for _, l := range e.lifts {
		if l.left--; l.left <= 0 {
			over = append(over, l.undo)
		} else {
			kept = append(kept, l)
		}
	}
	e.lifts = kept
	e.mu.Unlock()
	for _, undo := range over {
		undo()
	}
}

func (e *endpoint) setLarge(events int, cloud bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.large, e.cloud = events, cloud
}

func (e *endpoint) setNear(code int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.near = code
}

func (e *endpoint) nearCode() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.near
}

// refuseLarge is hectest's hook.
func (e *endpoint) refuseLarge(_ int, r *http.Request) *hectest.Reply {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n, err := strconv.Atoi(r.Header.Get(headerEvents)); err != nil || e.large == 0 || n <= e.large {
		return nil
	}
	rep := hectest.HTML(http.StatusRequestEntityTooLarge)
	if e.cloud {
		rep = hectest.HECEvent(6, 0)
	}
	return &rep
}
