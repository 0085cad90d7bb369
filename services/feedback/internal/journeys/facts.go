package journeys

import (
	"slices"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// scored takes a fact of scoring's.
func (r *record) scored(ev *journal.Event, at int64) {
	switch p := ev.Body.Payload.(type) {
	case *journalv1.Event_Absorbed:
		if from := p.Absorbed.GetFrom(); p.Absorbed.GetAnswers() == 0 && identity.Safe(from) && from != ev.Entity {
			r.absorb(from)
		}
	case *journalv1.Event_MergedInto:
		if into := p.MergedInto.GetInto(); identity.Safe(into) && into != ev.Entity {
			r.into = intern(into)
		}
	case *journalv1.Event_SplitOff:
		if p.SplitOff.GetOrigin() == ev.Entity {
			r.into = ""
			return
		}
		if r.left == nil {
			r.left = map[string]bool{}
		}
		for _, id := range p.SplitOff.GetLeaving() {
			r.left[intern(id)] = true
		}
		if o := p.SplitOff.GetOrigin(); o != "" {
			r.left[intern(o)] = true
		}
	case *journalv1.Event_AccountRated:
		if a := p.AccountRated.GetAccount(); identity.Safe(a) {
			r.rated = intern(a)
		}
	case *journalv1.Event_AccountEngaged:
		if lead := p.AccountEngaged.GetLead(); identity.Safe(lead) && !slices.Contains(r.members, lead) {
			r.members = append(r.members, intern(lead))
		}
	case *journalv1.Event_Qualified:
		q := p.Qualified
		r.marks = append(r.marks, Mark{seq: ev.Seq, At: at, Type: "qualified", Rule: intern(q.GetRule()), Version: q.GetAgreementVersion(), event: hashOf(ev.Body.GetSource(), ev.Body.GetId())})
		for _, item := range q.GetLead().GetTimeline() {
			if item.GetAutomated() {
				if r.automated == nil {
					r.automated = map[uint64]bool{}
				}
				r.automated[hashOf(item.GetSource(), item.GetEventId())] = true
			}
		}
	}
}

func (r *record) absorb(from string) {
	if !slices.Contains(r.absorbed, from) {
		r.absorbed = append(r.absorbed, intern(from))
	}
}

// routed takes a fact of routing's. What sales answered took effect where routing says so, and nowhere else.
func (r *record) routed(ev *journal.Event, at int64) {
	m := Mark{seq: ev.Seq, At: at, event: hashOf(ev.Body.GetSource(), ev.Body.GetId())}
	switch p := ev.Body.Payload.(type) {
	case *journalv1.Event_Routed:
		m.Type, m.Rep, m.Rule = "routed", p.Routed.GetRep(), p.Routed.GetRoute()
		if persona := p.Routed.GetPersona(); persona != "" {
			r.persona.put(&persona, at)
		}
		if a := p.Routed.GetAccount(); identity.Safe(a) {
			r.matched = intern(a)
		}
	case *journalv1.Event_Reassigned:
		m.Type, m.Rep, m.Reason = "reassigned", p.Reassigned.GetTo(), p.Reassigned.GetReason()
	case *journalv1.Event_Answered:
		a := p.Answered
		if !a.GetOk() {
			return
		}
		switch a.GetDisposition() {
		case "accepted", "rejected", "contacted", "recycled", "disqualified", "sql":
		default:
			return
		}
		m.Type, m.Rep, m.Reason = a.GetDisposition(), a.GetRep(), a.GetReason()
	default:
		return
	}
	m.Type, m.Rep, m.Rule, m.Reason = intern(m.Type), intern(m.Rep), intern(m.Rule), intern(m.Reason)
	r.marks = append(r.marks, m)
}
