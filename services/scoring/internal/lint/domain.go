package lint

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// domain is the set of values that a term may have: finitely many, numbers of a range, or anything. It is not changed in
// place. A number is a float64; integers are not told from numbers between them.
type domain struct {
	finite bool
	values []any
	// number: only numbers, from lo to hi, with or without those.
	number         bool
	lo, hi         float64
	loOpen, hiOpen bool
	// not are constraints of kind "none of" that an infinite domain cannot show.
	not *exclusion
}

type exclusion struct {
	constraint *constraint
	next       *exclusion
}

func oneOf[T any](values ...T) domain {
	d := domain{finite: true}
	for _, v := range values {
		d.values = append(d.values, v)
	}
	return d
}

func between(lo, hi float64) domain { return domain{number: true, lo: lo, hi: hi} }

// constraint is what one comparison asks of a term: one of values, none of values, or a number beyond a bound.
type constraint struct {
	// op is "in", "not in", or one of < <= > >= with bound.
	op     string
	values []any
	bound  float64
	set    map[any]bool
}

func member(op string, values ...any) *constraint {
	c := &constraint{op: op, values: values}
	if len(values) > 8 {
		c.set = make(map[any]bool, len(values))
		for _, v := range values {
			c.set[v] = true
		}
	}
	return c
}

func (c *constraint) has(v any) bool {
	if c.set != nil {
		return c.set[v]
	}
	return slices.Contains(c.values, v)
}

// allows reports whether a value is as the constraint asks.
func (c *constraint) allows(v any) bool {
	switch c.op {
	case "in":
		return c.has(v)
	case "not in":
		return !c.has(v)
	}
	n, ok := v.(float64)
	if !ok {
		return false
	}
	switch c.op {
	case "<":
		return n < c.bound
	case "<=":
		return n <= c.bound
	case ">":
		return n > c.bound
	}
	return n >= c.bound
}

// narrow gives the values that a constraint leaves.
func (d domain) narrow(c *constraint) domain {
	switch {
	case d.finite:
		left := make([]any, 0, len(d.values))
		for _, v := range d.values {
			if c.allows(v) {
				left = append(left, v)
			}
		}
		d.values = left
	case c.op == "in":
		left := make([]any, 0, len(c.values))
		for _, v := range c.values {
			if d.contains(v) {
				left = append(left, v)
			}
		}
		d = domain{finite: true, values: left}
	case c.op == "not in":
		d.not = &exclusion{c, d.not}
	default:
		if !d.number {
			d.number, d.lo, d.hi = true, math.Inf(-1), math.Inf(1)
		}
		switch open := c.op == "<" || c.op == ">"; {
		case c.op[0] == '<' && (c.bound < d.hi || c.bound == d.hi && open):
			d.hi, d.hiOpen = c.bound, open
		case c.op[0] == '>' && (c.bound > d.lo || c.bound == d.lo && open):
			d.lo, d.loOpen = c.bound, open
		}
	}
	return d
}

// contains is for infinite domains.
func (d domain) contains(v any) bool {
	if d.number {
		n, ok := v.(float64)
		if !ok || n < d.lo || n > d.hi || n == d.lo && d.loOpen || n == d.hi && d.hiOpen {
			return false
		}
	}
	for x := d.not; x != nil; x = x.next {
		if x.constraint.has(v) {
			return false
		}
	}
	return true
}

// empty reports that nothing is left. An infinite domain of which only single values are taken away counts as never empty.
func (d domain) empty() bool {
	if d.finite {
		return len(d.values) == 0
	}
	return d.number && (d.lo > d.hi || d.lo == d.hi && !d.contains(d.lo))
}

// written writes a literal as an expression does.
func written(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
