package desk

import (
	"maps"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

// Ruling is what the desk says of one entry: who gets it, or that it waits.
type Ruling struct {
	Entry *Entry
	// Rep who gets it; "" means that it waits until Until (zero: until the directory changes).
	Rep string
	// Pool it came from, "" where an account's owner gets it.
	Pool       string
	Considered []Considered
	Until      time.Time
	// Declined: nobody gets it, and it does not wait.
	Declined bool
}

// Look rules on the entries that are due, in the order in which they asked, at most limit of them. It changes nothing: the
// rulings take effect through Assign and Tell. Entries left over for the limit stay due, and Next says so.
func (s *State) Look(dir *core.Directory, limit int) []Ruling {
	var out []Ruling
	var v *view
	for _, e := range s.Queue {
		if e.Told && (e.Until.IsZero() || e.Until.After(s.Now)) {
			continue
		}
		if len(out) == limit {
			break
		}
		if v == nil {
			v = s.view(dir)
		}
		out = append(out, v.rule(e))
	}
	return out
}

// view is a state to try rulings on: each one counts for the next, and the desk's own state stays as it is.
type view struct {
	State
	dir *core.Directory
	// skip and opens remember what was found about reps; an assignment to a rep makes theirs void.
	skip  map[string]string
	opens map[string]time.Time
	own   map[string]bool
}

func (s *State) view(dir *core.Directory) *view {
	return &view{
		State: State{Now: s.Now, Pools: maps.Clone(s.Pools), Loads: maps.Clone(s.Loads)},
		dir:   dir, skip: map[string]string{}, opens: map[string]time.Time{}, own: map[string]bool{},
	}
}

func (v *view) rule(e *Entry) Ruling {
	r := Ruling{Entry: e}
	if e.Rep != "" {
		if why := v.skipped(e, e.Rep); why != "" {
			r.Considered = append(r.Considered, Considered{e.Rep, why})
		} else {
			r.Rep = e.Rep
			v.assign(r)
			return r
		}
	}
	if e.Only {
		r.Declined = true
		return r
	}
	var eligible []string
	pool := v.dir.PoolOrDefault(e.Pool)
	if pool != nil {
		r.Pool = pool.ID
		for _, rep := range pool.Reps {
			if rep == e.Rep {
				continue
			}
			if why := v.skipped(e, rep); why != "" {
				r.Considered = append(r.Considered, Considered{rep, why})
			} else {
				eligible = append(eligible, rep)
			}
		}
	}
	if len(eligible) == 0 {
		r.Until = v.until(e, pool)
		r.Declined = e.Request != "" && !e.Told && r.Until.IsZero()
		return r
	}
	chosen, above := choose(e.Handoff, eligible, standings(v.dir, v.Pools[pool.ID], eligible))
	for i, rep := range eligible {
		switch {
		case i == chosen:
			r.Rep = rep
		case above[i]:
			r.Considered = append(r.Considered, Considered{rep, AboveQuota})
		default:
			r.Considered = append(r.Considered, Considered{rep, NotTheirTurn})
		}
	}
	v.assign(r)
	return r
}

func (v *view) assign(r Ruling) {
	if r.Pool != "" && !v.own[r.Pool] {
		v.own[r.Pool] = true
		v.Pools[r.Pool] = maps.Clone(v.Pools[r.Pool])
	}
	v.count(v.dir, r.Pool, r.Rep, r.Considered)
	delete(v.skip, r.Rep)
	delete(v.opens, r.Rep)
}

// skipped says why a rep cannot get the entry now, "" if they can.
func (v *view) skipped(e *Entry, rep string) string {
	r := v.dir.Rep(rep)
	switch {
	case r == nil || !r.Active:
		return Inactive
	case e.excluded(rep):
		return HadIt
	case e.Force && e.Only:
		return ""
	}
	why, ok := v.skip[rep]
	if !ok {
		why = v.closed(r)
		v.skip[rep] = why
	}
	return why
}

func (v *view) closed(r *core.Rep) string {
	switch r.Calendar.At(v.Now) {
	case calendar.Away:
		return Away
	case calendar.OutsideHours:
		return OutsideHours
	}
	if v.full(r, v.Now) {
		return AtCapacity
	}
	return ""
}

// full reports whether a rep's capacity in the window of a moment is used up.
func (v *view) full(r *core.Rep, at time.Time) bool {
	if r.Capacity.Handoffs == 0 {
		return false
	}
	from, _ := r.Capacity.Per.Window(at, r.Calendar.Location)
	l := v.Loads[r.ID]
	return l.Window == from.Unix() && l.Count >= r.Capacity.Handoffs
}

// until gives the first moment at which somebody could take the entry, zero if nobody ever can.
func (v *view) until(e *Entry, pool *core.Pool) time.Time {
	var first time.Time
	try := func(rep string) {
		r := v.dir.Rep(rep)
		if r == nil || !r.Active || e.excluded(rep) {
			return
		}
		at, ok := v.opens[rep]
		if !ok {
			at = v.opensAt(r)
			v.opens[rep] = at
		}
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if e.Rep != "" {
		try(e.Rep)
	}
	if pool != nil {
		for _, rep := range pool.Reps {
			try(rep)
		}
	}
	return first
}

// opensAt gives the first moment from now on at which a rep is there and has room.
func (v *view) opensAt(r *core.Rep) time.Time {
	at, ok := r.Calendar.NextOpen(v.Now)
	// Only the window that is counted can be full: behind it there is room.
	if ok && v.full(r, at) {
		_, end := r.Capacity.Per.Window(at, r.Calendar.Location)
		at, ok = r.Calendar.NextOpen(end)
	}
	if !ok {
		return time.Time{}
	}
	return at
}
