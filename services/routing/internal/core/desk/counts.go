package desk

import (
	"slices"
	"time"
)

// counts saves walking the queue where nobody in it can be due: thousands may wait while others are assigned.
type counts struct {
	// untold entries have not been looked at; they are the last of the queue, for it is looked at in order.
	untold int
	// soonest is the earliest moment at which one who was told must be looked at again, zero for none; stale where whoever had it
	// has left.
	soonest time.Time
	stale   bool
	// told counts those who were told, by the pool that they asked for.
	told map[string]int
}

func (s *State) entered(e *Entry) {
	if !e.Told {
		s.untold++
		return
	}
	s.told[e.Pool]++
	if !e.Until.IsZero() && (s.soonest.IsZero() || e.Until.Before(s.soonest)) {
		s.soonest = e.Until
	}
}

func (s *State) left(e *Entry) {
	if !e.Told {
		s.untold--
		return
	}
	if s.told[e.Pool]--; s.told[e.Pool] == 0 {
		delete(s.told, e.Pool)
	}
	s.stale = s.stale || !e.Until.IsZero() && !e.Until.After(s.soonest)
}

func (s *State) recount() {
	s.counts = counts{told: map[string]int{}}
	for _, e := range s.Queue {
		s.entered(e)
	}
}

// Next gives the moment at which somebody who waits must be looked at, zero if none.
func (s *State) Next() time.Time {
	if s.untold > 0 {
		return s.Now
	}
	if s.stale {
		s.recount()
	}
	return s.soonest
}

// due gives the entries to be looked at, in order, at most limit of them.
func (s *State) due(limit int) (out []*Entry) {
	if s.stale {
		s.recount()
	}
	if s.soonest.IsZero() || s.soonest.After(s.Now) { // only who was not told yet
		for i := len(s.Queue) - 1; i >= 0 && len(out) < s.untold; i-- {
			if !s.Queue[i].Told {
				out = append(out, s.Queue[i])
			}
		}
		slices.Reverse(out)
		return out[:min(len(out), limit)]
	}
	for _, e := range s.Queue {
		if len(out) == limit {
			break
		}
		if !e.Told || !e.Until.IsZero() && !e.Until.After(s.Now) {
			out = append(out, e)
		}
	}
	return out
}

// Waiting gives how many were told that they wait, by the pool that they asked for, as it will be once rulings have taken effect.
func (s *State) Waiting(rulings []Ruling) map[string]int {
	out := make(map[string]int, len(s.told)+1)
	for pool, n := range s.told {
		out[pool] = n
	}
	for _, r := range rulings {
		switch {
		case r.Rep == "" && !r.Entry.Told:
			out[r.Entry.Pool]++
		case r.Rep != "" && r.Entry.Told:
			out[r.Entry.Pool]--
		}
	}
	return out
}
