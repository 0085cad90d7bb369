package core

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Sides of a score.
const (
	SideEngagement = "engagement"
	SideFit        = "fit"
)

// Why a line counts less than it could.
const (
	LimitedByCap     = "cap"
	LimitedByClamp   = "clamp"
	LimitedByConsent = "consent"
	// LimitedByTimeframe is an event that is too old to count.
	LimitedByTimeframe = "timeframe"
	// LimitedByAutomated is what a scanner or a bot did. The line's reason says by what it is taken for that.
	LimitedByAutomated = "automated"
	// LimitedByRule and LimitedByGroup are corrections, like LimitedByClamp: what the lines of a rule, or of a group's rules,
	// have beyond its limit.
	LimitedByRule  = "rule_limit"
	LimitedByGroup = "group_limit"
)

// clampRule names the line that shows how far a sum lay outside 0 to 100.
const clampRule = "clamp"

// consentRule names an objection to profiling among what keeps a lead from qualifying.
const consentRule = "consent"

// Line is one contribution. The points of a side's lines sum exactly to the side.
type Line struct {
	Side, Rule, Because string
	Points, Raw         Micros
	// Decay is what is left of the raw points: 1 where nothing decays.
	Decay     float64
	LimitedBy string
	// Group whose limit the rule's points count under, "" for none.
	Group   string
	Events  []string
	At      int64
	Version int32
}

// isLimit reports whether the line is a correction by a limit below that of the whole.
func (l *Line) isLimit() bool { return l.LimitedBy == LimitedByRule || l.LimitedBy == LimitedByGroup }

// NamedScore is a score beside the main one. Its lines sum to it exactly.
type NamedScore struct {
	ID         string
	Engagement Micros
	Lines      []Line
}

// Disqualifying is a condition that keeps the lead from qualifying, and why.
type Disqualifying struct{ Rule, Because string }

// Missed is a rule that could not be evaluated, why, and how often.
type Missed struct {
	Rule, Reason string
	Times        int
}

// Score is a lead's worth at a time, explained.
type Score struct {
	At              int64
	Engagement, Fit Micros
	Grade           string
	// Version in force for fit, grade and qualification.
	Version int32
	Lines   []Line
	Missed  []Missed
	// QualifiesBy is the qualify rule that holds, whatever the stage; "" for none.
	QualifiesBy string
	// Named are the scores beside the main one: the version's, in its order, then others that the lead has points for.
	Named []NamedScore
	// Disqualified are the conditions that keep the lead from qualifying now; "consent" is an objection to profiling.
	Disqualified []Disqualifying
}

// Explain gives the score at a time with every line of it, under the version that the lead was last looked at with. Lines
// are in order: engagement by time, then what limits take, then fit in the order of the agreement.
func (l *Lead) Explain(book Book, at int64) Score {
	s := Score{At: at, Version: l.Fit.Version, Grade: "d"}
	s.Lines = l.engagementLines(book, "", at)
	a := book.Version(l.Fit.Version)
	for _, id := range l.scoresOf(a) {
		n := NamedScore{ID: id, Lines: l.engagementLines(book, id, at)}
		for i := range n.Lines {
			n.Engagement += n.Lines[i].Points
		}
		s.Named = append(s.Named, n)
	}
	if l.Objected() {
		s.Disqualified = []Disqualifying{{consentRule, "the person objected to profiling"}}
	}
	if a != nil {
		fit, missed := l.fitLines(a)
		s.Lines = append(s.Lines, fit...)
		s.Missed = append(slices.Clone(l.Missed), missed...)
		for i := range s.Lines {
			if s.Lines[i].Side == SideFit {
				s.Fit += s.Lines[i].Points
			}
		}
		s.Grade = a.Grade(s.Fit)
		var rule *QualifyRule
		if s.Disqualified == nil {
			s.Disqualified, missed = l.disqualified(a, l.Stated, at, len(a.Disqualify))
		}
		if len(s.Disqualified) == 0 {
			rule, missed = l.qualifies(NewView(a, l, nil, l.Stated, at), nil)
		}
		s.Missed = append(s.Missed, missed...)
		if rule != nil {
			s.QualifiesBy = rule.ID
		}
	}
	for i := range s.Lines {
		if s.Lines[i].Side == SideEngagement {
			s.Engagement += s.Lines[i].Points
		}
	}
	return s
}

// engagementLines gives the lines of one score, "" for the main one.
func (l *Lead) engagementLines(book Book, score string, at int64) []Line {
	lines := make([]Line, 0, len(l.Items)+1)
	objected, limited := l.Objected(), false
	var sum Micros
	l.capped(func(it *Item, counts bool) {
		if it.Score != score {
			return
		}
		limited = limited || it.limited()
		line := Line{
			Side: SideEngagement, Rule: it.Rule, Raw: it.Raw, Decay: left(it, at), Events: []string{it.ID}, At: it.At, Version: it.Version,
			Group: it.Group,
		}
		if a := book.Version(it.Version); a != nil {
			line.Because = a.Because(SideEngagement, it.Rule)
		}
		switch {
		case it.Automated != "":
			line.LimitedBy, line.Because = LimitedByAutomated, it.Automated
		case objected:
			line.LimitedBy = LimitedByConsent
		case !counts:
			line.LimitedBy = LimitedByCap
		case it.over(at):
			line.LimitedBy = LimitedByTimeframe
		default:
			line.Points = it.Decayed(at)
		}
		sum += line.Points
		lines = append(lines, line)
	})
	if limited && !objected {
		g := newLedger(l, score)
		g.at(at)
		for _, correction := range g.lines(at) {
			sum += correction.Points
			lines = append(lines, correction)
		}
		g.regroup(lines)
	}
	return appendClamp(lines, SideEngagement, sum, at)
}

