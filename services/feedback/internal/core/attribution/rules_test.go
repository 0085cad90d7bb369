package attribution

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func path(n int) *Path { return &Path{Touches: make([]Touch, n), Lead: None, Opportunity: None} }

func must(t testing.TB, r Rule, err error) Rule {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRules(t *testing.T) {
	u40, err40 := U(0.4)
	u50, err50 := U(0.5)
	custom, errCustom := Custom(0.1, 0.2, 0.3, 0.4)
	decay, errDecay := TimeDecay(7 * 24 * time.Hour)
	u40, u50, custom, decay = must(t, u40, err40), must(t, u50, err50), must(t, custom, errCustom), must(t, decay, errDecay)
	day := (24 * time.Hour).Milliseconds()
	for _, tc := range []struct {
		name string
		rule Rule
		path Path
		want []float64
	}{
		{"first", First, *path(3), []float64{1, 0, 0}},
		{"last", Last, *path(3), []float64{0, 0, 1}},
		{"linear", Linear, *path(4), []float64{.25, .25, .25, .25}},
		{"one touch", u40, *path(1), []float64{1}},
		{"two touches", u40, *path(2), []float64{.5, .5}},
		{"U without the lead's touch", u40, *path(4), []float64{.4, .1, .1, .4}},
		{"U with it", u40, Path{Touches: make([]Touch, 5), Lead: 2, Opportunity: None}, []float64{.4, .2 / 3, .4, .2 / 3, .2 / 3}},
		{"the first made the lead", u40, Path{Touches: make([]Touch, 3), Lead: 0, Opportunity: None}, []float64{.8, .1, .1}},
		{"half and half", u50, Path{Touches: make([]Touch, 4), Lead: 1, Opportunity: None}, []float64{.5, .5, 0, 0}},
		{"W", W, Path{Touches: make([]Touch, 5), Lead: 1, Opportunity: 3}, []float64{.3, .3, .05, .3, .05}},
		{"W, lead and opportunity by one touch", W, Path{Touches: make([]Touch, 3), Lead: 1, Opportunity: 1}, []float64{.3, .6, .1}},
		{"W without an opportunity", W, Path{Touches: make([]Touch, 3), Lead: 1, Opportunity: None}, []float64{3. / 7, 3. / 7, 1. / 7}},
		{"W, nothing between", W, Path{Touches: make([]Touch, 3), Lead: 1, Opportunity: 2}, []float64{1. / 3, 1. / 3, 1. / 3}},
		{"full path", FullPath, Path{Touches: make([]Touch, 6), Lead: 1, Opportunity: 3}, []float64{.225, .225, .05, .225, .05, .225}},
		{"full path of one", FullPath, Path{Touches: make([]Touch, 1), Lead: 0, Opportunity: 0}, []float64{1}},
		{"custom", custom, Path{Touches: make([]Touch, 5), Lead: 1, Opportunity: 2}, []float64{.1, .2, .3, 0, .4}},
		{"a half-life apart", decay, Path{Touches: []Touch{{At: 0}, {At: 7 * day}}, End: 9 * day, Lead: None, Opportunity: None}, []float64{1. / 3, 2. / 3}},
		{"centuries ago", decay, Path{Touches: []Touch{{At: 0}, {At: 7 * day}}, End: 90000 * day, Lead: None, Opportunity: None}, []float64{1. / 3, 2. / 3}},
		{"nothing", W, *path(0), nil},
	} {
		got := tc.rule(&tc.path)
		if len(got) != len(tc.want) || slices.ContainsFunc(tc.want, func(w float64) bool { i := slices.Index(tc.want, w); return math.Abs(got[i]-w) > 1e-12 }) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
		for i := range tc.want {
			if math.Abs(got[i]-tc.want[i]) > 1e-12 {
				t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
			}
		}
	}
	for _, err := range []error{
		func() error { _, err := U(0.6); return err }(), func() error { _, err := U(math.NaN()); return err }(),
		func() error { _, err := Custom(0.5, 0.5, 0.5, 0); return err }(), func() error { _, err := Custom(-1, 0, 0, 0); return err }(),
		func() error { _, err := TimeDecay(0); return err }(),
	} {
		if err == nil {
			t.Error("parameters that make no sense are taken")
		}
	}
}

// TestSharesAddUp: whatever the path, a rule gives shares of at least 0 that add up to 1, and money divided by them adds up exactly.
func TestSharesAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ends := rapid.Float64Range(0, 0.5).Draw(rt, "ends")
		u, err := U(ends)
		d, errDecay := TimeDecay(time.Duration(rapid.Int64Range(1, 1<<50).Draw(rt, "half-life")))
		w := rapid.SliceOfN(rapid.Float64Range(0, 0.25), 4, 4).Draw(rt, "weights")
		c, errCustom := Custom(w[0], w[1], w[2], w[3])
		if err != nil || errDecay != nil || errCustom != nil {
			rt.Fatal(err, errDecay, errCustom)
		}
		p := Path{End: rapid.Int64Range(0, 1<<42).Draw(rt, "end")}
		for range rapid.IntRange(0, 30).Draw(rt, "touches") {
			p.Touches = append(p.Touches, Touch{At: rapid.Int64Range(0, 1<<42).Draw(rt, "at")})
		}
		p.Lead = rapid.IntRange(None, len(p.Touches)).Draw(rt, "lead")
		p.Opportunity = rapid.IntRange(None, len(p.Touches)).Draw(rt, "opportunity")
		amount := rapid.Int64Range(-1<<62, 1<<62).Draw(rt, "amount")
		for i, rule := range []Rule{First, Last, Linear, u, W, FullPath, c, d} {
			shares := rule(&p)
			sum := 0.0
			for _, s := range shares {
				if s < 0 || math.IsNaN(s) {
					rt.Fatalf("rule %d: %v", i, shares)
				}
				sum += s
			}
			if len(p.Touches) > 0 && math.Abs(sum-1) > 1e-9 {
				rt.Fatalf("rule %d: %v add up to %v", i, shares, sum)
			}
			wantSplit(rt, amount, shares)
		}
	})
}

