package core

import (
	"cmp"
	"maps"
	"slices"
)

// limited reports whether a limit is among the terms.
func (t *Terms) limited() bool { return t.Limit != 0 || t.Group != "" }

// within bounds a sum by a limit, both ways; 0 is none.
func within(sum, limit Micros) Micros {
	if limit == 0 {
		return sum
	}
	return min(max(sum, -limit), limit)
}

// tally adds up one score by rule and by group, so that limits can be applied: each rule's sum is brought within the rule's
// limit, then the sum of a group's rules within the group's. The terms of the newest version among a rule's items that count
// hold for the rule: its limit, and the group that it is in. Of a group's rules, those of the newest version hold for the group.
type tally struct {
	rules  []ruleSum
	groups []groupSum
	// index finds rules by name, nil while they are few.
	index map[string]int
}

type ruleSum struct {
	rule string
	sum  Micros
	// terms that hold, nil while nothing counts.
	terms *Terms
	// group is an index, -1 for none.
	group int
}

type groupSum struct {
	name  string
	sum   Micros
	terms *Terms
}

// fewRules is how many rules are found by looking at one after the other.
const fewRules = 16

// rule gives the index of a rule, which it makes where it is new.
func (t *tally) rule(name string) int {
	if t.index != nil {
		if k, known := t.index[name]; known {
			return k
		}
	} else if k := slices.IndexFunc(t.rules, func(r ruleSum) bool { return r.rule == name }); k >= 0 {
		return k
	}
	t.rules = append(t.rules, ruleSum{rule: name, group: -1})
	switch k := len(t.rules) - 1; {
	case t.index != nil:
		t.index[name] = k
	case k == fewRules:
		t.index = make(map[string]int, 2*fewRules)
		for i := range t.rules {
			t.index[t.rules[i].rule] = i
		}
	}
	return len(t.rules) - 1
}

// hold notes terms of an item that counts.
func (r *ruleSum) hold(terms *Terms) {
	if r.terms == nil || terms.Version > r.terms.Version {
		r.terms = terms
	}
}

// assemble finds out which groups the rules are in.
func (t *tally) assemble() {
	t.groups = t.groups[:0]
	for i := range t.rules {
		r := &t.rules[i]
		r.group = -1
		if r.terms == nil || r.terms.Group == "" {
			continue
		}
		r.group = slices.IndexFunc(t.groups, func(g groupSum) bool { return g.name == r.terms.Group })
		if r.group < 0 {
			r.group = len(t.groups)
			t.groups = append(t.groups, groupSum{name: r.terms.Group, terms: r.terms})
		}
		if g := &t.groups[r.group]; r.terms.Version > g.terms.Version {
			g.terms = r.terms
		}
	}
}

// total gives the score before the clamp.
func (t *tally) total() Micros {
	var total Micros
	for i := range t.groups {
		t.groups[i].sum = 0
	}
	for i := range t.rules {
		r := &t.rules[i]
		switch sum := r.limited(); {
		case r.group >= 0:
			t.groups[r.group].sum += sum
		default:
			total += sum
		}
	}
	for i := range t.groups {
		total += t.groups[i].limited()
	}
	return total
}

func (r *ruleSum) limited() Micros {
	if r.terms == nil {
		return r.sum
	}
	return within(r.sum, r.terms.Limit)
}

func (g *groupSum) limited() Micros { return within(g.sum, g.terms.GroupLimit) }

// lines gives what the limits took, after total, as lines of an explanation.
func (t *tally) lines(at int64) []Line {
	var out []Line
	correction := func(by, rule string, limit, less Micros, terms *Terms) {
		if less != 0 {
			because := "together at most " + pointsText(limit, "") + ", for or against"
			out = append(out, Line{
				Side: SideEngagement, Rule: rule, Group: terms.Group, Because: because, Points: less, Raw: less, Decay: 1, LimitedBy: by, At: at,
				Version: terms.Version,
			})
		}
	}
	for i := range t.rules {
		if r := &t.rules[i]; r.terms != nil {
			correction(LimitedByRule, r.rule, r.terms.Limit, r.limited()-r.sum, r.terms)
		}
	}
	for i := range t.groups {
		g := &t.groups[i]
		correction(LimitedByGroup, g.name, g.terms.GroupLimit, g.limited()-g.sum, g.terms)
	}
	return out
}

// regroup names the groups that lines count under on the terms that hold, rather than on the event's own.
func (t *tally) regroup(lines []Line) {
	for i := range lines {
		if l := &lines[i]; !l.isLimit() {
			if r := &t.rules[t.rule(l.Rule)]; r.terms != nil {
				l.Group = r.terms.Group
			}
		}
	}
}

// clone gives a copy that can be added to.
func (t *tally) clone() *tally {
	c := &tally{rules: slices.Clone(t.rules), groups: slices.Clone(t.groups)}
	if t.index != nil {
		c.index = maps.Clone(t.index)
	}
	return c
}

// add adds one fresh event's points.
func (t *tally) add(terms *Terms) Micros {
	r := &t.rules[t.rule(terms.Rule)]
	r.sum += terms.Raw
	if r.terms == nil || terms.Version >= r.terms.Version {
		regroup := r.terms == nil || *terms != *r.terms
		if r.terms = terms; regroup {
			t.assemble()
		}
	}
	return t.total()
}

