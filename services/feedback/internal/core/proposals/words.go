package proposals

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// percent writes a rate with two digits that tell something: 1.1 %, 62 %.
func percent(rate float64) string {
	p := 100 * rate
	if p < 10 && p > 0 {
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(p, 'f', 0, 64) + " %"
}

// points writes millionths as agreements do: 10, -2.5.
func points(m int64) string {
	s := strconv.FormatFloat(float64(m)/Point, 'f', 6, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// Span writes milliseconds as agreements do: days, or else hours and minutes.
func Span(ms int64) string {
	switch {
	case ms%day == 0 && ms >= 2*day:
		return fmt.Sprintf("%dd", ms/day)
	case ms%hour == 0:
		return fmt.Sprintf("%dh", ms/hour)
	}
	return fmt.Sprintf("%dm", ms/time.Minute.Milliseconds())
}

const hour = int64(60 * 60 * 1000)

// slug makes an id of words, at most most bytes long.
func slug(words string, most int) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(words) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			dash = false
		} else {
			dash = true
		}
	}
	s := b.String()
	return strings.Trim(s[:min(len(s), most)], "-")
}

// free gives an id that no rule has.
func (a *Agreement) free(id string) string {
	id = cmp.Or(slug(id, 58), "rule")
	name := id
	for n := 2; slices.Contains(a.Taken, name); n++ {
		name = fmt.Sprintf("%s-%d", id, n)
	}
	return name
}
