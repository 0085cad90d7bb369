package desk

import (
	"maps"
	"slices"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

// Ruling is what the desk says of one entry: who gets it, or that it waits.
type Ruling struct {
	Entry *Entry
	// Rep who gets it; "" means that it waits until Until (zero: until the directory changes, or a handoff ends).
	Rep string
	// Pool it came from, "" where somebody gets it whom a route names.
	Pool string
	// Route that named them.
	Route string
	// OverflowFrom is the pool that it waited for too long, where another one or somebody else takes it.
	OverflowFrom string
	Considered   []Considered
	Until        time.Time
	// Declined: nobody gets it, and it does not wait.
	Declined bool
}

// Look rules on the entries that are due, in the order in which they asked, at most limit of them. It changes nothing: the
// rulings take effect through Assign and Tell. Entries left over for the limit stay due, and Next says so.
func (s *State) Look(dir *core.Directory, limit int) []Ruling {
	due := s.due(limit)
	if len(due) == 0 {
		return nil
	}
	out, v := make([]Ruling, 0, len(due)), s.view(dir)
	for i, e := range due {
		out = append(out, v.rule(e))
		if i < len(due)-1 {
			v.assign(out[i])
		}
	}
	return out
}

// Propose says whom the desk would give an entry that asked at a moment, and why, if nobody else asked before. It changes nothing.
func (s *State) Propose(dir *core.Directory, e Entry, at time.Time) Ruling {
	v := s.view(dir)
	if at.After(v.Now) {
		v.Now = at
	}
	e.Since = v.Now
	return v.rule(&e)
}

// Review says what the desk would rule on an entry that waits, at a moment not before its own. It changes nothing.
func (s *State) Review(dir *core.Directory, e *Entry, at time.Time) Ruling {
	v := s.view(dir)
	if at.After(v.Now) {
		v.Now = at
	}
	return v.rule(e)
}

// view is a state to try rulings on: each one counts for the next, and the desk's own state stays as it is.
type view struct {
	State
	dir *core.Directory
	// skip and opens remember what was found about reps; an assignment to a rep makes theirs void.
	skip  map[string]string
	opens map[string]time.Time
	// copied: Pools, Loads, PoolLoads and Hands are the view's own; own are the pools whose members are, too.
	copied bool
	own    map[string]bool
}

func (s *State) view(dir *core.Directory) *view {
	return &view{
		State: State{Now: s.Now, Pools: s.Pools, Loads: s.Loads, PoolLoads: s.PoolLoads, Hands: s.Hands},
		dir:   dir, skip: map[string]string{}, opens: map[string]time.Time{}, own: map[string]bool{},
	}
}

// stop is one place where an entry may find a rep: a pool, or the one rep of an overflow.
type stop struct {
	pool *core.Pool
	rep  string
	// from is the pool whose overflow it is.
	from string
}

// stops gives where an entry may find a rep now: its pool, and behind it those that it has overflowed to. next is when it
// overflows further, zero for never.
func (v *view) stops(e *Entry) (list []stop, next time.Time) {
	at, from := e.Since, ""
	for p := v.dir.PoolOrDefault(e.Pool); p != nil; {
		list = append(list, stop{pool: p, from: from})
		o := p.Overflow
		if o == nil {
			break
		}
		if at = at.Add(o.After); v.Now.Before(at) {
			return list, at
		}
		from = list[0].pool.ID
		if o.Rep != "" {
			return append(list, stop{rep: o.Rep, from: from}), time.Time{}
		}
		p = v.dir.Pool(o.Pool)
		if slices.ContainsFunc(list, func(s stop) bool { return s.pool == p }) {
			break
		}
	}
	return list, time.Time{}
}

// Preferred gives whom the routes name, in order.
func (e *Entry) Preferred() []core.Preference {
	if len(e.Prefer) > 0 || e.Rep == "" {
		return e.Prefer
	}
	return []core.Preference{{Rep: e.Rep, Route: e.Route, As: core.AsAccount}}
}

func (v *view) rule(e *Entry) Ruling {
	r := Ruling{Entry: e, Route: e.Route}
	pass := func(rep, why string) { r.Considered = append(r.Considered, Considered{rep, why}) }
	named := e.Preferred()
	for _, p := range named {
		why := v.skipped(e, p.Rep, "")
		if why == "" && !e.forced() {
			why = v.lacks(e, p.Rep, []core.Needs{p.Needs}, []string{p.Rep})
		}
		if why == "" {
			r.Rep, r.Route = p.Rep, p.Route
			return r
		}
		pass(p.Rep, why)
	}
	if e.Only {
		r.Declined = true
		return r
	}
	stops, overflows := v.stops(e)
	for _, s := range stops {
		if s.rep != "" {
			if why := v.skipped(e, s.rep, ""); why != "" {
				pass(s.rep, why)
				continue
			}
			r.Rep, r.Pool, r.OverflowFrom = s.rep, "", s.from
			return r
		}
		if s.from == "" {
			r.Pool = s.pool.ID
		}
		if eligible := v.eligible(e, s.pool, named, pass); len(eligible) > 0 {
			r.Pool, r.OverflowFrom = s.pool.ID, s.from
			r.Rep = v.choose(e, s.pool, eligible, pass)
			return r
		}
	}
	r.Until = v.until(e, named, stops)
	if !overflows.IsZero() && (r.Until.IsZero() || overflows.Before(r.Until)) {
		r.Until = overflows
	}
	r.Declined = e.Request != "" && !e.Told && r.Until.IsZero()
	return r
}

// eligible gives the reps of a pool who could take the entry now, and passes over the others.
func (v *view) eligible(e *Entry, pool *core.Pool, named []core.Preference, pass func(rep, why string)) (eligible []string) {
	closed := v.poolClosed(pool)
	needs := v.needs(e, pool)
	spoken := v.spoken(e, needs, pool.Reps)
	for _, rep := range pool.Reps {
		why := v.skipped(e, rep, pool.ID)
		if why == "" {
			why = v.lacking(rep, needs, spoken)
		}
		if why == "" {
			why = closed
		}
		switch {
		case why != "" && slices.ContainsFunc(named, func(p core.Preference) bool { return p.Rep == rep }): // passed over already
		case why != "":
			pass(rep, why)
		default:
			eligible = append(eligible, rep)
		}
	}
	return eligible
}

// choose gives whose turn it is, and passes over the others.
func (v *view) choose(e *Entry, pool *core.Pool, eligible []string, pass func(rep, why string)) string {
	var chosen int
	var above []bool
	if members := v.Pools[pool.ID]; v.dir.ExactTurns {
		chosen, above = turn(e.Handoff, pool, v.dir, members, eligible)
	} else {
		chosen, above = choose(e.Handoff, eligible, standings(v.dir, pool, members, eligible))
	}
	for i, rep := range eligible {
		switch {
		case i == chosen:
		case above[i]:
			pass(rep, AboveQuota)
		default:
			pass(rep, NotTheirTurn)
		}
	}
	return eligible[chosen]
}

func (v *view) assign(r Ruling) {
	if r.Rep == "" {
		return
	}
	if !v.copied {
		v.copied = true
		v.Pools, v.Loads, v.PoolLoads, v.Hands = maps.Clone(v.Pools), maps.Clone(v.Loads), maps.Clone(v.PoolLoads), maps.Clone(v.Hands)
	}
	if r.Pool != "" && !v.own[r.Pool] {
		v.own[r.Pool] = true
		v.Pools[r.Pool] = maps.Clone(v.Pools[r.Pool])
	}
	v.count(v.dir, r.Pool, r.Rep, r.Considered)
	v.take(v.dir.Rep(r.Rep), r.Entry.Handoff)
	delete(v.skip, r.Rep)
	delete(v.opens, r.Rep)
}

// needs gives what a pool, and the route to it, ask for.
func (*view) needs(e *Entry, pool *core.Pool) []core.Needs { return []core.Needs{pool.Needs, e.Needs} }

func (v *view) spoken(e *Entry, needs []core.Needs, reps []string) [][]string {
	out := make([][]string, len(needs))
	for i, n := range needs {
		out[i] = n.Spoken(v.dir, reps, e.Language)
	}
	return out
}

func (v *view) lacking(rep string, needs []core.Needs, spoken [][]string) string {
	for i, n := range needs {
		if why := n.Lacks(v.dir.Rep(rep), spoken[i]); why != "" {
			return why
		}
	}
	return ""
}

func (v *view) lacks(e *Entry, rep string, needs []core.Needs, reps []string) string {
	return v.lacking(rep, needs, v.spoken(e, needs, reps))
}

// barred says why a rep can never get the entry in a pool ("" for none), "" if they may.
func (v *view) barred(e *Entry, rep, pool string) string {
	r := v.dir.Rep(rep)
	switch {
	case r == nil || !r.Active:
		return Inactive
	case e.excluded(rep):
		return HadIt
	case v.dir.Excluded(rep, pool, e.Account, e.Conflicts):
		return Excluded
	}
	return ""
}

// forced: somebody who may has said that this rep gets it, whatever their hours, capacity and skills.
func (e *Entry) forced() bool { return e.Force && e.Only }

// skipped says why a rep cannot get the entry now, "" if they can.
func (v *view) skipped(e *Entry, rep, pool string) string {
	if why := v.barred(e, rep, pool); why != "" || e.forced() {
		return why
	}
	why, ok := v.skip[rep]
	if !ok {
		why = v.closed(v.dir.Rep(rep))
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
	switch {
	case !fullUntil(v.Loads[r.ID], r.Capacities, v.Now, r.Calendar.Location).IsZero():
		return AtCapacity
	case r.Open > 0 && len(v.Hands[r.ID]) >= r.Open:
		return InHand
	}
	return ""
}

func (v *view) poolClosed(p *core.Pool) string {
	switch {
	case p.Hours != nil && p.Hours.At(v.Now) != calendar.Open:
		return PoolClosed
	case !fullUntil(v.PoolLoads[p.ID], p.Capacities, v.Now, p.Zone()).IsZero():
		return PoolFull
	}
	return ""
}
