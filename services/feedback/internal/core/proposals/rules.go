package proposals

import (
	"fmt"
	"math"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

const (
	// prior is the variance of log odds ratios that are usual among rules, before any data: a standard deviation of 0.5, an odds ratio of
	// 1.65. What is measured is drawn towards 0 by it, the more the less is known.
	prior = 0.25
	// least is the smallest effect worth a change, an odds ratio of 1.25, after it was drawn in.
	least = 0.2231435513142097
)

// rules compares the leads of each rule with those without it.
//
// All of them qualified, and that is the point: a rule's points are right when leads that needed them do as well as those that
// did not. Where they do worse, its points let leads through too early; with fewer, such a lead must show more first, and those that
// still qualify do better. So the points are multiplied by the (drawn in) odds ratio, and settle where it is 1.
func (c *cases) rules(a *Agreement, opt Options) []candidate {
	o, ok := c.outcome()
	if !ok {
		return nil
	}
	twice := map[string]int{}
	for i := range a.Rules {
		twice[a.Rules[i].ID]++
	}
	var out []candidate
	all, became := c.kinds(o, 0), c.became()
	for i := range a.Rules {
		r := &a.Rules[i]
		if twice[r.ID] > 1 || r.Points == 0 {
			continue // an engagement and a fit rule of one name are one in what is kept of a lead
		}
		kinds := all
		if since := opt.Since[KindPoints+"/"+r.ID]; since != 0 {
			kinds = c.kinds(o, since)
		}
		s := strata{}
		e := Evidence{Outcome: o.words, HorizonDays: o.days()}
		for _, k := range kinds {
			switch {
			case !r.Versions.has(k.version):
			case !k.mature:
				e.Immature += k.n
			default:
				s.add(k.source, k.mask.has(c.of[r.ID]), k.had, k.n)
				e.window(k.from, k.to)
			}
		}
		m, ok := s.compare()
		if !ok {
			continue
		}
		out = append(out, ruleCandidate(r, &m, e, c.touched(r, became, m.logOdds < 0)))
	}
	return out
}

func ruleCandidate(r *Rule, m *compared, e Evidence, touched Estimate) candidate {
	half := stats.Z95 * math.Sqrt(m.variance)
	e.Population = fmt.Sprintf("leads that qualified while rule %s stood as it does, each with %.0f days for its outcome", r.ID, e.HorizonDays)
	e.With, e.Without, e.WithLabel, e.WithoutLabel = m.with, m.without, "with rule "+r.ID, "without it"
	e.Expected, e.Strata, e.LeftOut = m.expected, m.strata, m.leftOut
	e.Effect, e.Value, e.Low, e.High = "odds ratio within sources", math.Exp(m.logOdds), math.Exp(m.logOdds-half), math.Exp(m.logOdds+half)
	e.P, e.Test = m.p, m.test
	drawn := m.logOdds * prior / (prior + m.variance)
	next := newPoints(r.Points, drawn)
	worse := "worse"
	if drawn > 0 {
		worse = "better"
	}
	c := candidate{propose: math.Abs(drawn) >= least && next != r.Points}
	c.Kind, c.Subject, c.Cases = KindPoints, r.ID, m.with.N
	c.Title = fmt.Sprintf("Rule %s: %s → %s points", r.ID, points(r.Points), points(next))
	others := fmt.Sprintf("%s of those without it", percent(m.without.Rate()))
	if m.strata > 1 {
		others = fmt.Sprintf("%s of leads of the same sources without it", percent(m.expected))
	}
	c.Sentence = fmt.Sprintf("Leads with rule %s do %s: %s of them %s within %.0f days against %s (n = %d and %d): %s → %s points.",
		r.ID, worse, percent(m.with.Rate()), e.Outcome, e.HorizonDays, others, m.with.N, m.without.N, points(r.Points), points(next))
	c.Change = Change{Op: ChangeValue, Part: r.Part, ID: r.ID, Field: "points", From: points(r.Points), To: points(next)}
	c.Evidence, c.Estimate = e, touched
	return c
}

// newPoints gives points times the odds ratio (divided by it where they are taken away), at least half and at most twice as many,
// and no more than the 1000 that an agreement allows, rounded to whole points, from 4 down to halves and from 1 down to tenths.
func newPoints(p int64, logOdds float64) int64 {
	if p < 0 {
		logOdds = -logOdds
	}
	factor := min(2, max(0.5, math.Exp(logOdds)))
	step := int64(Point)
	switch size := max(p, -p); {
	case size < Point:
		step = Point / 10
	case size < 4*Point:
		step = Point / 2
	}
	next := int64(math.Round(float64(p)*factor/float64(step))) * step
	next = max(-1000*Point, min(1000*Point, next))
	if next == 0 {
		return p
	}
	return next
}

// became is what became of the leads of a set of rules.
type became struct {
	mask mask
	Estimate
}

func (c *cases) became() []became {
	places, out := map[table.Sym]int{}, []became(nil)
	for _, row := range c.rows {
		i, ok := places[row.Rules]
		if !ok {
			i = len(out)
			places[row.Rules] = i
			out = append(out, became{mask: c.mask(row.Rules)})
		}
		out[i].count(row)
	}
	return out
}

// touched counts the leads that had the rule, and what became of them: those whom other points would reach.
func (c *cases) touched(r *Rule, all []became, fewer bool) Estimate {
	e, rule := Estimate{Of: len(c.rows)}, c.of[r.ID]
	for i := range all {
		if b := &all[i]; b.mask.has(rule) {
			e.Leads, e.SQLs, e.Won = e.Leads+b.Leads, e.SQLs+b.SQLs, e.Won+b.Won
		}
	}
	would := "with fewer points such a lead must show more before it qualifies"
	if !fewer {
		would = "with other points such a lead qualifies earlier, and some that did not qualify would"
	}
	e.Text = fmt.Sprintf("%d of %d qualified leads had the rule, %d of them became SQLs and %d were won; %s. The backtest says which.", e.Leads, e.Of, e.SQLs, e.Won, would)
	return e
}

func (e *Estimate) count(row *table.Row) {
	e.Leads++
	if sqlAt(row) != 0 {
		e.SQLs++
	}
	if wonAt(row) != 0 {
		e.Won++
	}
}
