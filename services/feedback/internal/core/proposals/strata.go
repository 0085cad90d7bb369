package proposals

import (
	"math"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// compared is the comparison of two groups within strata.
type compared struct {
	with, without Share
	// expected is the rate of the group if its leads did as the others of the same strata.
	expected float64
	// logOdds is the common log odds ratio, variance its own.
	logOdds, variance float64
	p                 float64
	test              string
	strata            int
	// leftOut stand in strata that have only one of the groups: there is nobody to compare them with.
	leftOut int
}

// strata counts two groups within sources.
type strata map[table.Sym]*stats.Table

func (s strata) add(source table.Sym, with, had bool, n int) {
	t := s[source]
	if t == nil {
		t = new(stats.Table)
		s[source] = t
	}
	k := 0
	if had {
		k = n
	}
	if with {
		t.AN, t.A = t.AN+n, t.A+k
	} else {
		t.BN, t.B = t.BN+n, t.B+k
	}
}

// compare compares the groups; false where there is too little for it. Order matters to no sum by more than rounding, and the strata are
// taken in the order of their numbers.
func (s strata) compare() (compared, bool) {
	var both []stats.Table
	var c compared
	for _, sym := range sortedKeys(s) {
		t := *s[sym]
		if t.AN == 0 || t.BN == 0 {
			c.leftOut += t.AN + t.BN
			continue
		}
		both = append(both, t)
		c.with.K, c.with.N = c.with.K+t.A, c.with.N+t.AN
		c.without.K, c.without.N = c.without.K+t.B, c.without.N+t.BN
		c.expected += float64(t.AN) * float64(t.B) / float64(t.BN)
	}
	if c.with.N < MinGroup || c.without.N < MinGroup || c.with.K+c.without.K < MinOutcomes {
		return c, false
	}
	c.expected /= float64(c.with.N)
	c.strata = len(both)
	odds, p, ok := stats.MantelHaenszel(both)
	if !ok {
		return c, false
	}
	if c.logOdds, c.variance = logOdds(both, odds); mantelFleiss(both) >= 5 {
		c.p, c.test = p, "Mantel-Haenszel with continuity correction, within sources"
		if len(both) == 1 {
			c.test = "two proportions with continuity correction (Mantel-Haenszel of one stratum)"
		}
		return c, true
	}
	if len(both) > 1 {
		return c, false // the normal distribution is not near enough, and pooling would let sources be blamed on rules
	}
	c.p, c.test = stats.Fisher(both[0]), "Fisher's exact test"
	return c, true
}

// mantelFleiss gives how far the count of the first group's outcomes can lie from what is expected, at least, to either side: from 5 on
// the normal distribution is near enough (Mantel and Fleiss, "Minimum expected cell size requirements", 1980).
func mantelFleiss(strata []stats.Table) float64 {
	var mean, low, high float64
	for _, t := range strata {
		m := t.A + t.B
		mean += float64(t.AN) * float64(m) / float64(t.AN+t.BN)
		low += float64(max(0, m-t.BN))
		high += float64(min(t.AN, m))
	}
	return min(mean-low, high-mean)
}

// logOdds gives the logarithm of the common odds ratio and its variance (Robins, Breslow and Greenland, "Estimators of the
// Mantel-Haenszel variance", 1986). Where the ratio is 0 or infinite, half a case is added to each cell of all strata together.
func logOdds(strata []stats.Table, odds float64) (log, variance float64) {
	var r, s, pr, mixed, qs float64
	var a, b, c, d float64
	for _, t := range strata {
		n := float64(t.AN + t.BN)
		ta, tb, tc, td := float64(t.A), float64(t.AN-t.A), float64(t.B), float64(t.BN-t.B)
		a, b, c, d = a+ta, b+tb, c+tc, d+td
		up, down, same, other := ta*td/n, tb*tc/n, (ta+td)/n, (tb+tc)/n
		r, s = r+up, s+down
		pr, qs = pr+same*up, qs+other*down
		mixed += same*down + other*up
	}
	if r == 0 || s == 0 || math.IsInf(odds, 0) {
		a, b, c, d = a+0.5, b+0.5, c+0.5, d+0.5
		return math.Log(a * d / (b * c)), 1/a + 1/b + 1/c + 1/d
	}
	return math.Log(r / s), pr/(2*r*r) + mixed/(2*r*s) + qs/(2*s*s)
}

// binomialTail gives the probability of k or more of n at rate p.
func binomialTail(k, n int, p float64) float64 {
	if k <= 0 {
		return 1
	}
	if p <= 0 {
		return 0
	}
	if p >= 1 {
		return 1
	}
	lg := func(x int) float64 { v, _ := math.Lgamma(float64(x)); return v }
	sum := 0.0
	for i := k; i <= n; i++ {
		sum += math.Exp(lg(n+1) - lg(i+1) - lg(n-i+1) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(1, sum)
}
