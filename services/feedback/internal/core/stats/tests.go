package stats

import (
	"cmp"
	"math"
	"slices"
)

// Table is two groups of cases and how many of each had the outcome: A of AN, B of BN.
type Table struct{ A, AN, B, BN int }

// Fisher gives the two-sided p-value of Fisher's exact test that both groups have the outcome as often: the probability of all tables with the
// same margins that are no likelier than this one. It is right however few the cases are.
func Fisher(t Table) float64 {
	outcomes, n := t.A+t.B, t.AN+t.BN
	if t.AN == 0 || t.BN == 0 || outcomes == 0 || outcomes == n {
		return 1
	}
	at := func(a int) float64 {
		return logChoose(t.AN, a) + logChoose(t.BN, outcomes-a) - logChoose(n, outcomes)
	}
	this, sum := at(t.A), 0.0
	for a := max(0, outcomes-t.BN); a <= min(t.AN, outcomes); a++ {
		if p := at(a); p <= this+1e-7 { // equal ones differ by rounding
			sum += math.Exp(p)
		}
	}
	return min(1, sum)
}

// RiskRatio gives how many times as often group A has the outcome as group B, with its interval on the logarithm's scale (Katz and others, 1978).
// Half a case is added to each cell where one is empty (Haldane, Anscombe). ok is false where a group is empty.
func RiskRatio(t Table, z float64) (ratio, low, high float64, ok bool) {
	if t.AN == 0 || t.BN == 0 {
		return 0, 0, 0, false
	}
	a, an, b, bn := float64(t.A), float64(t.AN), float64(t.B), float64(t.BN)
	if t.A == 0 || t.B == 0 || t.A == t.AN || t.B == t.BN {
		a, b, an, bn = a+0.5, b+0.5, an+1, bn+1
	}
	ratio = (a / an) / (b / bn)
	half := z * math.Sqrt(1/a-1/an+1/b-1/bn)
	return ratio, ratio * math.Exp(-half), ratio * math.Exp(half), true
}

// MantelHaenszel compares two groups within strata, so that a group is not blamed for where its cases come from: the common odds ratio, and
// the p-value of the test that it is 1, with continuity correction (Mantel and Haenszel, 1959). Strata in which nothing can be told apart
// count for nothing. ok is false where no stratum tells.
func MantelHaenszel(strata []Table) (oddsRatio, p float64, ok bool) {
	var up, down, excess, variance float64
	for _, t := range strata {
		n := float64(t.AN + t.BN)
		with := float64(t.A + t.B)
		if t.AN == 0 || t.BN == 0 || with == 0 || with == n {
			continue
		}
		a, b := float64(t.A), float64(t.B)
		an, bn := float64(t.AN), float64(t.BN)
		up += a * (bn - b) / n
		down += b * (an - a) / n
		excess += a - an*with/n
		variance += an * bn * with * (n - with) / (n * n * (n - 1))
	}
	if variance == 0 {
		return 1, 1, false
	}
	statistic := max(0, math.Abs(excess)-0.5)
	p = math.Erfc(statistic / math.Sqrt(variance) / math.Sqrt2)
	switch {
	case down == 0 && up == 0:
		return 1, p, true
	case down == 0:
		return math.Inf(1), p, true
	}
	return up / down, p, true
}

// BenjaminiHochberg gives each test its q-value: of all tests with a q-value up to some q, at most that share is expected to be
// false (Benjamini and Hochberg, "Controlling the false discovery rate", 1995).
func BenjaminiHochberg(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	q, least := make([]float64, len(p)), 1.0
	for rank := len(order); rank > 0; rank-- {
		i := order[rank-1]
		least = min(least, p[i]*float64(len(p))/float64(rank))
		q[i] = least
	}
	return q
}
