package lint

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/scoring/internal/celrules"
)

// maxFindings is how many are reported; nobody reads more of them at once.
const maxFindings = 100

// Finding is one thing that is legal but surely not meant.
type Finding struct {
	// Line of the text, from 1, on which the rule starts; 0 where it concerns no rule.
	Line int
	// Field as a path: qualify[0].when.
	Field string
	// Text says what is so, and why.
	Text string
}

// Check gives everything found in an agreement that has been read without errors, by line, and of one line in the order of
// its fields; at most 100 findings. A condition that does not compile is taken to hold at times: compiling says what is
// wrong with it. The work is bounded: a few seconds for the worst agreement that can be read.
func Check(a *agreement.Agreement) []Finding {
	c := &checker{Agreement: a}
	if compiler, err := celrules.NewCompiler(); err == nil { // an error is a mistake of that package, which its tests find
		if compiler, err = compiler.For(a); err == nil {
			c.reader, err = compiler.Reader()
		}
		if err != nil {
			c.reader = nil // then no condition is judged
		}
	}
	c.read()
	c.fit()
	c.engagement()
	c.limits()
	c.qualify()
	c.disqualify()
	c.duplicates()
	c.shadows()
	c.sla()
	slices.SortStableFunc(c.findings, func(x, y Finding) int { return cmp.Compare(x.Line, y.Line) })
	return c.findings[:min(len(c.findings), maxFindings):len(c.findings)]
}

type checker struct {
	*agreement.Agreement
	reader   *celrules.Reader
	findings []Finding

	// The conditions of the lists' rules, in order.
	engagementWhen, fitWhen, qualifyWhen, disqualifyWhen []condition
	// What fit and engagement can reach at most, in points.
	fitReach, engagementReach float64
}

func (c *checker) report(line int, field, format string, args ...any) {
	c.findings = append(c.findings, Finding{Line: line, Field: field, Text: fmt.Sprintf(format, args...)})
}

// condition is a rule's when, taken apart.
type condition struct {
	// expr is nil where nothing is known of it: there is none, or it does not compile.
	expr     *celrules.Expr
	constant celrules.Constant
	// key is the same for conditions that say the same; "" for none.
	key string
	// never: it can never hold.
	never bool
}

func (c *checker) condition(when string, leadAlone bool) condition {
	if when == "" {
		return condition{constant: celrules.Constant{Known: true, Holds: true}}
	}
	if c.reader != nil {
		if expr, constant, err := c.reader.Read(when, leadAlone); err == nil {
			return condition{expr: expr, constant: constant, key: key(expr)}
		}
	}
	return condition{key: "?" + when}
}

// read takes all conditions apart.
func (c *checker) read() {
	for _, r := range c.Qualify {
		c.qualifyWhen = append(c.qualifyWhen, c.condition(r.When, false))
	}
	for _, r := range c.Disqualify {
		c.disqualifyWhen = append(c.disqualifyWhen, c.condition(r.When, false))
	}
	for _, r := range c.Fit {
		c.fitWhen = append(c.fitWhen, c.condition(r.When, true))
	}
	for _, r := range c.Engagement {
		c.engagementWhen = append(c.engagementWhen, c.condition(r.When, false))
	}
}

func (c *checker) fit() {
	for i := range c.Fit {
		r, when := &c.Fit[i], &c.fitWhen[i]
		field := fmt.Sprintf("fit[%d]", i)
		// A fit rule must state a condition: true is how one says always.
		if when.expr != nil && when.expr.Op == "literal" && when.constant.Holds {
			when.never = false
		} else {
			c.judge(when, r.Line, field+".when", nil, nil)
		}
		if r.Points == 0 {
			c.report(r.Line, field+".points", "gives no points")
		}
	}
	c.fitReach = fitReach(c.Fit, c.fitWhen)
	if len(c.Fit) == 0 {
		return
	}
	if least := points(c.Grades.C); c.fitReach < least {
		c.report(0, "fit", "all rules together give at most %s points, and grade c begins at %s: every lead gets grade d",
			figure(c.fitReach), figure(least))
		return
	}
	for _, g := range []struct {
		letter string
		least  float64
	}{{"a", points(c.Grades.A)}, {"b", points(c.Grades.B)}} {
		if c.fitReach < g.least {
			c.report(0, "grades."+g.letter, "no lead can get grade %s: it begins at %s points, and all fit rules together give at most %s",
				g.letter, figure(g.least), figure(c.fitReach))
		}
	}
}

func (c *checker) engagement() {
	if len(c.Engagement) == 0 {
		c.report(0, "engagement", "there are no engagement rules: whatever leads do gives no points")
	}
	c.engagementReach = reachOf(c.Agreement, c.engagementWhen, "")
	for i := range c.Engagement {
		r := &c.Engagement[i]
		field := fmt.Sprintf("engagement[%d]", i)
		base := c.possible()
		base["event.type"] = oneOf(r.On...)
		base["stage"] = oneOf(append(stages(), "")...)
		c.judge(&c.engagementWhen[i], r.Line, field+".when", base, r.On)
		if r.Points == 0 {
			c.report(r.Line, field+".points", "gives no points")
		}
		if r.Cap.Count > 0 && r.HalfLife > 0 && r.HalfLife < 24*time.Hour && r.Cap.Per > r.HalfLife {
			c.report(r.Line, field+".cap", "counts %s, but half of that is gone after %s: most of it is over long before it may count again",
				capText(r.Cap), agreement.FormatDuration(r.HalfLife))
		}
	}
	c.engagementReach = reachOf(c.Agreement, c.engagementWhen, "") // without those that never hold
}

func (c *checker) qualify() {
	if len(c.Qualify) == 0 {
		c.report(0, "qualify", "there are no qualify rules: no lead is ever handed over")
	}
	for i := range c.Qualify {
		r := &c.Qualify[i]
		base := c.possible()
		if len(r.On) > 0 {
			base["event.type"] = oneOf(r.On...)
		}
		base["stage"] = oneOf(inquiry)
		c.judge(&c.qualifyWhen[i], r.Line, fmt.Sprintf("qualify[%d].when", i), base, r.On)
	}
}

func (c *checker) sla() {
	if len(c.SLA.Ladder) > 0 && c.SLA.AcceptWithin == 0 {
		if c.SLA.ContactWithin == 0 {
			c.report(0, "sla.ladder", "has steps, but neither accept_within nor contact_within is promised: they are never taken")
		} else {
			c.report(0, "sla.ladder", "has steps, but no accept_within: it watches contact_within alone, and reassigns nothing")
		}
		return
	}
	for i, s := range c.SLA.Ladder {
		if s.Reassign && c.SLA.MaxReassigns == 0 {
			c.report(0, fmt.Sprintf("sla.ladder[%d].reassign", i), "gives the lead to another rep, but max_reassigns is 0: it never does")
		}
	}
}

func capText(c agreement.Cap) string {
	return fmt.Sprintf("%d in %s", c.Count, agreement.FormatDuration(c.Per))
}
