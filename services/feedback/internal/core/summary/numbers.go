package summary

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

const (
	// few: a share of fewer is told as a count, with the warning.
	few = 30
	// chance is the p-value above which two shares are not said to differ.
	chance = 0.05
	// moves is how many movers of a number are named, least the smallest move that is, in points of a share.
	moves = 2
	least = 0.001
)

// numbers tells the five.
func (b *builder) numbers() ([]string, error) {
	var lines []string
	for _, tell := range []func() ([]string, error){b.conversion, b.cac, b.confirmed, b.velocity, b.retention} {
		l, err := tell()
		if err != nil {
			return nil, err
		}
		lines = append(lines, l...)
	}
	return lines, nil
}

type rateOf func(*table.Table, metrics.Query) (*metrics.Rate, error)

func (b *builder) conversion() ([]string, error) {
	lines, _, err := b.rate("Lead conversion", "leads first seen became customers", "no lead was first seen", metrics.LeadConversion)
	return lines, err
}

func (b *builder) confirmed() ([]string, error) {
	lines, up, err := b.rate("MQL to SQL", "leads that marketing qualified were confirmed by sales", "marketing qualified no lead", metrics.MQLToSQL)
	if up {
		b.marketing = append(b.marketing, "Sales confirmed a clearly larger share of what marketing qualified than the week before.")
	}
	return lines, err
}

// rate tells a share, nobody in the place of the words where it is of none; up tells that it rose by more than chance gives.
func (b *builder) rate(name, words, nobody string, of rateOf) (lines []string, up bool, err error) {
	w, err := each(b.windows, func(q metrics.Query) (*metrics.Rate, error) {
		q.By = []metrics.Dimension{metrics.BySource}
		return of(b.in.Table, q)
	})
	if err != nil {
		return nil, false, err
	}
	now, was := w.week.Total.Share, w.before.Total.Share
	this := counted(now) + " " + words
	if now.Of == 0 {
		this = nobody
	}
	line := fmt.Sprintf("%s: %s; the week before %s; this quarter so far %s.", name, this, counted(was), counted(w.quarter.Total.Share))
	if w.week.Total.Maturity.Immature && now.Of > 0 {
		line += " The week's leads are still young, more will follow."
	}
	verdict, differs := compare(now, was)
	lines = []string{line + verdict}
	// One source is not what moved the number: it is the number.
	if m := movers(w.week.Groups, w.before.Groups); m != "" && now.Of >= few && was.Of >= few && len(w.week.Groups)+len(w.before.Groups) > 2 {
		lines = append(lines, name+" was moved by the sources "+m+".")
	}
	return lines, differs && now.Value > was.Value, nil
}

// counted gives a share as a count, with its percentage where there are enough.
func counted(s metrics.Share) string {
	switch {
	case s.Of == 0:
		return "none"
	case s.Of < few:
		return fmt.Sprintf("%d of %d", s.Count, s.Of)
	}
	return fmt.Sprintf("%d of %d (%s)", s.Count, s.Of, percent(s.Value))
}

// compare says whether two shares differ by more than chance gives (Fisher's exact test).
func compare(now, was metrics.Share) (words string, differs bool) {
	switch {
	case now.Of == 0 && was.Of == 0:
		return "", false
	case now.Of < few || was.Of < few:
		return " These are small numbers: one lead more or less changes them.", false
	case stats.Fisher(stats.Table{A: now.Count, AN: now.Of, B: was.Count, BN: was.Of}) > chance:
		return " The difference to the week before is no more than chance gives.", false
	case now.Value > was.Value:
		return " That is clearly more than the week before.", true
	}
	return " That is clearly less than the week before.", true
}

// mover is what one group added to the change of a share.
type mover struct {
	name  string
	delta float64
}

// moved splits the change of a share over its groups: what a group's own share did, at its mean weight, and what its weight did, at how far
// its mean share is from the mean of all (Kitagawa, 1955). The parts add up to the change exactly.
func moved(now, was []metrics.RateOf) []mover {
	type pair struct{ now, was metrics.Share }
	pairs, names := map[string]*pair{}, []string(nil)
	of := func(key []string) *pair {
		name := strings.Join(key, ", ")
		if pairs[name] == nil {
			pairs[name] = &pair{}
			names = append(names, name)
		}
		return pairs[name]
	}
	var all pair
	for _, g := range now {
		of(g.Key).now = g.Share
		all.now.Count, all.now.Of = all.now.Count+g.Count, all.now.Of+g.Of
	}
	for _, g := range was {
		of(g.Key).was = g.Share
		all.was.Count, all.was.Of = all.was.Count+g.Count, all.was.Of+g.Of
	}
	if all.now.Of == 0 || all.was.Of == 0 {
		return nil
	}
	part := func(n, of int) float64 { return float64(n) / float64(of) }
	mean := (part(all.now.Count, all.now.Of) + part(all.was.Count, all.was.Of)) / 2
	out := make([]mover, 0, len(names))
	for _, name := range names {
		p := pairs[name]
		if p.now.Of == 0 { // a group that is gone, or new, moved by its weight alone
			p.now.Value = p.was.Value
		}
		if p.was.Of == 0 {
			p.was.Value = p.now.Value
		}
		w1, w0 := part(p.now.Of, all.now.Of), part(p.was.Of, all.was.Of)
		out = append(out, mover{name, (w1+w0)/2*(p.now.Value-p.was.Value) + (w1-w0)*((p.now.Value+p.was.Value)/2-mean)})
	}
	slices.SortFunc(out, func(a, b mover) int {
		return cmp.Or(cmp.Compare(math.Abs(b.delta), math.Abs(a.delta)), cmp.Compare(a.name, b.name))
	})
	return out
}