// ledger is what a lead's items say of one score, for as many moments as one asks for.
type ledger struct {
	tally
	entries []entry
}

type entry struct {
	*Item
	rule int
}

func newLedger(l *Lead, score string) *ledger {
	g := &ledger{entries: make([]entry, 0, len(l.Items))}
	l.capped(func(it *Item, counts bool) {
		if !counts || it.Score != score {
			return
		}
		var rule int
		if n := len(g.entries); n > 0 && g.entries[n-1].Terms == it.Terms {
			rule = g.entries[n-1].rule
		} else {
			rule = g.rule(it.Rule)
		}
		g.entries = append(g.entries, entry{it, rule})
	})
	return g
}

// govern finds out which terms hold at a time.
func (g *ledger) govern(at int64) {
	for i := range g.rules {
		g.rules[i].terms = nil
	}
	for i := range g.entries {
		if e := &g.entries[i]; !e.over(at) {
			g.rules[e.rule].hold(e.Terms)
		}
	}
	g.assemble()
}

// weigh gives the score before the clamp, with points for the lead as of one time and points against it as of another, on
// the terms that hold.
func (g *ledger) weigh(pro, con int64) Micros {
	for i := range g.rules {
		g.rules[i].sum = 0
	}
	for i := range g.entries {
		e, at := &g.entries[i], pro
		if e.Raw < 0 {
			at = con
		}
		g.rules[e.rule].sum += e.Decayed(at)
	}
	return g.total()
}

// at gives the score at a time before the clamp.
func (g *ledger) at(at int64) Micros {
	g.govern(at)
	return g.weigh(at, at)
}

// turns gives the moments after a time at which other terms may come to hold, in order: ends of timeframes, where rules or
// groups have items on different terms. Between two of them the score is monotone in what each item is worth.
func (g *ledger) turns(after int64) []int64 {
	var rules, groups []*Terms
	mixed := false
	differs := func(seen []*Terms, t *Terms, same func(a *Terms) bool, equal func(a *Terms) bool) []*Terms {
		if k := slices.IndexFunc(seen, same); k >= 0 {
			mixed = mixed || !equal(seen[k])
			return seen
		}
		return append(seen, t)
	}
	var last *Terms
	for i := range g.entries {
		t := g.entries[i].Terms
		if t == last {
			continue
		}
		last = t
		rules = differs(rules, t, func(a *Terms) bool { return a.Rule == t.Rule },
			func(a *Terms) bool { return a.Limit == t.Limit && a.Group == t.Group })
		if t.Group != "" {
			groups = differs(groups, t, func(a *Terms) bool { return a.Group == t.Group }, func(a *Terms) bool { return a.GroupLimit == t.GroupLimit })
		}
	}
	if !mixed {
		return nil
	}
	var out []int64
	for i := range g.entries {
		if e := &g.entries[i]; e.Timeframe > 0 && !e.over(after) {
			out = append(out, e.At+int64(e.Timeframe))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// worth is a score before the clamp as it might be. Its tally is nil where nothing limits it.
type worth struct {
	score string
	raw   Micros
	tally *tally
}

// worths are all scores of a lead, the main one first. They are not changed in place.
type worths []worth

func (w worths) of(score string) Micros {
	for i := range w {
		if w[i].score == score {
			return w[i].raw
		}
	}
	return 0
}

// plus gives the worths with some points more of the main score, whatever they are for.
func (w worths) plus(points Micros) worths {
	out := slices.Clone(w)
	out[0].raw += points
	return out
}

// add gives the worths after one more event on these terms.
func (w worths) add(terms *Terms) worths {
	out := slices.Clone(w)
	for i := range out {
		if s := &out[i]; s.score == terms.Score {
			if s.tally == nil {
				s.raw += terms.Raw
				continue
			}
			s.tally = s.tally.clone()
			s.raw = s.tally.add(terms)
		}
	}
	return out
}

// size is how many rules adding an event goes through.
func (w worths) size() (n int) {
	for i := range w {
		if w[i].tally != nil {
			n += len(w[i].tally.rules)
		}
	}
	return n
}

// worthsOf gives a lead's scores at a time, ready for events of an agreement's rules.
func worthsOf(l *Lead, a *Agreement, at int64) worths {
	limited := map[string]bool{}
	for i := range l.Items {
		limited[l.Items[i].Score] = limited[l.Items[i].Score] || l.Items[i].limited()
	}
	for _, rules := range a.ByType {
		for _, r := range rules {
			limited[r.Score] = limited[r.Score] || r.limited()
		}
	}
	out := make(worths, 0, 1+len(a.Scores))
	for _, score := range append([]string{""}, a.Scores...) {
		s := worth{score: score}
		if limited[score] {
			g := newLedger(l, score)
			s.raw, s.tally = g.at(at), &g.tally
		} else {
			s.raw = l.rawOf(score, at)
		}
		out = append(out, s)
	}
	return out
}

// scoresOf gives the ids of the scores beside the main one: the agreement's, in its order, and then what else the lead has
// points for.
func (l *Lead) scoresOf(a *Agreement) []string {
	var known []string
	if a != nil {
		known = slices.Clone(a.Scores)
	}
	own := len(known)
	for i := range l.Items {
		if s := l.Items[i].Score; s != "" && !slices.Contains(known, s) {
			known = append(known, s)
		}
	}
	slices.SortFunc(known[own:], cmp.Compare[string])
	return known
}
