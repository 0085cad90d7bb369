package stats

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.IsNaN(got) != math.IsNaN(want) || math.Abs(got-want) > within {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestWilson(t *testing.T) {
	for _, tc := range []struct {
		k, n      int
		low, high float64
	}{
		{0, 10, 0, 0.27753}, {10, 10, 0.72247, 1}, {5, 10, 0.23659, 0.76341}, {81, 263, 0.25528, 0.36620}, {0, 0, 0, 1}, {1, 1, 0.20655, 1},
	} {
		low, high := Wilson(tc.k, tc.n, Z95)
		near(t, "low", low, tc.low, 1e-4)
		near(t, "high", high, tc.high, 1e-4)
	}
}

func TestQuantile(t *testing.T) {
	v := []float64{1, 2, 4, 8}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.75: 5, 0.9: 6.8, 1: 8} {
		near(t, "quantile", Quantile(v, q), want, 1e-12)
	}
	near(t, "of one", Quantile([]float64{7}, 0.3), 7, 0)
	near(t, "of nothing", Quantile(nil, 0.5), math.NaN(), 0)
}

func TestQuantileInterval(t *testing.T) {
	var v []float64
	for i := range 100 {
		v = append(v, float64(i+1))
	}
	low, high, ok := QuantileInterval(v, 0.5, 0.95)
	if !ok || low != 40 || high != 61 { // tabled for n = 100
		t.Errorf("%v %v %v", low, high, ok)
	}
	if _, _, ok := QuantileInterval(v[:5], 0.5, 0.95); ok { // five values cover a median with 93.75 % at most
		t.Error("five values are enough for 95 %")
	}
	if low, high, ok := QuantileInterval(v[:6], 0.5, 0.95); !ok || low != 1 || high != 6 {
		t.Errorf("six values: %v %v %v", low, high, ok)
	}
	if _, _, ok := QuantileInterval(nil, 0.5, 0.95); ok {
		t.Error("of nothing")
	}
}

// TestQuantileIntervalCovers: over many samples the interval holds the true median at least as often as it promises.
func TestQuantileIntervalCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	held, all := 0, 2000
	for range all {
		v := make([]float64, 25)
		for i := range v {
			v[i] = random.ExpFloat64()
		}
		slices.Sort(v)
		if low, high, ok := QuantileInterval(v, 0.5, 0.95); ok && low <= math.Ln2 && math.Ln2 <= high {
			held++
		}
	}
	if share := float64(held) / float64(all); share < 0.94 {
		t.Errorf("covers %v", share)
	}
}

func TestIsotonic(t *testing.T) {
	got := Isotonic([]float64{1, 3, 2, 4, 0}, []float64{1, 1, 1, 1, 2})
	want := []float64{1, 9. / 5, 9. / 5, 9. / 5, 9. / 5}
	for i := range want {
		near(t, "value", got[i], want[i], 1e-12)
	}
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-10, 10), 0, 20).Draw(t, "y")
		w := rapid.SliceOfN(rapid.Float64Range(0, 5), len(y), len(y)).Draw(t, "w")
		out := Isotonic(y, w)
		if len(out) != len(y) || !slices.IsSorted(out) {
			t.Fatalf("%v", out)
		}
		if slices.IsSorted(y) && !slices.Equal(out, y) {
			t.Fatalf("what rises is changed: %v to %v", y, out)
		}
	})
}

func TestFisher(t *testing.T) {
	for _, tc := range []struct {
		t Table
		p float64
	}{
		{Table{3, 4, 1, 4}, 0.48571428}, {Table{8, 10, 1, 6}, 0.03496503}, {Table{0, 10, 0, 20}, 1}, {Table{5, 5, 0, 5}, 0.00793651}, {Table{1, 0, 0, 3}, 1},
	} {
		near(t, "p", Fisher(tc.t), tc.p, 1e-7)
	}
}

// TestFisherAgainstCounting: the logarithms give what whole numbers give.
func TestFisherAgainstCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		an, bn := rapid.IntRange(1, 30).Draw(t, "an"), rapid.IntRange(1, 30).Draw(t, "bn")
		tab := Table{rapid.IntRange(0, an).Draw(t, "a"), an, rapid.IntRange(0, bn).Draw(t, "b"), bn}
		choose := func(n, k int) *big.Int { return new(big.Int).Binomial(int64(n), int64(k)) }
		m := tab.A + tab.B
		ways := func(a int) *big.Int { return new(big.Int).Mul(choose(an, a), choose(bn, m-a)) }
		sum := new(big.Int)
		for a := max(0, m-bn); a <= min(an, m); a++ {
			if ways(a).Cmp(ways(tab.A)) <= 0 {
				sum.Add(sum, ways(a))
			}
		}
		want, _ := new(big.Rat).SetFrac(sum, choose(an+bn, m)).Float64()
		if got := Fisher(tab); math.Abs(got-want) > 1e-6 {
			t.Fatalf("%+v: %v, want %v", tab, got, want)
		}
	})
}

func TestRiskRatio(t *testing.T) {
	ratio, low, high, ok := RiskRatio(Table{15, 100, 30, 100}, Z95)
	near(t, "ratio", ratio, 0.5, 1e-12)
	near(t, "low", low, 0.28722, 1e-4)
	near(t, "high", high, 0.87041, 1e-4)
	if _, _, _, ok2 := RiskRatio(Table{0, 0, 1, 2}, Z95); !ok || ok2 {
		t.Error("an empty group has a ratio")
	}
	if ratio, low, _, ok := RiskRatio(Table{0, 50, 5, 50}, Z95); !ok || ratio <= 0 || low <= 0 {
		t.Errorf("an empty cell: %v %v", ratio, low)
	}
}

// TestMantelHaenszel: within each stratum both groups are alike, and only their shares of the strata differ: taken together they look
// different, and the test is not taken in.
func TestMantelHaenszel(t *testing.T) {
	strata := []Table{{90, 100, 810, 900}, {90, 900, 10, 100}}
	pooled := Table{180, 1000, 820, 1000}
	if Fisher(pooled) > 1e-10 {
		t.Error("pooled they do not look different")
	}
	odds, p, ok := MantelHaenszel(strata)
	if !ok || math.Abs(odds-1) > 1e-9 || p < 0.9 {
		t.Errorf("odds %v, p %v", odds, p)
	}
	odds, p, ok = MantelHaenszel([]Table{{30, 100, 60, 100}, {10, 100, 25, 100}})
	if !ok || odds > 0.5 || p > 1e-4 {
		t.Errorf("a difference in both: odds %v, p %v", odds, p)
	}
	if _, p, ok := MantelHaenszel([]Table{{0, 5, 0, 5}, {5, 5, 5, 5}, {0, 0, 3, 4}}); ok || p != 1 {
		t.Error("nothing tells, and it is told")
	}
}

func TestBenjaminiHochberg(t *testing.T) {
	got := BenjaminiHochberg([]float64{0.01, 0.04, 0.03, 0.5})
	for i, want := range []float64{0.04, 0.16 / 3, 0.16 / 3, 0.5} {
		near(t, "q", got[i], want, 1e-12)
	}
	if len(BenjaminiHochberg(nil)) != 0 {
		t.Error("of nothing")
	}
}
