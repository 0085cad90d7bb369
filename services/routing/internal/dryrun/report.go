package dryrun

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
)

// Report sets what a directory makes of a stretch beside what the one in force makes of it.
type Report struct {
	Handoffs          int
	InForce, Proposed *Side
	// Really were given to somebody; to Reproduced of them the directory in force gives the same rep.
	Really, Reproduced int
	// Moves are the first owners that differ, the most frequent first; Differences the handoffs, as they qualified.
	Moves       []Move
	Differences []Difference
}

// Side is what becomes of the handoffs under one directory.
type Side struct {
	Assigned, NeverAssigned, Held, Withdrawn, Overflowed, Reassigned int
	Waited                                                           Wait
	// Reps by id; Pools and Routes in the directory's order, behind them those that it does not have.
	Reps                      []Rep
	Pools                     []Pool
	Routes                    []Route
	EarlyAnswers, LostAnswers int
}

// Wait is how long it took from qualifying to the first assignment: the smallest of the times that a share of them does not
// exceed, and how many took longer than the options say.
type Wait struct {
	P50, P90, P99, Longest time.Duration
	Over                   int
}

// Rep is what one rep got.
type Rep struct {
	ID                                       string
	Assigned, FromPools, TakenOver, PassedOn int
	Waited                                   Wait
}

// Pool is what one pool gave out.
type Pool struct {
	ID                                  string
	Assigned, NeverAssigned, Overflowed int
	Waited                              Wait
	Members                             []Member
}

// Member is what one rep got from a pool, beside what their weight comes to.
type Member struct {
	Rep string
	// Weight in thousandths. Share is that of the pool's weight, Got that of what it gave out.
	Weight     int64
	Share, Got float64
	Assigned   int
	// Beyond is how many handoffs more than their share they got.
	Beyond float64
}

// Route is what went by one route.
type Route struct {
	ID       string
	Assigned int
	Waited   Wait
}

// Move is how many handoffs go from a rep to another; "" is nobody.
type Move struct {
	From, To string
	Handoffs int
}

// Difference is one handoff with another first owner.
type Difference struct {
	Handoff, Lead     string
	Qualified         time.Time
	InForce, Proposed *Assignment
}