// disqualified gives the conditions of an agreement that keep the lead from qualifying at a time, at most so many of them,
// and those that could not be evaluated.
func (l *Lead) disqualified(a *Agreement, stage string, at int64, most int) (against []Disqualifying, missed []Missed) {
	if len(a.Disqualify) == 0 {
		return nil, nil
	}
	v := NewView(a, l, nil, stage, at)
	for _, r := range a.Disqualify {
		verdict := holds(r.When, v)
		if verdict.Missing != "" {
			missed = append(missed, Missed{Rule: r.ID, Reason: verdict.Missing, Times: 1})
		}
		if verdict.Holds {
			if against = append(against, Disqualifying{r.ID, r.Because}); len(against) == most {
				break
			}
		}
	}
	return against, missed
}

func left(it *Item, at int64) float64 {
	age := time.Duration(at - it.At)
	if it.HalfLife <= 0 || age <= 0 {
		return 1
	}
	return math.Exp2(-float64(age) / float64(it.HalfLife))
}

// appendClamp adds the line that brings a sum into 0 to 100, where it needs one.
func appendClamp(lines []Line, side string, sum Micros, at int64) []Line {
	if c := clamp(sum); c != sum {
		lines = append(lines, Line{
			Side: side, Rule: clampRule, Because: "scores lie between 0 and 100", Points: c - sum, Raw: c - sum, Decay: 1, LimitedBy: LimitedByClamp, At: at,
		})
	}
	return lines
}

// Fit is what the lead looked like when it was last looked at, and under which version.
type Fit struct {
	Version int32
	Points  Micros
}

// FitScore gives the fit: 0 to 100 points, 0 where the person objected to profiling.
func (l *Lead) FitScore() Micros {
	if l.Objected() {
		return 0
	}
	return clamp(l.Fit.Points)
}

// refit evaluates the fit rules again.
func (l *Lead) refit(a *Agreement) {
	l.Fit = Fit{Version: a.Version}
	v := NewView(a, l, nil, l.Stated, 0)
	for _, r := range a.Fit {
		if holds(r.When, v).Holds {
			l.Fit.Points += r.Points
		}
	}
}

func (l *Lead) fitLines(a *Agreement) ([]Line, []Missed) {
	var lines []Line
	var missed []Missed
	var sum Micros
	v := NewView(a, l, nil, l.Stated, 0)
	objected := l.Objected()
	for _, r := range a.Fit {
		verdict := holds(r.When, v)
		if verdict.Missing != "" {
			missed = append(missed, Missed{Rule: r.ID, Reason: verdict.Missing, Times: 1})
		}
		if !verdict.Holds {
			continue
		}
		line := Line{Side: SideFit, Rule: r.ID, Because: r.Because, Raw: r.Points, Points: r.Points, Decay: 1, Version: a.Version}
		if objected {
			line.Points, line.LimitedBy = 0, LimitedByConsent
		}
		sum += line.Points
		lines = append(lines, line)
	}
	return appendClamp(lines, SideFit, sum, 0), missed
}

// maxMissed is how many rules a lead remembers to have missed.
const maxMissed = 100

// missed counts an engagement rule that could not be evaluated.
func (l *Lead) missed(rule, reason string) {
	l.addMissed(Missed{Rule: rule, Reason: clip(reason, maxID), Times: 1})
}

func (l *Lead) addMissed(m Missed) {
	i, found := slices.BinarySearchFunc(l.Missed, m, func(a, b Missed) int { return cmp.Compare(a.Rule, b.Rule) })
	switch {
	case found:
		l.Missed[i].Times += m.Times
		l.Missed[i].Reason = min(l.Missed[i].Reason, m.Reason)
	case i < maxMissed:
		l.Missed = slices.Insert(l.Missed, i, m)
		l.Missed = l.Missed[:min(len(l.Missed), maxMissed)]
	}
}

// maxSnapshotLines is how many engagement lines a snapshot lists one by one.
const maxSnapshotLines = 100

// Shorten keeps the engagement lines that matter most, and adds the rest up, one line a rule, so that the sum stays exact.
// It is for what travels with a handoff; an explanation lists everything. Corrections by limits stay as they are.
func (s *Score) Shorten() {
	s.Lines = shortened(s.Lines)
	for i := range s.Named {
		s.Named[i].Lines = shortened(s.Named[i].Lines)
	}
}

func shortened(lines []Line) []Line {
	weight := func(l *Line) Micros { return max(l.Points, -l.Points) }
	order := make([]int, 0, len(lines))
	for i := range lines {
		if l := &lines[i]; l.Side == SideEngagement && l.LimitedBy != LimitedByClamp && !l.isLimit() {
			order = append(order, i)
		}
	}
	if len(order) <= maxSnapshotLines {
		return lines
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(weight(&lines[b]), weight(&lines[a])) })
	rest := make(map[int]bool, len(order))
	for _, i := range order[maxSnapshotLines:] {
		rest[i] = true
	}
	byRule := map[string]int{}
	kept := make([]Line, 0, maxSnapshotLines)
	for i, line := range lines {
		k, open := byRule[line.Rule]
		switch {
		case rest[i] && open:
			sum := &kept[k]
			sum.Points, sum.Raw = sum.Points+line.Points, sum.Raw+line.Raw
			if len(sum.Events) < 20 {
				sum.Events = append(sum.Events, line.Events...)
			}
		case rest[i]:
			byRule[line.Rule] = len(kept)
			line.Events, line.LimitedBy, line.Decay = slices.Clone(line.Events), "", 1
			kept = append(kept, line)
		default:
			kept = append(kept, line)
		}
	}
	return kept
}
