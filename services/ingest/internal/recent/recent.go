// Package recent remembers the latest of many things in bounded memory. It is for saving work only: what it forgets must
// be harmless.
package recent

import (
	"sync"
	"time"
)

// Key names what is remembered; a hash, so that two things never share one by accident.
type Key [16]byte

// Set remembers up to a fixed number of keys, the ones used last, each for a limited time, and a number with each. Safe for
// use by several goroutines.
type Set struct {
	mu    sync.Mutex
	limit int
	keep  time.Duration
	index map[Key]int32
	// items form a ring through next and prev, newest first, from items[0], which holds none.
	items []item
}

type item struct {
	key        Key
	value      uint64
	until      int64
	next, prev int32
}

// New makes a set of up to limit keys, each forgotten after keep. It takes memory as it fills: about 90 bytes a key.
func New(limit int, keep time.Duration) *Set {
	return &Set{limit: limit, keep: keep, index: map[Key]int32{}, items: make([]item, 1)}
}

// Get gives the number remembered with a key.
func (s *Set) Get(key Key, now time.Time) (value uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.index[key]
	if !ok || s.items[i].until < now.UnixNano() {
		return 0, false
	}
	s.unlink(i)
	s.push(i)
	return s.items[i].value, true
}

// Put remembers a key, forgetting the one least lately used where there is no room.
func (s *Set) Put(key Key, value uint64, now time.Time) {
	if s.limit <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.index[key]
	switch {
	case ok:
		s.unlink(i)
	case len(s.items) <= s.limit:
		s.items = append(s.items, item{})
		i = int32(len(s.items) - 1)
	default:
		i = s.items[0].prev
		s.unlink(i)
		delete(s.index, s.items[i].key)
	}
	s.items[i].key, s.items[i].value, s.items[i].until = key, value, now.Add(s.keep).UnixNano()
	s.index[key] = i
	s.push(i)
}

// Len counts what is remembered.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.index)
}

func (s *Set) unlink(i int32) {
	it := &s.items[i]
	s.items[it.prev].next, s.items[it.next].prev = it.next, it.prev
}

func (s *Set) push(i int32) {
	first := s.items[0].next
	s.items[i].prev, s.items[i].next = 0, first
	s.items[first].prev = i
	s.items[0].next = i
}
