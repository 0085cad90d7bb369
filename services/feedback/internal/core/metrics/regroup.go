package metrics

import (
	"cmp"
	"strings"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// family is the groups that share the first dimension's value, where a number groups by a dimension of its own besides.
type family struct {
	key    []string
	groups []int
}

// families gives the groups by their first value, the largest first (or in the dimension's own order), at most maxGroups; more is how many
// are left.
func (c *counted) families(size func(*tally) int) (list []family, more int) {
	one := index{plan: c.plan, at: -1}
	places, sizes := make([]int32, len(c.keys)), []int(nil)
	for g, key := range c.keys {
		i := one.of(key >> 32 << 32)
		if int(i) == len(sizes) {
			sizes = append(sizes, 0)
		}
		places[g] = i
		sizes[i] += size(&c.tallies[g])
	}
	firsts := make([]uint64, len(one.keys))
	for i, key := range one.keys {
		firsts[i] = key >> 32
	}
	order, more := c.firsts(one.keys, firsts, sizes)
	shown := make([]int32, len(firsts)) // from 1
	out := make([]family, len(order))
	for i, k := range order {
		shown[k] = int32(i + 1)
		out[i].key = c.plan.texts(firsts[k] << 32)[:1]
	}
	for g := range c.keys {
		if i := shown[places[g]]; i != 0 {
			out[i-1].groups = append(out[i-1].groups, g)
		}
	}
	return out, more
}

// firsts puts the values of the first dimension in order, as counted.order does groups.
func (c *counted) firsts(keys, firsts []uint64, sizes []int) (order []int, more int) {
	if c.plan.listed != nil {
		return c.plan.listed.order(keys)
	}
	own := c.plan.q.By[0].kind() != byName
	return first(len(firsts), c.plan.q.shown(), func(a, b int) int {
		if own {
			return cmp.Compare(firsts[a], firsts[b])
		}
		return cmp.Or(cmp.Compare(sizes[b], sizes[a]), strings.Compare(c.plan.text(0, firsts[a]<<32), c.plan.text(0, firsts[b]<<32)), cmp.Compare(firsts[a], firsts[b]))
	})
}

// everything gives the numbers of all groups.
func (c *counted) everything() []int {
	all := make([]int, len(c.keys))
	for i := range all {
		all[i] = i
	}
	return all
}

// each makes the results of some groups side by side: what makes one sees its place in the list and its number.
func each[G any](p *plan, groups []int, of func(i, g int) G) []G {
	if len(groups) == 0 {
		return nil
	}
	out := make([]G, len(groups))
	const at = 16 // groups are taken so many at once
	table.Side((len(groups)+at-1)/at, p.q.side.workers, func(_, piece int) {
		for i := piece * at; i < min(len(groups), (piece+1)*at); i++ {
			out[i] = of(i, groups[i])
		}
	})
	return out
}
