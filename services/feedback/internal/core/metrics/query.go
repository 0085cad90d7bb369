// Package metrics counts what marketing and sales steer by from the table of all leads: the five numbers, and what explains them. Every
// number comes with what it was counted over, and every row that it leaves out is counted with the reason, so that no number changes
// its population unseen. All counts are exact: nothing is sampled.
//
// Times are milliseconds since 1970, days and months are those of UTC, durations are given in days or hours as their names say.
// Percentiles are linear between the two nearest values (type 7 of Hyndman and Fan, the default of NumPy, R and spreadsheets).
// Intervals are for 95 % confidence: Wilson's for shares, order statistics for percentiles.
package metrics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// None names the group of rows of which a dimension is not known. It is no word that sources use themselves: some send "unknown", and what
// they say is theirs.
const None = "(none)"

// The limits of a query.
const (
	maxBy     = 2
	maxValues = 200
	// maxGroups is how many groups are answered; what is beyond is counted, not shown.
	maxGroups = 1000
)

// Query says which rows to count, and how to group them.
type Query struct {
	// From and To bound the cohort's moment (each metric says which), From <= moment < To; 0 is open.
	From, To table.Time
	// Now is the moment of asking: it tells how old a cohort is.
	Now table.Time
	// Filter keeps the rows that have, in every dimension named, one of its values.
	Filter map[Dimension][]string
	// By is one or two dimensions, or none.
	By []Dimension
	// Cohort is the stage whose moment decides about the window and the month: First, or a stage on the way to won. "" is the
	// metric's own.
	Cohort Cohort
	// Currency that money is given in; "" leaves each amount in its own.
	Currency string

	side side
	// known is what several queries over one table share; nil is nothing.
	known *known
}

// side says how a table is scanned: in so many workers, in pieces of so many rows; 0 is as many as there are processors, and as they are kept.
// What is counted does not depend on that.
type side struct {
	workers, piece int
	// wide and shown stand for wideAbove and maxGroups.
	wide, shown int
}

// Problem is one thing wrong with a query.
type Problem struct{ Field, Reason string }

// BadQuery refuses a query.
type BadQuery struct{ Problems []Problem }

func (e *BadQuery) Error() string {
	var parts []string
	for _, p := range e.Problems {
		parts = append(parts, p.Field+": "+p.Reason)
	}
	return "the query is not valid: " + strings.Join(parts, "; ")
}

// Cohort names the moment that a row is counted at.
type Cohort string

// The cohorts. First is when the lead was first seen; the others are when an epoch entered the stage.
const (
	First           Cohort = "first"
	FromMQL         Cohort = "mql"
	FromRouted      Cohort = "routed"
	FromAccepted    Cohort = "accepted"
	FromSQL         Cohort = "sql"
	FromOpportunity Cohort = "opportunity"
)

// Cohorts gives all of them.
func Cohorts() []Cohort {
	return []Cohort{First, FromMQL, FromRouted, FromAccepted, FromSQL, FromOpportunity}
}

// stage gives the stage of a cohort; NoStage for First.
func (c Cohort) stage() table.Stage {
	switch c {
	case FromMQL:
		return table.MQL
	case FromRouted:
		return table.Routed
	case FromAccepted:
		return table.Accepted
	case FromSQL:
		return table.SQL
	case FromOpportunity:
		return table.Opportunity
	case First:
	}
	return table.NoStage
}

// check gives what is wrong with a query that may use the given cohorts and dimensions (nil: all of them).
func (q *Query) check(cohorts []Cohort, by []Dimension) error {
	var bad []Problem
	if q.From != 0 && q.To != 0 && q.From >= q.To {
		bad = append(bad, Problem{"to", "must be after from"})
	}
	if len(q.By) > maxBy {
		bad = append(bad, Problem{"by", fmt.Sprintf("takes %d dimensions at most", maxBy)})
	}
	for i, d := range q.By {
		switch {
		case !slices.Contains(Dimensions(), d):
			bad = append(bad, Problem{"by", fmt.Sprintf("%q is not a dimension; there are %s", d, names(Dimensions()))})
		case d == ByMember:
			bad = append(bad, Problem{"by", "a row has several contributing rules, and would count several times: filter by it (where=contributed:ID)"})
		case by != nil && !slices.Contains(by, d):
			bad = append(bad, Problem{"by", fmt.Sprintf("this number is not known by %s; it is by %s", d, names(by))})
		case slices.Contains(q.By[:i], d):
			bad = append(bad, Problem{"by", fmt.Sprintf("names %s twice", d)})
		}
	}
	for _, d := range sorted(q.Filter) {
		switch {
		case !slices.Contains(Dimensions(), d):
			bad = append(bad, Problem{"where", fmt.Sprintf("%q is not a dimension; there are %s", d, names(Dimensions()))})
		case by != nil && !slices.Contains(by, d):
			bad = append(bad, Problem{"where", fmt.Sprintf("this number is not known by %s; it is by %s", d, names(by))})
		case len(q.Filter[d]) > maxValues:
			bad = append(bad, Problem{"where", fmt.Sprintf("takes %d values of a dimension at most", maxValues)})
		}
	}
	if q.Cohort != "" && !slices.Contains(cohorts, q.Cohort) {
		bad = append(bad, Problem{"cohort", fmt.Sprintf("is one of %s", names(cohorts))})
	}
	if bad != nil {
		return &BadQuery{bad}
	}
	return nil
}

func names[S ~string](list []S) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}

func sorted[V any](m map[Dimension]V) []Dimension {
	out := make([]Dimension, 0, len(m))
	for d := range m {
		out = append(out, d)
	}
	slices.Sort(out)
	return out
}

// checkOne is check for a number that groups by own besides, and so by one other dimension at most.
func (q *Query) checkOne(cohorts []Cohort, own Dimension) error {
	if err := q.check(cohorts, nil); err != nil {
		return err
	}
	if len(q.By) >= maxBy || slices.Contains(q.By, own) {
		return &BadQuery{[]Problem{{"by", fmt.Sprintf("this number is always by %s: it takes one other dimension", own)}}}
	}
	return nil
}
