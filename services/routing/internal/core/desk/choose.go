package desk

import (
	"hash/fnv"
	"slices"

	"github.com/batonhq/baton/services/routing/internal/core"
)

// standing is what the choice between reps compares.
type standing struct{ level, weight int64 }

// standings gives the levels of reps who are all there. Whoever is new, or was absent when the pool last chose, starts at
// the level of those who were not, less the turns that were given back to them meanwhile.
func standings(dir *core.Directory, pool *core.Pool, members map[string]Member, reps []string) []standing {
	out := make([]standing, len(reps))
	var level, weight int64
	for i, rep := range reps {
		m, known := members[rep]
		out[i] = standing{level: m.level(), weight: pool.Weight(dir.Rep(rep))}
		if known && !m.Absent {
			level += out[i].level
			weight += out[i].weight
		}
	}
	if weight == 0 {
		return out
	}
	for i, rep := range reps {
		if m, known := members[rep]; !known || m.Absent {
			out[i].level = max(out[i].level, level*out[i].weight/weight-int64(m.Credits))
		}
	}
	return out
}

// choose gives the index of the rep whose turn it is, and which reps have had their share already. There is always one:
// the quotas add up to one more than the levels do.
func choose(handoff string, reps []string, at []standing) (chosen int, above []bool) {
	n, weights := int64(1), int64(0)
	for _, s := range at {
		n += s.level
		weights += s.weight
	}
	above = make([]bool, len(at))
	chosen = -1
	for i, s := range at {
		if above[i] = s.level*weights >= n*s.weight; above[i] {
			continue
		}
		if chosen < 0 {
			chosen = i
			continue
		}
		// (level+1)/weight, compared without dividing.
		mine, best := (s.level+1)*at[chosen].weight, (at[chosen].level+1)*s.weight
		if mine < best || mine == best && tie(handoff, reps[i]) < tie(handoff, reps[chosen]) {
			chosen = i
		}
	}
	return chosen, above
}

func tie(handoff, rep string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(handoff + "\x00" + rep))
	return h.Sum64()
}

// excluded reports whether a rep may not get the entry.
func (e *Entry) excluded(rep string) bool { return slices.Contains(e.Exclude, rep) }