func measure(inForce, proposed *side, real map[string]string) *Report {
	out := &Report{Handoffs: len(inForce.order)}
	out.InForce, out.Proposed = inForce.measure(), proposed.measure()
	moves := map[pass]int{}
	for _, r := range inForce.order {
		if rep, ok := real[r.handoff]; ok {
			out.Really++
			if r.first != nil && r.first.Rep == rep {
				out.Reproduced++
			}
		}
		other := proposed.records[r.handoff]
		if from, to := r.owner(), other.owner(); from != to {
			moves[pass{from, to}]++
			out.Differences = append(out.Differences, Difference{r.handoff, r.lead, r.qualified, r.first, other.first})
		}
	}
	for m, n := range moves {
		out.Moves = append(out.Moves, Move{m.from, m.to, n})
	}
	slices.SortFunc(out.Moves, func(a, b Move) int {
		return cmp.Or(cmp.Compare(b.Handoffs, a.Handoffs), strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	return out
}

func (r *record) owner() string {
	if r == nil || r.first == nil {
		return ""
	}
	return r.first.Rep
}

// waits collects times and gives what is told of them.
type waits struct {
	all  []time.Duration
	over int
}

func (w *waits) add(r *record, opt *Options) {
	if r.first == nil {
		if !r.withdrawn && opt.To.Sub(r.qualified) > opt.WaitedOver {
			w.over++
		}
		return
	}
	d := r.first.At.Sub(r.qualified)
	w.all = append(w.all, d)
	if d > opt.WaitedOver {
		w.over++
	}
}

func (w *waits) wait() Wait {
	out := Wait{Over: w.over}
	if n := len(w.all); n > 0 {
		slices.Sort(w.all)
		rank := func(percent int) time.Duration { return w.all[max(1, (n*percent+99)/100)-1] }
		out.P50, out.P90, out.P99, out.Longest = rank(50), rank(90), rank(99), w.all[n-1]
	}
	return out
}

// tally is what is counted under one name.
type tally struct {
	waits
	assigned, fromPools, never, overflowed int
	members                                map[string]int
}

type tallies map[string]*tally

func (t tallies) of(name string) *tally {
	if t[name] == nil {
		t[name] = &tally{members: map[string]int{}}
	}
	return t[name]
}

// names gives those of the directory in its order, and behind them the others by name.
func (t tallies) names(first []string) []string {
	out := slices.Clone(first)
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if name != "" && !slices.Contains(first, name) {
			out = append(out, name)
		}
	}
	return out
}

func (s *side) measure() *Side {
	out := &Side{EarlyAnswers: s.earlyAnswers, LostAnswers: s.lostAnswers}
	var whole waits
	reps, pools, routes := tallies{}, tallies{}, tallies{}
	for _, r := range s.order {
		whole.add(r, s.opt)
		if r.reassigned {
			out.Reassigned++
		}
		switch {
		case r.first != nil:
			out.count(r, s.opt, reps, pools, routes)
		case r.withdrawn:
			out.Withdrawn++
		default:
			out.NeverAssigned++
			if r.held {
				out.Held++
			}
			p := pools.of(r.pool)
			p.never++
			p.add(r, s.opt)
		}
	}
	out.Waited = whole.wait()
	taken, passed := map[string]int{}, map[string]int{}
	for p, n := range s.passes {
		passed[p.from] += n
		taken[p.to] += n
		reps.of(p.from)
		reps.of(p.to)
	}
	out.lists(s.dir.Directory, reps, pools, routes)
	for i := range out.Reps {
		r := &out.Reps[i]
		r.TakenOver, r.PassedOn = taken[r.ID], passed[r.ID]
	}
	return out
}

// count counts an assignment where it belongs.
func (out *Side) count(r *record, opt *Options, reps, pools, routes tallies) {
	a := r.first
	out.Assigned++
	if r.overflowFrom != "" {
		out.Overflowed++
		pools.of(r.overflowFrom).overflowed++
	}
	rep, route := reps.of(a.Rep), routes.of(a.Route)
	rep.assigned++
	route.assigned++
	rep.add(r, opt)
	route.add(r, opt)
	if a.Pool != "" {
		p := pools.of(a.Pool)
		rep.fromPools++
		p.assigned++
		p.members[a.Rep]++
		p.add(r, opt)
	}
}

func (out *Side) lists(dir *core.Directory, reps, pools, routes tallies) {
	var poolIDs, routeIDs []string
	if dir != nil {
		for i := range dir.Reps {
			if dir.Reps[i].Active {
				reps.of(dir.Reps[i].ID)
			}
		}
		for i := range dir.Pools {
			poolIDs = append(poolIDs, dir.Pools[i].ID)
		}
		for i := range dir.Routes {
			routeIDs = append(routeIDs, dir.Routes[i].ID)
		}
	}
	for _, id := range reps.names(nil) {
		t := reps[id]
		out.Reps = append(out.Reps, Rep{ID: id, Assigned: t.assigned, FromPools: t.fromPools, Waited: t.wait()})
	}
	for _, id := range pools.names(poolIDs) {
		t := pools.of(id)
		out.Pools = append(out.Pools, Pool{
			ID: id, Assigned: t.assigned, NeverAssigned: t.never, Overflowed: t.overflowed, Waited: t.wait(), Members: members(dir, id, t),
		})
	}
	for _, id := range routes.names(routeIDs) {
		t := routes.of(id)
		out.Routes = append(out.Routes, Route{ID: id, Assigned: t.assigned, Waited: t.wait()})
	}
}

// members sets what a pool's active reps got beside what their weight comes to.
func members(dir *core.Directory, pool string, t *tally) (out []Member) {
	p, total := dir.Pool(pool), int64(0)
	if p == nil {
		return nil
	}
	for _, id := range p.Reps {
		if r := dir.Rep(id); r != nil && r.Active {
			total += p.Weight(r)
			out = append(out, Member{Rep: id, Weight: p.Weight(r), Assigned: t.members[id]})
		}
	}
	for i := range out {
		m := &out[i]
		m.Share = float64(m.Weight) / float64(total)
		if t.assigned > 0 {
			m.Got = float64(m.Assigned) / float64(t.assigned)
		}
		m.Beyond = float64(m.Assigned) - m.Share*float64(t.assigned)
	}
	return out
}
