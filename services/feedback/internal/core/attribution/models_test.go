package attribution

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func journey(conversions, nulls int64, keys ...int) Path {
	p := Path{Lead: None, Opportunity: None, Conversions: conversions, Nulls: nulls, Value: conversions * 3}
	for i, k := range keys {
		p.Touches = append(p.Touches, Touch{Key: k, At: int64(i) * 3_600_000})
	}
	return p
}

// Three channels in a row convert, the first alone and the last two do not: worked out by hand.
func TestMarkovByHand(t *testing.T) {
	paths := []Path{journey(1, 0, 0, 1, 2), journey(0, 1, 0), journey(0, 1, 1, 2)}
	for _, byValue := range []bool{false, true} {
		effects, err := Markov(paths, 3, 1, byValue)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []Effect{{0.5, 0.2}, {1, 0.4}, {1, 0.4}} {
			if math.Abs(effects[i].Removal-want.Removal) > 1e-14 || math.Abs(effects[i].Share-want.Share) > 1e-14 {
				t.Errorf("channel %d: %+v, want %+v", i, effects[i], want)
			}
		}
	}
}

func TestMarkovOfNothing(t *testing.T) {
	for name, paths := range map[string][]Path{
		"no paths": nil, "no touches": {{Conversions: 3}}, "no conversions": {journey(0, 5, 0, 1)}, "counts of nothing": {journey(0, 0, 0, 1)},
	} {
		effects, err := Markov(paths, 2, 2, false)
		if err != nil || !slices.Equal(effects, make([]Effect, 2)) {
			t.Errorf("%s: %v %v", name, effects, err)
		}
	}
	for _, order := range []int{0, MaxOrder + 1} {
		if _, err := Markov(nil, 1, order, false); err == nil {
			t.Errorf("order %d is taken", order)
		}
	}
}

func drawPaths(t *rapid.T, keys int) []Path {
	var paths []Path
	for range rapid.IntRange(1, 12).Draw(t, "paths") {
		p := journey(rapid.Int64Range(0, 5).Draw(t, "conversions"), rapid.Int64Range(0, 5).Draw(t, "nulls"),
			rapid.SliceOfN(rapid.IntRange(0, keys-1), 1, 6).Draw(t, "keys")...)
		p.Value = rapid.Int64Range(0, 1000).Draw(t, "value") * p.Conversions
		paths = append(paths, p)
	}
	return paths
}

// TestMarkovAgainstElimination: the sparse chain, its sweeps and its left-out loops give what plain elimination over a full matrix of
// the observed frequencies gives.
func TestMarkovAgainstElimination(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const keys = 4
		order, byValue := rapid.IntRange(1, 3).Draw(t, "order"), rapid.Bool().Draw(t, "by value")
		paths := drawPaths(t, keys)
		got, err := Markov(paths, keys, order, byValue)
		if err != nil {
			t.Fatal(err)
		}
		whole := eliminate(paths, order, byValue, None)
		sum := 0.0
		for key := range keys {
			want := 0.0
			if whole > 0 {
				want = 1 - eliminate(paths, order, byValue, key)/whole
			}
			if math.Abs(got[key].Removal-want) > 1e-9 {
				t.Fatalf("channel %d: %v, want %v", key, got[key].Removal, want)
			}
			sum += got[key].Share
		}
		if whole > 0 && math.Abs(sum-1) > 1e-9 {
			t.Fatalf("shares add up to %v", sum)
		}
	})
}

// eliminate gives what a path is worth with a channel removed, by Gaussian elimination.
func eliminate(paths []Path, order int, byValue bool, removed int) float64 {
	ids, channel := map[string]int{"": 0}, []int{None}
	type edge struct{ from, to int }
	counts, gain, out := map[edge]float64{}, map[int]float64{}, map[int]float64{}
	for _, p := range paths {
		n := float64(p.Conversions + p.Nulls)
		var recent []int
		at := 0
		for _, touch := range p.Touches {
			recent = append(recent, touch.Key)
			name := fmt.Sprint(recent[max(0, len(recent)-order):])
			if _, ok := ids[name]; !ok {
				ids[name] = len(ids)
				channel = append(channel, touch.Key)
			}
			counts[edge{at, ids[name]}] += n
			out[at] += n
			at = ids[name]
		}
		out[at] += n
		if byValue {
			gain[at] += float64(p.Value)
		} else {
			gain[at] += float64(p.Conversions)
		}
	}
	n := len(ids)
	m := make([][]float64, n) // (I − P) | gain
	for i := range m {
		m[i] = make([]float64, n+1)
		m[i][i] = 1
		if out[i] == 0 || i > 0 && channel[i] == removed {
			continue
		}
		m[i][n] = gain[i] / out[i]
		for k := range n {
			if k == 0 || channel[k] != removed {
				m[i][k] -= counts[edge{i, k}] / out[i]
			}
		}
	}
	for c := range n {
		pivot := c
		for r := c; r < n; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[pivot][c]) {
				pivot = r
			}
		}
		m[c], m[pivot] = m[pivot], m[c]
		for r := range n {
			if r == c || m[r][c] == 0 {
				continue
			}
			f := m[r][c] / m[c][c]
			for k := c; k <= n; k++ {
				m[r][k] -= f * m[c][k]
			}
		}
	}
	return m[0][n] / m[0][0]
}

