package fold

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// Bounds of what a lead remembers.
const (
	// seenFor is how long a request is recognised when it is sent again.
	seenFor = 35 * 24 * time.Hour
	maxSeen = 200
	// heldFor is how long a request waits for the handoff that another lead is passing on; maxHeld is how many can.
	heldFor = time.Minute
	maxHeld = 16
)

// lead is one lead: its handoffs and what destinations are told of it. All state changes are made in Apply, so that they
// follow what is recorded; Decide only says what follows, helped by the effects that Apply leaves behind.
type lead struct {
	state.Lead
	id  string
	key identity.Key
	effects
	unsaved
	// steady: the event just applied changed nothing.
	steady bool
	// untold: it is tried, and what stands beside the blob is not kept.
	untold bool
	// indexed is where the indexes have each handoff.
	indexed map[string]place
}

// effects are what the event just applied asks Decide for.
type effects struct {
	// ask: this handoff has just come and needs an owner.
	ask *handoff.Handoff
	// assigned: the desk gave this one an owner, as pending says. Nobody waits for the desk's answer where it is nil.
	assigned *handoff.Handoff
	pending  handoff.Assignment
	// passing: handoffs that go to the lead that this one merged into, with the requests about them.
	passing []*handoff.Handoff
	held    []handoff.Held
	// forward: the event itself is for that lead.
	forward bool
	// merged: handoffs taken back because another one goes on; ended: handoffs that were over with this event.
	merged, ended []*handoff.Handoff
	// withdrawn: nobody else is wanted for these any more.
	withdrawn []*handoff.Handoff
	// requests to be answered.
	requests []handoff.Held
	// overfull: requests for which there is no room among those that wait.
	overfull []handoff.Held
	// known are deals that the account is to be told of; deals are those that go on with the lead.
	known []string
	deals []state.Deal
	wishes
}

// unsaved is what the next Save must write beside the blob.
type unsaved struct {
	touched   map[string]struct{}
	removed   []*handoff.Handoff
	snapshots map[string][]byte
}

func loadLead(key identity.Key, id string, blob []byte) (journal.Entity, error) {
	l, err := state.DecodeLead(blob)
	if err != nil {
		return nil, err
	}
	e := &lead{Lead: *l, id: id, key: key, indexed: make(map[string]place, len(l.Handoffs))}
	for _, h := range l.Handoffs {
		e.indexed[h.ID] = placeOf(h)
	}
	return e, nil
}

// Apply folds an event.
func (l *lead) Apply(globals journal.Globals, ev *journal.Event) journal.Outcome {
	g, ok := globals.(*Globals)
	if !ok {
		return journal.Applied
	}
	own := journal.OwnToSelf(Service, ev.Head)
	l.steady = false
	if !own {
		l.effects = effects{}
	}
	l.keepRefs(ev)
	if outcome, ok := applyDelivery(&l.Book, ev); ok {
		return outcome
	}
	if own {
		l.applyOwn(g, ev)
		return journal.Applied
	}
	switch ev.Type {
	case typeQualified:
		l.qualified(g, ev)
	case typeAssigned:
		l.assigned(ev)
	case typeWaiting:
		l.waits(ev)
	case typeDeclined:
		l.refused(ev)
	case typeMergedInto:
		l.mergedInto(ev)
	case typeSplitOff:
		l.splitOff(ev)
	case typeAbsorbed:
		l.absorbed(ev)
		l.adopted(g, ev.Body.GetAbsorbed().GetFrom(), ev.Time())
	case typeRecalled:
		l.recalled(ev)
	case typeStageChanged:
		l.stageChanged(ev)
	case journal.TypeTimerFired:
		l.look(g, ev)
	case typeOwnerTold:
		l.ownerTold(ev)
	case typeScoreBandChanged:
		l.bandChanged(g, ev)
	case typeBriefChanged:
		l.colleague(ev)
	default:
		if deal(ev.Type) {
			l.dealMoved(g, ev)
		}
		switch {
		case disposition(ev.Type), ev.Type == handoff.DoReassign:
			return l.requested(ev)
		case contact(ev.Type):
			l.contacted(ev)
		}
		if matters, _ := material(ev.Type); matters {
			return l.engaged(g, ev)
		}
	}
	return journal.Applied
}

