package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// width of everything that is printed, in characters.
const width = 84

// sheet is text laid out for a terminal: a label on the left, what is said beside it.
type sheet struct{ b strings.Builder }

// labels is how many characters stand left of the text.
const labels = 14

func (s *sheet) line(format string, args ...any) { fmt.Fprintf(&s.b, format+"\n", args...) }

func (s *sheet) rule() { s.line("%s", strings.Repeat("─", width)) }

// item says something under a label; long text is wrapped and stays in its column. Nothing is said of what is empty.
func (s *sheet) item(label string, texts ...string) {
	for _, t := range texts {
		for _, part := range wrap(t, width-labels) {
			s.line(" %-*s%s", labels-1, label, part)
			label = ""
		}
	}
}

// wrap cuts a text into lines of at most n characters, between words where it can.
func wrap(text string, n int) []string {
	var out []string
	line := ""
	for _, word := range strings.Fields(text) {
		word = short(word, n)
		if line != "" && length(line)+1+length(word) > n {
			out = append(out, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		out = append(out, line)
	}
	return out
}

func length(s string) int { return utf8.RuneCountInString(s) }

// short cuts a text to n characters.
func short(s string, n int) string {
	if length(s) <= n {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:n-1]), " ") + "…"
}

// pad fills a text up to n characters.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-length(s))) }

// plain makes what others wrote fit for a terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '·'
		}
		return r
	}, s)
}

// span says how long something is, as people do.
func span(d time.Duration) string {
	switch d = d.Round(time.Minute); {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", int(d.Hours()))
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}

// count writes a number with a blank between thousands.
func count(n float64) string {
	s := fmt.Sprintf("%.0f", n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// plural says how many there are of something.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(float64(n)) + " " + many
}

// cents rounds micro-points to hundredths of a point so that the rounded parts add up to the rounded whole: what is lost by
// rounding down goes to the parts that lost most.
func cents(parts []int64) (rounded []int64, whole int64) {
	const unit = 10_000 // micro-points in a hundredth
	var sum, given int64
	type rest struct {
		i    int
		left int64
	}
	rests := make([]rest, len(parts))
	rounded = make([]int64, len(parts))
	for i, p := range parts {
		sum += p
		rounded[i] = int64(math.Floor(float64(p) / unit))
		rests[i] = rest{i, p - rounded[i]*unit}
		given += rounded[i]
	}
	whole = int64(math.Floor((float64(sum) + unit/2) / unit))
	slices.SortStableFunc(rests, func(a, b rest) int { return int(b.left - a.left) })
	for k := range rests {
		if given == whole {
			break
		}
		rounded[rests[k].i]++
		given++
	}
	return rounded, whole
}

func points(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}
