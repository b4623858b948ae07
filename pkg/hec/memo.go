package hec

import (
	"maps"
	"sync"
	"sync/atomic"
)

// maxMemo bounds a memo: what it remembers is found out from events, and a
// producer must not be able to fill the memory with new names.
const maxMemo = 1024

// memo remembers what was found out of a key. Lanes look it up for every event
// without a lock; a new key copies the map, which its bound keeps cheap.
type memo[V any] struct {
	mu   sync.Mutex // for add
	seen atomic.Pointer[map[string]V]
}

// all is for reading only. A lookup by all()[string(bytes)] allocates nothing.
func (m *memo[V]) all() map[string]V {
	if p := m.seen.Load(); p != nil {
		return *p
	}
	return nil
}

// add remembers v, unless the memo is full.
func (m *memo[V]) add(key string, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.all()) >= maxMemo {
		return
	}
	next := maps.Clone(m.all())
	if next == nil {
		next = map[string]V{}
	}
	next[key] = v
	m.seen.Store(&next)
}