// qualified opens a handoff.
func (l *lead) qualified(g *Globals, ev *journal.Event) {
	q := ev.Body.GetQualified()
	if q.GetHandoffId() == "" || l.find(q.GetHandoffId()) != nil {
		return
	}
	facts, match := MatchFacts(g.Directory, l.key, q)
	facts.Previous, facts.Opportunity = l.people(g, q)
	l.tellDeals(g, match.ID)
	h := &handoff.Handoff{
		ID: q.GetHandoffId(), Epoch: int(q.GetEpoch()), Stage: handoff.Waiting, Rule: q.GetRule(), Email: q.GetLead().GetEmail(),
		QualifiedAt: ev.Time(), Asked: true,
		Account: MatchedAccount(match),
	}
	target := g.Directory.RouteTo(facts)
	if accountOf(g.Directory, l.key, match.ID) == "" {
		target.Resolve("", "")
	}
	h.Send(target)
	h.Record("qualified", ev.Time(), "", q.GetRule())
	l.past(q, ev.Time())
	if g.pins {
		h.Persona = g.Directory.Persona(facts)
	}
	l.heard(g, q, ev.Time())
	l.Handoffs = append(l.Handoffs, h)
	l.touch(h)
	// The snapshot stands beside the blob: it is large, never changes, and no decision needs it.
	if l.snapshots == nil {
		l.snapshots = map[string][]byte{}
	}
	if !l.untold {
		l.snapshots[h.ID], _ = proto.MarshalOptions{Deterministic: true}.Marshal(q) // as it was decoded: it encodes
	}
	l.ask = h
	if l.MergedInto != "" {
		l.pass(h)
		return
	}
	l.settle(ev.Time())
}

// settle keeps one open handoff: the lead's own, the latest epoch's; or else, of those that came with absorbed leads, the
// oldest. The others are taken back.
func (l *lead) settle(now time.Time) {
	var keep *handoff.Handoff
	for _, h := range l.Handoffs {
		if h.Open() && (keep == nil || before(h, keep)) {
			keep = h
		}
	}
	for _, h := range slices.Clone(l.Handoffs) {
		switch {
		case h == keep || !h.Open():
		case h.Adopted:
			l.lapse(h, handoff.Superseded, "the lead merged into another, whose own handoff goes on")
			l.merged = append(l.merged, h)
			l.remove(h)
		default:
			l.end(h, handoff.Recalled, handoff.BySuccessor, "", now)
		}
	}
}

// before says which of two open handoffs goes on.
func before(a, b *handoff.Handoff) bool {
	switch {
	case a.Adopted != b.Adopted:
		return !a.Adopted
	case !a.Adopted:
		return a.Epoch > b.Epoch
	case !a.QualifiedAt.Equal(b.QualifiedAt):
		return a.QualifiedAt.Before(b.QualifiedAt)
	}
	return a.ID < b.ID
}

// end closes a handoff and lets the desk be told.
func (l *lead) end(h *handoff.Handoff, stage handoff.Stage, by, reason string, at time.Time) {
	l.lapse(h, handoff.AlreadyClosed, "the handoff is over: "+by)
	h.Close(stage, by, reason, at)
	l.ended = append(l.ended, h)
	l.touch(h)
}

// assigned takes the desk's answer, if the handoff still awaits it.
func (l *lead) assigned(ev *journal.Event) {
	a := ev.Body.GetAssigned()
	h := l.find(a.GetHandoffId())
	if h == nil || !h.Awaits(int(a.GetAttempt())) {
		l.forward = l.WentOn() != "" && (h == nil || h.Passed)
		return
	}
	route := h.Route
	switch {
	case a.GetPool() != "" && h.Fallback != "":
		route = h.Fallback
	case a.GetPool() == "" && a.GetRoute() != "":
		route = a.GetRoute()
	}
	if h.Wish != nil && a.GetPool() == "" {
		route = handoff.Code(h.AskedBecause)
	}
	l.effects.assigned = h
	l.pending = handoff.Assignment{
		Attempt: int(a.GetAttempt()), Rep: a.GetRep(), Route: route, Pool: a.GetPool(), At: ev.Time(),
		Considered: state.ParseConsidered(a.GetConsidered()), Reason: h.AskedBecause,
	}
}

// waits takes the desk's word that nobody could take the handoff yet.
func (l *lead) waits(ev *journal.Event) {
	w := ev.Body.GetWaiting()
	h := l.find(w.GetHandoffId())
	if h == nil || !h.Awaits(int(w.GetAttempt())) {
		l.forward = l.WentOn() != "" && (h == nil || h.Passed)
		return
	}
	h.Wait(ev.Time(), state.ParseConsidered(w.GetConsidered()), instant(w.GetUntil()))
	if h.Wish != nil && !h.Wish.Answered {
		l.queued = h
	}
	l.touch(h)
}

