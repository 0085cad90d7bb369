package metrics

import (
	"strings"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// CAC is what it cost to win a customer.
type CAC struct {
	Head
	// LagDays is by how much spend is moved in the lagged variant: the median of the days from first seen to won, of the customers
	// won in the window. 0 where nobody knows.
	LagDays float64
	// Days to win of the customers of the window.
	Days   Percentiles
	Total  CACOf
	Groups []CACOf
}

// CACOf is that of one group. Spend is that of the group's window; Lagged that of the window moved back by the lag, which is when these
// customers were courted.
type CACOf struct {
	Key       []string
	Customers int
	// Marketing and Sales are known of the total alone.
	Spend, Marketing, Sales, PerCustomer Money
	Lagged, LaggedPerCustomer            Money
}

// AcquisitionCost counts sales' and marketing's spend per new customer: accounts (or leads without one) by the moment of their first deal
// won. Spend that is for no campaign in particular is a group of its own, with no customers: it is in the total and nobody's.
func AcquisitionCost(t *table.Table, q Query, spends []Spend, conv Converter) (*CAC, error) {
	if err := q.check(nil, spendDimensions()); err != nil {
		return nil, err
	}
	p, err := newPlan(t, &q)
	if err != nil {
		return nil, err
	}
	r := &CAC{Head: q.head("customer_acquisition_cost")}
	r.Definition = "sales' and marketing's spend divided by the new customers; lagged: by the spend made the median days to win earlier"
	r.Numerator = "spend of the window; a month's spend is the same on each of its days"
	r.Denominator = "new customers: accounts, or leads without one, whose first deal was won in the window"
	r.Population, r.Window = "customers by their first deal won, spend by its month", "the moment of the first deal won, and of the spend, lies in [from, to), in UTC"
	r.Interval, r.Maturity = "of the median days to win by order statistics, at least 95 %", "none: spend and customers are of the window; the lagged variant tells what these customers cost"
	groups, spans := newCustomers(t, p, r)
	r.Days = percentiles(spans, inDays)
	r.LagDays = r.Days.Median
	lag := table.Time(r.LagDays * inDays)
	now, lagged := spentBy(&q, spends, 0, conv), spentBy(&q, spends, lag, conv)
	r.leave(leftNoRate, "spend in "+q.Currency, now.total.lost)
	for name := range now.groups {
		groups[name] += 0
	}
	for name := range lagged.groups {
		groups[name] += 0
	}
	for name, n := range groups {
		r.Total.Customers += n
		if len(q.By) == 0 {
			continue
		}
		g := CACOf{Key: strings.Split(name, "\x00"), Customers: n}
		g.spend(now.groups[name], lagged.groups[name], q.Currency)
		r.Groups = append(r.Groups, g)
	}
	r.Total.spend(&now.total, &lagged.total, q.Currency)
	r.Total.Marketing, r.Total.Sales = now.marketing.money(q.Currency), now.sales.money(q.Currency)
	r.Groups, r.MoreGroups = ordered(r.Groups, q.By, func(g *CACOf) ([]string, float64) { return g.Key, float64(g.Customers) })
	return r, nil
}

func (g *CACOf) spend(now, lagged *purse, currency string) {
	for _, s := range []struct {
		from      *purse
		into, per *Money
	}{{now, &g.Spend, &g.PerCustomer}, {lagged, &g.Lagged, &g.LaggedPerCustomer}} {
		if s.from == nil {
			s.from = &purse{}
		}
		*s.into = s.from.money(currency)
		*s.per = s.into.per(g.Customers)
	}
}

// newCustomers counts the customers whose first deal was won in the window, by the texts of their group, and gives how long that took.
func newCustomers(t *table.Table, p *plan, r *CAC) (map[string]int, []table.Time) {
	list, unknown := customers(t)
	r.leave(leftUnknownTime, "customers", unknown)
	view := dealView{t: t}
	x := p.newIndex()
	var counts []int
	var spans []table.Time
	before, unseen := 0, 0
	for i := range list {
		d := list[i].first
		row := view.of(d)
		if !p.keeps(&row, d.Closed) || !p.in(d.Closed) {
			continue
		}
		g := int(x.of(p.key(&row, d.Closed)))
		for g >= len(counts) {
			counts = append(counts, 0)
		}
		counts[g]++
		switch {
		case row.First == 0:
			unseen++
		case row.Flags&table.WonBeforeSeen != 0 || d.Closed < row.First:
			before++
			spans = append(spans, 0) // as in LeadConversion
		default:
			spans = append(spans, d.Closed-row.First)
		}
	}
	r.leave(leftWonBefore, "nothing: counted as won after 0 days", before)
	r.leave(leftUnknownTime, "days to win", unseen)
	out := map[string]int{}
	for g, key := range x.keys {
		out[groupName(p.texts(key))] += counts[g]
	}
	return out, spans
}
