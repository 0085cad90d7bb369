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
	groups, spans := newCustomers(t, p, r, q.customers(t))
	r.Days = percentiles(inDays, spans)
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
func newCustomers(t *table.Table, p *plan, r *CAC, all *customerList) (map[string]int, []table.Time) {
	r.leave(leftUnknownTime, "customers", all.unknown)
	const at = 1024 // customers are taken so many at once
	pieces := (len(all.list) + at - 1) / at
	workers := newGroups[int](t, p, pieces)
	parts := make([]wonPart, len(workers))
	table.Side(pieces, len(workers), func(worker, piece int) {
		for i := piece * at; i < min(len(all.list), (piece+1)*at); i++ {
			parts[worker].customer(workers[worker], all.list[i].first)
		}
	})
	var sum wonPart
	var spans []table.Time
	for i := range parts {
		sum.before, sum.unseen = sum.before+parts[i].before, sum.unseen+parts[i].unseen
		spans = append(spans, parts[i].spans...)
	}
	r.leave(leftWonBefore, "nothing: counted as won after 0 days", sum.before)
	r.leave(leftUnknownTime, "days to win", sum.unseen)
	one, _ := join(workers, func(into, from *int) { *into += *from })
	out := map[string]int{}
	for g, key := range one.keys {
		out[groupName(p.texts(key))] += one.list[g]
	}
	return out, spans
}

// wonPart is how long it took to win the customers that one worker saw, and how many of them were won before they were seen or never seen.
type wonPart struct {
	spans          []table.Time
	before, unseen int
}

// customer counts one, by its first deal won.
func (w *wonPart) customer(groups *groups[int], d *table.Deal) {
	p := groups.plan
	if !p.in(d.Closed) {
		return
	}
	row := groups.view.of(d)
	if !p.keeps(&row, d.Closed) {
		return
	}
	n, _ := groups.of(p.key(&row, d.Closed))
	*n++
	switch {
	case row.First == 0:
		w.unseen++
	case row.Flags&table.WonBeforeSeen != 0 || d.Closed < row.First:
		w.before++
		w.spans = append(w.spans, 0) // as in LeadConversion
	default:
		w.spans = append(w.spans, d.Closed-row.First)
	}
}
