package money

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Rates are what currencies were worth over time, against one base. The zero Rates know none. Once they are shared they must
// not be changed: With gives others.
type Rates struct {
	base string
	of   map[string][]dated
}

// dated is a rate from a day on. Days are counted from 1970, UTC.
type dated struct {
	day  int64
	text string
	rate Rate
}

// Base gives the currency that everything is converted to, "" before any rate was stated.
func (r *Rates) Base() string { return r.base }

// Day gives the day of a moment in milliseconds since 1970, UTC.
func Day(at int64) int64 {
	const day = 24 * 60 * 60 * 1000
	if at < 0 {
		return (at - day + 1) / day
	}
	return at / day
}

// ParseDay reads a day such as 2026-11-20.
func ParseDay(s string) (int64, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, errors.New("is not a day such as 2026-11-20")
	}
	return Day(t.UnixMilli()), nil
}

// FormatDay writes a day.
func FormatDay(day int64) string { return time.Unix(day*24*60*60, 0).UTC().Format(time.DateOnly) }

// Errors of With.
var (
	ErrCurrency  = errors.New("is not an ISO 4217 code such as EUR")
	ErrOtherBase = errors.New("is not the base of the rates that were stated before")
	ErrOfBase    = errors.New("is the base itself, which is worth 1")
)

// Stated is one day's rates, as they were stated: a currency to a decimal.
type Stated struct {
	Day   string
	Rates map[string]string
}

// Problem is what is wrong with a statement of rates, and where.
type Problem struct {
	Field string
	Err   error
}

// With gives the rates with a statement added, and all that is wrong with the statement: then it has none of it. Of one day and
// currency the later statement holds.
func (r *Rates) With(base string, days []Stated) (*Rates, []Problem) {
	var problems []Problem
	fail := func(field string, err error) { problems = append(problems, Problem{field, err}) }
	switch {
	case !Currency(base):
		fail("base", ErrCurrency)
	case r.base != "" && r.base != base:
		fail("base", fmt.Errorf("%w: %s", ErrOtherBase, r.base))
	}
	out := &Rates{base: base, of: map[string][]dated{}}
	for c, list := range r.of {
		out.of[c] = slices.Clone(list)
	}
	for i, d := range days {
		day, err := ParseDay(d.Day)
		if err != nil {
			fail(fmt.Sprintf("days[%d].date", i), err)
		}
		for _, c := range sortedKeys(d.Rates) {
			field := fmt.Sprintf("days[%d].rates.%s", i, clip(c))
			rate, err := ParseRate(d.Rates[c])
			switch {
			case !Currency(c):
				fail(field, ErrCurrency)
			case c == base:
				fail(field, ErrOfBase)
			case err != nil:
				fail(field, err)
			default:
				out.put(c, dated{day: day, text: d.Rates[c], rate: rate})
			}
		}
	}
	if problems != nil {
		return r, problems
	}
	return out, nil
}

// Hold reports whether a statement says nothing new. It must have been checked, by With.
func (r *Rates) Hold(base string, days []Stated) bool {
	for _, d := range days {
		day, err := ParseDay(d.Day)
		if err != nil {
			return false
		}
		for c, text := range d.Rates {
			list := r.of[c]
			i, found := slices.BinarySearchFunc(list, day, func(e dated, day int64) int { return cmp.Compare(e.day, day) })
			if !found || list[i].text != text {
				return false
			}
		}
	}
	return r.base == base
}

func (r *Rates) put(currency string, d dated) {
	list := r.of[currency]
	i, found := slices.BinarySearchFunc(list, d.day, func(e dated, day int64) int { return cmp.Compare(e.day, day) })
	if found {
		list[i] = d
		return
	}
	r.of[currency] = slices.Insert(list, i, d)
}

// Days gives all rates as they were stated, in order of their days.
func (r *Rates) Days() []Stated {
	byDay := map[int64]map[string]string{}
	for c, list := range r.of {
		for _, d := range list {
			if byDay[d.day] == nil {
				byDay[d.day] = map[string]string{}
			}
			byDay[d.day][c] = d.text
		}
	}
	var out []Stated
	for _, day := range sortedKeys(byDay) {
		out = append(out, Stated{Day: FormatDay(day), Rates: byDay[day]})
	}
	return out
}

// NoRateError tells that an amount stays in its own currency, because nobody stated a rate for the day.
type NoRateError struct {
	Currency string
	Day      int64
}

// Error says so in words.
func (e *NoRateError) Error() string {
	if e.Currency == "" {
		return "the amount has no currency"
	}
	return fmt.Sprintf("there is no rate for %s on or before %s", e.Currency, FormatDay(e.Day))
}

// ErrNoRates tells that no rates were ever stated.
var ErrNoRates = errors.New("no rates were stated")

// Convert gives an amount in micro-units of currency in micro-units of the base, at the rate in force at a moment in
// milliseconds since 1970: that of the day, UTC, or of the last day before that has one; rounded half to even. The error is
// ErrNoRates, a *NoRateError or ErrTooLarge: the amount then stays in its own currency.
func (r *Rates) Convert(micros int64, currency string, at int64) (int64, error) {
	switch {
	case currency == "":
		return 0, &NoRateError{}
	case r == nil || r.base == "":
		return 0, ErrNoRates
	case currency == r.base:
		return micros, nil
	}
	return r.Between(micros, currency, r.base, at)
}

// Between gives an amount in micro-units of one currency in micro-units of another, through the base; see Convert. Rounded once.
func (r *Rates) Between(micros int64, from, to string, at int64) (int64, error) {
	switch {
	case from == "" || to == "":
		return 0, &NoRateError{}
	case from == to:
		return micros, nil
	case r == nil || r.base == "":
		return 0, ErrNoRates
	}
	of, err := r.worth(from, at)
	if err != nil {
		return 0, err
	}
	in, err := r.worth(to, at)
	if err != nil {
		return 0, err
	}
	return convert(micros, of, in)
}

// worth gives what one unit of the base is worth in a currency at a moment.
func (r *Rates) worth(currency string, at int64) (*big.Rat, error) {
	if currency == r.base {
		return big.NewRat(1, 1), nil
	}
	list, day := r.of[currency], Day(at)
	i, found := slices.BinarySearchFunc(list, day, func(e dated, day int64) int { return cmp.Compare(e.day, day) })
	if !found {
		i--
	}
	if i < 0 {
		return nil, &NoRateError{Currency: currency, Day: day}
	}
	return list[i].rate.r, nil
}

// Sum adds amounts of several currencies in the base. What could not be converted is kept by currency, and counted.
type Sum struct {
	// Total of what could be converted, in micro-units of the base.
	Total int64
	// Left is what could not be, in micro-units of each currency; Missing counts the amounts.
	Left    map[string]int64
	Missing int
}

// Add adds an amount.
func (s *Sum) Add(r *Rates, micros int64, currency string, at int64) {
	in, err := r.Convert(micros, currency, at)
	if err == nil {
		s.Total = add(s.Total, in)
		return
	}
	if s.Left == nil {
		s.Left = map[string]int64{}
	}
	s.Left[currency] = add(s.Left[currency], micros)
	s.Missing++
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// clip keeps what strangers send out of messages beyond a few characters.
func clip(s string) string {
	if len(s) > 12 {
		return s[:12] + "…"
	}
	return s
}
