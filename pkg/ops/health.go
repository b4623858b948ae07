// Package ops is what people and machines see of a running forwarder: the
// admin server with metrics, health and a status page, and the messages to
// systemd. It knows none of the other packages; they hand it what to show.
package ops

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Condition is one thing that must hold for the forwarder to be ready.
type Condition struct {
	Name   string    `json:"name"`
	Ready  bool      `json:"ready"`
	Reason string    `json:"reason,omitempty"` // why not; empty when ready
	Since  time.Time `json:"since"`            // when Ready last changed, not Reason
}

// Health holds the named conditions. It is safe for concurrent use. Names
// are few and fixed; nothing is ever forgotten.
type Health struct {
	mu         sync.Mutex
	conditions map[string]Condition
}

// NewHealth returns a Health without conditions, which is ready.
func NewHealth() *Health { return &Health{conditions: map[string]Condition{}} }

// Require adds a condition that is not ready until Set clears it. reason
// says what is awaited.
func (h *Health) Require(name, reason string) { h.set(name, cmp.Or(oneLine(reason), "not yet")) }

// Set makes the named condition ready (nil) or not, with the error as its
// reason. It reports whether that changed anything, so that the caller can
// log each change once. A condition that is new and ready is no change.
func (h *Health) Set(name string, err error) (changed bool) {
	if err == nil {
		return h.set(name, "")
	}
	return h.set(name, cmp.Or(oneLine(err.Error()), "unknown"))
}

func (h *Health) set(name, reason string) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old, known := h.conditions[name]
	c := Condition{Name: name, Ready: reason == "", Reason: reason, Since: old.Since}
	if !known || c.Ready != old.Ready {
		c.Since = time.Now()
	}
	h.conditions[name] = c
	if !known {
		return !c.Ready
	}
	return c.Reason != old.Reason
}

// Ready reports whether every condition is ready, and returns those that are
// not, by name.
func (h *Health) Ready() (bool, []Condition) {
	open := slices.DeleteFunc(h.Conditions(), func(c Condition) bool { return c.Ready })
	return len(open) == 0, open
}

// Conditions returns all conditions, by name.
func (h *Health) Conditions() []Condition {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]Condition, 0, len(h.conditions))
	for _, c := range h.conditions {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Condition) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// oneLine makes every run of white space one space.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