// movers names the groups that moved a share most.
func movers(now, was []metrics.RateOf) string {
	var parts []string
	for _, m := range moved(now, was) {
		if len(parts) < moves && math.Abs(m.delta) >= least {
			parts = append(parts, fmt.Sprintf("%s (%+.1f points)", short(m.name), m.delta*100))
		}
	}
	return strings.Join(parts, " and ")
}

func (b *builder) cac() ([]string, error) {
	w, err := each(b.windows, func(q metrics.Query) (*metrics.CAC, error) {
		return metrics.AcquisitionCost(b.in.Table, q, b.in.Spends, b.in.Conv)
	})
	if err != nil {
		return nil, err
	}
	tell := func(c *metrics.CAC) string {
		if spend := c.Total.Spend; spend.Sum.Micros == 0 && len(spend.Apart) == 0 { // a cost of nothing would be a boast
			if c.Total.Customers == 0 {
				return "no new customer"
			}
			return plural(c.Total.Customers, "new customer") + ", and no spend is stated"
		}
		if c.Total.Customers == 0 {
			return "no new customer (spend " + money(c.Total.Spend) + ")"
		}
		return fmt.Sprintf("%s each for %s (spend %s)", money(c.Total.PerCustomer), plural(c.Total.Customers, "new customer"), money(c.Total.Spend))
	}
	line := fmt.Sprintf("Customer acquisition cost: %s; the week before %s; this quarter so far %s.", tell(w.week), tell(w.before), tell(w.quarter))
	if n := w.week.Total.Customers; n > 0 && n < few {
		line += " So few customers make this number jump; the quarter's is steadier."
	}
	if n := w.week.Total.Customers; n > 0 {
		b.sales = append(b.sales, plural(n, "new customer")+" won.")
		b.marketing = append(b.marketing, "Their leads were worth it: "+plural(n, "new customer")+" came out of them.")
	}
	return []string{line}, nil
}

func (b *builder) velocity() ([]string, error) {
	w, err := each(b.windows, func(q metrics.Query) (*metrics.Velocity, error) {
		return metrics.PipelineVelocity(b.in.Table, q, b.in.Conv)
	})
	if err != nil {
		return nil, err
	}
	tell := func(v *metrics.Velocity) string {
		t := &v.Total
		if t.Opportunities == 0 {
			return "no deal closed" + incomplete(&v.Head)
		}
		if t.CycleDays <= 0 {
			return fmt.Sprintf("%s closed, none with a known cycle won", plural(t.Opportunities, "deal"))
		}
		return fmt.Sprintf("%s a day (%s closed, %d won, %s on average, %.1f days)", money(t.PerDay), plural(t.Opportunities, "deal"), t.Won.Count,
			money(t.AverageValue), t.CycleDays)
	}
	lines := []string{fmt.Sprintf("Pipeline velocity: %s; the week before %s; this quarter so far %s.", tell(w.week), tell(w.before), tell(w.quarter))}
	if factor := strongest(&w.week.Total, &w.before.Total); factor != "" {
		lines = append(lines, "Pipeline velocity was moved most by "+factor+".")
	}
	return lines, nil
}

// incomplete tells how many deals closed that velocity cannot be counted of; "" for none.
func incomplete(h *metrics.Head) string {
	n := 0
	for _, l := range h.LeftOut {
		if l.Reason != "still_open" {
			n += l.Count
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" with its amount and its opening known (%s left out)", plural(n, "deal"))
}

// strongest names the factor of velocity that changed most in proportion: the number is their product, so that their logarithms add up. ""
// where a factor is not known in one of the windows, or nothing moved.
func strongest(now, was *metrics.VelocityOf) string {
	if now.Won.Count == 0 || was.Won.Count == 0 || now.CycleDays <= 0 || was.CycleDays <= 0 || len(now.AverageValue.Apart)+len(was.AverageValue.Apart) > 0 ||
		now.AverageValue.Sum.Micros <= 0 || was.AverageValue.Sum.Micros <= 0 {
		return ""
	}
	best, words := 0.0, ""
	for _, f := range []struct {
		now, was float64
		words    string
	}{
		{float64(now.Opportunities), float64(was.Opportunities), "the number of deals that closed"},
		{now.Won.Value, was.Won.Value, "the share of deals won"},
		{float64(now.AverageValue.Sum.Micros), float64(was.AverageValue.Sum.Micros), "the value of a deal"},
		{now.CycleDays, was.CycleDays, "the days a deal took"},
	} {
		if by := math.Abs(math.Log(f.now / f.was)); by > best+1e-9 {
			best, words = by, f.words
		}
	}
	return words
}

func (b *builder) retention() ([]string, error) {
	w, err := each(b.windows, func(q metrics.Query) (*metrics.Retention, error) {
		q.To = min(q.To, q.Now)
		if q.From >= q.To {
			return &metrics.Retention{}, nil
		}
		return metrics.CustomerRetention(b.in.Table, q, b.in.Conv)
	})
	if err != nil {
		return nil, err
	}
	tell := func(r *metrics.Retention) string {
		if r.Total.Retained.Of == 0 {
			return "no customer to keep yet"
		}
		return counted(r.Total.Retained) + " customers stayed"
	}
	line := fmt.Sprintf("Retention: %s; the week before %s; this quarter so far %s.", tell(w.week), tell(w.before), tell(w.quarter))
	if t := w.week.Total; t.Churned > 0 || t.Renewed > 0 {
		line += fmt.Sprintf(" In the week %d left and %d renewed.", t.Churned, t.Renewed)
	}
	return []string{line}, nil
}
