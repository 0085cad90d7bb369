package backtest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// person is a merged lead: what is known of it, and what each contender made of it.
type person struct {
	id                    string
	firstSeen, firstTouch int64
	// untold: when the first touch was is not known.
	untold  bool
	deals   []deal
	outcome string
	end     moment
	answer  string
	// handoffs that really were, in order.
	handoffs []qualification
	runs     [most]verdict
}

// verdict is what one contender made of a lead.
type verdict struct {
	score     core.Micros
	qualified *qualification
}

// people merges what was folded into people, in the order of their ids, and counts the devices that stayed alone.
func (h *history) people() (all []*person, devices int) {
	groups := h.shadowed
	if h.shadow == nil {
		groups = h.played
	}
	for _, g := range groups() {
		p := h.person(g.id, g.parts)
		p.firstTouch, p.untold = g.firstTouch, g.untold
		switch {
		case identity.RankOf(g.id).Lasting():
			all = append(all, p)
		case h.opt.within(p.firstSeen):
			devices++
		}
	}
	slices.SortFunc(all, func(a, b *person) int { return strings.Compare(a.id, b.id) })
	return all, devices
}

// group is the parts of a merged lead.
type group struct {
	id         string
	parts      []string
	firstTouch int64
	untold     bool
}

// played gives the people that a backtest has come to know.
func (h *history) played() (out []group) {
	groups := map[string][]string{}
	members := h.players[0].members // who joins whom does not depend on any agreement
	for id, m := range members {
		if m.lead != nil {
			root := rootOf(members, m).id
			groups[root] = append(groups[root], id)
		}
	}
	for id, parts := range groups {
		lead := members[id].lead
		if !lead.Known() {
			continue
		}
		slices.Sort(parts)
		g := group{id: id, parts: parts}
		if lead.Entry != nil {
			g.firstTouch = lead.Entry.At
		}
		out = append(out, g)
	}
	return out
}

// rootOf gives the lead that a lead has become.
func rootOf(members map[string]*member, m *member) *member {
	for {
		parent := members[m.lead.Parent]
		if parent == nil || parent.lead == nil {
			return m
		}
		m = parent
	}
}

func (h *history) person(id string, group []string) *person {
	p := &person{id: id}
	var words []dealWord
	var said moment
	for _, part := range group {
		r := h.records[part]
		if r == nil {
			continue
		}
		if r.firstSeen != 0 && (p.firstSeen == 0 || r.firstSeen < p.firstSeen) {
			p.firstSeen = r.firstSeen
		}
		words = append(words, r.deals...)
		p.handoffs = append(p.handoffs, r.handed...)
		for _, a := range r.answers {
			if !h.refused[a.id] && said.before(a.moment) {
				said, p.answer = a.moment, a.kind
			}
		}
	}
	for i := range words { // a deal without an id is the merged lead's
		if identity.RankOf(words[i].deal) != 0 {
			words[i].deal = id
		}
	}
	slices.SortFunc(p.handoffs, compareQualifications)
	p.deals = standing(words)
	p.outcome, p.end = outcomeOf(p.deals)
	for i := range h.players {
		p.runs[i] = h.players[i].verdict(group, p.end)
	}
	if h.shadow != nil {
		h.judge(p, group)
	}
	return p
}

// verdict gives what the contender made of a merged lead before its end.
func (p *player) verdict(group []string, end moment) (v verdict) {
	for _, part := range group {
		m := p.members[part]
		if m == nil {
			continue
		}
		v.score = max(v.score, m.before(end))
		for k := range m.qualified {
			if q := &m.qualified[k]; v.qualified == nil || compareQualifications(*q, *v.qualified) < 0 {
				v.qualified = q
			}
		}
	}
	return v
}

func compareQualifications(a, b qualification) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq), strings.Compare(a.lead, b.lead))
}

// within reports whether a time lies in the window.
func (o *Options) within(at int64) bool {
	return (o.From.IsZero() || at >= o.From.UnixNano()) && (o.To.IsZero() || at < o.To.UnixNano())
}

// handed gives when a lead was really handed over first, nil where it was not.
func (p *person) handed() *qualification {
	if len(p.handoffs) == 0 {
		return nil
	}
	return &p.handoffs[0]
}

// side is a choice of leads: a contender's, or what really happened.
type side struct {
	name string
	of   func(*person) *qualification
	// score under which contender.
	score int
}

