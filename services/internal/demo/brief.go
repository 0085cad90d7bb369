package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// printBrief shows one handoff's brief, as Baton writes it for mails and terminals, and under it the score to the last
// hundredth: that its lines add up is what the demo is about.
func printBrief(s *sheet, text string, score *journalv1.ScoreSnapshot) {
	s.rule()
	for l := range strings.Lines(text) {
		s.line("%s", strings.TrimRight(" "+plain(strings.TrimSuffix(l, "\n")), " "))
	}
	if score != nil {
		s.line("")
		printScore(s, score)
	}
	s.rule()
}

func first(i int, label string) string {
	if i > 0 {
		return ""
	}
	return label
}

// row is one line of a score: all contributions of one rule.
type row struct {
	because string
	times   int
	micros  int64
}

// rows adds a side's contributions up by rule, most first. The sum stays what it was, to the micro-point.
func rows(list []*journalv1.Contribution, side string) []row {
	var out []row
	at := map[string]int{}
	for _, c := range list {
		if c.GetSide() != side || c.GetPoints() == 0 {
			continue
		}
		i, seen := at[c.GetRule()]
		if !seen {
			i = len(out)
			at[c.GetRule()] = i
			out = append(out, row{because: plain(cmp.Or(c.GetBecause(), c.GetRule()))})
		}
		out[i].times++
		out[i].micros += micros(c)
	}
	slices.SortStableFunc(out, func(a, b row) int { return cmp.Compare(b.micros, a.micros) })
	return out
}

func micros(c *journalv1.Contribution) int64 {
	if m, err := strconv.ParseInt(c.GetMicros(), 10, 64); err == nil {
		return m
	}
	return int64(math.Round(c.GetPoints() * 1e6))
}

// printScore shows both sides beside each other, each with its sum.
func printScore(s *sheet, score *journalv1.ScoreSnapshot) {
	const column = (width - labels) / 2
	fit := side(rows(score.GetContributions(), "fit"), "fit, grade "+strings.ToUpper(score.GetGrade()), column-2)
	engagement := side(rows(score.GetContributions(), "engagement"), fmt.Sprintf("engagement, by agreement %d", score.GetAgreementVersion()), column)
	for i := range max(len(fit), len(engagement)) {
		left, right := "", ""
		if i < len(fit) {
			left = fit[i]
		}
		if i < len(engagement) {
			right = engagement[i]
		}
		s.line(" %-*s%s", labels-1, first(i, "Score"), strings.TrimRight(pad(left, column)+right, " "))
	}
}

// side gives the sum of one side, and under it the lines that make it up.
func side(list []row, name string, n int) []string {
	parts := make([]int64, len(list))
	for i, r := range list {
		parts[i] = r.micros
	}
	rounded, whole := cents(parts)
	out := []string{fmt.Sprintf("%6s = %s", points(whole), name)}
	for i, r := range list {
		text := r.because
		if r.times > 1 {
			text += fmt.Sprintf(" ×%d", r.times)
		}
		out = append(out, short(fmt.Sprintf("%6s   %s", points(rounded[i]), text), n))
	}
	return out
}
