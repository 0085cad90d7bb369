package desk

import (
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

// OpenState is how it is told that a rep or a pool can take something now.
const OpenState = "open"

// Standing is how a pool stands at a moment.
type Standing struct {
	// State is OpenState, PoolClosed or PoolFull; Next is when it is open, zero for not within two years.
	State   string
	Next    time.Time
	Members []MemberStanding
	Loads   []LoadStanding
}

// MemberStanding is how a rep stands in a pool.
type MemberStanding struct {
	Rep string
	// Weight in thousandths; Total is that of the whole pool.
	Weight, Total int64
	Member        Member
	// Level is what the choice compares.
	Level int64
	// State is OpenState, or why they can take nothing now; Next is when they can, zero where nothing but the end of a handoff or
	// another directory helps.
	State string
	Next  time.Time
	Loads []LoadStanding
}

// LoadStanding is how far one limit is used up. Per is 0 for what is in hand.
type LoadStanding struct {
	Per       calendar.Per
	Count, Of int
	Until     time.Time
}

// Standing gives how a pool of the directory stands at a moment, not before the desk's own.
func (s *State) Standing(dir *core.Directory, pool *core.Pool, at time.Time) Standing {
	v := s.view(dir)
	if at.After(v.Now) {
		v.Now = at
	}
	out := Standing{State: v.poolClosed(pool), Next: opensFrom(pool.Hours, pool.Capacities, v.PoolLoads[pool.ID], pool.Zone(), v.Now)}
	if out.State == "" {
		out.State = OpenState
	}
	out.Loads = limits(pool.Capacities, v.PoolLoads[pool.ID], v.Now, pool.Zone())
	total := int64(0)
	for _, id := range pool.Reps {
		total += pool.Weight(dir.Rep(id))
	}
	for _, id := range pool.Reps {
		r := dir.Rep(id)
		if r == nil {
			continue
		}
		m := MemberStanding{Rep: id, Weight: pool.Weight(r), Total: total, Member: v.Pools[pool.ID][id], State: Inactive}
		m.Level = m.Member.level()
		if r.Active {
			m.State, m.Next = v.closed(r), v.opensAt(r)
		}
		if m.State == "" {
			m.State = OpenState
		}
		m.Loads = limits(r.Capacities, v.Loads[id], v.Now, r.Calendar.Location)
		if r.Open > 0 {
			m.Loads = append(m.Loads, LoadStanding{Count: len(v.Hands[id]), Of: r.Open})
		}
		out.Members = append(out.Members, m)
	}
	return out
}

func limits(capacities []calendar.Capacity, loads []Load, at time.Time, loc *time.Location) (out []LoadStanding) {
	for _, c := range capacities {
		n, end := Counted(loads, c, at, loc)
		out = append(out, LoadStanding{Per: c.Per, Count: n, Of: c.Handoffs, Until: end})
	}
	return out
}
