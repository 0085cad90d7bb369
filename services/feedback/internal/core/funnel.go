package core

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// None names the source or channel of leads whose first touch nobody stated. It is no word that sources use themselves: some send "unknown",
// which is counted by itself.
const None = "(none)"

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

// Count counts the funnel of a table's leads. A lead that merged into another counts as that other: the earlier of their
// first touches, and every stage that either entered; where the other one is now is where the lead is. A lead whose other
// has no stage yet is left out until it has.
func Count(t *table.Table, q Query) Funnel {
	c := &counter{table: t, sources: map[table.Sym]*GroupCount{}, channels: map[table.Sym]*GroupCount{}}
	var rows []table.Row
	for lead := range uint32(t.Leads()) {
		if rows = t.AppendRows(rows[:0], lead); len(rows) > 0 {
			c.add(rows, q)
		}
	}
	return c.funnel()
}

// stageSet is a set of stages, by place.
type stageSet uint16

func (s stageSet) has(stage string) bool { return s&(1<<place(stage)) != 0 }

type counter struct {
	table             *table.Table
	leads             int
	entered, current  [16]int // by place
	furthest          [wayLen]int
	sources, channels map[table.Sym]*GroupCount
}

// add counts the rows of one lead, if the query selects it.
func (c *counter) add(rows []table.Row, q Query) {
	last := &rows[len(rows)-1]
	if q.From != 0 && last.First < q.From || q.To != 0 && last.First >= q.To {
		return
	}
	if q.Source != "" && q.Source != c.name(last.Source) && q.Source != c.name(last.Channel) {
		return
	}
	var stages stageSet
	for i := range rows {
		stages |= entered(&rows[i])
	}
	c.leads++
	if last.Stage <= table.Disqualified {
		c.current[last.Stage]++
	}
	c.furthest[last.Furthest]++
	for left := stages; left != 0; left &= left - 1 {
		c.entered[bits.TrailingZeros16(uint16(left))]++
	}
	c.group(c.sources, last.Source).add(stages)
	c.group(c.channels, last.Channel).add(stages)
}

// name gives a source's or channel's name, None where nobody stated one.
func (c *counter) name(s table.Sym) string { return cmp.Or(c.table.Names.Name(s), None) }

// entered gives the stages that an epoch entered.
func entered(r *table.Row) (set stageSet) {
	for i, at := range r.Entered {
		if at != 0 {
			set |= 1 << i
		}
	}
	for i := range len(Ends()) {
		if r.Flags&(table.WasLost<<i) != 0 {
			set |= 1 << (wayLen + i)
		}
	}
	return set
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

func (c *counter) group(groups map[table.Sym]*GroupCount, sym table.Sym) *GroupCount {
	g := groups[sym]
	if g == nil {
		g = &GroupCount{Name: c.name(sym)}
		groups[sym] = g
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

func sorted(groups map[table.Sym]*GroupCount) []GroupCount {
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
