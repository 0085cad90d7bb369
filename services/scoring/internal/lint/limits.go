package lint

import (
	"fmt"
	"math"
)

// limits reports limits that can never hold anything back, and groups and scores that no rule names. Only what is proven is
// told: what a rule can give is bounded by its cap with decay or a timeframe, and by its limit.
func (c *checker) limits() {
	for i := range c.Engagement {
		r := &c.Engagement[i]
		if reach := ruleReach(r); r.Limit > 0 && reach+rounding <= points(r.Limit) {
			c.report(r.Line, fmt.Sprintf("engagement[%d].limit", i), "can never matter: the cap lets the rule give at most %s points", figure(reach))
		}
	}
	for i := range c.Groups {
		g := &c.Groups[i]
		rules, gives, takes := 0, 0.0, 0.0
		for k := range c.Engagement {
			r := &c.Engagement[k]
			switch {
			case r.Group != g.ID:
				continue
			case r.Points > 0:
				gives += limitedReach(r)
			case r.Points < 0:
				takes += limitedReach(r)
			}
			rules++
		}
		switch reach := math.Max(gives, takes); {
		case rules == 0:
			c.report(g.Line, fmt.Sprintf("groups[%d]", i), "no rule is in group %s", g.ID)
		case reach+rounding <= points(g.Limit):
			c.report(g.Line, fmt.Sprintf("groups[%d].limit", i), "can never matter: by their own limits and caps its rules give at most %s points together", figure(reach))
		}
	}
	for i := range c.Scores {
		s, rules := &c.Scores[i], 0
		for k := range c.Engagement {
			if c.Engagement[k].Score == s.ID {
				rules++
			}
		}
		if rules == 0 {
			c.report(s.Line, fmt.Sprintf("scores[%d]", i), "no rule counts for score %s: it is always 0", s.ID)
		}
	}
}

// disqualify reports conditions that keep every lead from qualifying, or none.
func (c *checker) disqualify() {
	for i := range c.Disqualify {
		r, when := &c.Disqualify[i], &c.disqualifyWhen[i]
		field := fmt.Sprintf("disqualify[%d].when", i)
		base := c.possible()
		base["stage"] = oneOf(inquiry)
		if always := when.constant.Known && when.constant.Holds; always || when.expr != nil && newSolver(base).check(fails(when.expr)) != nil {
			c.report(r.Line, field, "always holds: no lead could ever qualify")
			continue
		}
		c.judge(when, r.Line, field, base, nil)
	}
}
