package desk

import (
	"cmp"
	"math/bits"

	"github.com/batonhq/baton/services/routing/internal/core"
)

const (
	// owedUnit is one handoff. The share of one is rounded down to it: after a million handoffs somebody is owed a ten-thousandth
	// less than they should.
	owedUnit = int64(10_000_000_000)
	// maxOwed keeps products with a weight within 64 bits: what is owed beyond it is nobody's doing but a flood of turns given back.
	maxOwed = 50 * owedUnit
)

func bounded(owed int64) int64 { return max(-maxOwed, min(maxOwed, owed)) }

// turn gives the index of the rep whose turn it is, and which reps are owed nothing. Those of them who are always there (steady)
// take turns with the others as one, and among themselves by the quota method over what they get together: comings and goings of
// others never come between them.
func turn(handoff string, pool *core.Pool, dir *core.Directory, members map[string]Member, reps []string) (chosen int, above []bool) {
	all := candidates(pool, dir, members, reps)
	above = make([]bool, len(reps))
	var group candidate
	var places []candidate
	var who []int // the steady ones
	for i, c := range all {
		above[i] = c.owed <= 0
		if isSteady(dir.Rep(reps[i])) {
			group.owed, group.weight = group.owed+c.owed, group.weight+c.weight
			who = append(who, i)
		} else {
			places = append(places, c)
		}
	}
	if len(who) < 2 {
		return first(handoff, all, reps), above
	}
	group.at = who[0]
	places = append(places, group)
	if chosen = first(handoff, places, reps); chosen != group.at {
		return chosen, above
	}
	names := make([]string, len(who))
	for i, at := range who {
		names[i] = reps[at]
	}
	return who[first(handoff, candidates(pool, dir, members, names), names)], above
}

// isSteady reports whether a rep has neither hours nor absences nor any limit.
func isSteady(r *core.Rep) bool {
	return r != nil && r.Calendar.Always && len(r.Calendar.Holidays)+len(r.Calendar.Away)+len(r.Capacities) == 0 && r.Open == 0
}

// candidate is somebody, or some together, whose turn it may be.
type candidate struct {
	// at is the place among the reps, of several the first one's.
	at           int
	owed, weight int64
}

// candidates gives what each rep is owed with one handoff more, if they alone are there.
func candidates(pool *core.Pool, dir *core.Directory, members map[string]Member, reps []string) []candidate {
	out, total := make([]candidate, len(reps)), int64(0)
	for i, rep := range reps {
		out[i] = candidate{at: i, weight: pool.Weight(dir.Rep(rep))}
		total += out[i].weight
	}
	even := settled(members, reps)
	for i, rep := range reps {
		out[i].owed = bounded(members[rep].Owed - part(even, out[i].weight, total) + share(out[i].weight, total))
	}
	return out
}

// first gives the place of who is owed something and will be the first to be owed a whole handoff. There is always one: where
// nobody is owed anything, for it is owed to reps who are not there, it is who will be the first of all.
func first(handoff string, list []candidate, reps []string) int {
	best := list[0]
	for _, c := range list[1:] {
		if (c.owed > 0) != (best.owed > 0) {
			if c.owed > 0 {
				best = c
			}
			continue
		}
		// (1-owed)/weight, compared without dividing.
		order := compare(owedUnit-c.owed, best.weight, owedUnit-best.owed, c.weight)
		if order < 0 || order == 0 && tie(handoff, reps[c.at]) < tie(handoff, reps[best.at]) {
			best = c
		}
	}
	return best.at
}

// compare compares a*x with b*y, for positive x and y, in 128 bits.
func compare(a, x, b, y int64) int {
	if (a < 0) != (b < 0) {
		return cmp.Compare(a, b)
	}
	if a < 0 {
		a, x, b, y = -b, y, -a, x
	}
	aHigh, aLow := bits.Mul64(uint64(a), uint64(x))
	bHigh, bLow := bits.Mul64(uint64(b), uint64(y))
	return cmp.Or(cmp.Compare(aHigh, bHigh), cmp.Compare(aLow, bLow))
}

// share gives the part of one handoff that a weight of a total is owed. A weight is at most 10^6: the product fits.
func share(weight, total int64) int64 { return weight * owedUnit / total }

// settled gives what all of some reps are owed together, beyond what they were given. It is what others, who are not there, owe
// them or are owed by them: it is shared out by weight, which changes nothing between those who are there.
func settled(members map[string]Member, reps []string) (sum int64) {
	for _, rep := range reps {
		sum += members[rep].Owed
	}
	return sum
}

// part gives a weight's part of a sum, rounded toward zero, by way of the quotient so that no product overflows.
func part(sum, weight, total int64) int64 {
	return sum/total*weight + sum%total*weight/total
}

// owe gives everybody who was there their share of a handoff, and takes the whole from the first of them, who got it.
func owe(dir *core.Directory, pool *core.Pool, members map[string]Member, present []string) {
	total := int64(0)
	for _, rep := range present {
		total += pool.Weight(dir.Rep(rep))
	}
	even := settled(members, present)
	for i, rep := range present {
		m := members[rep]
		m.Weight = pool.Weight(dir.Rep(rep))
		m.Owed, m.Absent = bounded(m.Owed-part(even, m.Weight, total)+share(m.Weight, total)), false
		if i == 0 {
			m.Owed = bounded(m.Owed - owedUnit)
			m.Assigned++
			m.Credits = max(0, m.Credits-1)
		}
		members[rep] = m
	}
}
