package document

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

const (
	// apart is the silence that ends a visit.
	apart     = 40 * time.Minute
	maxVisits = 6
	maxTold   = 5
	maxRules  = 4
	maxOver   = 8
)

// visits tells a timeline (newest first) visit by visit, what was done in each in its order.
func visits(timeline []*routingv1.TimelineEntry, c clock) []item {
	timeline = slices.DeleteFunc(slices.Clone(timeline), func(t *routingv1.TimelineEntry) bool { return !t.GetAt().IsValid() })
	var out []item
	for i := 0; i < len(timeline); {
		end := i + 1
		for end < len(timeline) && timeline[end].GetNew() == timeline[i].GetNew() &&
			timeline[end-1].GetAt().AsTime().Sub(timeline[end].GetAt().AsTime()) < apart {
			end++
		}
		if len(out) == maxVisits {
			out = append(out, item{Text: fmt.Sprintf("… and %s before that.", plural(len(timeline)-i, "thing", "things"))})
			break
		}
		out = append(out, item{Label: c.day(timeline[end-1].GetAt().AsTime()), Text: visit(timeline[i:end]), New: timeline[i].GetNew()})
		i = end
	}
	return out
}

// visit tells the telling things of one visit, and counts the pages that say little.
func visit(list []*routingv1.TimelineEntry) string {
	type told struct {
		text  string
		times int
	}
	pages := 0
	var did []told
	for _, t := range slices.Backward(list) {
		text := cmp.Or(t.GetSummary(), words(t.GetType()))
		if text == "" {
			continue
		}
		if t.GetType() == "page_viewed" && !strings.Contains(text, "“") && !strings.Contains(strings.ToLower(text), "pric") {
			pages++
			continue
		}
		if i := slices.IndexFunc(did, func(d told) bool { return d.text == text }); i >= 0 {
			did[i].times++
			continue
		}
		did = append(did, told{text, 1})
	}
	var out []string
	for _, d := range did[:min(len(did), maxTold)] {
		if d.times > 1 {
			d.text += fmt.Sprintf(" (%d times)", d.times)
		}
		out = append(out, d.text)
	}
	if more := len(did) - maxTold; more > 0 {
		out = append(out, plural(more, "other thing", "other things"))
	}
	switch {
	case pages > 0 && len(out) > 0:
		out = append(out, plural(pages, "other page", "other pages"))
	case pages > 0:
		out = append(out, "Viewed "+plural(pages, "page", "pages"))
	}
	return strings.Join(out, "; ")
}

// score gives both sides with the rules that weigh most. The exact lines are in the JSON form.
func score(p *routingv1.Payload) []item {
	s := p.GetScore()
	if s == nil {
		return nil
	}
	var out []item
	for _, side := range []struct{ label, name, head string }{
		{"Engagement", "engagement", points(s.GetEngagement())},
		{"Fit", "fit", strings.TrimSpace(points(s.GetFit()) + prefixed(", grade ", strings.ToUpper(s.GetGrade())))},
	} {
		out = append(out, item{Label: side.label, Text: side.head, Sub: strings.Join(rules(s.GetContributions(), side.name), ", ")})
	}
	return out
}

// rules sums a side's lines by rule, the weightiest first.
func rules(list []*journalv1.Contribution, side string) []string {
	type sum struct {
		rule, because string
		points        float64
		times         int
	}
	var sums []*sum
	for _, c := range list {
		if c.GetSide() != side || c.GetPoints() == 0 {
			continue
		}
		i := slices.IndexFunc(sums, func(s *sum) bool { return s.rule == c.GetRule() })
		if i < 0 {
			i = len(sums)
			sums = append(sums, &sum{rule: c.GetRule(), because: cmp.Or(c.GetBecause(), words(c.GetRule()))})
		}
		sums[i].points += c.GetPoints()
		sums[i].times++
	}
	slices.SortStableFunc(sums, func(a, b *sum) int { return cmp.Compare(math.Abs(b.points), math.Abs(a.points)) })
	var out []string
	for _, s := range sums[:min(len(sums), maxRules)] {
		if s.because == "" {
			continue
		}
		text := s.because + " " + signed(s.points)
		if s.times > 1 {
			text = fmt.Sprintf("%s ×%d %s", s.because, s.times, signed(s.points))
		}
		out = append(out, text)
	}
	if more := len(sums) - maxRules; more > 0 {
		out = append(out, plural(more, "other rule", "other rules"))
	}
	return out
}

// chosen says by which route the rep got it, and who was passed over.
func chosen(p *routingv1.Payload) []item {
	c := p.GetOwner().GetChosen()
	if c.GetRoute() == "" || p.GetOwner().GetId() == "" {
		return nil
	}
	text := "Route “" + words(c.GetRoute()) + "”"
	if c.GetPool() != "" {
		text += ", pool “" + words(c.GetPool()) + "”"
	}
	var over []string
	for _, k := range c.GetConsidered()[:min(len(c.GetConsidered()), maxOver)] {
		if k.GetRep() != "" && k.GetSkipped() != "" {
			over = append(over, k.GetRep()+": "+k.GetSkipped())
		}
	}
	if more := len(c.GetConsidered()) - maxOver; more > 0 {
		over = append(over, fmt.Sprintf("and %d more", more))
	}
	return []item{{Text: text + ".", Sub: prefixed("passed over: ", strings.Join(over, ", "))}}
}

// words reads an id as people do.
func words(id string) string {
	return strings.TrimSpace(strings.NewReplacer("-", " ", "_", " ").Replace(id))
}

func points(p float64) string {
	if math.IsNaN(p) || math.IsInf(p, 0) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(p*10)/10+0, 'f', -1, 64) // + 0: no negative zero
}

func signed(p float64) string {
	if s := points(p); p < 0 {
		return s
	} else {
		return "+" + s
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// plain makes what others wrote one line that upsets no terminal and no mail header: neither control characters nor such as
// turn the direction of writing.
func plain(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Noncharacter_Code_Point, r) || r == utf8.RuneError:
			return '·'
		}
		return r
	}, s)), " ")
}

func short(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimRight(string(r[:n-1]), " ") + "…"
}

// lower begins a sentence in the middle of another; an abbreviation stays as it is.
func lower(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); n == 0 || unicode.IsUpper(next) || r == 'I' && next == ' ' {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}
