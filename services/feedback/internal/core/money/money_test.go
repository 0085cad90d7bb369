package money

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseAndFormat(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "12000.50": 12_000_500_000, "0.000001": 1, "-3.5": -3_500_000, "7.1000000000": 7_100_000, "9223372036854.775807": math.MaxInt64,
		"-9223372036854.775808": math.MinInt64,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ".5", "5.", "1e3", "+1", "--1", "1,5", "0.0000001", "9223372036854.775808", "NaN", " 1", strings.Repeat("9", 300)} {
		if got, err := Parse(text); !errors.Is(err, ErrAmount) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64().Draw(t, "micros")
		if got, err := Parse(Format(n)); err != nil || got != n {
			t.Fatalf("%d is %s, read as %d, %v", n, Format(n), got, err)
		}
		if got, err := Round(Format(n)); err != nil || got != n {
			t.Fatalf("%d is %s, rounded to %d, %v", n, Format(n), got, err)
		}
	})
}

func TestRoundIsHalfEven(t *testing.T) {
	for text, want := range map[string]int64{
		"0.0000005": 0, "0.0000015": 2, "0.0000025": 2, "-0.0000015": -2, "-0.0000025": -2, "1234.5600000000001": 1_234_560_000, "0.00000050001": 1,
	} {
		if got, err := Round(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1e9", "x", "1/3", "0x10", strings.Repeat("1", 101), "99999999999999"} {
		if got, err := Round(text); !errors.Is(err, ErrAmount) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

// An amount is converted by the rate of the day, or the last day before that has one, within half a micro-unit of the exact
// value, of two nearest the even one; and by nothing that nobody stated.
func TestConvertIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rates, last := new(Rates), map[int64]string{}
		for range rapid.IntRange(0, 5).Draw(t, "statements") {
			day := rapid.Int64Range(0, 10).Draw(t, "day")
			text := rapid.SampledFrom([]string{"1.0842", "0.5", "2", "3", "0.000000000000000001", "123456.789", "4"}).Draw(t, "rate")
			var problems []Problem
			if rates, problems = rates.With("EUR", []Stated{{FormatDay(day), map[string]string{"USD": text}}}); problems != nil {
				t.Fatal(problems)
			}
			last[day] = text
		}
		micros, at := rapid.Int64().Draw(t, "micros"), rapid.Int64Range(0, 12*86_400_000).Draw(t, "at")
		rate := ""
		for day := int64(0); day <= at/86_400_000; day++ {
			if text, ok := last[day]; ok {
				rate = text
			}
		}
		got, err := rates.Convert(micros, "USD", at)
		if rate == "" {
			var missing *NoRateError
			if !errors.As(err, &missing) && !errors.Is(err, ErrNoRates) {
				t.Fatalf("converted to %d without a rate, %v", got, err)
			}
			return
		}
		r, _ := new(big.Rat).SetString(rate)
		exact := new(big.Rat).Quo(new(big.Rat).SetInt64(micros), r)
		if err != nil {
			if limit := new(big.Rat).SetInt64(math.MaxInt64); !errors.Is(err, ErrTooLarge) || new(big.Rat).Abs(exact).Cmp(limit) < 0 {
				t.Fatalf("%v of %s", err, exact.FloatString(3))
			}
			return
		}
		off := new(big.Rat).Sub(new(big.Rat).SetInt64(got), exact)
		switch c := off.Abs(off).Cmp(big.NewRat(1, 2)); {
		case c > 0, c == 0 && got%2 != 0:
			t.Fatalf("%d at %s is %d, exactly %s", micros, rate, got, exact.FloatString(3))
		}
	})
}

func TestRates(t *testing.T) {
	rates, problems := new(Rates).With("EUR", []Stated{{"2026-11-20", map[string]string{"USD": "1.25", "SEK": "10"}}, {"2026-11-01", map[string]string{"USD": "2"}}})
	if problems != nil {
		t.Fatal(problems)
	}
	day, _ := ParseDay("2026-11-20")
	at := day * 86_400_000
	for name, c := range map[string]struct {
		currency string
		at, want int64
		err      string
	}{
		"the day's":          {"USD", at, 80_000_000, ""},
		"its last moment's":  {"USD", at + 86_399_999, 80_000_000, ""},
		"the day before's":   {"USD", at - 1, 50_000_000, ""},
		"the base itself":    {"EUR", 0, 100_000_000, ""},
		"before any rate":    {"SEK", at - 1, 0, "there is no rate for SEK on or before 2026-11-19"},
		"an unknown one":     {"GBP", at, 0, "there is no rate for GBP on or before 2026-11-20"},
		"one without a name": {"", at, 0, "the amount has no currency"},
	} {
		got, err := rates.Convert(100_000_000, c.currency, c.at)
		if text := ""; got != c.want || err != nil && err.Error() != c.err || err == nil && c.err != text {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	if days := rates.Days(); len(days) != 2 || days[0].Day != "2026-11-01" || days[1].Rates["SEK"] != "10" || !rates.Hold("EUR", days) ||
		rates.Hold("EUR", []Stated{{"2026-11-01", map[string]string{"USD": "3"}}}) || rates.Hold("USD", nil) {
		t.Errorf("%v", days)
	}
	for field, bad := range map[string][]Stated{
		"days[0].date":      {{"20.11.2026", nil}},
		"days[0].rates.USD": {{"2026-11-20", map[string]string{"USD": "0"}}},
		"days[0].rates.EUR": {{"2026-11-20", map[string]string{"EUR": "1"}}},
		"days[0].rates.usd": {{"2026-11-20", map[string]string{"usd": "1"}}},
	} {
		if got, problems := rates.With("EUR", bad); len(problems) != 1 || problems[0].Field != field || got != rates {
			t.Errorf("%s: %v", field, problems)
		}
	}
	if _, problems := rates.With("USD", nil); len(problems) != 1 || !errors.Is(problems[0].Err, ErrOtherBase) {
		t.Errorf("another base: %v", problems)
	}
	var sum Sum
	sum.Add(rates, 100, "USD", at)
	sum.Add(rates, 7, "GBP", at)
	sum.Add(rates, math.MaxInt64, "EUR", at)
	if sum.Total != math.MaxInt64 || sum.Left["GBP"] != 7 || sum.Missing != 1 {
		t.Errorf("%+v", sum)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("12000.50")
	f.Add("-0.0000015")
	f.Fuzz(func(t *testing.T, s string) {
		exact, err := Parse(s)
		if near, errRound := Round(s); err == nil && (errRound != nil || near != exact) && len(s) <= maxText {
			t.Fatalf("%q: %d and %d, %v", s, exact, near, errRound)
		}
		_, _ = ParseRate(s)
		_, _ = ParseDay(s)
	})
}
