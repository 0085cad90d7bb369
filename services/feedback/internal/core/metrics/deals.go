package metrics

import "github.com/batonhq/baton/services/feedback/internal/core/table"

// dealView gives a deal the form of a row, so that it is filtered and grouped as leads are: what the deal itself states, and of the rest
// what its primary lead's epoch does.
type dealView struct {
	t   *table.Table
	buf []*table.Row
}

func (v *dealView) of(d *table.Deal) table.Row {
	r := v.row(d)
	state(&r, d)
	return r
}

// row gives the row of a deal's primary lead.
func (v *dealView) row(d *table.Deal) table.Row {
	v.buf = v.t.Epochs(d.Lead, v.buf[:0])
	if e := epochOf(v.buf, d.Epoch, false); e != nil {
		return *e
	}
	if e := epochOf(v.buf, 0, true); e != nil {
		return *e
	}
	return table.Row{}
}

// asked gives as much of a row as a plan's dimensions look at: where the deal states all of them, its lead need not be looked up.
func (v *dealView) asked(p *plan, d *table.Deal) (r table.Row) {
	state(&r, d)
	for _, k := range p.needs {
		if !k.stated(&r) {
			return v.of(d)
		}
	}
	return r
}

// state puts what a deal states into a row.
func state(r *table.Row, d *table.Deal) {
	put := func(into *table.Sym, from table.Sym) {
		if from != 0 {
			*into = from
		}
	}
	put(&r.Source, d.Source)
	put(&r.Channel, d.Channel)
	put(&r.Campaign, d.Campaign)
	put(&r.Persona, d.Persona)
	put(&r.Account, d.Account)
	put(&r.Rep, d.Owner)
	put(&r.Team, d.Team)
	put(&r.Reason, d.Reason)
}

// stated tells whether a deal's own row has a dimension's value, so that its lead's is not asked for.
func (d Dimension) stated(r *table.Row) bool {
	switch d {
	case BySource:
		return r.Source != 0
	case ByChannel:
		return r.Channel != 0
	case ByCampaign:
		return r.Campaign != 0
	case ByPersona:
		return r.Persona != 0
	case ByAccount:
		return r.Account != 0
	case ByRep:
		return r.Rep != 0
	case ByTeam:
		return r.Team != 0
	case ByReason:
		return r.Reason != 0
	case ByMonth: // of the deal's moment
		return true
	}
	return false
}

// customer is an account, or the primary lead of a deal without one, and its deals that were won.
type customer struct {
	// first is the deal that made it one: the earliest that closed.
	first *table.Deal
	// last is the place of one of its deals among those of customerList.
	last int32
}

// customerList is all customers there ever were, in no order.
type customerList struct {
	list []customer
	won  []*table.Deal
	// before has for each deal the place of another of the same customer, -1 for none.
	before []int32
	// unknown counts deals that are won and do not say when.
	unknown int
}

// deals appends a customer's deals to buf.
func (l *customerList) deals(c *customer, buf []*table.Deal) []*table.Deal {
	for i := c.last; i >= 0; i = l.before[i] {
		buf = append(buf, l.won[i])
	}
	return buf
}

// known keeps the customers of a table for the next query over it as it is.
type known struct{ customers *customerList }

// customers gives all customers there ever were.
func (q *Query) customers(t *table.Table) *customerList {
	if q.known == nil {
		return customers(t)
	}
	if q.known.customers == nil {
		q.known.customers = customers(t)
	}
	return q.known.customers
}

// customers gives them of a table as it is.
func customers(t *table.Table) *customerList {
	l := &customerList{}
	accounts, leads := make([]int32, t.Names.Len()), make([]int32, t.Leads()) // each one's place in the list, from 1
	for _, deals := range t.DealPieces(0) {
		for i := range deals {
			d := &deals[i]
			if d.Status != table.DealWon {
				continue
			}
			if d.Closed == 0 {
				l.unknown++
				continue
			}
			place := &accounts[d.Account]
			if d.Account == 0 {
				place = &leads[d.Lead]
			}
			if *place == 0 {
				l.list = append(l.list, customer{first: d, last: -1})
				*place = int32(len(l.list))
			}
			c := &l.list[*place-1]
			l.won, l.before = append(l.won, d), append(l.before, c.last)
			c.last = int32(len(l.won) - 1)
			// Of two at one moment the first by name: numbers of names are in the order in which they came, which a rebuild does not keep.
			if d.Closed < c.first.Closed || d.Closed == c.first.Closed && t.Names.Name(d.ID) < t.Names.Name(c.first.ID) {
				c.first = d
			}
		}
	}
	return l
}

// groups adds up something of each group by itself: of deals, or of customers. The worker has one of its own.
type groups[T any] struct {
	*index
	list []T
	view dealView
	// buf is for a customer's deals.
	buf []*table.Deal
}

// of gives what a group has so far.
func (g *groups[T]) of(key uint64) (*T, int32) {
	at := g.index.of(key)
	if int(at) == len(g.list) {
		g.list = append(grown(g.list), *new(T))
	}
	return &g.list[at], at
}

// newGroups gives one for each worker, where there are so many pieces.
func newGroups[T any](t *table.Table, p *plan, pieces int) []*groups[T] {
	out := make([]*groups[T], table.Workers(pieces, p.q.side.workers))
	for i := range out {
		out[i] = &groups[T]{index: p.newIndex(), view: dealView{t: t}}
	}
	return out
}

// join adds what all workers have to the first one's, and tells which of its groups each one's groups became.
func join[T any](all []*groups[T], add func(into, from *T)) (one *groups[T], places [][]int32) {
	one, places = all[0], make([][]int32, len(all))
	for i, g := range all {
		places[i] = make([]int32, len(g.keys))
		for k, key := range g.keys {
			at := int32(k)
			if i > 0 {
				var into *T
				into, at = one.of(key)
				add(into, &g.list[k])
			}
			places[i][k] = at
		}
	}
	return one, places
}

// runs tells whether a deal is a customer's at a moment: won before it, and not churned since, or renewed after that.
func runs(d *table.Deal, at table.Time) bool {
	if d.Closed >= at {
		return false
	}
	return d.Churned == 0 || d.Churned >= at || d.Renewed > d.Churned && d.Renewed < at
}
