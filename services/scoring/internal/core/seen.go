package core

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

const (
	// seenFor is how long an event is recognised when it comes again, by the clock of its receipt.
	seenFor = 35 * 24 * time.Hour
	// maxSeen bounds one lead's memory to 1 MB: beyond it the events received first are forgotten early.
	maxSeen = 50_000

	keySize   = 16
	entrySize = keySize + 4
)

// SeenKey names an event: a hash of its source and the sender's id.
type SeenKey [keySize]byte

// KeyOf gives the key of an event.
func KeyOf(source, id string) SeenKey {
	b := make([]byte, 0, 192)
	b = binary.AppendUvarint(b, uint64(len(source)))
	b = append(b, source...)
	b = append(b, id...)
	sum := sha256.Sum256(b)
	return SeenKey(sum[:keySize])
}

// Seen remembers events by key: 20 bytes each, ordered by key, the last four being the minute of receipt and one bit that
// says whether it counts as an engagement. A copy of a Seen must not be added to.
type Seen struct {
	entries []byte
	// oldest is the earliest minute of all entries, 0 without any.
	oldest uint32
	// Forgotten is how many engagements are not remembered any more.
	Forgotten int
}

func minute(now int64) uint32 { return uint32(min(max(now/int64(time.Minute), 1), 1<<31-1)) }

func (s *Seen) len() int { return len(s.entries) / entrySize }

func (s *Seen) at(i int) []byte { return s.entries[i*entrySize : (i+1)*entrySize] }

func decodeEntry(e []byte) (minute uint32, counts bool) {
	v := binary.BigEndian.Uint32(e[keySize:])
	return v >> 1, v&1 == 1
}

// find gives the place of a key, or where it would stand.
func (s *Seen) find(key SeenKey) (int, bool) {
	lo, hi := 0, s.len()
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch c := bytes.Compare(s.at(mid)[:keySize], key[:]); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// Add notes an event received at now and reports whether it is new. counts says that it is an engagement.
func (s *Seen) Add(key SeenKey, now int64, counts bool) bool {
	m := minute(now)
	s.forget(m)
	i, found := s.find(key)
	if found {
		return false
	}
	s.insert(i, key, m, counts)
	return true
}

func (s *Seen) insert(i int, key SeenKey, m uint32, counts bool) {
	v := m << 1
	if counts {
		v |= 1
	}
	var entry [entrySize]byte
	copy(entry[:], key[:])
	binary.BigEndian.PutUint32(entry[keySize:], v)
	s.entries = slices.Insert(s.entries, i*entrySize, entry[:]...)
	if s.oldest == 0 || m < s.oldest {
		s.oldest = m
	}
}

// forget drops what is older than seenFor before minute m, and the oldest where there are too many.
func (s *Seen) forget(m uint32) {
	from := uint32(0)
	if window := uint32(seenFor / time.Minute); m > window {
		from = m - window
	}
	if s.len() == 0 || s.oldest >= from && s.len() < maxSeen {
		return
	}
	if s.len() >= maxSeen {
		from = max(from, s.minuteOfRank(maxSeen/10))
	}
	s.dropBefore(from)
}

func (s *Seen) dropBefore(from uint32) {
	kept := make([]byte, 0, len(s.entries))
	s.oldest = 0
	for i := range s.len() {
		at, counts := decodeEntry(s.at(i))
		switch {
		case at >= from:
			kept = append(kept, s.at(i)...)
			if s.oldest == 0 || at < s.oldest {
				s.oldest = at
			}
		case counts:
			s.Forgotten++
		}
	}
	s.entries = kept
}

// minuteOfRank gives a minute before which at least n entries were received.
func (s *Seen) minuteOfRank(n int) uint32 {
	minutes := make([]uint32, s.len())
	for i := range minutes {
		minutes[i], _ = decodeEntry(s.at(i))
	}
	slices.Sort(minutes)
	return minutes[n-1] + 1
}

// Engagements gives how many engagements were ever noted.
func (s *Seen) Engagements() int {
	n := s.Forgotten
	for i := range s.len() {
		if _, counts := decodeEntry(s.at(i)); counts {
			n++
		}
	}
	return n
}

// merge takes the union: each event once, received when it first was.
func (s *Seen) merge(o *Seen) {
	s.Forgotten += o.Forgotten
	if o.len() == 0 {
		return
	}
	out := make([]byte, 0, len(s.entries)+len(o.entries))
	i, k := 0, 0
	for i < s.len() || k < o.len() {
		var c int
		switch {
		case i == s.len():
			c = 1
		case k == o.len():
			c = -1
		default:
			c = bytes.Compare(s.at(i)[:keySize], o.at(k)[:keySize])
		}
		switch {
		case c < 0:
			out = append(out, s.at(i)...)
			i++
		case c > 0:
			out = append(out, o.at(k)...)
			k++
		default:
			a, countsA := decodeEntry(s.at(i))
			b, countsB := decodeEntry(o.at(k))
			v := min(a, b) << 1
			if countsA || countsB {
				v |= 1
			}
			out = binary.BigEndian.AppendUint32(append(out, s.at(i)[:keySize]...), v)
			i++
			k++
		}
	}
	s.entries = out
	if s.oldest == 0 || o.oldest != 0 && o.oldest < s.oldest {
		s.oldest = o.oldest
	}
}

// Segments gives the entries in pieces of at most 60 KB, to be stored; Restore takes them back in order.
func (s *Seen) Segments(yield func([]byte) bool) {
	const size = 3000 * entrySize
	for rest := s.entries; len(rest) > 0; {
		n := min(size, len(rest))
		if !yield(rest[:n]) {
			return
		}
		rest = rest[n:]
	}
}

// Restore appends a piece. Pieces must come in order.
func (s *Seen) Restore(piece string) error {
	if len(piece)%entrySize != 0 {
		return errors.New("remembered events: not a whole number of entries")
	}
	from := max(0, s.len()-1)
	s.entries = append(s.entries, piece...)
	for i := from; i < s.len(); i++ {
		if i > 0 && bytes.Compare(s.at(i - 1)[:keySize], s.at(i)[:keySize]) >= 0 {
			return errors.New("remembered events: not in order")
		}
		if m, _ := decodeEntry(s.at(i)); s.oldest == 0 || m < s.oldest {
			s.oldest = m
		}
	}
	return nil
}
