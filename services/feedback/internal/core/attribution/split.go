package attribution

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// Split divides an amount in micro-units by weights that are at least 0. The parts add up to the amount exactly, and none is
// further than one unit from its share of it, the weights taken to some 50 bits of the largest: what rounding down leaves goes to
// the largest remainders, the earlier of equal ones first (Hamilton's method). Weights that are not finite, or below 0, count as 0;
// where all are 0 all count the same. A negative amount is divided like a positive one. No weights give no parts.
func Split(amount int64, weights []float64) []int64 {
	parts := make([]int64, len(weights))
	if len(weights) == 0 {
		return parts
	}
	largest := 0.0
	for _, w := range weights {
		if w > largest && !math.IsInf(w, 0) {
			largest = w
		}
	}
	// Whole numbers whose sum fits: then everything below is exact.
	scale := math.Exp2(float64(min(52, 62-bits.Len(uint(len(weights))))))
	whole := make([]uint64, len(weights))
	var sum uint64
	for i, w := range weights {
		switch {
		case largest == 0:
			whole[i] = 1
		case w > 0 && !math.IsInf(w, 0):
			whole[i] = uint64(math.Round(w / largest * scale))
		}
		sum += whole[i]
	}
	size := uint64(amount)
	if amount < 0 {
		size = -size
	}
	remainders := make([]uint64, len(weights))
	left := size
	for i, w := range whole {
		part, rest := size, uint64(0)
		if w < sum {
			high, low := bits.Mul64(size, w)
			part, rest = bits.Div64(high, low, sum) // below size: it fits
		}
		parts[i], remainders[i] = int64(part), rest
		left -= part
	}
	if left > 0 {
		order := make([]int, len(weights))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainders[b], remainders[a]) })
		for i := range left { // fewer than there are parts
			parts[order[i]]++
		}
	}
	if amount < 0 {
		for i := range parts {
			parts[i] = -parts[i]
		}
	}
	return parts
}
