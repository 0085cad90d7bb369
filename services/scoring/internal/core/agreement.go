package core

import "slices"

// Program is a rule's expression, compiled. Eval is pure.
type Program interface {
	Eval(*View) Verdict
}

// Verdict is what an expression gave.
type Verdict struct {
	// Holds: the rule fires.
	Holds bool
	// Missing says why it could not be evaluated (an absent value, an error); then it does not hold.
	Missing string
}

// Agreement is one version of the shared definition, ready to use. It does not change.
type Agreement struct {
	Version int32
	Name    string
	// ByType gives the engagement rules that look at an event type, in the order of the text: what an event costs depends
	// on these alone.
	ByType  map[string][]*Rule
	Fit     []*FitRule
	Grades  [3]Micros
	Qualify []*QualifyRule
	// Disqualify are the conditions that keep a lead from qualifying while one of them holds.
	Disqualify []*DisqualifyRule
	// Scores beside the main one, in the order of the text.
	Scores []string
}

// Rule gives points for an engagement.
type Rule struct {
	Terms
	// When is nil for always.
	When    Program
	Because string
}

// FitRule gives points for what a lead is.
type FitRule struct {
	ID      string
	When    Program
	Points  Micros
	Because string
}

// QualifyRule says when a lead is ready for sales.
type QualifyRule struct {
	ID string
	// On are the event types at which it is looked at; none means any event and any timer.
	On   []string
	When Program
}

// DisqualifyRule keeps a lead from qualifying while it holds, whatever its score. It is looked at without an event.
type DisqualifyRule struct {
	ID      string
	When    Program
	Because string
}

// looksAt reports whether the rule is to be looked at because of an event.
func (q *QualifyRule) looksAt(e *Event) bool {
	return len(q.On) == 0 || !e.Automated && slices.Contains(q.On, e.Type)
}

// Grade gives the grade of a fit: a, b, c or d.
func (a *Agreement) Grade(fit Micros) string {
	for i, least := range a.Grades {
		if fit >= least {
			return "abc"[i : i+1]
		}
	}
	return "d"
}

// Because gives a rule's reason, "" where the version has no such rule.
func (a *Agreement) Because(side, rule string) string {
	if side == SideFit {
		for _, r := range a.Fit {
			if r.ID == rule {
				return r.Because
			}
		}
		return ""
	}
	for _, rules := range a.ByType {
		for _, r := range rules {
			if r.Rule == rule {
				return r.Because
			}
		}
	}
	return ""
}

// Book gives any version of the agreement that was ever in force, nil for one that was not.
type Book interface {
	Version(version int32) *Agreement
}

// View is what an expression may look at: an event (nil for none), the lead, and its worth at the event's time.
type View struct {
	Event *Event
	Lead  *Lead
	// Standing is the lead's stage.
	Standing string
	// Seen is what the expressions' language has made of the view so far, nil at first: many look at the same.
	Seen any

	agreement *Agreement
	at        int64

	engagement Micros
	computed   bool
	// named are the scores that were asked for so far.
	named []worth
	// assumed stands in for the lead's own worth, nil for none.
	assumed *assumption
}

// assumption is a worth that a lead might have.
type assumption struct {
	// scores before the clamp; the view reads one where an expression first asks for it.
	scores worths
	fit    Micros
	// asked says that an expression looked at any of it: otherwise its verdict holds whatever the worth.
	asked bool
}

// NewView gives what an expression may look at: a lead at a stage and a time, under an agreement, and an event or nil.
func NewView(a *Agreement, l *Lead, e *Event, stage string, at int64) *View {
	return &View{Event: e, Lead: l, Standing: stage, agreement: a, at: at}
}

// Engagement gives the engagement score at the view's time.
func (v *View) Engagement() Micros {
	if v.assumed != nil {
		v.assumed.asked = true
	}
	switch {
	case v.computed:
	case v.assumed != nil:
		v.engagement, v.computed = clamp(v.assumed.scores.of("")), true
	default:
		v.engagement, v.computed = v.Lead.Engagement(v.at), true
	}
	return v.engagement
}

// Score gives a score beside the main one at the view's time.
func (v *View) Score(id string) Micros {
	if v.assumed != nil {
		v.assumed.asked = true
	}
	if i := slices.IndexFunc(v.named, func(w worth) bool { return w.score == id }); i >= 0 {
		return v.named[i].raw
	}
	w := worth{score: id}
	if v.assumed != nil {
		w.raw = clamp(v.assumed.scores.of(id))
	} else {
		w.raw = v.Lead.NamedScore(id, v.at)
	}
	v.named = append(v.named, w)
	return w.raw
}

// Fit gives the fit.
func (v *View) Fit() Micros {
	if v.assumed != nil {
		v.assumed.asked = true
		return v.assumed.fit
	}
	return v.Lead.FitScore()
}

// Grade gives the fit's grade.
func (v *View) Grade() string { return v.agreement.Grade(v.Fit()) }

func holds(p Program, v *View) Verdict {
	if p == nil {
		return Verdict{Holds: true}
	}
	return p.Eval(v)
}