func measure(h *history) *Report {
	o := h.opt
	all, devices := h.people()
	r := &Report{
		From: utc(o.From), To: utc(o.To), Read: h.read, Inputs: h.inputs, Until: at(h.last), OpenIsLost: o.OpenIsLost,
		People: People{Devices: devices}, Shadow: h.shadow != nil,
	}
	var seen []*person
	for _, p := range all {
		if o.within(p.firstSeen) {
			seen = append(seen, p)
		}
	}
	r.People.count(seen)

	// A qualification counts if it lies in the window.
	inWindow := func(of func(*person) *qualification) func(*person) *qualification {
		return func(p *person) *qualification {
			if q := of(p); q != nil && o.within(q.at) {
				return q
			}
			return nil
		}
	}
	happened := side{WhatHappened, inWindow((*person).handed), 0}
	if r.Shadow {
		happened.score = 1
	}
	sides := make([]side, len(o.Rules))
	for i, c := range o.Rules {
		sides[i] = side{c.Name, inWindow(func(p *person) *qualification { return p.runs[i].qualified }), i}
	}
	r.Weeks = weeks(all, sides, happened)
	for i, c := range o.Rules {
		result := Result{
			Name: c.Name, Agreement: c.Agreement.Name, Version: c.Agreement.Version, Qualified: count(all, sides[i]),
			Quality: quality(seen, sides[i], o.OpenIsLost), LeadTime: leadTimes(seen, sides[i]),
		}
		if o.Capacity != nil {
			result.Load = load(o.Capacity, r.Weeks, i)
		}
		if !r.Shadow {
			predictions := predict(seen, sides[i])
			result.Ranking = new(rank(predictions, o.OpenIsLost))
			r.predictions = append(r.predictions, predictions)
		}
		r.Contenders = append(r.Contenders, result)
	}
	r.HandedOver = HandedOver{Leads: count(all, happened), Quality: quality(seen, happened, o.OpenIsLost), LeadTime: leadTimes(seen, happened)}
	for _, p := range all {
		for _, h := range p.handoffs {
			if o.within(h.at) {
				r.HandedOver.Handoffs++
			}
		}
	}
	switch {
	case r.Shadow:
		r.Comparison, r.differences = compare(seen, happened, sides[0]), differences(seen, happened, sides[0])
	case len(sides) == most:
		r.Comparison = compare(seen, sides[0], sides[1])
	case r.HandedOver.Handoffs > 0:
		r.Comparison = compare(seen, happened, sides[0])
	}
	return r
}

// WhatHappened names the leads that were really handed over, in a comparison.
const WhatHappened = "what really happened"

func (c *People) count(seen []*person) {
	c.Seen = len(seen)
	won := map[string]deal{}
	for _, p := range seen {
		var o Outcomes
		o.add(p.outcome)
		c.Won, c.Lost, c.Open = c.Won+o.Won, c.Lost+o.Lost, c.Open+o.Open
		if p.outcome != Won {
			continue
		}
		switch {
		case p.untold:
		case p.firstTouch == 0:
			c.WonWithoutTouch++
		case p.end.at < p.firstTouch:
			c.WonBeforeTouch++
		}
		for _, d := range p.deals {
			if d.outcome == Won {
				won[d.id] = d
			}
		}
	}
	money := purse{}
	for _, d := range won {
		money.add(d.amount, d.currency)
	}
	c.Money = money.lines()
}

func (o *Outcomes) add(outcome string) {
	switch outcome {
	case Won:
		o.Won++
	case Lost:
		o.Lost++
	default:
		o.Open++
	}
}

func (a *Answers) add(kind string) {
	switch kind {
	case "accepted":
		a.Accepted++
	case "sql":
		a.SQL++
	case "rejected":
		a.Rejected++
	case "recycled":
		a.Recycled++
	case "disqualified":
		a.Disqualified++
	}
}

func count(all []*person, s side) (n int) {
	for _, p := range all {
		if s.of(p) != nil {
			n++
		}
	}
	return n
}

// quality compares a choice with how the leads ended. A deal that several leads stand on is caught by any of them.
func quality(seen []*person, s side, openIsLost bool) Quality {
	var out Quality
	caught, missed := map[string]bool{}, map[string]deal{}
	for _, p := range seen {
		q := s.of(p)
		chosen := q != nil && q.before(p.end)
		if chosen {
			out.Chosen.add(p.outcome)
			out.Answers.add(p.answer)
		} else {
			out.PassedOver.add(p.outcome)
			if q != nil {
				out.Late++
			}
		}
		for _, d := range p.deals {
			switch {
			case d.outcome != Won:
			case chosen:
				caught[d.id] = true
			default:
				missed[d.id] = d
			}
		}
	}
	ended := out.Chosen.Won + out.Chosen.Lost
	if openIsLost {
		ended += out.Chosen.Open
	}
	out.Precision = ratio(out.Chosen.Won, ended)
	out.Recall = ratio(out.Chosen.Won, out.Chosen.Won+out.PassedOver.Won)
	money := purse{}
	for id, d := range missed {
		if !caught[id] {
			money.add(d.amount, d.currency)
		}
	}
	out.MissedMoney = money.lines()
	return out
}

func ratio(a, b int) *float64 {
	if b == 0 {
		return nil
	}
	return new(float64(a) / float64(b))
}

func at(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}
