package stats

import "math"

// QuantileRanks gives the ranks (from 1) of the values that QuantileInterval gives for n values, without the values: of a million, two
// are looked up instead of all being sorted. The binomial distribution is summed from ten standard deviations below its mean on; what
// lies below weighs less than 1e-20.
func QuantileRanks(n int, q, confidence float64) (lower, upper int, ok bool) {
	if n == 0 || q <= 0 || q >= 1 {
		return 0, 0, false
	}
	tail := (1 - confidence) / 2
	lower = searchTail(n, q, tail)
	upper = n + 1 - searchTail(n, 1-q, tail)
	return lower, upper, lower >= 1 && upper <= n
}

// searchTail is searchBinomial in a time that grows with the square root of n.
func searchTail(n int, p, tail float64) int {
	mean, sd := float64(n)*p, math.Sqrt(float64(n)*p*(1-p))
	start := max(0, int(mean-10*sd)-1)
	term := math.Exp(logChoose(n, start) + float64(start)*math.Log(p) + float64(n-start)*math.Log1p(-p))
	sum := 0.0
	for r := start; r <= n; r++ {
		sum += term
		if sum > tail {
			return r
		}
		term *= float64(n-r) / float64(r+1) * p / (1 - p)
	}
	return n
}
