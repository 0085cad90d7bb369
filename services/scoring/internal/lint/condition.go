package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/scoring/internal/celrules"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// maxParts is how many parts of one condition are reported.
const maxParts = 3

// judge reports a condition that never or always holds, and parts of it that never do. base gives the values that terms can
// have where the rule is looked at, on the event types that it looks at.
func (c *checker) judge(when *condition, line int, field string, base map[string]domain, on []string) {
	switch {
	case when.expr == nil:
		return
	case when.constant.Error != "":
		when.never = true
		c.report(line, field, "can never hold: it cannot be evaluated (%s)", when.constant.Error)
		return
	case when.constant.Known && !when.constant.Holds:
		when.never = true
		c.report(line, field, "can never hold: it is false whatever event and lead it looks at")
		return
	}
	s := newSolver(base)
	if why := s.check(holds(when.expr)); why != nil {
		when.never = true
		c.report(line, field, "can never hold: %s", c.explain(why, on))
		return
	}
	if when.constant.Holds || newSolver(c.general()).check(fails(when.expr)) != nil {
		c.report(line, field, "always holds: it leaves nothing out")
		return
	}
	for _, d := range s.dead[:min(len(s.dead), maxParts)] {
		c.report(line, field, "can never hold by its part `%s`: %s", clip(d.part.text()), c.explain(d.why, on))
	}
	if len(s.dead) == 0 {
		c.vocabulary(when.expr, line, field)
	}
}

// explain says why comparisons leave a term no value: a single one that asks for what there is not, or several that cannot
// all hold.
func (c *checker) explain(why *conflict, on []string) string {
	if why.term == "" {
		return "it is false"
	}
	if why.bound {
		for _, a := range why.asked {
			if why.base.narrow(a.constraint).empty() {
				return c.outside(why, a, on)
			}
		}
	}
	if pair := disjoint(why.asked); pair != nil {
		return fmt.Sprintf("`%s` and `%s` exclude each other", clip(pair[0].text()), clip(pair[1].text()))
	}
	var asked []string
	for _, a := range why.asked {
		if text := "`" + clip(a.text()) + "`"; !slices.Contains(asked, text) {
			asked = append(asked, text)
		}
	}
	return strings.Join(asked, ", ") + " cannot all be so"
}

// disjoint gives two askings that no value meets.
func disjoint(asked []asking) []asking {
	for i := range asked {
		alone := domain{}.narrow(asked[i].constraint)
		for j := i + 1; j < len(asked); j++ {
			if alone.narrow(asked[j].constraint).empty() {
				return []asking{asked[i], asked[j]}
			}
		}
	}
	return nil
}

// outside says why there is no value as one comparison asks for it.
func (c *checker) outside(why *conflict, a asking, on []string) string {
	said := "`" + clip(a.text()) + "`"
	if a.constraint.op == "in" && len(a.constraint.values) == 0 {
		return said + " names nothing"
	}
	possible := c.general()[why.term]
	possible = possible.narrow(a.constraint)
	if id, ok := strings.CutPrefix(why.term, scorePrefix); ok && !possible.empty() {
		return said + " is out of reach: " + c.scoreText(id)
	}
	switch why.term {
	case "grade":
		if !possible.empty() {
			return said + " is out of reach: " + c.gradeText(possible)
		}
	case "fit":
		if !possible.empty() {
			return said + " is out of reach: " + c.fitText()
		}
	case "engagement":
		switch {
		case possible.empty():
		case c.engagementReach == 0:
			return said + " is out of reach: no rule gives points for engagement"
		default:
			return fmt.Sprintf("%s is out of reach: with these caps, half-lives and limits engagement is at most %s", said, figure(c.engagementReach))
		}
	case "stage":
		if slices.ContainsFunc(possible.values, func(v any) bool { return v != "" }) {
			return said + " is never so: a lead qualifies while its stage is inquiry, and at no other"
		}
	case "event.type":
		return fmt.Sprintf("the rule looks at %s alone, so that %s is never so", strings.Join(on, ", "), said)
	}
	return said + " is never so: " + vocabularyText(why.term)
}

// gradeText says why no lead can get any of some grades: it cannot get the lowest of them.
func (c *checker) gradeText(grades domain) string {
	lowest := grades.values[len(grades.values)-1]
	least := map[any]agreement.Micros{"a": c.Grades.A, "b": c.Grades.B, "c": c.Grades.C}
	if lowest == "d" {
		return "grade c begins at 0 points of fit, so that nobody gets grade d"
	}
	return fmt.Sprintf("grade %s begins at %s points of fit, and %s", lowest, figure(points(least[lowest])), c.fitText())
}

func (c *checker) scoreText(id string) string {
	reach := reachOf(c.Agreement, c.engagementWhen, id)
	if reach == 0 {
		return "no rule gives points for score " + id
	}
	return fmt.Sprintf("with these caps, half-lives and limits score %s is at most %s", id, figure(reach))
}

func (c *checker) fitText() string {
	if len(c.Fit) == 0 {
		return "there are no fit rules"
	}
	return "all fit rules together give at most " + figure(c.fitReach)
}

// vocabulary reports what grade, stage and event.type are compared with and can never be.
func (c *checker) vocabulary(e *celrules.Expr, line int, field string) {
	open, reported := []*celrules.Expr{e}, 0
	for len(open) > 0 && reported < maxParts {
		e := open[len(open)-1]
		open = open[:len(open)-1]
		switch e.Op {
		case "", "literal", "list":
			continue
		case "&&", "||", "!":
			for _, arg := range slices.Backward(e.Args) {
				open = append(open, arg)
			}
			continue
		}
		term, constraint := compared(e)
		for _, v := range constraint.values {
			if reported < maxParts && !known(term, v) {
				c.report(line, field, "compares %s with %s: %s", term, clip(written(v)), vocabularyText(term))
				reported++
			}
		}
	}
}

// known reports whether a term can be a value, under any agreement.
func known(term string, v any) bool {
	s, ok := v.(string)
	switch term {
	case "grade":
		return ok && len(s) == 1 && strings.Contains("abcd", s)
	case "stage":
		return ok && (s == "" || slices.Contains(stages(), s))
	case "event.type":
		return ok && agreement.EventType(s)
	}
	return true
}

func vocabularyText(term string) string {
	switch term {
	case "grade":
		return "grades are a, b, c and d"
	case "stage":
		return "stages are " + strings.Join(stages(), ", ")
	case "account.people":
		return fmt.Sprintf("at most %d people of an account are counted", core.MaxPeople)
	case "engagement", "fit", "account.engagement":
		return term + " lies between 0 and 100"
	case "event.type":
		return "there is no such event type"
	}
	return "there is no such value"
}

// clip keeps what is repeated of a condition short.
func clip(s string) string {
	const longest = 120
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
