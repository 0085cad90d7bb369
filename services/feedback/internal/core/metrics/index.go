package metrics

import (
	"math/bits"
	"slices"
)

// index numbers the groups as they are met: by an array for the values of one dimension, by a hash table for those of two.
type index struct {
	plan *plan
	keys []uint64
	// one has the number + 1 of each value's group; two has that of a key's at its slot, or behind it.
	one, two []int32
	last     uint64
	at       int32
}

func (p *plan) newIndex() *index {
	x := &index{plan: p, at: -1}
	if len(p.by) == maxBy {
		x.two = make([]int32, 256)
	}
	return x
}

// of gives the number of a key's group.
func (x *index) of(key uint64) int32 {
	if key == x.last && x.at >= 0 {
		return x.at
	}
	x.last = key
	if x.plan.listed != nil {
		key = x.plan.listed.fold(key)
	}
	if x.two != nil {
		x.at = x.pair(key)
		return x.at
	}
	v := int(key >> 32)
	if v >= len(x.one) {
		x.one = append(x.one, make([]int32, max(v+1+v/2, 256)-len(x.one))...)
	}
	if x.one[v] == 0 {
		x.one[v] = x.add(key) + 1
	}
	x.at = x.one[v] - 1
	return x.at
}

func (x *index) add(key uint64) int32 {
	x.keys = append(grown(x.keys), key)
	return int32(len(x.keys) - 1)
}

// grown makes room where there is none, for four times as much: where groups are many, most of the time would go into moving them.
func grown[T any](list []T) []T {
	if len(list) == cap(list) {
		return slices.Grow(list, 3*len(list)+8)
	}
	return list
}

// slot spreads keys over the table: multiplicative hashing, by 2^64 over the golden ratio (Knuth, volume 3, 6.4).
func (x *index) slot(key uint64) uint64 {
	return key * 0x9e3779b97f4a7c15 >> (64 - bits.TrailingZeros(uint(len(x.two))))
}

func (x *index) pair(key uint64) int32 {
	mask := uint64(len(x.two) - 1)
	slot := x.slot(key)
	for x.two[slot] != 0 {
		if g := x.two[slot] - 1; x.keys[g] == key {
			return g
		}
		slot = (slot + 1) & mask
	}
	g := x.add(key)
	x.two[slot] = g + 1
	if 2*len(x.keys) > len(x.two) {
		x.grow()
	}
	return g
}

// knows tells whether a key of two dimensions has a group.
func (x *index) knows(key uint64) bool {
	mask := uint64(len(x.two) - 1)
	for slot := x.slot(key); x.two[slot] != 0; slot = (slot + 1) & mask {
		if x.keys[x.two[slot]-1] == key {
			return true
		}
	}
	return false
}

func (x *index) grow() {
	x.two = make([]int32, 4*len(x.two))
	mask := uint64(len(x.two) - 1)
	for g, key := range x.keys {
		slot := x.slot(key)
		for x.two[slot] != 0 {
			slot = (slot + 1) & mask
		}
		x.two[slot] = int32(g + 1)
	}
}
