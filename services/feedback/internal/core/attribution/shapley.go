package attribution

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// MaxExact is up to how many players Shapley's value is computed from all coalitions.
const MaxExact = 12

// Worth is what a coalition of players, a set of bits, would bring. Worth(0) is usually 0.
type Worth func(coalition uint64) float64

// MaxPlayers bounds a game.
const MaxPlayers = 64

// Shapley gives each of n players the mean of what it adds to those before it, over all orders of joining (Shapley, "A value for
// n-person games", 1953). Up to MaxExact players it is exact and Errors is nil; beyond, it is the mean over `samples` orders,
// each one taken forwards and backwards, and Errors has the standard error of each value. Values add up to Worth(all) − Worth(0) either
// way, but for rounding. The same seed gives the same values.
func Shapley(n int, worth Worth, samples int, seed uint64) (values, errors []float64, err error) {
	switch {
	case n < 0 || n > MaxPlayers:
		return nil, nil, fmt.Errorf("%w: Shapley's value is for at most %d channels", ErrModel, MaxPlayers)
	case n <= MaxExact:
		return exact(n, worth), nil, nil
	case samples < 1:
		return nil, nil, fmt.Errorf("%w: samples must be at least 1", ErrModel)
	}
	values, errors = sampled(n, worth, samples, seed)
	return values, errors, nil
}

// exact sums over coalitions: |S|!·(n−|S|−1)!/n! · (v(S ∪ i) − v(S)).
func exact(n int, worth Worth) []float64 {
	values := make([]float64, n)
	v := make([]float64, 1<<n)
	for s := range v {
		v[s] = worth(uint64(s))
	}
	weight := make([]float64, n) // by |S|
	for size := range weight {
		// 1 / (n · C(n−1, size))
		choose := 1.0
		for k := range size {
			choose = choose * float64(n-1-k) / float64(k+1)
		}
		weight[size] = 1 / (float64(n) * choose)
	}
	for s := range v {
		size := 0
		for rest := s; rest != 0; rest &= rest - 1 {
			size++
		}
		for i := range n {
			if s&(1<<i) == 0 {
				values[i] += weight[size] * (v[s|1<<i] - v[s])
			}
		}
	}
	return values
}

func sampled(n int, worth Worth, samples int, seed uint64) (values, errors []float64) {
	values, errors = make([]float64, n), make([]float64, n)
	random := rand.New(rand.NewPCG(seed, 0x5ba91e7)) //nolint:gosec // a seeded order, no secret
	order, pair := make([]int, n), make([]float64, n)
	for i := range order {
		order[i] = i
	}
	walk := func() {
		before, s := worth(0), uint64(0)
		for _, i := range order {
			s |= 1 << i
			after := worth(s)
			pair[i] += (after - before) / 2
			before = after
		}
	}
	squares := make([]float64, n)
	for k := range samples {
		clear(pair)
		random.Shuffle(n, func(a, b int) { order[a], order[b] = order[b], order[a] })
		walk()
		for a, b := 0, n-1; a < b; a, b = a+1, b-1 {
			order[a], order[b] = order[b], order[a]
		}
		walk()
		for i, x := range pair { // Welford's running mean and variance
			delta := x - values[i]
			values[i] += delta / float64(k+1)
			squares[i] += delta * (x - values[i])
		}
	}
	for i := range errors {
		if samples > 1 {
			errors[i] = math.Sqrt(squares[i] / float64(samples-1) / float64(samples))
		}
	}
	return values, errors
}

// Coverage gives each channel its Shapley value in the game in which a coalition brings what the paths brought that it covers: those
// with no channel outside it. There the value has a closed form, exact for any number of channels: every path's conversions,
// or value, are shared equally by the different channels on it (Zhao, Mahboobi and Bagheri, "Shapley value methods for
// attribution modeling in online advertising", 2018).
func Coverage(paths []Path, keys int, byValue bool) []float64 {
	values := make([]float64, keys)
	on := make([]int, keys) // the last path, from 1, that each channel was counted on
	var distinct []int
	for i := range paths {
		p := &paths[i]
		distinct = distinct[:0]
		for _, t := range p.Touches {
			if on[t.Key] != i+1 {
				on[t.Key] = i + 1
				distinct = append(distinct, t.Key)
			}
		}
		brought := float64(p.Conversions)
		if byValue {
			brought = float64(p.Value)
		}
		for _, key := range distinct {
			values[key] += brought / float64(len(distinct))
		}
	}
	return values
}

// Rates is the game in which a coalition brings the rate at which the paths that it covers convert, times all paths: unlike in
// Coverage a channel that stands on many paths that lead to nothing is worth less, and may be worth less than nothing. A
// coalition that covers no path brings nothing.
func Rates(paths []Path, byValue bool) Worth {
	type tally struct{ brought, all float64 }
	sets := map[uint64]int{}
	var masks []uint64
	var tallies []tally
	everything := 0.0
	for i := range paths {
		p := &paths[i]
		if len(p.Touches) == 0 {
			continue
		}
		mask := uint64(0)
		for _, t := range p.Touches {
			mask |= 1 << t.Key
		}
		at, ok := sets[mask]
		if !ok {
			at = len(masks)
			sets[mask] = at
			masks, tallies = append(masks, mask), append(tallies, tally{})
		}
		brought := float64(p.Conversions)
		if byValue {
			brought = float64(p.Value)
		}
		tallies[at].brought += brought
		tallies[at].all += float64(p.Conversions + p.Nulls)
		everything += float64(p.Conversions + p.Nulls)
	}
	known := map[uint64]float64{}
	return func(coalition uint64) float64 {
		if v, ok := known[coalition]; ok {
			return v
		}
		var t tally
		for i, mask := range masks {
			if mask&^coalition == 0 {
				t.brought += tallies[i].brought
				t.all += tallies[i].all
			}
		}
		v := 0.0
		if t.all > 0 {
			v = t.brought / t.all * everything
		}
		known[coalition] = v
		return v
	}
}
