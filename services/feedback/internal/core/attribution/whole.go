package attribution

import (
	"cmp"
	"math"
	"math/big"
	"slices"
)

// owing adds up what rounding each deal by itself has taken from each key, or given to it, in micro-units: fractions of one a deal, which
// thousands of deals of the same form would add up to something (a third of a conversion is never 333,333 millionths).
type owing []float64

// note takes one division: keys of the parts, their weights, the parts that Split gave, and the amount that it divided.
func (o owing) note(touches []Touch, weights []float64, parts []int64, amount int64) {
	sum := 0.0
	for _, w := range weights {
		if !(w >= 0) || math.IsInf(w, 0) { // Split counts it as 0; no rule gives one
			return
		}
		sum += w
	}
	for k, w := range weights {
		share := 1 / float64(len(weights))
		if sum > 0 {
			share = w / sum
		}
		o[touches[k].Key] += share*float64(amount) - float64(parts[k])
	}
}

// settle gives each key the whole units that it is owed, by largest remainders, the earlier key first: what is left of it is below one
// unit, and the sum over all keys stays what it was.
func (o owing) settle(to func(key int) *big.Int) {
	left := 0
	whole, order := make([]int, len(o)), make([]int, len(o))
	for key, owed := range o {
		whole[key], order[key] = int(math.Floor(owed)), key
		left -= whole[key]
	}
	rest := func(key int) float64 { return o[key] - float64(whole[key]) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rest(b), rest(a)) })
	for _, key := range order[:min(max(0, left), len(order))] {
		whole[key]++
		left--
	}
	if left != 0 { // no more than noise can be left of numbers that add up to nothing; were it not so, rounding by deal stands
		return
	}
	for key, n := range whole {
		if n != 0 {
			to(key).Add(to(key), big.NewInt(int64(n)))
		}
	}
}
