package summary

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
)

// percent gives a share with one decimal.
func percent(v float64) string { return fmt.Sprintf("%.1f %%", v*100) }

// plural gives a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// money gives all that an amount consists of, each currency by itself, in whole units.
func money(m metrics.Money) string {
	var parts []string
	for _, a := range append([]metrics.Amount{m.Sum}, m.Apart...) {
		if a.Micros != 0 || a.Currency != "" {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%d.%02d %s", a.Micros/1e6, abs(a.Micros%1e6)/1e4, short(a.Currency))))
		}
	}
	if parts == nil {
		return "0"
	}
	return strings.Join(parts, " and ")
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// longest is how many characters of a name are shown: names come from outside.
const longest = 60

// short gives a name on one line, without what cannot be seen, cut to longest.
func short(name string) string { return cut(name, longest) }

// cut gives a text on one line, without what cannot be seen, of at most so many characters.
func cut(name string, most int) string {
	list := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, name))
	if len(list) > most {
		return string(list[:most-1]) + "…"
	}
	return string(list)
}
