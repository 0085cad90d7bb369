package fold

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/desk"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// How a handoff ended, as the desk is told. The first four give the rep's turn back.
const (
	closedGivenBack = "given_back"
	closedRecalled  = "recalled"
	closedWithdrawn = "withdrawn"
	// closedTooLate: nobody waited for this assignment any more. Whatever else is asked for the handoff goes on.
	closedTooLate = "too_late"
	// closedReassigned: another rep has it now. The turn is not given back.
	closedReassigned = "reassigned"
)

// maxRulings bounds what the desk decides because of one event: two facts each, well within one commit. What is left over
// is looked at as soon as the next timer fires, which is at once.
const maxRulings = 200

// deskEntity is the desk: it alone decides who gets a handoff.
type deskEntity struct {
	state.Desk
	// freed: with the event just applied a rep has room in hand again, and somebody waits who could go to them.
	freed bool
	// summary: the event just applied is the summary of a week that was not told yet.
	summary bool
}

func loadDesk(blob []byte) (journal.Entity, error) {
	d, err := state.DecodeDesk(blob)
	if err != nil {
		return nil, err
	}
	return &deskEntity{Desk: *d}, nil
}

// Apply folds an event.
func (e *deskEntity) Apply(globals journal.Globals, ev *journal.Event) journal.Outcome {
	g, ok := globals.(*Globals)
	if !ok {
		return journal.Applied
	}
	e.alarmed(g, ev)
	if outcome, ok := applyDelivery(&e.Book, ev); ok {
		return outcome
	}
	if ev.Type == typeDestinationPaused {
		return e.pause(ev)
	}
	if ev.Type == typeSummaryDue {
		return e.summaryDue(ev)
	}
	s := e.Desk.Desk
	s.Advance(ev.Time())
	if !journal.OwnToSelf(Service, ev.Head) {
		e.freed = false
	}
	switch ev.Type {
	case typeDirectoryChanged:
		s.Changed(g.Directory)
	case typeMatched:
		m := ev.Body.GetMatched()
		if identity.RankOf(m.GetLead()) == 0 || m.GetHandoffId() == "" {
			return journal.Applied
		}
		s.Ask(desk.Entry{
			Lead: m.GetLead(), Handoff: m.GetHandoffId(), Epoch: int(m.GetEpoch()), Route: m.GetRoute(), Pool: m.GetPool(), Rep: m.GetRep(),
			Exclude: m.GetExclude(), Attempt: int(m.GetAttempt()), Account: m.GetAccount(), By: m.GetBy(), Confidence: m.GetConfidence(),
			Prefer: state.ParsePreferences(m.GetPrefer()), Wants: state.ParseWants(m.GetNeeds(), m.GetLanguage(), m.GetConflicts()),
			Request: m.GetRequestId(), Only: m.GetOnly(), Force: m.GetForce(),
		})
	case typeDeclined:
		s.Decline(ev.Body.GetDeclined().GetHandoffId(), int(ev.Body.GetDeclined().GetAttempt()))
	case typeAssigned:
		a := ev.Body.GetAssigned()
		s.Assign(g.Directory, a.GetHandoffId(), int(a.GetAttempt()), a.GetPool(), a.GetRep(), deskConsidered(a.GetConsidered()))
	case typeWaiting:
		w := ev.Body.GetWaiting()
		s.Tell(w.GetHandoffId(), instant(w.GetUntil()))
	case typeClosed:
		c := ev.Body.GetClosed()
		var waited *desk.Entry
		var freed bool
		switch c.GetOutcome() {
		case closedReassigned:
			freed = s.GiveUp(c.GetHandoffId(), c.GetPool(), c.GetRep(), false)
		case closedTooLate:
			freed = s.GiveUp(c.GetHandoffId(), c.GetPool(), c.GetRep(), true)
		default:
			back := c.GetOutcome() == closedGivenBack || c.GetOutcome() == closedRecalled || c.GetOutcome() == closedWithdrawn
			waited = s.Waits(c.GetHandoffId())
			freed = s.Close(c.GetHandoffId(), c.GetPool(), c.GetRep(), back)
		}
		if freed {
			s.Free(g.Directory, c.GetRep())
		}
		s.Passed(g.Directory, waited)
		e.freed = g.Directory.CountsOpen()
	}
	return journal.Applied
}

