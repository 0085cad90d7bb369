package agreement

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

var errDuration = errors.New("must be a duration such as 15m, 4h, 14d or 1h30m")

var durationUnits = []struct {
	letter byte
	length time.Duration
}{{'w', 7 * 24 * time.Hour}, {'d', 24 * time.Hour}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}}

// ParseDuration reads a positive span of whole weeks, days (24 h each), hours, minutes and seconds: 14d, 4h, 1h30m. Units
// come largest first, each once. It gives an error for anything else, and beyond MaxDuration.
func ParseDuration(s string) (time.Duration, error) {
	var total time.Duration
	rest, unit := s, 0
	for rest != "" {
		n := 0
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n == 0 || n > 9 || n == len(rest) {
			return 0, errDuration
		}
		for unit < len(durationUnits) && durationUnits[unit].letter != rest[n] {
			unit++
		}
		if unit == len(durationUnits) {
			return 0, errDuration
		}
		count, err := strconv.ParseInt(rest[:n], 10, 64)
		if err != nil || count > int64(MaxDuration/durationUnits[unit].length) {
			return 0, errors.New("must be at most 3660d")
		}
		total += time.Duration(count) * durationUnits[unit].length
		rest, unit = rest[n+1:], unit+1
	}
	switch {
	case total <= 0:
		return 0, errDuration
	case total > MaxDuration:
		return 0, errors.New("must be at most 3660d")
	}
	return total, nil
}

// FormatDuration writes a span of whole seconds as ParseDuration reads it, in days, hours, minutes and seconds: 14d, 4h,
// 1d12h. What ParseDuration does not give (nothing, less, parts of a second) is written as Go does.
func FormatDuration(d time.Duration) string {
	if d <= 0 || d%time.Second != 0 {
		return d.String()
	}
	var b strings.Builder
	for _, u := range durationUnits[1:] { // weeks are how some write 7d
		if d >= u.length {
			b.WriteString(strconv.FormatInt(int64(d/u.length), 10))
			b.WriteByte(u.letter)
			d %= u.length
		}
	}
	return b.String()
}

// FormatMicros writes points as a decimal number, exactly, without zeros at its end: 2.5, -25.
func FormatMicros(m Micros) string {
	sign, magnitude := "", uint64(m)
	if m < 0 {
		sign, magnitude = "-", -magnitude
	}
	whole, fraction := magnitude/uint64(Point), magnitude%uint64(Point)
	if fraction == 0 {
		return sign + strconv.FormatUint(whole, 10)
	}
	digits := strconv.FormatUint(uint64(Point)+fraction, 10)[1:]
	return sign + strconv.FormatUint(whole, 10) + "." + strings.TrimRight(digits, "0")
}

// parseMicros reads a decimal number of points with at most six digits behind the point, exactly.
func parseMicros(s string) (Micros, error) {
	errShape := errors.New("must be a number with at most 6 digits behind the point")
	digits, negative := strings.CutPrefix(s, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" || len(whole) > 9 || len(fraction) > 6 || strings.HasSuffix(digits, ".") {
		return 0, errShape
	}
	for _, c := range whole + fraction {
		if c < '0' || c > '9' {
			return 0, errShape
		}
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", 6-len(fraction)), 10, 64)
	if err != nil {
		return 0, errShape
	}
	if negative {
		n = -n
	}
	return Micros(n), nil
}
