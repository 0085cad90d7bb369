package metrics

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Head says what a number is: in words, and over what it was counted.
type Head struct {
	Name, Definition, Numerator, Denominator, Population, Window, Maturity, Interval string

	From, To table.Time
	Cohort   Cohort
	By       []Dimension
	LeftOut  []LeftOut
	// MoreGroups is how many groups are not shown, the smallest.
	MoreGroups int
}

// LeftOut counts rows that a number, or a part of it, leaves out or treats apart, with the reason.
type LeftOut struct {
	Reason, From string
	Count        int
}

// The reasons for which rows are left out.
const (
	leftUnknownTime = "unknown_time"
	leftBefore      = "outcome_before_start"
	leftWonBefore   = "won_before_seen"
	leftNoAmount    = "no_amount"
	leftNoRate      = "missing_rate"
	leftOpen        = "still_open"
	leftEnded       = "ended_first"
	leftNegative    = "negative_duration"
	leftNoCustomer  = "no_customer"
)

func (h *Head) leave(reason, from string, n int) {
	if n > 0 {
		h.LeftOut = append(h.LeftOut, LeftOut{reason, from, n})
	}
}

// Share is how many of how many, with the interval of the share. Of nothing, Value is 0 and the interval everything.
type Share struct {
	Count, Of        int
	Value, Low, High float64
}

func share[N int | uint32](k, n N) Share {
	s := Share{Count: int(k), Of: int(n)}
	s.Low, s.High = stats.Wilson(s.Count, s.Of, stats.Z95)
	if n > 0 {
		s.Value = float64(k) / float64(n)
	}
	return s
}

// immatureAbove: a cohort of which more than so much is young is marked. By then one in ten of the outcomes to come is still out for
// all of its rows, and more for the young ones.
const immatureAbove = 0.1

// Maturity tells whether a cohort has had its time.
type Maturity struct {
	// AfterDays is how long 9 of 10 outcomes take, in whole days, rounded up; 0 where no outcome is known to judge by.
	AfterDays int
	// Young is how many of the cohort are younger, Share of the whole.
	Young    int
	Share    float64
	Immature bool
}

// matureAfter gives Maturity.AfterDays.
func matureAfter(all [][]table.Time) int {
	return int(math.Ceil(quantile(all, 0.9) / inDays))
}

func maturity(afterDays int, young uint32, n int) Maturity {
	m := Maturity{AfterDays: afterDays, Young: int(young)}
	if n > 0 {
		m.Share = float64(m.Young) / float64(n)
	}
	m.Immature = m.Share > immatureAbove
	return m
}

// order gives the numbers of the groups, the largest by size first and then by name, at most maxGroups; more is how many are left.
// Months, sizes, grades, bands and stages stay in their own order.
func (c *counted) order(size func(g int) int) (groups []int, more int) {
	return c.plan.order(c.keys, size)
}

// order is counted.order for groups that have these keys.
func (p *plan) order(keys []uint64, size func(g int) int) (groups []int, more int) {
	if p.listed != nil {
		return p.listed.order(keys)
	}
	own := len(p.by) > 0 && p.q.By[0].kind() != byName
	return first(len(keys), p.q.shown(), func(a, b int) int {
		if own {
			if d := cmp.Compare(keys[a]>>32, keys[b]>>32); d != 0 {
				return d
			}
		}
		if d := cmp.Compare(size(b), size(a)); d != 0 {
			return d
		}
		for i := range p.by {
			if d := strings.Compare(p.text(i, keys[a]), p.text(i, keys[b])); d != 0 {
				return d
			}
		}
		return cmp.Compare(keys[a], keys[b])
	})
}

// first gives the numbers below n that come first by an order, at most so many, in order; more is how many are left. Where most are left
// only those that are given are put in order: the others are compared with the last of them, on top of a heap.
func first(n, most int, compare func(a, b int) int) (list []int, more int) {
	list = make([]int, 0, min(n, most))
	sift := func(i int) {
		for {
			top, left := i, 2*i+1
			for c := left; c < min(left+2, len(list)); c++ {
				if compare(list[c], list[top]) > 0 {
					top = c
				}
			}
			if top == i {
				return
			}
			list[i], list[top] = list[top], list[i]
			i = top
		}
	}
	for i := range n {
		switch {
		case len(list) < most:
			list = append(list, i)
			if len(list) == most && n > most {
				for k := most/2 - 1; k >= 0; k-- {
					sift(k)
				}
			}
		case compare(i, list[0]) < 0:
			list[0] = i
			sift(0)
		}
	}
	slices.SortFunc(list, compare)
	return list, n - len(list)
}

// grouped tells whether there are groups to show.
func (c *counted) grouped() bool { return len(c.plan.q.By) > 0 }

func (q *Query) head(name string) Head {
	return Head{Name: name, From: q.From, To: q.To, Cohort: q.Cohort, By: q.By}
}

// ordered puts groups in order as counted.order does, and gives at most maxGroups, and how many are left.
func ordered[G any](groups []G, by []Dimension, of func(*G) (key []string, size float64)) ([]G, int) {
	own := len(by) > 0 && by[0].kind() != byName
	slices.SortFunc(groups, func(a, b G) int {
		x, m := of(&a)
		y, n := of(&b)
		if own {
			if d := cmp.Compare(by[0].place(x[0]), by[0].place(y[0])); d != 0 {
				return d
			}
		}
		return cmp.Or(cmp.Compare(n, m), slices.Compare(x, y))
	})
	if len(groups) > maxGroups {
		return groups[:maxGroups], len(groups) - maxGroups
	}
	return groups, 0
}

// place gives where a value of a dimension with an order of its own stands.
func (d Dimension) place(text string) int {
	v, _, err := d.value(nil, text)
	if err != nil {
		return -1
	}
	return int(v)
}
