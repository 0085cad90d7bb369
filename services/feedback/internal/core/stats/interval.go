// Package stats is the little statistics that honest numbers need: intervals for shares and medians, tests of whether two groups
// differ, and of many such tests which ones to believe. Every function says which method it is and where it is from.
package stats

import (
	"math"
	"slices"
)

// Z95 is the standard normal's quantile that 95 % intervals are made with.
const Z95 = 1.959963984540054

// Wilson gives the score interval of a share of k in n (Wilson, "Probable inference, the law of succession, and statistical inference", 1927):
// unlike the textbook one it is right for few cases and for shares near 0 and 1. Of nothing it is 0 to 1.
func Wilson(k, n int, z float64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	p, m := float64(k)/float64(n), float64(n)
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	low, high = max(0, middle-half), min(1, middle+half)
	if k == 0 {
		low = 0
	}
	if k == n {
		high = 1
	}
	return low, high
}

// Quantile gives the q-quantile of values in ascending order, between the two nearest in proportion: type 7 of Hyndman and Fan
// ("Sample quantiles in statistical packages", 1996), which R, NumPy and spreadsheets give by default. NaN of nothing.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(math.Floor(at))
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// QuantileInterval gives the values between which the q-quantile of the population lies with at least the confidence asked for:
// order statistics by the binomial distribution, which assume nothing of how values are spread (Conover, "Practical nonparametric
// statistics"). ok is false where there are too few values for that.
func QuantileInterval(sorted []float64, q, confidence float64) (low, high float64, ok bool) {
	n := len(sorted)
	if n == 0 || q <= 0 || q >= 1 {
		return 0, 0, false
	}
	tail := (1 - confidence) / 2
	// The r-th smallest value is above the quantile with the probability that fewer than r of n fall below it.
	lower := searchBinomial(n, q, tail)           // the largest r with P(X < r) <= tail
	upper := n + 1 - searchBinomial(n, 1-q, tail) // the same from above
	if lower < 1 || upper > n {
		return 0, 0, false
	}
	return sorted[lower-1], sorted[upper-1], true
}

// searchBinomial gives the largest r for which P(X < r) <= tail, X being binomial(n, p); 0 where there is none.
func searchBinomial(n int, p, tail float64) int {
	sum := 0.0
	for r := 0; r <= n; r++ {
		sum += math.Exp(logChoose(n, r) + float64(r)*math.Log(p) + float64(n-r)*math.Log1p(-p))
		if sum > tail {
			return r
		}
	}
	return n
}

func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

// Isotonic gives the non-decreasing values nearest to y, each weighing w (at least 0): pool adjacent violators (Barlow and others, "Statistical
// inference under order restrictions", 1972).
func Isotonic(y, w []float64) []float64 {
	type block struct {
		value, weight float64
		n             int
	}
	var blocks []block
	for i := range y {
		b := block{y[i], w[i], 1}
		for len(blocks) > 0 && blocks[len(blocks)-1].value > b.value {
			last := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			total := last.weight + b.weight
			mean := (last.value + b.value) / 2
			if total > 0 {
				mean = (last.value*last.weight + b.value*b.weight) / total
			}
			b = block{mean, total, last.n + b.n}
		}
		blocks = append(blocks, b)
	}
	out := make([]float64, 0, len(y))
	for _, b := range blocks {
		out = append(out, slices.Repeat([]float64{b.value}, b.n)...)
	}
	return out
}