// TestShapleyAgainstOrders: the value over coalitions is the mean over all orders of joining.
func TestShapleyAgainstOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "players")
		v := rapid.SliceOfN(rapid.Float64Range(-100, 100), 1<<n, 1<<n).Draw(t, "worth")
		worth := func(s uint64) float64 { return v[s] }
		got, errors, err := Shapley(n, worth, 0, 0)
		if err != nil || errors != nil {
			t.Fatal(err)
		}
		want := make([]float64, n)
		orders := 0.0
		var walk func(order []int)
		walk = func(order []int) {
			if len(order) == n {
				orders++
				s := uint64(0)
				for _, i := range order {
					want[i] += worth(s|1<<i) - worth(s)
					s |= 1 << i
				}
				return
			}
			for i := range n {
				if !slices.Contains(order, i) {
					walk(append(order[:len(order):len(order)], i))
				}
			}
		}
		walk(nil)
		for i := range want {
			if math.Abs(got[i]-want[i]/orders) > 1e-9 {
				t.Fatalf("player %d: %v, want %v", i, got[i], want[i]/orders)
			}
		}
	})
}

// TestCoverageIsTheGame: the closed form equals the value over all coalitions of the game that it is the value of.
func TestCoverageIsTheGame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const keys = 5
		paths, byValue := drawPaths(t, keys), rapid.Bool().Draw(t, "by value")
		game := func(s uint64) (brought float64) {
			for _, p := range paths {
				if !slices.ContainsFunc(p.Touches, func(touch Touch) bool { return s&(1<<touch.Key) == 0 }) {
					if byValue {
						brought += float64(p.Value)
					} else {
						brought += float64(p.Conversions)
					}
				}
			}
			return brought
		}
		want, _, err := Shapley(keys, game, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := Coverage(paths, keys, byValue)
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-9 {
				t.Fatalf("channel %d: %v, want %v", i, got[i], want[i])
			}
		}
	})
}

// TestRatesCountsWhatLedToNothing: of two channels that convert as often, the one on many paths that lead to nothing is worth less.
func TestRatesCountsWhatLedToNothing(t *testing.T) {
	values, _, err := Shapley(3, Rates([]Path{journey(10, 10, 0), journey(10, 90, 1)}, false), 0, 0)
	if err != nil || values[0] <= values[1] || values[2] != 0 || math.Abs(values[0]+values[1]-20) > 1e-9 {
		t.Errorf("%v %v", values, err)
	}
}

// TestSampledShapley: beyond twelve players the values are within their stated errors of the exact ones, add up, and come out the
// same again.
func TestSampledShapley(t *testing.T) {
	const n = 16
	random := rand.New(rand.NewPCG(7, 7))
	var paths []Path
	for range 300 {
		var keys []int
		for range 1 + random.IntN(5) {
			keys = append(keys, random.IntN(n))
		}
		paths = append(paths, journey(random.Int64N(4), 0, keys...))
	}
	game := func(s uint64) (brought float64) {
		for _, p := range paths {
			if !slices.ContainsFunc(p.Touches, func(touch Touch) bool { return s&(1<<touch.Key) == 0 }) {
				brought += float64(p.Conversions)
			}
		}
		return brought
	}
	want := Coverage(paths, n, false)
	got, errors, err := Shapley(n, game, 400, 1)
	again, _, _ := Shapley(n, game, 400, 1)
	if err != nil || !slices.Equal(got, again) {
		t.Fatalf("%v: %v and %v", err, got, again)
	}
	sum, far := 0.0, 0
	for i := range got {
		sum += got[i]
		if math.Abs(got[i]-want[i]) > 2*errors[i] {
			far++
		}
		if math.Abs(got[i]-want[i]) > 5*errors[i] || errors[i] <= 0 {
			t.Errorf("player %d: %v ± %v, want %v", i, got[i], errors[i], want[i])
		}
	}
	if far > 4 || math.Abs(sum-game(1<<n-1)) > 1e-6 {
		t.Errorf("%d of %d beyond two standard errors, sum %v", far, n, sum)
	}
	if _, _, err := Shapley(MaxPlayers+1, game, 1, 1); err == nil {
		t.Error("too many players are taken")
	}
	if _, _, err := Shapley(n, game, 0, 1); err == nil {
		t.Error("no samples are taken")
	}
}

func generated(n, keys int) []Path {
	random := rand.New(rand.NewPCG(1, 2))
	paths := make([]Path, n)
	for i := range paths {
		var list []int
		for range 1 + random.IntN(20) {
			list = append(list, random.IntN(keys))
		}
		paths[i] = journey(random.Int64N(3), random.Int64N(9), list...)
		paths[i].Lead, paths[i].Opportunity, paths[i].End = random.IntN(len(list)), random.IntN(len(list)), int64(len(list))*3_600_000
	}
	return paths
}

// BenchmarkModels tells how long each model takes for 10,000 paths of up to 20 touches of 12 channels, money divided.
func BenchmarkModels(b *testing.B) {
	const keys = 12
	paths := generated(10_000, keys)
	u, _ := U(0.4)
	decay, _ := TimeDecay(7 * 24 * time.Hour)
	for name, rule := range map[string]Rule{"first": First, "linear": Linear, "u": u, "w": W, "full": FullPath, "decay": decay} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for i := range paths {
					Split(paths[i].Value*1_000_000, rule(&paths[i]))
				}
			}
		})
	}
	for order := 1; order <= MaxOrder; order++ {
		b.Run(fmt.Sprint("markov", order), func(b *testing.B) {
			for b.Loop() {
				if _, err := Markov(paths, keys, order, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("shapley", func(b *testing.B) {
		for b.Loop() {
			Coverage(paths, keys, true)
		}
	})
	b.Run("shapley-rates", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := Shapley(keys, Rates(paths, true), 0, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("shapley-rates-20-sampled", func(b *testing.B) {
		many := generated(10_000, 20)
		for b.Loop() {
			if _, _, err := Shapley(20, Rates(many, true), 50, 1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
