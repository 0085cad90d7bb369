package attribution

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func every(t testing.TB) []Model {
	t.Helper()
	var out []Model
	for _, id := range append(Names(), NameCustom) {
		m, err := NewModel(id, Params{Weights: []float64{0.3, 0.2, 0.1, 0.3}})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func drawQuestion(t *rapid.T, keys int) *Question {
	q := &Question{Keys: keys, Currencies: 2}
	for range rapid.IntRange(0, 15).Draw(t, "deals") {
		p := journey(1, 0, rapid.SliceOfN(rapid.IntRange(0, keys-1), 0, 8).Draw(t, "keys")...)
		p.End = int64(len(p.Touches)) * 3_600_000
		p.Lead = rapid.IntRange(None, len(p.Touches)-1).Draw(t, "lead")
		p.Opportunity = rapid.IntRange(None, len(p.Touches)-1).Draw(t, "opportunity")
		q.Converted = append(q.Converted, Journey{
			Path: p, Amount: rapid.OneOf(rapid.Int64Range(0, 1<<62), rapid.Int64Range(0, 5), rapid.Int64Range(-1000, 1000)).Draw(t, "amount"),
			Currency: rapid.IntRange(0, 1).Draw(t, "currency"), HasAmount: rapid.Bool().Draw(t, "has amount"),
		})
	}
	for range rapid.IntRange(0, 10).Draw(t, "nulls") {
		q.Nulls = append(q.Nulls, journey(0, rapid.Int64Range(0, 50).Draw(t, "times"), rapid.SliceOfN(rapid.IntRange(0, keys-1), 1, 6).Draw(t, "null keys")...))
	}
	return q
}

// TestCreditsAddUp: whatever the deals, in every model the credits of all keys are exactly what the deals with touches brought.
func TestCreditsAddUp(t *testing.T) {
	models := every(t)
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuestion(t, 5)
		conversions, money := new(big.Int), []*big.Int{new(big.Int), new(big.Int)}
		for _, j := range q.Converted {
			if len(j.Path.Touches) == 0 {
				continue
			}
			conversions.Add(conversions, big.NewInt(Unit))
			if j.HasAmount {
				money[j.Currency].Add(money[j.Currency], big.NewInt(j.Amount))
			}
		}
		for _, m := range models {
			credits, err := q.Divide(m)
			if err != nil {
				t.Fatal(m.ID, err)
			}
			gotConversions, got := new(big.Int), []*big.Int{new(big.Int), new(big.Int)}
			for _, c := range credits {
				gotConversions.Add(gotConversions, c.Conversions)
				if c.Conversions.Sign() < 0 {
					t.Fatalf("%s: %v conversions", m.ID, c.Conversions)
				}
				for i, a := range c.Amounts {
					got[i].Add(got[i], a)
				}
			}
			if gotConversions.Cmp(conversions) != 0 || got[0].Cmp(money[0]) != 0 || got[1].Cmp(money[1]) != 0 {
				t.Fatalf("%s: %v and %v, want %v and %v", m.ID, gotConversions, got, conversions, money)
			}
		}
	})
}

// TestOrderOfDealsIsNothing: credits do not depend on the order of the deals, nor on how keys are numbered.
func TestOrderOfDealsIsNothing(t *testing.T) {
	models := every(t)
	rapid.Check(t, func(t *rapid.T) {
		const keys = 5
		q := drawQuestion(t, keys)
		number := rapid.Permutation([]int{0, 1, 2, 3, 4}).Draw(t, "numbers")
		other := &Question{Keys: keys, Currencies: q.Currencies}
		for _, j := range rapid.Permutation(q.Converted).Draw(t, "order") {
			j.Path.Touches = renumbered(j.Path.Touches, number)
			other.Converted = append(other.Converted, j)
		}
		for _, p := range rapid.Permutation(q.Nulls).Draw(t, "null order") {
			p.Touches = renumbered(p.Touches, number)
			other.Nulls = append(other.Nulls, p)
		}
		for _, m := range models {
			a, errA := q.Divide(m)
			b, errB := other.Divide(m)
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			for key := range a {
				// Units left over go to the earlier of equal remainders.
				far := new(big.Int).Sub(a[key].Conversions, b[number[key]].Conversions)
				if far.CmpAbs(big.NewInt(int64(len(q.Converted)+1))) > 0 {
					t.Fatalf("%s, key %d: %v and %v", m.ID, key, a[key].Conversions, b[number[key]].Conversions)
				}
			}
		}
	})
}

