package fold

import (
	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/desk"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// What follows is for trying: the same entities and the same decisions as live, with other globals and nobody told.

// NewTrial gives globals for a trial: a directory and an agreement (both may be nil) in force, no destinations, rules as this
// program decides them.
func (l *Logic) NewTrial(dir *core.Directory, a *agreement.Agreement) *Globals {
	return &Globals{parser: l.parser, Directory: dir, Agreement: a, Version: 1, pins: true, tellsTooLate: true, refuses: true, proposed: map[int32][]byte{}}
}

// Mute has nobody be told of anything from here on, until destinations are stated again.
func (g *Globals) Mute() { g.destinations = nil }

// StopClocks has the agreement promise nothing: no clock begins from here on, until an agreement is stated again.
func (g *Globals) StopClocks() {
	if g.Agreement != nil {
		a := *g.Agreement
		a.SLA = agreement.SLA{Pause: a.SLA.Pause}
		g.Agreement = &a
	}
}

// PeopleAndFacts gives what conditions look at for a lead that would qualify, with the people that the lead itself knows of, and
// its account.
func PeopleAndFacts(g *Globals, e journal.Entity, q *journalv1.Qualified) (core.Facts, core.Match) {
	l, ok := e.(*lead)
	if !ok {
		return core.Facts{}, core.Match{}
	}
	f, m := MatchFacts(g.Directory, l.key, q)
	f.Previous, f.Opportunity = l.people(g, q)
	return f, m
}

// AccountEntity gives the entity that remembers an account, by the id that a lead was matched to; "" for none.
func AccountEntity(dir *core.Directory, key identity.Key, id string) string {
	return accountOf(dir, key, id)
}

// LeadOf gives the lead that an entity holds, nil for others. It must not be changed.
func LeadOf(e journal.Entity) *state.Lead {
	if l, ok := e.(*lead); ok {
		return &l.Lead
	}
	return nil
}

// DeskOf gives the desk that an entity holds, nil for others. What is changed of it is changed for the entity.
func DeskOf(e journal.Entity) *desk.State {
	if d, ok := e.(*deskEntity); ok {
		return d.Desk.Desk
	}
	return nil
}

// Untold has a lead keep nothing for the store but its state: a trial never writes one.
func Untold(e journal.Entity) {
	if l, ok := e.(*lead); ok {
		l.untold, l.unsaved = true, unsaved{}
	}
}

// Forget takes a handoff off a lead, as if it had never qualified.
func Forget(e journal.Entity, handoffID string) {
	if l, ok := e.(*lead); ok {
		if h := l.find(handoffID); h != nil {
			l.remove(h)
			l.unsaved = unsaved{}
		}
	}
}

// AnswerAgain gives the request that an answered fact goes back to, as one that the owner makes, whoever that is; nil for others.
func AnswerAgain(a *journalv1.Answered) *journalv1.Event {
	ev := &journalv1.Event{Id: a.GetRequestId(), Type: a.GetDisposition()}
	p := &journalv1.Disposition{HandoffId: a.GetHandoffId(), Reason: a.GetReason(), Note: a.GetNote()}
	switch a.GetDisposition() {
	case handoff.DoAccept:
		ev.Payload = &journalv1.Event_Accepted{Accepted: p}
	case handoff.DoReject:
		ev.Payload = &journalv1.Event_Rejected{Rejected: p}
	case handoff.DoContact:
		ev.Payload = &journalv1.Event_Contacted{Contacted: p}
	case handoff.DoRecycle:
		ev.Payload = &journalv1.Event_Recycled{Recycled: p}
	case handoff.DoDisqualify:
		ev.Payload = &journalv1.Event_Disqualified{Disqualified: p}
	case handoff.DoSQL:
		ev.Payload = &journalv1.Event_Sql{Sql: p}
	case handoff.DoPause: // by nobody's rep: a manager may always
		ev.Type = typePauseRequested
		ev.Payload = &journalv1.Event_PauseRequested{PauseRequested: &journalv1.PauseRequested{
			HandoffId: a.GetHandoffId(), Until: a.GetUntil(), Reason: a.GetReason(), By: a.GetBy(),
		}}
	case handoff.DoResume:
		ev.Type = typeResumeRequested
		ev.Payload = &journalv1.Event_ResumeRequested{ResumeRequested: &journalv1.ResumeRequested{HandoffId: a.GetHandoffId(), By: a.GetBy()}}
	default:
		return nil
	}
	return ev
}
