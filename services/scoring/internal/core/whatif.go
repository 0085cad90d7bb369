package core

import (
	"maps"
	"slices"
	"time"
)

const (
	// maxTries bounds the evaluations of expressions in each half of a search: what one thing alone does, and what a grade
	// does together with something else. What an agreement has beyond that is not tried.
	maxTries = 1000
	// maxLooks bounds how often any rule is looked at in each half, with an expression to evaluate or without: milliseconds.
	maxLooks = 100_000
)

// search evaluates an agreement's expressions for a lead to whom something might happen. Its lead is a copy that is only read.
type search struct {
	lead      *Lead
	agreement *Agreement
	at        int64
	// scores before the clamp; used, how much of each cap is used up in the present bucket.
	scores worths
	used   map[capKey]int
	// types are those that rules give points for, in order.
	types []string
	// events are the bare ones, by type: they bring nothing along. full has all that expressions may ask for by name.
	events map[string]*Event
	full   Event
	// known are verdicts that do not depend on the lead's worth.
	known map[judged]Verdict
	// tries and looks that are left.
	tries, looks int
}

type capKey struct {
	rule string
	per  time.Duration
}

// judged is a rule (a *Rule or a *QualifyRule) and the event that it was evaluated for, nil for none.
type judged struct {
	rule  any
	event *Event
}

func newSearch(l *Lead, a *Agreement, at int64) *search {
	lead := *l
	if lead.Fit.Version != a.Version { // the next event has it looked at anew
		lead.refit(a)
	}
	s := &search{
		lead: &lead, agreement: a, at: at, scores: worthsOf(l, a, at), used: map[capKey]int{}, events: map[string]*Event{}, known: map[judged]Verdict{},
		full: Event{
			ID: "-", Type: "-", Name: "-", Source: "-", Title: "-", Channel: "-", Campaign: "-", Asset: "-", URL: "-", Referrer: "-", At: at, Now: at,
			Content: Asset{Kind: "-", Topic: "-", Stage: "-", Persona: "-"},
		},
	}
	s.begin()
	for i := range l.Items {
		if it := &l.Items[i]; it.CapCount > 0 && it.Automated == "" && floorDiv(it.At, int64(it.CapPer)) == floorDiv(at, int64(it.CapPer)) {
			s.used[capKey{it.Rule, it.CapPer}] += it.Count
		}
	}
	for _, t := range slices.Sorted(maps.Keys(a.ByType)) {
		if comesFrom(t) {
			s.types = append(s.types, t)
		}
	}
	return s
}

// begin gives one half of the search its due.
func (s *search) begin() { s.tries, s.looks = maxTries, maxLooks }

// over reports whether the search must come to an end.
func (s *search) over() bool { return s.tries <= 0 || s.looks <= 0 }

// comesFrom reports whether events of a type are such that an inquiry may qualify by them: what Baton decides itself is
// not looked at, and a deal takes the lead further than that.
func comesFrom(eventType string) bool {
	c := classOf(eventType)
	return c != machinery && c != deal
}

func (s *search) event(eventType string) *Event {
	e := s.events[eventType]
	if e == nil {
		e = &Event{Type: eventType, At: s.at, Now: s.at}
		s.events[eventType] = e
	}
	return e
}

func (s *search) view(e *Event, scores worths, fit Micros) *View {
	return &View{
		Event: e, Lead: s.lead, Standing: Inquiry, agreement: s.agreement, at: s.at, assumed: &assumption{scores: scores, fit: fit},
	}
}

// eval evaluates a rule's expression, unless its verdict is known. Once the search is over nothing holds any more.
func (s *search) eval(rule any, p Program, v *View) Verdict {
	s.looks--
	if p == nil {
		return Verdict{Holds: true}
	}
	k := judged{rule, v.Event}
	if known, ok := s.known[k]; ok {
		return known
	}
	if s.over() {
		return Verdict{}
	}
	s.tries--
	v.assumed.asked = false
	verdict := p.Eval(v)
	if !v.assumed.asked {
		s.known[k] = verdict
	}
	return verdict
}

// qualifies gives the first rule that holds and is looked at because of the view's event, or, without one, whatever happens.
func (s *search) qualifies(v *View) *QualifyRule {
	if s.disqualified(v.assumed.scores, v.assumed.fit) {
		return nil
	}
	for _, q := range s.agreement.Qualify {
		looks := len(q.On) == 0 || v.Event != nil && q.looksAt(v.Event)
		if looks && s.eval(q, q.When, v).Holds && !s.over() {
			return q
		}
	}
	return nil
}

// disqualified reports whether a condition keeps the lead from qualifying, with these scores and this fit.
func (s *search) disqualified(scores worths, fit Micros) bool {
	if len(s.agreement.Disqualify) == 0 {
		return false
	}
	v := s.view(nil, scores, fit)
	for _, d := range s.agreement.Disqualify {
		if s.eval(d, d.When, v).Holds {
			return true
		}
	}
	return false
}

// depends reports whether it makes a difference to a rule what an event brings along: whether one that does not hold for a
// bare event gives something else without any event, or for one of which everything is known.
func (s *search) depends(rule any, p Program, v *View) bool {
	bare := s.eval(rule, p, v)
	for _, e := range [...]*Event{nil, &s.full} {
		if s.eval(rule, p, s.view(e, v.assumed.scores, v.assumed.fit)) != bare {
			return !s.over()
		}
	}
	return false
}

// run is one kind of event happening to the lead again and again.
type run struct {
	// rule whose events they are: it fires if what they bring along may make it; nil for bare events.
	rule  *Rule
	event *Event
	// scores so far, and used what the events so far have used up of caps.
	scores worths
	used   map[capKey]int
}

// raw gives the score, before the clamp, that the run's rule counts for.
func (r *run) raw(in worths) Micros {
	if r.rule == nil {
		return in.of("")
	}
	return in.of(r.rule.Score)
}

// step has one more event happen, now. It reports whether the run's rule gave points for it and its score rose.
func (s *search) step(r *run, fit Micros) bool {
	v := s.view(r.event, r.scores, fit)
	before, gave := r.raw(r.scores), false
	for _, rule := range s.agreement.ByType[r.event.Type] {
		fires := s.eval(rule, rule.When, v).Holds || rule == r.rule && s.depends(rule, rule.When, v)
		if fires && s.counts(r, rule) {
			r.scores = r.scores.add(&rule.Terms)
			s.looks -= r.scores.size() / 16
			v.assumed.scores = r.scores
			gave = gave || rule == r.rule
		}
	}
	return gave && r.raw(r.scores) > before
}

// counts uses up one of a rule's cap and reports whether there was one left.
func (s *search) counts(r *run, rule *Rule) bool {
	if rule.CapCount == 0 {
		return true
	}
	k := capKey{rule.Rule, rule.CapPer}
	if r.used == nil {
		r.used = map[capKey]int{}
	}
	r.used[k]++
	return s.used[k]+r.used[k] <= rule.CapCount
}

// grade is one that a lead might have, and the least fit that has it.
type grade struct {
	name string
	fit  Micros
}

// better gives the grades above that of a fit, as far as fit rules could give them, the next one first.
func (s *search) better(fit Micros) []grade {
	var most Micros
	for _, r := range s.agreement.Fit {
		most += max(r.Points, 0)
	}
	most = clamp(most)
	var out []grade
	for i, least := range slices.Backward(s.agreement.Grades[:]) {
		name := "abc"[i : i+1]
		if fit < least && least <= most && s.agreement.Grade(least) == name {
			out = append(out, grade{name, least})
		}
	}
	return out
}
