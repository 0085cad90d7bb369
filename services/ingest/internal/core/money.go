package core

import (
	"errors"
	"strconv"
	"strings"
)

// maxExponent bounds what an amount may be written out to.
const maxExponent = 30

// Amount gives a decimal number as plain digits, exactly: no exponent, no plus sign, no needless zeros in front; zeros
// behind the point are kept, they are the sender's precision. It reads what a JSON number or a person may write:
// 12000.50, 1.2e4, -3.
func Amount(s string) (string, error) {
	bad := errors.New("is not a decimal number such as 12000.50")
	if len(s) > 64 {
		return "", errors.New("has more than 64 characters")
	}
	s = strings.TrimSpace(s)
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		n, err := strconv.Atoi(s[i+1:])
		if err != nil || n > maxExponent || n < -maxExponent {
			return "", bad
		}
		mantissa, exponent = s[:i], n
	}
	sign := ""
	if rest, ok := strings.CutPrefix(mantissa, "-"); ok {
		sign, mantissa = "-", rest
	} else {
		mantissa = strings.TrimPrefix(mantissa, "+")
	}
	whole, fraction, point := strings.Cut(mantissa, ".")
	if whole == "" || point && fraction == "" || !digits(whole) || !digits(fraction) {
		return "", bad
	}
	if exponent > 0 {
		n := min(exponent, len(fraction))
		whole, fraction = whole+fraction[:n]+strings.Repeat("0", exponent-n), fraction[n:]
	} else if exponent < 0 {
		whole = strings.Repeat("0", -exponent) + whole
		n := len(whole) + exponent
		whole, fraction = whole[:n], whole[n:]+fraction
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if strings.Trim(whole+fraction, "0") == "" {
		sign = ""
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Currency gives an ISO 4217 code in upper case. It checks the form alone: codes come and go.
func Currency(s string) (string, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if len(s) != 3 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "", errors.New("is not a three-letter currency code such as EUR")
	}
	return s, nil
}
