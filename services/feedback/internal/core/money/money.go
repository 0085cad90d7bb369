// Package money is exact: amounts are integer micro-units of their currency, rates are decimals, and nothing is converted by a
// rate that nobody stated.
package money

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
)

// Micros of one unit.
const Micros = 1_000_000

// digits behind the point of a micro-unit, and the most that a rate may have on either side.
const (
	digits     = 6
	rateDigits = 18
)

// ErrAmount tells that a text is no amount: an optional minus, digits, and at most six behind a point that are not zero; not
// above 9,223,372,036,854.775807.
var ErrAmount = errors.New("is not an amount such as 12000.50, with at most six digits behind the point and at most 13 before it")

// Parse reads an exact decimal as micro-units. The error is ErrAmount.
func Parse(s string) (int64, error) {
	whole, part, pointed := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	part = strings.TrimRight(part, "0") + strings.Repeat("0", max(0, digits-len(strings.TrimRight(part, "0"))))
	switch {
	case !number(whole) || len(whole) > 40 || len(part) > digits || !number(part):
		return 0, ErrAmount
	case pointed && strings.HasSuffix(s, "."):
		return 0, ErrAmount
	}
	n, ok := new(big.Int).SetString(whole+part, 10)
	if !ok {
		return 0, ErrAmount
	}
	if strings.HasPrefix(s, "-") {
		n.Neg(n)
	}
	if !n.IsInt64() {
		return 0, ErrAmount
	}
	return n.Int64(), nil
}

// Format writes micro-units as an exact decimal, with at least two digits behind the point.
func Format(micros int64) string {
	sign, n := "", uint64(micros)
	if micros < 0 {
		sign, n = "-", -n
	}
	part := fmt.Sprintf("%06d", n%Micros)
	for len(part) > 2 && part[len(part)-1] == '0' {
		part = part[:len(part)-1]
	}
	return fmt.Sprintf("%s%d.%s", sign, n/Micros, part)
}

func number(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Currency reports whether a code has the shape of ISO 4217: three capital letters.
func Currency(code string) bool {
	for i := range len(code) {
		if code[i] < 'A' || code[i] > 'Z' {
			return false
		}
	}
	return len(code) == 3
}

// ErrRate tells that a text is no rate: digits with at most 18 on either side of a point, and more than zero.
var ErrRate = errors.New("is not a rate such as 1.0842: a decimal number above 0, with at most 18 digits on either side of the point")

// Rate is what one unit of the base is worth in another currency, exactly. The zero Rate is none.
type Rate struct{ r *big.Rat }

// ParseRate reads an exact decimal. The error is ErrRate.
func ParseRate(s string) (Rate, error) {
	whole, part, pointed := strings.Cut(s, ".")
	if !number(whole) || len(whole) > rateDigits || pointed && (!number(part) || len(part) > rateDigits) {
		return Rate{}, ErrRate
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || r.Sign() <= 0 {
		return Rate{}, ErrRate
	}
	return Rate{r}, nil
}

// ErrTooLarge tells that a converted amount does not fit into micro-units.
var ErrTooLarge = errors.New("the amount is too large in the other currency")

// convert gives micros × to ÷ from, rounded half to even.
func convert(micros int64, from, to *big.Rat) (int64, error) {
	v := new(big.Rat).SetInt64(micros)
	return rounded(v.Mul(v, to).Quo(v, from))
}

// rounded gives the nearest whole number, of two the even one. The error is ErrTooLarge.
func rounded(v *big.Rat) (int64, error) {
	n, rest := new(big.Int).QuoRem(v.Num(), v.Denom(), new(big.Int)) // towards zero
	half := new(big.Int).Abs(rest)
	half.Lsh(half, 1)
	if c := half.Cmp(v.Denom()); c > 0 || c == 0 && n.Bit(0) == 1 {
		n.Add(n, big.NewInt(int64(v.Sign())))
	}
	if !n.IsInt64() {
		return 0, ErrTooLarge
	}
	return n.Int64(), nil
}

// add sums without overflow: at the bounds it stays.
func add(a, b int64) int64 {
	switch c := a + b; {
	case a > 0 && b > 0 && c < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && c >= 0:
		return math.MinInt64
	default:
		return c
	}
}

// maxText is the longest text that is looked at as a number.
const maxText = 100

// Round reads a decimal of any precision as micro-units, rounded half to even: systems that calculate with binary numbers send
// digits that nobody meant. The error is ErrAmount.
func Round(s string) (int64, error) {
	whole, part, pointed := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if len(s) > maxText || !number(whole) || pointed && !number(part) {
		return 0, ErrAmount
	}
	v, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, ErrAmount
	}
	n, err := rounded(v.Mul(v, big.NewRat(Micros, 1)))
	if err != nil {
		return 0, ErrAmount
	}
	return n, nil
}