func renumbered(touches []Touch, number []int) []Touch {
	out := slices.Clone(touches)
	for i := range out {
		out[i].Key = number[out[i].Key]
	}
	return out
}

// TestShapleyIsFair: who never changes anything is worth nothing, those who do the same are worth the same, and what leads to nothing
// alone earns nothing of conversions by coverage.
func TestShapleyIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 7).Draw(t, "players")
		random := rapid.SliceOfN(rapid.Float64Range(0, 100), 1<<n, 1<<n).Draw(t, "worth")
		dummy, a, b := uint64(1), uint64(2), uint64(4)
		worth := func(s uint64) float64 {
			s &^= dummy
			if s&b != 0 && s&a == 0 { // b does for others what a does
				s = s&^b | a
			}
			return random[s]
		}
		v, _, err := Shapley(n, worth, 0, 0)
		if err != nil || math.Abs(v[0]) > 1e-9 || math.Abs(v[1]-v[2]) > 1e-9 {
			t.Fatalf("%v %v", v, err)
		}
	})
	values := Coverage([]Path{journey(3, 0, 0, 1), journey(0, 9, 2)}, 3, false)
	if !slices.Equal(values, []float64{1.5, 1.5, 0}) {
		t.Errorf("%v", values)
	}
}

// TestMarkovAndPathsToNothing: a channel that only stands on paths to nothing, and leads to none that converts, earns nothing; paths of
// its own leave the other channels' shares as they are.
func TestMarkovAndPathsToNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const keys = 4
		paths := drawPaths(t, keys-1)
		order := rapid.IntRange(1, MaxOrder).Draw(t, "order")
		before, err := Markov(paths, keys, order, false)
		if err != nil {
			t.Fatal(err)
		}
		after, err := Markov(append(paths, journey(0, rapid.Int64Range(1, 100).Draw(t, "times"), keys-1)), keys, order, false)
		if err != nil || after[keys-1] != (Effect{}) {
			t.Fatalf("%v %v", after, err)
		}
		for key := range before {
			if math.Abs(before[key].Share-after[key].Share) > 1e-9 {
				t.Fatalf("channel %d: %v and %v", key, before[key], after[key])
			}
		}
	})
}