// stageChanged follows a lead that moved on by itself: a deal, a consent withdrawn.
func (l *lead) stageChanged(ev *journal.Event) {
	c := ev.Body.GetStageChanged()
	h := l.Handoff("")
	if c.GetFrom() == c.GetTo() || h == nil || !h.Open() || c.GetHandoffId() != "" && c.GetHandoffId() != h.ID {
		return
	}
	now := ev.Time()
	switch c.GetTo() {
	case "opportunity":
		if h.Stage == handoff.Waiting {
			l.end(h, handoff.Recalled, c.GetTo(), "", now)
			return
		}
		// Sales is at work: no clock presses any more, and nobody takes it from them.
		h.Steps, h.Pinned, h.Pause = nil, handoff.Pinned{}, handoff.Pause{}
		if h.Asked {
			l.lapse(h, handoff.Withdrawn, "there is an opportunity by now: it stays with "+h.Owner())
			h.Wish = nil
			h.Asked, h.AskedBecause, h.AskedPool, h.WaitingFor, h.WaitingUntil = false, "", "", nil, time.Time{}
			l.withdrawn = append(l.withdrawn, h)
			l.touch(h)
		}
	case string(handoff.Won), string(handoff.Lost):
		l.end(h, handoff.Stage(c.GetTo()), c.GetTo(), "", now)
	case "recycled", "disqualified":
		l.end(h, handoff.Recalled, handoff.ByScoring, c.GetReason(), now)
	}
}

// applyOwn folds a fact that the lead has just stated about itself.
func (l *lead) applyOwn(g *Globals, ev *journal.Event) {
	switch ev.Type {
	case typeRouted:
		r := ev.Body.GetRouted()
		l.takeOver(g, l.find(r.GetHandoffId()), r.GetRep(), instant(r.GetAcceptBy()), instant(r.GetContactBy()), ev.Time(), r.GetAgreementVersion())
	case typeHeld:
		l.applyHeld(ev)
	case typeResumed:
		if h := l.find(ev.Body.GetResumed().GetHandoffId()); h != nil {
			h.Resuming(ev.Time(), g.clockOf(h))
		}
	case typeReassigned:
		r := ev.Body.GetReassigned()
		l.takeOver(g, l.find(r.GetHandoffId()), r.GetTo(), instant(r.GetAcceptBy()), instant(r.GetContactBy()), ev.Time(), r.GetAgreementVersion())
	case typeMatched:
		l.askedFor(ev.Body.GetMatched())
	case typeAnswered:
		l.answered(g, ev)
	case typeEscalated:
		e := ev.Body.GetEscalated()
		if h := l.find(e.GetHandoffId()); h != nil {
			l.climbed(h, e, ev.Time())
		}
	case typeSLABreached:
		b := ev.Body.GetSlaBreached()
		if h := l.find(b.GetHandoffId()); h != nil {
			h.Done(b.GetClock(), handoff.Breach, breachStep)
			h.Record("sla_breached", ev.Time(), b.GetRep(), b.GetClock())
			l.touch(h)
		}
	case typeBriefChanged:
		l.revised(ev)
	}
}

// takeOver puts a rep in charge and starts the accept clock.
func (l *lead) takeOver(g *Globals, h *handoff.Handoff, rep string, acceptBy, contactBy, at time.Time, version int32) {
	if h == nil {
		return
	}
	a := l.pending
	a.Rep, a.AcceptBy, a.ContactBy, a.At = rep, acceptBy, contactBy, at
	h.Assign(a)
	promise := g.promise()
	_, steps := promise.AcceptSteps(at, g.clock(rep).Later)
	g.begin(h, version, promise.Accept, at, steps)
	l.touch(h)
}

func (l *lead) find(id string) *handoff.Handoff {
	if id == "" {
		return nil
	}
	return l.Handoff(id)
}

func (l *lead) touch(h *handoff.Handoff) {
	if l.touched == nil {
		l.touched = map[string]struct{}{}
	}
	l.touched[h.ID] = struct{}{}
}

func (l *lead) remove(h *handoff.Handoff) {
	l.Handoffs = slices.DeleteFunc(l.Handoffs, func(o *handoff.Handoff) bool { return o == h })
	l.removed = append(l.removed, h)
}
