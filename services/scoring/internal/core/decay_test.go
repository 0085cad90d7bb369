package core

import (
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const day = 24 * time.Hour

// slowDecayed is the definition itself, in 300 bits: raw * 2^(-age/halfLife) before rounding.
func slowDecayed(raw Micros, age, halfLife time.Duration) *big.Float {
	const prec = 300
	x := new(big.Float).SetPrec(prec).SetInt64(int64(raw))
	if halfLife <= 0 || age <= 0 {
		return x
	}
	whole, part := int64(age/halfLife), new(big.Float).SetPrec(prec).SetInt64(int64(age%halfLife))
	part.Quo(part, new(big.Float).SetPrec(prec).SetInt64(int64(halfLife)))
	root := new(big.Float).SetPrec(prec).SetFloat64(0.5)
	two := new(big.Float).SetPrec(prec).SetInt64(2)
	unit := new(big.Float).SetPrec(prec).SetInt64(1)
	for range 200 { // part in binary: each digit is a square root deeper
		root.Sqrt(root)
		part.Mul(part, two)
		if part.Cmp(unit) >= 0 {
			part.Sub(part, unit)
			x.Mul(x, root)
		}
	}
	return x.SetMantExp(x, -int(whole))
}

func TestDecayedIsTheDefinitionRounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := Micros(rapid.Int64Range(-2_000_000_000_000, 2_000_000_000_000).Draw(t, "raw"))
		halfLife := time.Duration(rapid.Int64Range(int64(time.Minute), int64(3660*day)).Draw(t, "halfLife"))
		age := time.Duration(rapid.Int64Range(-int64(time.Hour), int64(20000*day)).Draw(t, "age"))
		exact := slowDecayed(raw, age, halfLife)
		off, _ := new(big.Float).Sub(exact, new(big.Float).SetInt64(int64(Decayed(raw, age, halfLife)))).Float64()
		if math.Abs(off) > 0.5+1e-4 {
			t.Fatalf("off by %v micro-points", off)
		}
	})
}

func TestDecayedAtWholeHalfLives(t *testing.T) {
	for _, c := range []struct {
		raw  Micros
		age  time.Duration
		want Micros
	}{
		{8 * Point, 0, 8 * Point}, {8 * Point, 14 * day, 4 * Point}, {8 * Point, 28 * day, 2 * Point}, {-25 * Point, 14 * day, -12_500_000},
		{5, 14 * day, 2}, {7, 14 * day, 4}, {3, 14 * day, 2}, {1, 14 * day, 0}, {-5, 14 * day, -2}, {-7, 14 * day, -4}, // half to even
		{8 * Point, -time.Hour, 8 * Point}, {1000 * Point, 14 * day * 31, 0}, {1000 * Point, 14 * day * 70, 0},
		{10 * Point, 7 * day, 7071068}, {math.MaxInt64, 14 * day, math.MaxInt64/2 + 1},
	} {
		if got := Decayed(c.raw, c.age, 14*day); got != c.want {
			t.Errorf("%d after %v: got %d, want %d", c.raw, c.age, got, c.want)
		}
	}
	if got := Decayed(5, 100*day, 0); got != 5 {
		t.Errorf("no half-life: got %d", got)
	}
}

func TestDecayedNeverRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := Micros(rapid.Int64Range(0, 1_000_000_000).Draw(t, "raw"))
		halfLife := time.Duration(rapid.Int64Range(int64(time.Minute), int64(400*day)).Draw(t, "halfLife"))
		a := time.Duration(rapid.Int64Range(0, int64(4000*day)).Draw(t, "a"))
		b := a + time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "more"))
		if Decayed(raw, a, halfLife) < Decayed(raw, b, halfLife) {
			t.Fatal("the older is worth more")
		}
	})
}

func BenchmarkDecayed(b *testing.B) {
	for i := range b.N {
		Decayed(8*Point, time.Duration(i)*time.Hour+12345, 14*day)
	}
}
