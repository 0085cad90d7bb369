package desk

import (
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

// Load counts assignments in one window of a capacity, the latest.
type Load struct {
	// Window is the window's start, in seconds since 1970-01-01 UTC.
	Window int64
	Count  int
	// Per is the window's length; 0 stands for whichever the rep had.
	Per calendar.Per
}

// Counted gives what was counted in the window of a capacity that a moment falls in, and when the window ends.
func Counted(loads []Load, c calendar.Capacity, at time.Time, loc *time.Location) (count int, end time.Time) {
	from, end := c.Per.Window(at, loc)
	for _, l := range loads {
		if (l.Per == c.Per || l.Per == 0) && l.Window == from.Unix() {
			return l.Count, end
		}
	}
	return 0, end
}

// fullUntil gives the end of a window in which a capacity is used up at a moment, zero where there is room in all.
func fullUntil(loads []Load, capacities []calendar.Capacity, at time.Time, loc *time.Location) time.Time {
	for _, c := range capacities {
		if n, end := Counted(loads, c, at, loc); n >= c.Handoffs {
			return end
		}
	}
	return time.Time{}
}

// counted gives the loads with one assignment more.
func counted(loads []Load, capacities []calendar.Capacity, now time.Time, loc *time.Location) []Load {
	loads = slices.Clone(loads) // a view shares them
	for _, c := range capacities {
		from, _ := c.Per.Window(now, loc)
		i := slices.IndexFunc(loads, func(l Load) bool { return l.Per == c.Per || l.Per == 0 })
		if i < 0 {
			i, loads = len(loads), append(loads, Load{})
		}
		if loads[i].Window != from.Unix() {
			loads[i].Count = 0
		}
		loads[i] = Load{Window: from.Unix(), Count: loads[i].Count + 1, Per: c.Per}
	}
	return loads
}

// load counts an assignment against the capacities of its rep and its pool.
func (s *State) load(r *core.Rep, p *core.Pool) {
	if r != nil && len(r.Capacities) > 0 {
		s.Loads[r.ID] = counted(s.Loads[r.ID], r.Capacities, s.Now, r.Calendar.Location)
	}
	if p != nil && len(p.Capacities) > 0 {
		s.PoolLoads[p.ID] = counted(s.PoolLoads[p.ID], p.Capacities, s.Now, p.Zone())
	}
}

// forget drops what is counted of reps and pools that a directory no longer has.
func (s *State) forget(dir *core.Directory) {
	maps.DeleteFunc(s.Loads, func(rep string, _ []Load) bool { return dir.Rep(rep) == nil })
	maps.DeleteFunc(s.PoolLoads, func(pool string, _ []Load) bool { return dir.Pool(pool) == nil })
	maps.DeleteFunc(s.Hands, func(rep string, _ []uint64) bool { r := dir.Rep(rep); return r == nil || r.Open == 0 })
}

// take puts a handoff into a rep's hand, if there is a limit on what they have in hand: from the first directory that has one on.
// A rep who is assigned it twice, before the first is known to have come too late, has it twice until then.
func (s *State) take(r *core.Rep, handoff string) {
	if r == nil || r.Open == 0 {
		return
	}
	h := handHash(handoff)
	i, _ := slices.BinarySearch(s.Hands[r.ID], h)
	s.Hands[r.ID] = slices.Insert(slices.Clone(s.Hands[r.ID]), i, h)
}

// drop takes a handoff out of a rep's hand, and says whether it was there.
func (s *State) drop(rep, handoff string) bool {
	hand := s.Hands[rep]
	i, found := slices.BinarySearch(hand, handHash(handoff))
	if !found {
		return false
	}
	if hand = slices.Delete(slices.Clone(hand), i, i+1); len(hand) == 0 {
		delete(s.Hands, rep)
	} else {
		s.Hands[rep] = hand
	}
	return true
}

func handHash(handoff string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(handoff))
	return h.Sum64()
}

// Free has the first who waits and could go to a rep be looked at again, if the rep has room in hand and nobody is to be looked
// at by then who could take it.
func (s *State) Free(dir *core.Directory, rep string) {
	r := dir.Rep(rep)
	if r == nil || !r.Active || r.Open > 0 && len(s.Hands[rep]) >= r.Open {
		return
	}
	v := s.view(dir)
	for _, e := range s.Queue {
		if !e.Told {
			continue
		}
		at := v.opensFor(e, rep)
		switch {
		case at.IsZero():
		case e.Until.IsZero() || e.Until.After(at):
			s.left(e)
			e.Until, e.Encoded = s.Now, nil
			s.entered(e)
			return
		default: // it is looked at by then
			return
		}
	}
}

// Passed has somebody else who waits be looked at for the room in hand that an entry could have taken, now that it has left the
// queue. It does nothing for entries that were never told to wait, and where nobody has a limit on what they have in hand.
func (s *State) Passed(dir *core.Directory, e *Entry) {
	if e == nil || !e.Told || !dir.CountsOpen() || len(s.Queue) == 0 {
		return
	}
	v := s.view(dir)
	for i := range dir.Reps {
		if r := &dir.Reps[i]; r.Open > 0 && len(s.Hands[r.ID]) < r.Open && !v.opensFor(e, r.ID).IsZero() {
			s.Free(dir, r.ID)
		}
	}
}
