package agreement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/strictyaml"
)

// named are the groups and scores that rules may name.
type named struct {
	agreement *Agreement
	// first gives the rule that is first in a group.
	first map[string]*EngagementRule
}

func parseNamed(a *Agreement, groups, scores node) *named {
	ids := uniqueIDs{}
	for _, e := range groups.list() {
		f := e.object("id", "limit")
		a.Groups = append(a.Groups, Group{ID: ids.take(f["id"]), Limit: required(f["limit"], "the most points of its rules together").limit(), Line: e.Line})
	}
	ids = uniqueIDs{}
	list := scores.list()
	if len(list) > MaxScores {
		scores.Fail("has %d entries, at most %d are allowed", len(list), MaxScores)
		list = nil
	}
	for _, e := range list {
		f := e.object("id")
		id := ids.take(f["id"])
		if id != "" && !expressible(id) {
			f["id"].Fail("must be a name of a-z, 0-9 and _ that starts with a letter and means nothing else in an expression: it is written scores.%s there", strictyaml.Clip(id))
		}
		a.Scores = append(a.Scores, Score{ID: id, Line: e.Line})
	}
	return &named{agreement: a, first: map[string]*EngagementRule{}}
}

// reserved are words that expressions cannot use as names.
const reserved = " as break const continue else false for function if import in let loop namespace null package return true var void while "

// expressible reports whether an id can be written behind a dot in an expression.
func expressible(id string) bool {
	return id[0] >= 'a' && id[0] <= 'z' && !strings.Contains(id, "-") && !strings.Contains(reserved, " "+id+" ")
}

// use sets the group and the score of a rule.
func (m *named) use(r *EngagementRule, group, score node) {
	if r.Score = score.id(); r.Score != "" && !slices.ContainsFunc(m.agreement.Scores, func(s Score) bool { return s.ID == r.Score }) {
		score.Fail("%q is not among the scores that the agreement lists", r.Score)
		r.Score = ""
	}
	if r.Group = group.id(); r.Group == "" {
		return
	}
	if !slices.ContainsFunc(m.agreement.Groups, func(g Group) bool { return g.ID == r.Group }) {
		group.Fail("%q is not among the groups that the agreement lists", r.Group)
		r.Group = ""
		return
	}
	switch o := m.first[r.Group]; {
	case o == nil:
		first := *r
		m.first[r.Group] = &first
	case o.Score != r.Score:
		group.Fail("%q is of %s by %q (line %d), and this rule is of %s: a group's rules count for one score", r.Group, scoreText(o.Score), o.ID, o.Line,
			scoreText(r.Score))
	}
}

func scoreText(id string) string {
	if id == "" {
		return "the main score"
	}
	return "score " + id
}

func (n node) limit() Micros {
	m := n.points(0, MaxPoints)
	if n.Exists() && m == 0 {
		n.Fail("must be more than 0, and at most %d", MaxPoints)
	}
	return m
}

func parseMatrix(n node) (out []Cell) {
	letters := []string{"a", "b", "c", "d"}
	f := n.object(letters...)
	for _, g := range letters {
		if f[g].Exists() {
			out = append(out, Cell{Grade: g, Engagement: f[g].points(0, 100)})
		}
	}
	if len(out) == 0 {
		n.Fail("must give the least engagement for at least one grade, such as {a: 20, b: 35}")
	}
	return out
}

// matrixCondition gives the expression that says what a matrix does.
func matrixCondition(cells []Cell) string {
	parts := make([]string, len(cells))
	for i, c := range cells {
		number := FormatMicros(c.Engagement)
		if !strings.Contains(number, ".") {
			number += ".0"
		}
		parts[i] = fmt.Sprintf("grade == %q && engagement >= %s", c.Grade, number)
	}
	return strings.Join(parts, " || ")
}

func parseDisqualify(n node) (out []DisqualifyRule) {
	ids := uniqueIDs{}
	for _, e := range n.list() {
		f := e.object("id", "when", "because")
		out = append(out, DisqualifyRule{
			ID: ids.take(f["id"]), When: required(f["when"], "an expression").expression(), Because: f["because"].Text(maxText), Line: e.Line,
		})
	}
	return out
}
