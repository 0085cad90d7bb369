package lint

import (
	"fmt"
	"slices"
	"strings"
)

// maxSteps bounds what is spent on comparing qualify rules' conditions with each other: all pairs of some hundred rules.
// Beyond it only rules with the same condition are found.
const maxSteps = 500_000

// duplicates reports engagement rules that look at the same event type with the same condition: each of them counts. A
// rule is compared with the first such.
func (c *checker) duplicates() {
	type looks struct{ on, when string }
	first := map[looks]int{}
	for i := range c.Engagement {
		r := &c.Engagement[i]
		same := map[int][]string{}
		var others []int
		for _, on := range r.On {
			at := looks{on, c.engagementWhen[i].key}
			if k, taken := first[at]; taken {
				if same[k] == nil {
					others = append(others, k)
				}
				same[k] = append(same[k], on)
			} else {
				first[at] = i
			}
		}
		for _, k := range others {
			o := &c.Engagement[k]
			both := fmt.Sprintf("%q (line %d) on %s", o.ID, o.Line, strings.Join(same[k], ", "))
			switch {
			case r.Cap != o.Cap && r.Cap.Count > 0 && o.Cap.Count > 0:
				c.report(r.Line, fmt.Sprintf("engagement[%d].cap", i), "overlaps the cap of %s: with the same condition both rules count, one %s and the other %s",
					both, capText(r.Cap), capText(o.Cap))
			case r.When == "":
				c.report(r.Line, fmt.Sprintf("engagement[%d].on", i), "looks at the same as %s, and neither has a condition: both rules count", both)
			default:
				c.report(r.Line, fmt.Sprintf("engagement[%d].when", i), "is the same as that of %s: both rules count", both)
			}
		}
	}
}

// shadows reports qualify rules that never decide, since an earlier one holds whenever they do.
func (c *checker) shadows() {
	type looks struct{ on, when string }
	const everything = "*" // no event type is called so
	first := map[looks]int{}
	s := newSolver(c.general())
	s.base["stage"] = oneOf(inquiry)
	conjuncts := make([][]string, len(c.Qualify))
	for j := range c.Qualify {
		r, when := &c.Qualify[j], &c.qualifyWhen[j]
		conjuncts[j] = conjunctKeys(when)
		if when.never {
			continue // said already
		}
		on := r.On
		if len(on) == 0 {
			on = []string{everything}
		}
		by := -1
		for _, t := range on {
			k := earliest(first, looks{t, when.key}, looks{everything, when.key}, looks{t, ""}, looks{everything, ""})
			if by = max(by, k); k < 0 {
				by = -1
				break
			}
		}
		for i := 0; by < 0 && i < j && s.steps < maxSteps; i++ {
			s.steps += 20 + len(conjuncts[i])
			if c.lookedAt(i, j) && !c.qualifyWhen[i].never && (within(conjuncts[i], conjuncts[j]) || implies(s, when, &c.qualifyWhen[i])) {
				by = i
			}
		}
		if by >= 0 {
			o := &c.Qualify[by]
			above := "%q (line %d) above it holds"
			if !c.lookedAt(by, j) {
				above = "for each of its event types a rule above it holds, %q (line %d) the last of them,"
			}
			c.report(r.Line, fmt.Sprintf("qualify[%d]", j), "never decides: "+above+" whenever it does", o.ID, o.Line)
			continue
		}
		for _, t := range on {
			if _, taken := first[looks{t, when.key}]; !taken {
				first[looks{t, when.key}] = j
			}
		}
	}
}

// earliest gives the least index that any of the keys has, -1 for none.
func earliest[K comparable](first map[K]int, among ...K) int {
	out := -1
	for _, k := range among {
		if i, ok := first[k]; ok && (out < 0 || i < out) {
			out = i
		}
	}
	return out
}

// lookedAt reports whether qualify rule i is looked at whenever rule j is.
func (c *checker) lookedAt(i, j int) bool {
	wide, narrow := c.Qualify[i].On, c.Qualify[j].On
	if len(wide) == 0 {
		return true
	}
	for _, on := range narrow {
		if !slices.Contains(wide, on) {
			return false
		}
	}
	return len(narrow) > 0
}

// implies reports whether the wide condition is seen to hold whenever the narrow one does.
func implies(s *solver, narrow, wide *condition) bool {
	if wide.expr == nil || narrow.expr == nil {
		return wide.key == "" || wide.expr != nil && s.check(fails(wide.expr)) != nil
	}
	return s.check(holds(narrow.expr), fails(wide.expr)) != nil
}

// conjunctKeys gives what a condition asks for all at once, in order. One that is not known asks for itself.
func conjunctKeys(when *condition) []string {
	switch {
	case when.key == "":
		return nil
	case when.expr == nil || when.expr.Op != "&&":
		return []string{when.key}
	}
	return keys(when.expr.Args)
}

// within reports whether all of a, in order, are among b, in order.
func within(a, b []string) bool {
	i := 0
	for _, k := range b {
		if i < len(a) && a[i] == k {
			i++
		}
	}
	return i == len(a)
}
