package attribution

import (
	"math/big"
	"strings"
)

// Unit is how many micro-units are one: amounts, and conversions, are whole micro-units.
const Unit = 1_000_000

// maxWhole is how many digits an amount may have before the point: more do not fit into micro-units.
const maxWhole = 12

// ParseAmount reads a decimal such as 12000.50 into micro-units. What lies beyond the sixth decimal is rounded half to even. It
// reports false for what is no plain decimal, and from a trillion on.
func ParseAmount(s string) (micros int64, ok bool) {
	negative := strings.HasPrefix(s, "-")
	if negative {
		s = s[1:]
	}
	whole, fraction, point := strings.Cut(s, ".")
	if whole == "" && fraction == "" || point && fraction == "" || !digits(whole) || !digits(fraction) {
		return 0, false
	}
	if whole = strings.TrimLeft(whole, "0"); len(whole) > maxWhole {
		return 0, false
	}
	for _, c := range []byte(whole) {
		micros = micros*10 + int64(c-'0')
	}
	rest := ""
	if len(fraction) > 6 {
		fraction, rest = fraction[:6], fraction[6:]
	}
	for _, c := range []byte(fraction + "000000"[len(fraction):]) {
		micros = micros*10 + int64(c-'0')
	}
	if rest != "" && (rest[0] > '5' || rest[0] == '5' && (strings.Trim(rest[1:], "0") != "" || micros%2 == 1)) {
		micros++
	}
	if negative {
		micros = -micros
	}
	return micros, true
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// FormatAmount writes micro-units exactly, with at least two decimals: 12000.50, 0.333334.
func FormatAmount(micros *big.Int) string {
	whole, fraction := new(big.Int).QuoRem(new(big.Int).Abs(micros), big.NewInt(Unit), new(big.Int))
	f := fraction.String()
	f = strings.TrimRight("000000"[len(f):]+f, "0")
	for len(f) < 2 {
		f += "0"
	}
	sign := ""
	if micros.Sign() < 0 {
		sign = "-"
	}
	return sign + whole.String() + "." + f
}