func wantSplit(t *rapid.T, amount int64, weights []float64) {
	parts := Split(amount, weights)
	var sum int64
	for _, p := range parts {
		sum += p
		if p != 0 && (p < 0) != (amount < 0) {
			t.Fatalf("%d in parts %v", amount, parts)
		}
	}
	if len(parts) != len(weights) || len(parts) > 0 && sum != amount {
		t.Fatalf("%d in parts %v: %d", amount, parts, sum)
	}
}

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		amount  int64
		weights []float64
		want    []int64
	}{
		{100, []float64{1, 1, 1}, []int64{34, 33, 33}},
		{-100, []float64{1, 1, 1}, []int64{-34, -33, -33}},
		{10, []float64{0.7, 0.2, 0.1}, []int64{7, 2, 1}},
		{1, []float64{1, 2}, []int64{0, 1}},
		{5, []float64{0, 0}, []int64{3, 2}},
		{5, []float64{math.NaN(), math.Inf(1), -1, 1}, []int64{0, 0, 0, 5}},
		{0, []float64{1}, []int64{0}},
		{math.MaxInt64, []float64{1}, []int64{math.MaxInt64}},
		{math.MinInt64 + 1, []float64{1, 1}, []int64{-1 << 62, -1<<62 + 1}},
		{7, nil, []int64{}},
	} {
		if got := Split(tc.amount, tc.weights); !slices.Equal(got, tc.want) {
			t.Errorf("%d by %v: %v, want %v", tc.amount, tc.weights, got, tc.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		wantSplit(t, rapid.Int64Range(-1<<63+1, 1<<63-1).Draw(t, "amount"), rapid.SliceOfN(rapid.Float64(), 0, 50).Draw(t, "weights"))
	})
}