// Decide rules on whoever is due to be looked at: who has just asked, and, when a rep's hours or capacity open or the
// directory changed, those who wait.
func (e *deskEntity) Decide(globals journal.Globals, ev *journal.Event, d *journal.Decision) {
	g, ok := globals.(*Globals)
	if !ok {
		return
	}
	if c := ev.Body.GetAgreementChanged(); ev.Type == typeAgreementChanged {
		version := itoa(int(c.GetVersion()))
		tell(d, g, identity.Desk, EventAgreementActivated, "", version, map[string]string{"version": version, "hash": c.GetHash()})
		return
	}
	switch ev.Type {
	case typeSummaryDue:
		e.tellSummary(g, ev, d)
		return
	case typeMatched, typeDirectoryChanged, journal.TypeTimerFired:
	case typeClosed:
		if !e.freed {
			e.alarm(g, ev.Time(), nil, d)
			return
		}
	default:
		return
	}
	rulings := e.Desk.Desk.Look(g.Directory, maxRulings)
	for _, r := range rulings {
		for _, entity := range []string{identity.Desk, r.Entry.Lead} {
			d.Fact(entity, ruling(r))
		}
	}
	e.alarm(g, ev.Time(), rulings, d)
}

func ruling(r desk.Ruling) *journalv1.Event {
	q := r.Entry
	var considered []*journalv1.Considered
	for _, c := range r.Considered {
		considered = append(considered, &journalv1.Considered{Rep: c.Rep, Skipped: c.Skipped})
	}
	if r.Declined {
		return &journalv1.Event{Type: typeDeclined, Payload: &journalv1.Event_Declined{Declined: &journalv1.Declined{
			Lead: q.Lead, HandoffId: q.Handoff, Attempt: int32(q.Attempt), RequestId: q.Request, Pool: r.Pool, Considered: considered,
		}}}
	}
	if r.Rep == "" {
		w := &journalv1.Waiting{Lead: q.Lead, HandoffId: q.Handoff, Pool: r.Pool, Considered: considered, Attempt: int32(q.Attempt)}
		if !r.Until.IsZero() {
			w.Until = timestamppb.New(r.Until)
		}
		return &journalv1.Event{Type: typeWaiting, Payload: &journalv1.Event_Waiting{Waiting: w}}
	}
	return &journalv1.Event{Type: typeAssigned, Payload: &journalv1.Event_Assigned{Assigned: &journalv1.Assigned{
		Lead: q.Lead, HandoffId: q.Handoff, Rep: r.Rep, Pool: r.Pool, Route: r.Route, Attempt: int32(q.Attempt), Considered: considered,
		Account: q.Account, By: q.By, Confidence: q.Confidence, OverflowFrom: r.OverflowFrom,
	}}}
}

// Deadlines gives the moment at which the next who waits must be looked at.
func (e *deskEntity) Deadlines(journal.Globals) map[string]time.Time {
	if next := e.Desk.Desk.Next(); !next.IsZero() {
		return map[string]time.Time{timerLook: next}
	}
	return nil
}

// Save gives the blob.
func (e *deskEntity) Save(m *leadstore.Mutation) []byte {
	saveBook(m, &e.Book)
	return state.EncodeDesk(&e.Desk)
}

func deskConsidered(list []*journalv1.Considered) []desk.Considered {
	var out []desk.Considered
	for _, c := range list {
		out = append(out, desk.Considered{Rep: c.GetRep(), Skipped: c.GetSkipped()})
	}
	return out
}
