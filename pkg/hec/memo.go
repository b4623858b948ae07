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
type memo[K comparable, V any] struct {
	mu   sync.Mutex // for add
	seen atomic.Pointer[map[K]V]
}

// all is for reading only. A lookup by all()[string(bytes)] allocates nothing.
func (m *memo[K, V]) all() map[K]V {
	if p := m.seen.Load(); p != nil {
		return *p
	}
	return nil
}

// add remembers v, unless the memo is full.
func (m *memo[K, V]) add(key K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.all()) >= maxMemo {
		return
	}
	next := maps.Clone(m.all())
	if next == nil {
		next = map[K]V{}
	}
	next[key] = v
	m.seen.Store(&next)
}
