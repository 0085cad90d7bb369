package dryrun

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// Outcomes of a trial.
const (
	Routed  = "routed"
	Waiting = "waiting"
	Held    = "held"
)

// maxHolds is how often a hold may be put off within one trial: each time something else is the reason, and there are few.
const maxHolds = 8

// Trial is one lead that is tried.
type Trial struct {
	Logic *fold.Logic
	// Globals in force; they are not changed. Their directory is the one that is tried.
	Globals *fold.Globals
	// Changed: it is not the one that is in force, and comes into force at Now.
	Changed bool
	Key     identity.Key
	// Lead that qualifies, and how. Again: the handoff was there before; it is tried as if it had not been.
	Lead      string
	Qualified *journalv1.Qualified
	Again     bool
	// Now is the moment as of which the states are, At the one at which the lead qualifies.
	Now, At time.Time
	// States of entities as they stand, nil for one that knows nothing.
	State func(entity string) ([]byte, error)
}

// Result is what would become of the lead.
type Result struct {
	HandoffID string
	Facts     core.Facts
	Match     core.Match
	// Target is what the routes say once the account was asked, Routes how each came out.
	Target core.Target
	Routes []core.Trace
	// Outcome is Routed, Waiting or Held. Of a held handoff the rest is as it would be when the hold is over.
	Outcome     string
	HeldUntil   time.Time
	HeldBecause string
	// Assigned is the desk's decision, nil where nobody can take it: then Waiting says why.
	Assigned *journalv1.Assigned
	Waiting  *journalv1.Waiting
	// AssignedAt, and what the rep's clocks would be; zero for none.
	AssignedAt, AcceptBy, ContactBy time.Time
	// Route by which the rep gets it.
	Route string
}

// Run tries the lead. It decides by the very code that decides live: with the same states the same lead gets the same rep, if
// nothing comes between. Nothing is written anywhere.
func (t *Trial) Run() (*Result, error) {
	id := t.Qualified.GetHandoffId()
	p, lead, err := t.player(id)
	if err != nil {
		return nil, err
	}
	out := &Result{HandoffID: id}
	out.Facts, out.Match = fold.PeopleAndFacts(t.Globals, lead.entity, t.Qualified)
	told := &journalv1.OwnerTold{}
	p.told = func(ev *journal.Event) {
		switch b := ev.Body; {
		case b.GetOwnerTold().GetHandoffId() == id:
			told = b.GetOwnerTold()
		case b.GetAssigned().GetHandoffId() == id:
			out.Assigned, out.Waiting, out.AssignedAt = b.GetAssigned(), nil, ev.Time()
		case b.GetWaiting().GetHandoffId() == id:
			out.Waiting = b.GetWaiting()
		}
	}
	if err := p.show(t.Lead, t.event()); err != nil {
		return nil, err
	}
	h := fold.LeadOf(lead.entity).Handoff(id)
	if h == nil {
		return nil, fmt.Errorf("the lead %s does not qualify", t.Lead)
	}
	out.HeldUntil, out.HeldBecause = h.HeldUntil, h.HeldBecause
	for n := 0; n < maxHolds && !h.HeldUntil.IsZero(); n++ {
		if err := p.fire(h.HeldUntil); err != nil {
			return nil, err
		}
	}
	out.explain(t.Globals.Directory, told)
	out.settle(h)
	return out, nil
}

// player gives the desk and the lead as they will be when the lead qualifies.
func (t *Trial) player(id string) (*player, *member, error) {
	p := newPlayer(t.Logic, t.Globals)
	blob, err := t.State(identity.Desk)
	if err != nil {
		return nil, nil, err
	}
	desk, err := p.load(identity.Desk, blob)
	if err != nil {
		return nil, nil, err
	}
	if d := fold.DeskOf(desk.entity); t.Again {
		d.Retract(id)
	}
	if t.Changed {
		if err := p.changed(t.Now); err != nil {
			return nil, nil, err
		}
	} else {
		for timer, at := range desk.entity.Deadlines(t.Globals) {
			p.arm(desk, deadline{timer, at})
		}
	}
	if err := p.fire(t.At); err != nil {
		return nil, nil, err
	}
	if blob, err = t.State(t.Lead); err != nil {
		return nil, nil, err
	}
	lead, err := p.load(t.Lead, blob)
	if err != nil {
		return nil, nil, err
	}
	if t.Again {
		fold.Forget(lead.entity, id)
	}
	// Accounts are read when they are asked, others have no part in it.
	p.open = func(entity string) (*member, error) {
		h := fold.LeadOf(lead.entity).Handoff(id)
		if h == nil || entity != fold.AccountEntity(t.Globals.Directory, t.Key, h.Account.ID) {
			return nil, nil
		}
		blob, err := t.State(entity)
		if err != nil {
			return nil, err
		}
		return p.load(entity, blob)
	}
	return p, lead, nil
}

func (t *Trial) event() *journal.Event {
	return &journal.Event{
		Head: journal.Head{
			Partition: journal.PartitionOf(t.Lead), Entity: t.Lead, Type: "qualified", Origin: &journal.Origin{Producer: "scoring", Entity: t.Lead}, Logged: t.At,
		},
		Body: &journalv1.Event{
			Type: "qualified", Entity: t.Lead, ReceivedAt: timestamppb.New(t.At), OccurredAt: timestamppb.New(t.At),
			Payload: &journalv1.Event_Qualified{Qualified: t.Qualified},
		},
	}
}

// explain says why the routes send it where they do, with what the account told.
func (r *Result) explain(dir *core.Directory, told *journalv1.OwnerTold) {
	r.Target, r.Routes = dir.Trace(r.Facts)
	r.Target.Resolve(told.GetOpportunity(), told.GetPrevious())
	for i := range r.Routes {
		for k := range r.Routes[i].Named {
			n := &r.Routes[i].Named[k]
			switch {
			case n.Rep != "":
			case n.As == core.AsOpportunity:
				n.Rep = told.GetOpportunity()
			case n.As == core.AsPreviousAtAccount:
				n.Rep = told.GetPrevious()
			}
		}
	}
}

func (r *Result) settle(h *handoff.Handoff) {
	a := h.Current()
	switch {
	case a != nil:
		r.Outcome = Routed
		r.Route, r.AcceptBy, r.ContactBy = a.Route, h.AcceptBy, a.ContactBy
	default:
		r.Outcome = Waiting
	}
	if !r.HeldUntil.IsZero() {
		r.Outcome = Held
	}
}
