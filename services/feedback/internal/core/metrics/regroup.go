package metrics

import (
	"cmp"
	"slices"
)

// family is the groups that share the first dimension's value, where a number groups by a dimension of its own besides.
type family struct {
	key    []string
	groups []int
}

// families gives the groups by their first value, the largest first (or in the dimension's own order), at most maxGroups; more is how many
// are left.
func (c *counted) families(size func(*tally) int) (list []family, more int) {
	places, sizes := map[uint64]int{}, []int(nil)
	var firsts []uint64
	for g, key := range c.keys {
		i, ok := places[key>>32]
		if !ok {
			i = len(list)
			places[key>>32] = i
			list = append(list, family{key: c.plan.texts(key)[:1]})
			sizes, firsts = append(sizes, 0), append(firsts, key>>32)
		}
		list[i].groups = append(list[i].groups, g)
		sizes[i] += size(&c.tallies[g])
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	own := c.plan.q.By[0].kind() != byName
	slices.SortFunc(order, func(a, b int) int {
		if own {
			return cmp.Compare(firsts[a], firsts[b])
		}
		return cmp.Or(cmp.Compare(sizes[b], sizes[a]), slices.Compare(list[a].key, list[b].key))
	})
	if len(order) > maxGroups {
		order, more = order[:maxGroups], len(order)-maxGroups
	}
	out := make([]family, len(order))
	for i, k := range order {
		out[i] = list[k]
	}
	return out, more
}

// everything gives the numbers of all groups.
func (c *counted) everything() []int {
	all := make([]int, len(c.keys))
	for i := range all {
		all[i] = i
	}
	return all
}
