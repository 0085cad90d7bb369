package core

import (
	"cmp"
	"math/bits"
	"slices"
)

// Unknown names the source or channel of leads whose first touch nobody stated.
const Unknown = "unknown"

// Query selects the leads that a funnel counts.
type Query struct {
	// From and To bound the first touch, in milliseconds since 1970: From <= first < To; 0 is open.
	From, To int64
	// Only leads first seen through this source or channel; "" is all.
	Source string
}

// Funnel is the count of a cohort.
type Funnel struct {
	Leads     int
	Stages    []StageCount
	BySource  []GroupCount
	ByChannel []GroupCount
}

// StageCount is one line of a funnel.
type StageCount struct {
	Stage string
	// Entered: leads that entered this stage themselves. Current: leads that are in it now. Reached: leads that reached it
	// or a later one on the way to won; of an end beside the way, leads that entered it.
	Entered, Current, Reached int
	// OfLeads is Entered over all leads; FromPrevious is Reached over the Reached of the stage before: of inquiry, over all
	// leads, of an end 0. A share of nobody is 0.
	OfLeads, FromPrevious float64
}

// GroupCount is the funnel of one source or channel; all but Leads are leads that entered the stage.
type GroupCount struct {
	Name                                         string
	Leads, Qualified, Routed, Accepted, SQL, Won int
	Conversion                                   float64
}

// Count counts the funnel of all leads, by id. A lead that merged into another counts as that other: the earlier of their
// first touches, and every stage that either entered; where the other one is now is where the lead is. A lead whose other
// has no stage yet is left out until it has.
func Count(rows map[string]*Row, q Query) Funnel {
	merged := map[string][]*Row{}
	for id, r := range rows {
		if r.MergedInto != "" {
			if root := rootOf(id, rows); root != "" {
				merged[root] = append(merged[root], r)
			}
		}
	}
	c := newCounter()
	for id, r := range rows {
		if r.MergedInto == "" && len(r.Epochs) > 0 {
			c.add(r, merged[id], q)
		}
	}
	return c.funnel()
}

// rootOf follows merges to the lead that carries on; "" where the way does not end. Merges are by a total order, so a
// circle means broken data, and its leads are nobody's.
func rootOf(id string, rows map[string]*Row) string {
	for range 1000 {
		r := rows[id]
		if r == nil || r.MergedInto == "" {
			return id
		}
		id = r.MergedInto
	}
	return ""
}

// stageSet is a set of stages, by place.
type stageSet uint16

func (s stageSet) has(stage string) bool { return s&(1<<place(stage)) != 0 }

type counter struct {
	leads             int
	entered, current  [16]int // by place
	furthest          [wayLen]int
	sources, channels map[string]*GroupCount
}

func newCounter() *counter {
	return &counter{sources: map[string]*GroupCount{}, channels: map[string]*GroupCount{}}
}

// add counts one lead with those that merged into it, if the query selects it.
func (c *counter) add(r *Row, merged []*Row, q Query) {
	first, at := r.First, r.firstAt()
	for _, m := range merged {
		if a := m.firstAt(); a != 0 && (at == 0 || a < at) {
			at = a
		}
		if m.First.before(first) {
			first = m.First
		}
	}
	source, channel := cmp.Or(first.Source, Unknown), cmp.Or(first.Channel, Unknown)
	if q.From != 0 && at < q.From || q.To != 0 && at >= q.To || q.Source != "" && q.Source != source && q.Source != channel {
		return
	}
	stages, furthest := r.stages()
	for _, m := range merged {
		s, f := m.stages()
		stages, furthest = stages|s, max(furthest, f)
	}
	c.leads++
	if i := place(r.Current()); i >= 0 {
		c.current[i]++
	}
	c.furthest[furthest]++
	for left := stages; left != 0; left &= left - 1 {
		c.entered[bits.TrailingZeros16(uint16(left))]++
	}
	group(c.sources, source).add(stages)
	group(c.channels, channel).add(stages)
}

// stages gives what the lead entered, and the rank of the furthest stage on the way to won that it reached: every lead
// has at least reached the first.
func (r *Row) stages() (set stageSet, furthest int) {
	furthest = max(0, rank(r.Highest))
	for _, e := range r.Epochs {
		for _, entry := range e.Entered {
			if i := place(entry.Stage); i >= 0 {
				set |= 1 << i
			}
			furthest = max(furthest, rank(entry.Stage))
		}
	}
	return set, furthest
}

// before reports whether t is known and came before u. Touches of one moment are ordered by their names, so that who is
// asked first does not matter.
func (t Touch) before(u Touch) bool {
	if t.At == 0 || u.At == 0 {
		return t.At != 0
	}
	return cmp.Or(cmp.Compare(t.At, u.At), cmp.Compare(t.Source, u.Source), cmp.Compare(t.Channel, u.Channel)) < 0
}

// firstAt is when the lead was first seen: its first touch, or, where nobody stated one, its first recorded move.
func (r *Row) firstAt() int64 {
	at := r.First.At
	if at != 0 {
		return at
	}
	for _, e := range r.Epochs {
		for _, entry := range e.Entered {
			if at == 0 || entry.At < at {
				at = entry.At
			}
		}
	}
	return at
}

func group(groups map[string]*GroupCount, name string) *GroupCount {
	g := groups[name]
	if g == nil {
		g = &GroupCount{Name: name}
		groups[name] = g
	}
	return g
}

func (g *GroupCount) add(entered stageSet) {
	g.Leads++
	for _, s := range []struct {
		stage string
		count *int
	}{{MQL, &g.Qualified}, {Routed, &g.Routed}, {Accepted, &g.Accepted}, {SQL, &g.SQL}, {Won, &g.Won}} {
		if entered.has(s.stage) {
			*s.count++
		}
	}
}

func (c *counter) funnel() Funnel {
	f := Funnel{Leads: c.leads, BySource: sorted(c.sources), ByChannel: sorted(c.channels)}
	previous, reached := c.leads, c.leads
	for i, s := range append(Way(), Ends()...) {
		count := StageCount{Stage: s, Entered: c.entered[i], Current: c.current[i], Reached: c.entered[i], OfLeads: share(c.entered[i], c.leads)}
		if i < wayLen {
			count.Reached, count.FromPrevious = reached, share(reached, previous)
			previous, reached = reached, reached-c.furthest[i]
		}
		f.Stages = append(f.Stages, count)
	}
	return f
}

func sorted(groups map[string]*GroupCount) []GroupCount {
	out := make([]GroupCount, 0, len(groups))
	for _, g := range groups {
		g.Conversion = share(g.Won, g.Leads)
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b GroupCount) int { return cmp.Or(b.Leads-a.Leads, cmp.Compare(a.Name, b.Name)) })
	return out
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}
