package dryrun

import (
	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// How a handoff ended, as the desk is told: where only its owner changed, and where nobody else is wanted for it.
const (
	closedReassigned = "reassigned"
	closedWithdrawn  = "withdrawn"
)

// carried is a handoff of before the stretch that is not over: who has it here, and who had it before them.
type carried struct{ rep, pool, before string }

// deskRecorded lets the desk know what became of handoffs of before the stretch, which are not played.
func (s *side) deskRecorded(ev *journal.Event) error {
	switch p := ev.Body.Payload.(type) {
	case *journalv1.Event_Matched:
		if s.records[p.Matched.GetHandoffId()] == nil {
			return s.show(identity.Desk, ev)
		}
	case *journalv1.Event_Closed:
		if s.records[p.Closed.GetHandoffId()] == nil {
			return s.show(identity.Desk, &journal.Event{Head: ev.Head, Body: &journalv1.Event{
				Id: ev.Body.GetId(), Type: ev.Type, Entity: ev.Entity, ReceivedAt: ev.Body.GetReceivedAt(), OccurredAt: ev.Body.GetOccurredAt(),
				Payload: &journalv1.Event_Closed{Closed: s.closedHere(p.Closed)},
			}})
		}
	}
	return nil
}

// closedHere gives the end of a handoff of before the stretch with whom this side gave it to, not with whom it really went to.
func (s *side) closedHere(c *journalv1.Closed) *journalv1.Closed {
	here := s.elsewhere[c.GetHandoffId()]
	if here == nil {
		here = &carried{}
	}
	if c.GetOutcome() != closedReassigned && (c.GetOutcome() != closedWithdrawn || c.GetRep() != "") {
		delete(s.elsewhere, c.GetHandoffId())
	}
	if c.GetRep() == "" {
		return c
	}
	c = proto.CloneOf(c)
	if c.GetOutcome() == closedReassigned {
		c.Rep = here.before
	} else {
		c.Rep, c.Pool = here.rep, here.pool
	}
	return c
}

// carry notes who has a handoff of before the stretch.
func (s *side) carry(ev *journalv1.Event) {
	switch p := ev.Payload.(type) {
	case *journalv1.Event_Assigned:
		if id := p.Assigned.GetHandoffId(); s.records[id] == nil {
			next := &carried{rep: p.Assigned.GetRep(), pool: p.Assigned.GetPool()}
			if old := s.elsewhere[id]; old != nil {
				next.before = old.rep
			}
			s.elsewhere[id] = next
		}
	case *journalv1.Event_Closed:
		if o := p.Closed.GetOutcome(); o != closedReassigned && (o != closedWithdrawn || p.Closed.GetRep() != "") {
			delete(s.elsewhere, p.Closed.GetHandoffId())
		}
	}
}
