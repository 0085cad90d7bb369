package proposals

import (
	"fmt"
	"math"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// A promise that is broken more often than not is none, and one that all keep in half of its time asks for nothing.
const (
	rarelyKept = 0.5
	easyPart   = 0.5
	easyBroken = 0.05
)

// sla looks at the time in which handoffs are to be accepted. The promise may run in working hours, and what is known of a row is
// time that passed: it is never less. So a promise is tightened on what would hold by either clock, and loosened by steps of two at most.
func (c *cases) sla(a *Agreement, opt Options) []candidate {
	if a.SLA.Within == 0 {
		return nil
	}
	since := opt.Since[KindSLA+"/accept_within"]
	var broken Share
	var took []float64
	e := Evidence{Outcome: "were not accepted in time", Expected: -1, Population: "leads that were handed over and accepted, or not in time"}
	o, speed := c.sql(), strata{}
	for _, row := range c.rows {
		late := row.Flags&table.AcceptBreached != 0
		routed, accepted := row.Entered[table.Routed], row.Entered[table.Accepted]
		if routed == 0 || accepted == 0 && !late || !a.SLA.Versions.has(row.Version) || row.Entered[table.MQL] < since {
			continue
		}
		e.at(row)
		broken.N++
		if late {
			broken.K++
		}
		if accepted >= routed && accepted != 0 {
			took = append(took, float64(accepted-routed))
			if o.mature(row, c.now) {
				speed.add(row.Source, late, o.had(row), 1)
			}
		}
	}
	if broken.N < MinGroup || len(took) < MinGroup {
		return nil
	}
	slices.Sort(took)
	e.With, e.WithLabel = broken, "broken"
	e.Effect, e.Value = "hours until accepted, 95th percentile", stats.Quantile(took, 0.95)/float64(hour)
	low, high, ok := stats.QuantileInterval(took, 0.95, 0.95)
	e.Low, e.High = low/float64(hour), high/float64(hour)
	if broken.Rate() > rarelyKept {
		return []candidate{c.loosen(a, broken, took, speed, e)}
	}
	// The 95th percentile lies below part of the promise: tested by how many took longer, against 5 %.
	part := easyPart * float64(a.SLA.Within)
	longer := len(took) - upTo(took, part)
	e.P, e.Test = min(1, 2*(1-binomialTail(longer+1, len(took), 0.05))), "binomial: fewer than 5 % take more than half of the time"
	next := roundUp(stats.Quantile(took, 0.95))
	cand := candidate{propose: ok && high < part && broken.Rate() < easyBroken && next < a.SLA.Within}
	cand.fill(a, next, broken.N, e, fmt.Sprintf("95 %% of handoffs are accepted within %s, and %s break the promise of %s (n = %d): it can be kept tighter.",
		Span(next), percent(broken.Rate()), Span(a.SLA.Within), broken.N))
	return []candidate{cand}
}

// loosen is for a promise that is rarely kept. Where late leads do worse, more time would be the wrong answer, and there is no edit.
func (c *cases) loosen(a *Agreement, broken Share, took []float64, speed strata, e Evidence) candidate {
	e.P, e.Test = min(1, 2*binomialTail(broken.K, broken.N, rarelyKept)), "binomial against one half"
	next := min(2*a.SLA.Within, roundUp(stats.Quantile(took, 0.75)))
	words := fmt.Sprintf("%s of handoffs are not accepted within %s (n = %d).", percent(broken.Rate()), Span(a.SLA.Within), broken.N)
	cand := candidate{propose: true}
	m, ok := speed.compare()
	if ok {
		e.Strata = m.strata
		words += fmt.Sprintf(" Of those accepted late %s became SQLs, of the others %s (p = %.2g).", percent(m.with.Rate()), percent(m.without.Rate()), m.p)
	}
	if ok && m.p < 0.05 && m.logOdds < 0 {
		cand.fill(a, a.SLA.Within, broken.N, e, words+" More time would cost deals: this needs more hands, other routes or fewer leads")
		cand.Title, cand.Change = "Handoffs are not accepted in time, and it costs", Change{}
		cand.Sentence += "."
		return cand
	}
	if next <= a.SLA.Within {
		cand.propose = false
	}
	cand.fill(a, next, broken.N, e, words+" A promise that is rarely kept is none.")
	return cand
}

func (c *candidate) fill(a *Agreement, next int64, n int, e Evidence, sentence string) {
	c.Kind, c.Subject, c.Cases, c.Evidence = KindSLA, "accept_within", n, e
	c.Title = fmt.Sprintf("Accept within %s → %s", Span(a.SLA.Within), Span(next))
	c.Sentence = sentence
	if next != a.SLA.Within {
		c.Sentence += fmt.Sprintf(" %s → %s.", Span(a.SLA.Within), Span(next))
	}
	c.Change = Change{Op: ChangeValue, Part: "sla", Field: "accept_within", From: Span(a.SLA.Within), To: Span(next)}
	c.Estimate = Estimate{Leads: e.With.K, Of: e.With.N, Text: "Nothing changes about who qualifies; the clock of each later handoff does."}
}

// upTo counts the values that are at most v, of ascending ones.
func upTo(sorted []float64, v float64) int {
	i, _ := slices.BinarySearchFunc(sorted, v, func(x, v float64) int {
		if x <= v {
			return -1
		}
		return 1
	})
	return i
}

// roundUp rounds a span up to what people promise: to five minutes, half hours from an hour on, hours from four on.
func roundUp(ms float64) int64 {
	step := 5 * float64(hour) / 60
	switch {
	case ms >= 4*float64(hour):
		step = float64(hour)
	case ms >= float64(hour):
		step = float64(hour) / 2
	}
	return max(int64(math.Ceil(ms/step)*step), 5*hour/60)
}
