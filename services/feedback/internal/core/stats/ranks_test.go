package stats

import (
	"testing"

	"pgregory.net/rapid"
)

// TestQuantileRanksAreThoseOfTheInterval: looked up by rank, an interval is what it is over sorted values.
func TestQuantileRanksAreThoseOfTheInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 3000).Draw(t, "n")
		q := rapid.SampledFrom([]float64{0.1, 0.25, 0.5, 0.75, 0.9, 0.95}).Draw(t, "q")
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(i + 1)
		}
		low, high, ok := QuantileInterval(values, q, 0.95)
		lower, upper, found := QuantileRanks(n, q, 0.95)
		if ok != found || ok && (int(low) != lower || int(high) != upper) {
			t.Fatalf("ranks %d to %d %v, the interval is %g to %g %v", lower, upper, found, low, high, ok)
		}
	})
}
