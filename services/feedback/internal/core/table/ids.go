package table

import "hash/maphash"

// ids numbers texts from 0 on, and keeps them without a pointer for each: a million of them would be a million things for the garbage
// collector to look at, in the middle of questions. Texts are kept in blocks of idBlock, end to end.
type ids struct {
	seed maphash.Seed
	// slots is a hash table of numbers + 1, by linear probing; 0 is free. Its length is a power of two, at most three quarters are taken.
	slots []uint32
	// sealed are the full blocks, tail is the one that grows. ends has where each text ends in its block.
	sealed []string
	tail   []byte
	ends   []uint32
}

// idBlock is how many texts are in a block. Those of the last one are copied when they are asked for.
const idBlock = 256

func newIDs() *ids { return &ids{seed: maphash.MakeSeed(), slots: make([]uint32, 64)} }

func (x *ids) len() int { return len(x.ends) }

// bounds gives where a text stands in its block.
func (x *ids) bounds(n uint32) (from, to uint32) {
	if n%idBlock != 0 {
		from = x.ends[n-1]
	}
	return from, x.ends[n]
}

// text gives the text of a number.
func (x *ids) text(n uint32) string {
	from, to := x.bounds(n)
	if b := int(n / idBlock); b < len(x.sealed) {
		return x.sealed[b][from:to]
	}
	return string(x.tail[from:to])
}

func (x *ids) is(n uint32, id string) bool {
	from, to := x.bounds(n)
	if b := int(n / idBlock); b < len(x.sealed) {
		return x.sealed[b][from:to] == id
	}
	return string(x.tail[from:to]) == id
}

// find gives the number of a text, and whether it has one; otherwise the slot that is free for it.
func (x *ids) find(id string) (n uint32, slot uint64, ok bool) {
	mask := uint64(len(x.slots) - 1)
	for slot = maphash.String(x.seed, id) & mask; ; slot = (slot + 1) & mask {
		v := x.slots[slot]
		if v == 0 {
			return 0, slot, false
		}
		if x.is(v-1, id) {
			return v - 1, slot, true
		}
	}
}

// add gives the number of a text, a new one to one that has none.
func (x *ids) add(id string) (n uint32, added bool) {
	n, slot, ok := x.find(id)
	if ok {
		return n, false
	}
	n = uint32(len(x.ends))
	x.tail = append(x.tail, id...)
	x.ends = append(x.ends, uint32(len(x.tail)))
	if len(x.ends)%idBlock == 0 {
		x.sealed = append(x.sealed, string(x.tail))
		x.tail = x.tail[:0]
	}
	x.slots[slot] = n + 1
	if 4*len(x.ends) > 3*len(x.slots) {
		x.grow()
	}
	return n, true
}

func (x *ids) grow() {
	x.slots = make([]uint32, 2*len(x.slots))
	mask := uint64(len(x.slots) - 1)
	for n := range uint32(len(x.ends)) {
		slot := maphash.String(x.seed, x.text(n)) & mask
		for x.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		x.slots[slot] = n + 1
	}
}
