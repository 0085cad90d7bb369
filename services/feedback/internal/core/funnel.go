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

	// In so many workers, in pieces of so many rows; 0 is as many as there are processors, and as they are kept.
	workers, piece int
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
	pieces := t.Pieces(q.piece)
	workers := make([]*counter, table.Workers(len(pieces), q.workers))
	for i := range workers {
		workers[i] = &counter{table: t}
	}
	table.Side(len(pieces), len(workers), func(worker, piece int) { workers[worker].piece(&pieces[piece], q) })
	c := workers[0]
	for _, o := range workers[1:] {
		c.join(o)
	}
	return c.funnel()
}

// stageSet is a set of stages, by place.
type stageSet uint16

type counter struct {
	table    *table.Table
	leads    int
	entered  [16]int // by place
	current  [16]int
	furthest [wayLen]int
	// sources and channels have the counts of each by its number.
	sources, channels []groupCounts
	epochs            []*table.Row
}

// groupCounts is how many leads a group has, and how many entered each stage.
type groupCounts struct {
	leads   int
	entered [wayLen]int
}

// piece counts the leads whose first row is in a piece.
func (c *counter) piece(p *table.Piece, q Query) {
	for i, kind := range p.Kinds {
		last := &p.Rows[i]
		switch kind {
		case table.Empty, table.Further:
			continue
		case table.Only:
			if c.selects(last, q) {
				c.add(last, entered(last))
			}
		case table.Head:
			c.epochs = c.table.Epochs(last.Lead, c.epochs[:0])
			if last = c.epochs[len(c.epochs)-1]; !c.selects(last, q) {
				continue
			}
			var stages stageSet
			for _, e := range c.epochs {
				stages |= entered(e)
			}
			c.add(last, stages)
		}
	}
}

// selects tells whether a query counts a lead, by its last row.
func (c *counter) selects(last *table.Row, q Query) bool {
	if q.From != 0 && last.First < q.From || q.To != 0 && last.First >= q.To {
		return false
	}
	return q.Source == "" || q.Source == c.name(last.Source) || q.Source == c.name(last.Channel)
}

// add counts one lead, by its last row and the stages that it entered in all its epochs.
func (c *counter) add(last *table.Row, stages stageSet) {
	c.leads++
	if last.Stage <= table.Disqualified {
		c.current[last.Stage]++
	}
	c.furthest[last.Furthest]++
	source, channel := group(&c.sources, last.Source), group(&c.channels, last.Channel)
	source.leads++
	channel.leads++
	for left := stages; left != 0; left &= left - 1 {
		s := bits.TrailingZeros16(uint16(left))
		c.entered[s]++
		if s < wayLen {
			source.entered[s]++
			channel.entered[s]++
		}
	}
}

// join adds what another counted.
func (c *counter) join(o *counter) {
	c.leads += o.leads
	for i := range c.entered {
		c.entered[i] += o.entered[i]
		c.current[i] += o.current[i]
	}
	for i := range c.furthest {
		c.furthest[i] += o.furthest[i]
	}
	for _, g := range []struct {
		into *[]groupCounts
		from []groupCounts
	}{{&c.sources, o.sources}, {&c.channels, o.channels}} {
		for sym := range g.from {
			if g.from[sym].leads > 0 {
				group(g.into, table.Sym(sym)).join(&g.from[sym])
			}
		}
	}
}

func (g *groupCounts) join(o *groupCounts) {
	g.leads += o.leads
	for i := range g.entered {
		g.entered[i] += o.entered[i]
	}
}

// group gives the counts of a source or channel.
func group(list *[]groupCounts, sym table.Sym) *groupCounts {
	if missing := int(sym) + 1 - len(*list); missing > 0 {
		*list = append(*list, make([]groupCounts, missing)...)
	}
	return &(*list)[sym]
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

func (c *counter) funnel() Funnel {
	f := Funnel{Leads: c.leads, BySource: c.sorted(c.sources), ByChannel: c.sorted(c.channels)}
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

// sorted gives the groups, the largest first.
func (c *counter) sorted(groups []groupCounts) []GroupCount {
	out := []GroupCount{}
	for sym := range groups {
		g := &groups[sym]
		if g.leads == 0 {
			continue
		}
		n := func(stage string) int { return g.entered[place(stage)] }
		out = append(out, GroupCount{
			Name: c.name(table.Sym(sym)), Leads: g.leads, Qualified: n(MQL), Routed: n(Routed), Accepted: n(Accepted), SQL: n(SQL), Won: n(Won),
			Conversion: share(n(Won), g.leads),
		})
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
