package desk

import (
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

// until gives the first moment at which somebody could take the entry where it may go now, zero if nobody ever can as things
// stand.
func (v *view) until(e *Entry, named []core.Preference, stops []stop) time.Time {
	var first time.Time
	try := func(rep string, pool *core.Pool) {
		if at := v.opensIn(rep, pool); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	for _, p := range named {
		if v.barred(e, p.Rep, "") == "" && v.lacks(e, p.Rep, []core.Needs{p.Needs}, []string{p.Rep}) == "" {
			try(p.Rep, nil)
		}
	}
	for _, s := range stops {
		if s.rep != "" {
			if v.barred(e, s.rep, "") == "" {
				try(s.rep, nil)
			}
			continue
		}
		needs := v.needs(e, s.pool)
		spoken := v.spoken(e, needs, s.pool.Reps)
		for _, rep := range s.pool.Reps {
			if v.barred(e, rep, s.pool.ID) == "" && v.lacking(rep, needs, spoken) == "" {
				try(rep, s.pool)
			}
		}
	}
	return first
}

// opensFor gives the first moment at which a rep could take the entry, zero for never as things stand.
func (v *view) opensFor(e *Entry, rep string) time.Time {
	for _, p := range e.Preferred() {
		if p.Rep == rep && v.barred(e, rep, "") == "" && v.lacks(e, rep, []core.Needs{p.Needs}, []string{rep}) == "" {
			return v.opensIn(rep, nil)
		}
	}
	stops, _ := v.stops(e)
	for _, s := range stops {
		switch {
		case s.pool == nil:
			if s.rep == rep && v.barred(e, rep, "") == "" {
				return v.opensIn(rep, nil)
			}
		case !s.pool.Has(rep) || v.barred(e, rep, s.pool.ID) != "":
		case v.lacks(e, rep, v.needs(e, s.pool), s.pool.Reps) == "":
			return v.opensIn(rep, s.pool)
		}
	}
	return time.Time{}
}

// opensIn gives the first moment at which an active rep has room and their pool (nil for none) gives out.
func (v *view) opensIn(rep string, pool *core.Pool) time.Time {
	at, ok := v.opens[rep]
	if !ok {
		at = v.opensAt(v.dir.Rep(rep))
		v.opens[rep] = at
	}
	if pool == nil || pool.Hours == nil && len(pool.Capacities) == 0 {
		return at
	}
	// Each of the two may open where the other is closed. Where they do not meet within some weeks of days, the desk looks then.
	for range 64 {
		if at.IsZero() {
			return at
		}
		both := opensFrom(pool.Hours, pool.Capacities, v.PoolLoads[pool.ID], pool.Zone(), at)
		if both.IsZero() || both.Equal(at) {
			return both
		}
		r := v.dir.Rep(rep)
		at = opensFrom(&r.Calendar, r.Capacities, v.Loads[rep], r.Calendar.Location, both)
	}
	return at
}

// opensAt gives the first moment from now on at which a rep is there and has room; zero where nothing but the end of a handoff
// gives them room.
func (v *view) opensAt(r *core.Rep) time.Time {
	if r.Open > 0 && len(v.Hands[r.ID]) >= r.Open {
		return time.Time{}
	}
	return opensFrom(&r.Calendar, r.Capacities, v.Loads[r.ID], r.Calendar.Location, v.Now)
}

// opensFrom gives the first moment from at on that a calendar (nil: always) works and at which there is room in all windows.
// Only the windows that are counted can be full, one of each length: behind them there is room.
func opensFrom(c *calendar.Calendar, capacities []calendar.Capacity, loads []Load, loc *time.Location, at time.Time) time.Time {
	for range len(capacities) + 1 {
		if c != nil {
			open, ok := c.NextOpen(at)
			if !ok {
				return time.Time{}
			}
			at = open
		}
		end := fullUntil(loads, capacities, at, loc)
		if end.IsZero() {
			return at
		}
		at = end
	}
	return at
}
