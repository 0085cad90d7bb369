package core

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxMissing is how many ways to qualify are told.
	maxMissing = 5
	// maxTimes is how many events of a rule a suggestion asks for at most.
	maxTimes = 100
	// pointStep is how exactly missing points are told.
	pointStep = Point / 10
)

// Missing is one way in which a lead would qualify now.
type Missing struct {
	// Qualify is the rule of the agreement that would hold.
	Qualify string
	// Text says it in words.
	Text string
	// Engagement is how many points more that is, before the clamp and within limits, of the score that Rule counts for; 0
	// where none are needed.
	Engagement Micros
	// Rule is the engagement rule that gives the points, Times how many of its events it takes, and Type what they are: ""
	// and 0 where it is not about events of a rule.
	Rule  string
	Times int
	Type  string
	// Grade is the grade that the lead would need, "" where its own is enough.
	Grade string
	// Waits is the event that the qualify rule waits for, "" where it waits for none.
	Waits string

	// unsure: whether the rule holds depends on what the event brings along.
	unsure bool
}

// Missing gives the smallest changes that would make an inquiry qualify at a time, under the agreement in force, the easiest
// first: few events before many, then points that no rule's events could give today, then a better grade, then a better
// grade together with events or points. It is empty where the lead cannot qualify whatever it does (no inquiry, a device
// rather than a person, an objection to profiling, a condition that disqualifies it), where a rule holds already, and where nothing tried is enough.
//
// A suggestion is the result of really evaluating the agreement's expressions for a lead to whom it happened: so many
// events of a type, now, within the rule's cap, and each of them fires whatever other rules it fires for certain. Of a rule
// whose expression looks at what an event brings along (its URL, its properties), the event is taken to bring the right
// thing; of other such rules, to bring nothing. A grade is the least fit that has it.
func (l *Lead) Missing(a *Agreement, at int64) []Missing {
	if a == nil || l.Stage() != Inquiry || !l.Lasting || l.Objected() {
		return nil
	}
	s := newSearch(l, a, at)
	fit := s.lead.FitScore()
	if s.disqualified(s.scores, fit) || s.qualifies(s.view(nil, s.scores, fit)) != nil {
		return nil
	}
	graded := s.graded(fit)
	waits := s.waits(fit)
	more := s.engagement(fit, waits)
	var both []Missing
	if len(graded) == 0 {
		both = s.together(fit, len(waits) == 0, len(more) == 0)
	}
	out := easiest(append(waits, more...))
	out = append(out[:min(len(out), maxMissing-len(graded))], graded...) // a grade is not lost among many events
	out = append(out, both...)
	return out[:min(len(out), maxMissing)]
}

// graded gives the least better grade that is enough by itself.
func (s *search) graded(fit Micros) []Missing {
	for _, g := range s.better(fit) {
		if q := s.qualifies(s.view(nil, s.scores, g.fit)); q != nil {
			return []Missing{{Qualify: q.ID, Grade: g.name, Text: "grade " + g.name + " instead of " + s.agreement.Grade(fit)}}
		}
	}
	return nil
}

// together tries each better grade, the next one first, with events that rules wait for and with points, until each is found.
func (s *search) together(fit Micros, needWaits, needPoints bool) []Missing {
	s.begin()
	var found []Missing
	for _, g := range s.better(fit) {
		var waits, more []Missing
		if needWaits {
			waits = s.waits(g.fit)
		}
		if needPoints {
			more = s.engagement(g.fit, waits)
		}
		needWaits, needPoints = needWaits && len(waits) == 0, needPoints && len(more) == 0
		for _, m := range append(waits, more...) {
			m.Grade = g.name
			if m.Times > 0 {
				m.Text = strconv.Itoa(m.Times) + " more " + m.Rule
			}
			m.Text += " and grade " + g.name
			found = append(found, m)
		}
	}
	return easiest(found)
}

