package core

import "time"

// spans searches for the moment at which time alone takes a limited score out of a band. What each item is worth moves
// towards 0 (a timeframe's end is a step to it), and the score is monotone in each: within a span it lies between what it
// would be with the points for the lead as of the span's end and those against it as of its start, and the reverse. Spans in
// which both lie in the band are passed over whole. Like search it is exact to the millisecond, or gives an earlier moment.
type spans struct {
	*ledger
	band   string
	from   int64
	budget int
	// gaveUp is the start of the span in which the budget ran out, or which is short enough, as far away as it is.
	gaveUp int64
}

// leavesBandBounded is leavesBand for a lead of whose items some have a limit or a timeframe.
func (l *Lead) leavesBandBounded() int64 {
	s := &spans{ledger: newLedger(l, ""), band: l.band(), from: l.Looked}
	if BandOf(clamp(s.at(l.Looked))) != s.band {
		return l.Looked
	}
	s.budget = max(20, 8000/(len(s.entries)+1))
	end := l.Looked
	for i := range s.entries {
		if e := &s.entries[i]; e.HalfLife > 0 || e.Timeframe > 0 {
			end = max(end, e.gone())
		}
	}
	from := l.Looked
	for _, to := range append(s.turns(l.Looked), end) {
		if to <= from {
			continue
		}
		// At to itself, the terms may be others.
		s.govern(from)
		at := s.between(from, to-1)
		if at == 0 && s.gaveUp == 0 && BandOf(clamp(s.at(to))) != s.band {
			at = to
		}
		switch {
		case at != 0:
			return at
		case s.gaveUp != 0:
			return max(s.gaveUp, l.Looked+int64(time.Minute))
		}
		from = to
	}
	return 0
}

func (s *spans) holds(pro, con int64) bool { return BandOf(clamp(s.weigh(pro, con))) == s.band }

// between gives the first moment after a, to the millisecond and not after b, at which the band is left; at a it holds.
func (s *spans) between(a, b int64) int64 {
	if s.gaveUp != 0 || a >= b || s.holds(a, b) && s.holds(b, a) {
		return 0
	}
	if b-a <= int64(time.Millisecond) {
		if !s.holds(b, b) {
			return wholeMilli(a, func(t int64) bool { return s.holds(t, t) })
		}
		return 0
	}
	// Far away it is enough to know that it does not happen before: looked at again then, the moment is found.
	far := a-s.from >= int64(time.Minute) && b-a <= (a-s.from)/64
	if s.budget--; far || s.budget < 0 {
		s.gaveUp = a
		return 0
	}
	mid := a + (b-a)/2
	if at := s.between(a, mid); at != 0 {
		return at
	}
	return s.between(mid, b)
}
