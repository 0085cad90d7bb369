package metrics

import (
	"cmp"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// dealView gives a deal the form of a row, so that it is filtered and grouped as leads are: what the deal itself states, and of the rest
// what its primary lead's epoch does.
type dealView struct {
	t   *table.Table
	buf []*table.Row
}

func (v *dealView) of(d *table.Deal) table.Row {
	var r table.Row
	v.buf = v.t.Epochs(d.Lead, v.buf[:0])
	if e := epochOf(v.buf, d.Epoch, false); e != nil {
		r = *e
	} else if e := epochOf(v.buf, 0, true); e != nil {
		r = *e
	}
	for _, f := range []struct {
		into *table.Sym
		from table.Sym
	}{
		{&r.Source, d.Source}, {&r.Channel, d.Channel}, {&r.Campaign, d.Campaign}, {&r.Persona, d.Persona}, {&r.Account, d.Account},
		{&r.Rep, d.Owner}, {&r.Team, d.Team}, {&r.Reason, d.Reason},
	} {
		if f.from != 0 {
			*f.into = f.from
		}
	}
	return r
}

// customer is an account, or the primary lead of a deal without one, and its deals that were won.
type customer struct {
	// first is the deal that made it one: the earliest that closed.
	first *table.Deal
	deals []*table.Deal
}

// customers gives all customers there ever were, in the order of their first deals' numbers. unknown counts deals that are won and do
// not say when.
func customers(t *table.Table) (list []customer, unknown int) {
	const noAccount = 1 << 40
	places := map[uint64]int{}
	for d := range t.EachDeal() {
		if d.Status != table.DealWon {
			continue
		}
		if d.Closed == 0 {
			unknown++
			continue
		}
		key := uint64(d.Account)
		if key == 0 {
			key = noAccount | uint64(d.Lead)
		}
		i, known := places[key]
		if !known {
			i = len(list)
			places[key] = i
			list = append(list, customer{first: d})
		}
		c := &list[i]
		c.deals = append(c.deals, d)
		// Of two at one moment the first by name: numbers of names are in the order in which they came, which a rebuild does not keep.
		if d.Closed < c.first.Closed || d.Closed == c.first.Closed && t.Names.Name(d.ID) < t.Names.Name(c.first.ID) {
			c.first = d
		}
	}
	slices.SortFunc(list, func(a, b customer) int { return cmp.Compare(a.first.ID, b.first.ID) })
	return list, unknown
}

// runs tells whether a deal is a customer's at a moment: won before it, and not churned since, or renewed after that.
func runs(d *table.Deal, at table.Time) bool {
	if d.Closed >= at {
		return false
	}
	return d.Churned == 0 || d.Churned >= at || d.Renewed > d.Churned && d.Renewed < at
}