// easiest puts what takes few events before what takes many, and what takes points rather than events last.
func easiest(found []Missing) []Missing {
	events := func(m *Missing) int {
		switch {
		case m.Times > 0:
			return m.Times
		case m.Engagement > 0:
			return maxTimes + 1
		}
		return 1
	}
	unsure := func(m *Missing) int {
		if m.unsure {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(found, func(a, b Missing) int {
		return cmp.Or(cmp.Compare(events(&a), events(&b)), cmp.Compare(unsure(&a), unsure(&b)), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Waits, b.Waits))
	})
	return found
}

// waits gives the events that qualify rules wait for and that would make them hold.
func (s *search) waits(fit Micros) []Missing {
	var out []Missing
	seen := map[string]bool{}
	for _, q := range s.agreement.Qualify {
		for _, t := range q.On {
			if !seen[t] && comesFrom(t) {
				out = append(out, s.waitsFor(t, fit)...)
			}
			seen[t] = true
		}
	}
	return out
}

func (s *search) waitsFor(t string, fit Micros) []Missing {
	next := run{event: s.event(t), scores: s.scores}
	s.step(&next, fit)
	v := s.view(next.event, next.scores, fit)
	if q := s.qualifies(v); q != nil {
		if len(q.On) == 0 {
			return nil // it is the points that do it
		}
		return []Missing{{Qualify: q.ID, Waits: t, Text: article(t)}}
	}
	if s.disqualified(next.scores, fit) {
		return nil
	}
	for _, q := range s.agreement.Qualify {
		if len(q.On) > 0 && q.looksAt(v.Event) && s.depends(q, q.When, v) {
			return []Missing{{Qualify: q.ID, Waits: t, Text: article(t), unsure: true}}
		}
	}
	return nil
}

// engagement gives the fewest events of each rule that are enough, those that take fewest first; where there are none, the
// points. Events that are enough by themselves, whatever points they give, are not told again.
func (s *search) engagement(fit Micros, waits []Missing) []Missing {
	var runs []*run
	for _, t := range s.types {
		if slices.ContainsFunc(waits, func(m Missing) bool { return m.Waits == t && !m.unsure }) {
			continue
		}
		for _, r := range s.agreement.ByType[t] {
			if r.Raw > 0 {
				runs = append(runs, &run{rule: r, event: s.event(t), scores: s.scores})
			}
		}
	}
	var found []Missing
	some := len(runs) > 0
	for times := 1; times <= maxTimes && len(runs) > 0 && len(found) < maxMissing && !s.over(); times++ {
		var on []*run
		for _, r := range runs {
			if s.over() {
				break
			}
			if slices.ContainsFunc(found, func(m Missing) bool { return m.Rule == r.rule.Rule }) || !s.step(r, fit) {
				continue
			}
			if q := s.qualifies(s.view(r.event, r.scores, fit)); q != nil {
				found = append(found, r.missing(q, times, r.raw(s.scores)))
			} else if r.raw(r.scores) < 100*Point {
				on = append(on, r)
			}
		}
		runs = on
	}
	if len(found) == 0 && some {
		return s.points(fit)
	}
	return found
}

// points gives the fewest points that are enough, whatever they are for.
func (s *search) points(fit Micros) []Missing {
	with := func(steps Micros) *QualifyRule { return s.qualifies(s.view(nil, s.scores.plus(steps*pointStep), fit)) }
	none, enough := Micros(0), (100*Point-s.scores.of("")+pointStep-1)/pointStep
	if enough <= 0 {
		return nil
	}
	rule := with(enough)
	if rule == nil {
		return nil
	}
	for enough-none > 1 {
		mid := none + (enough-none)/2
		if q := with(mid); q != nil {
			rule, enough = q, mid
		} else {
			none = mid
		}
	}
	more := enough * pointStep
	return []Missing{{Qualify: rule.ID, Engagement: more, Text: pointsText(more, "more ") + " of engagement"}}
}

func (r *run) missing(q *QualifyRule, times int, before Micros) Missing {
	m := Missing{Qualify: q.ID, Engagement: r.raw(r.scores) - before, Rule: r.rule.Rule, Times: times, Type: r.event.Type}
	if len(q.On) > 0 {
		m.Waits = m.Type
	}
	plural, each := "", ""
	if times > 1 {
		plural, each = "s", " each"
	}
	if r.rule.Score != "" {
		each += " of " + r.rule.Score
	}
	m.Text = fmt.Sprintf("%d more %s event%s (%s, %s%s)", times, m.Rule, plural, m.Type, pointsText(r.rule.Raw, ""), each)
	return m
}

// pointsText gives points in words, to two decimals.
func pointsText(m Micros, more string) string {
	n := strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(m.Points(), 'f', 2, 64), "0"), ".")
	if n == "1" {
		return n + " " + more + "point"
	}
	return n + " " + more + "points"
}

func article(eventType string) string {
	if eventType != "" && strings.Contains("aeio", eventType[:1]) {
		return "an " + eventType
	}
	return "a " + eventType
}
