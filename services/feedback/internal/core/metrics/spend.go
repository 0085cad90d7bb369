package metrics

import (
	"slices"
	"strings"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Unassigned names the group of spend that is for no campaign, channel or team in particular.
const Unassigned = "unassigned"

// spendDimensions are what is known of spend.
func spendDimensions() []Dimension { return []Dimension{ByCampaign, ByChannel, ByTeam, ByMonth} }

// spendable tells whether spend can be cut as a query cuts.
func spendable(q *Query) bool {
	for _, d := range slices.Concat(q.By, sorted(q.Filter)) {
		if !slices.Contains(spendDimensions(), d) {
			return false
		}
	}
	return true
}

// spent is what was spent by group, by the group's texts; total is all of it, and of each kind.
type spent struct {
	total, marketing, sales purse
	groups                  map[string]*purse
}

func groupName(texts []string) string { return strings.Join(texts, "\x00") }

// spentBy adds up the spend of a window, by the query's groups. Every day of a month costs the same. With a lag, spend counts so much
// later than it was made. What falls on a piece of a month is rounded down to a micro-unit, and the pieces add up to the whole.
func spentBy(q *Query, spends []Spend, lag table.Time, conv Converter) *spent {
	out := &spent{groups: map[string]*purse{}}
	for i := range spends {
		s := &spends[i]
		m := month(s.Month)
		if m == 0 {
			continue
		}
		start, end := monthStart(m), monthStart(m+1)
		low, high := max(start+lag, q.From), end+lag
		if q.To != 0 {
			high = min(high, q.To)
		}
		upTo := func(at table.Time) int64 { return portion(s.Amount, at-lag-start, end-start) }
		for low < high {
			in := month(low)
			next := min(high, monthStart(in+1))
			if texts, ok := s.group(q, in); ok {
				a := Amount{upTo(next) - upTo(low), s.Currency}
				out.total.put(a, s.Month, q.Currency, conv)
				if s.Kind == "sales" {
					out.sales.put(a, s.Month, q.Currency, conv)
				} else {
					out.marketing.put(a, s.Month, q.Currency, conv)
				}
				name := groupName(texts)
				if out.groups[name] == nil {
					out.groups[name] = &purse{}
				}
				out.groups[name].put(a, s.Month, q.Currency, conv)
			}
			low = next
		}
	}
	return out
}

// group gives the texts of the group that a spend is in when it counts in a month, false where the filter leaves it out.
func (s *Spend) group(q *Query, in uint32) ([]string, bool) {
	of := func(d Dimension) string {
		v := Unassigned
		switch d {
		case ByCampaign:
			v = s.Campaign
		case ByChannel:
			v = s.Channel
		case ByTeam:
			v = s.Team
		case ByMonth:
			v = monthText(in)
		}
		if v == "" {
			return Unassigned
		}
		return v
	}
	for d, values := range q.Filter {
		if !slices.Contains(values, of(d)) {
			return nil, false
		}
	}
	texts := make([]string, len(q.By))
	for i, d := range q.By {
		texts[i] = of(d)
	}
	return texts, true
}

// costs puts what campaigns cost beside what became of their leads. Groups that cost something and have no leads are shown as well.
func costs(r *Quality, c *counted, spends []Spend, conv Converter) {
	q := c.plan.q
	s := spentBy(q, spends, 0, conv)
	r.Total.cost(s.total.money(q.Currency))
	r.leave(leftNoRate, "cost in "+q.Currency, s.total.lost)
	for i := range r.Groups {
		g := &r.Groups[i]
		name := groupName(g.Key)
		if p := s.groups[name]; p != nil {
			g.cost(p.money(q.Currency))
			delete(s.groups, name)
		}
	}
	if r.MoreGroups > 0 {
		return // what is left may be a group's that is not shown
	}
	for name, p := range s.groups {
		g := QualityOf{Key: strings.Split(name, "\x00"), MQL: share(0, 0), SQL: share(0, 0), Opportunity: share(0, 0), Won: share(0, 0), Rejected: share(0, 0)}
		g.cost(p.money(q.Currency))
		r.Groups = append(r.Groups, g)
	}
}

func (g *QualityOf) cost(m Money) {
	g.Cost = m
	g.CostPerLead, g.CostPerMQL, g.CostPerSQL, g.CostPerWin = m.per(g.Leads), m.per(g.MQL.Count), m.per(g.SQL.Count), m.per(g.Won.Count)
}