// TestModelsRefuseNonsense names what is wrong.
func TestModelsRefuseNonsense(t *testing.T) {
	for name, c := range map[string]struct {
		id string
		p  Params
	}{
		"an unknown model":   {"magic", Params{}},
		"an order too high":  {"markov", Params{Order: MaxOrder + 1}},
		"an order below 0":   {"markov", Params{Order: -1}},
		"no weights":         {NameCustom, Params{}},
		"weights above 1":    {NameCustom, Params{Weights: []float64{1, 1, 1, 1}}},
		"a negative decay":   {"time_decay", Params{HalfLife: -1}},
		"weights of nothing": {NameCustom, Params{Weights: []float64{math.NaN(), 0, 0, 0}}},
	} {
		if _, err := NewModel(c.id, c.p); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := &Question{Keys: MaxPlayers + 1}
	for key := range many.Keys {
		many.Converted = append(many.Converted, Journey{Path: journey(1, 0, key)})
	}
	m, _ := NewModel("shapley_rates", Params{})
	if _, err := many.Divide(m); !errors.Is(err, ErrModel) {
		t.Errorf("too many channels: %v", err)
	}
	if _, err := Markov(nil, MaxKeys+1, 1, false); !errors.Is(err, ErrModel) {
		t.Errorf("too many keys: %v", err)
	}
}

func TestAmounts(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "12000.50": 12_000_500_000, "-3.1": -3_100_000, ".5": 500_000, "0.0000005": 0, "0.0000015": 2, "0.00000051": 1, "000000000000001": 1_000_000,
		"999999999999.999999": 999_999_999_999_999_999,
	} {
		if got, ok := ParseAmount(in); !ok || got != want {
			t.Errorf("%q: %d %v, want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"", ".", "-", "1.", "1e5", "1,5", " 1", "+1", "1000000000000", "NaN", "1.2.3", "--1"} {
		if got, ok := ParseAmount(in); ok {
			t.Errorf("%q is taken for %d", in, got)
		}
	}
	for want, micros := range map[string]int64{"0.00": 0, "12000.50": 12_000_500_000, "-0.333334": -333_334, "1.00": Unit, "0.10": 100_000} {
		if got := FormatAmount(big.NewInt(micros)); got != want {
			t.Errorf("%d: %s, want %s", micros, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(-999_999_999_999_999_999, 999_999_999_999_999_999).Draw(t, "micros")
		if got, ok := ParseAmount(FormatAmount(big.NewInt(micros))); !ok || got != micros {
			t.Fatalf("%d became %d", micros, got)
		}
	})
}

// FuzzParseAmount: whatever is sent for an amount, reading it ends, and what was read reads again.
func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"12000.50", "-0.0000005", "1e9", "", "999999999999.9999995", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		micros, ok := ParseAmount(s)
		if !ok {
			return
		}
		if again, ok := ParseAmount(FormatAmount(big.NewInt(micros))); ok && again != micros || !ok && micros < 1e18 && micros > -1e18 {
			t.Fatalf("%q: %d, and then %d %v", s, micros, again, ok)
		}
	})
}

// TestOnePath: by what was learnt, touches of channels that are worth more get more; where channels count once, their touches share.
func TestOnePath(t *testing.T) {
	p := journey(1, 0, 0, 1, 0, 2)
	for _, c := range []struct {
		l    Learnt
		want []float64
	}{
		{Learnt{Weight: []float64{1, 2, 0}}, []float64{.25, .5, .25, 0}},
		{Learnt{Weight: []float64{1, 1, 2}, PerKey: true}, []float64{.125, .25, .125, .5}},
		{Learnt{Weight: []float64{0, -1, 0}}, []float64{.25, .25, .25, .25}},
	} {
		if got := c.l.Shares(&p); !slices.Equal(got, c.want) {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
	got := EqualPerKey(&p)
	if math.Abs(got[0]-1./6) > 1e-12 || math.Abs(got[1]-1./3) > 1e-12 || math.Abs(got[3]-1./3) > 1e-12 {
		t.Errorf("%v", got)
	}
}

// TestRoundingDoesNotAddUp: of thousands of deals alike each key has its exact share, not thousands of times what rounding one deal
// gives it.
func TestRoundingDoesNotAddUp(t *testing.T) {
	q := &Question{Keys: 3, Currencies: 1}
	for range 30_001 {
		q.Converted = append(q.Converted, Journey{Path: journey(1, 0, 0, 1, 2), Amount: 10 * Unit / 3, HasAmount: true})
	}
	m, err := NewModel("linear", Params{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := q.Divide(m)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"10000.333334", "10000.333333", "10000.333333"}
	for key, c := range got {
		if s := FormatAmount(c.Conversions); s != want[key] {
			t.Errorf("key %d has %s conversions, want %s", key, s, want[key])
		}
		if s := FormatAmount(c.Amounts[0]); s != "33334.441111" {
			t.Errorf("key %d has %s", key, s)
		}
	}
}
