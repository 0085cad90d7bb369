package fold

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// breachStep is the number of the step that is the breach itself.
const breachStep = -1

// Decide says what follows from an event that was just applied.
func (l *lead) Decide(globals journal.Globals, ev *journal.Event, d *journal.Decision) {
	g, ok := globals.(*Globals)
	if !ok {
		return
	}
	if l.forward {
		d.Fact(l.WentOn(), &journalv1.Event{Type: ev.Type, Payload: ev.Body.GetPayload()})
		return
	}
	if g.refuses {
		l.decideOver(g, d)
	}
	if l.ask != nil && l.ask.OwnerAsked {
		d.Fact(accountOf(g.Directory, l.key, l.ask.Account.ID), l.ownerQuestion(l.ask.ID))
	} else if l.ask != nil {
		l.askOrHold(g, l.ask, ev, d)
	}
	l.decideOwners(g, d)
	if len(l.passing)+len(l.held)+len(l.deals) > 0 {
		out := &state.Lead{Handoffs: l.passing, Held: l.held, Refs: l.Refs, Deals: l.deals}
		if g.pins {
			out.Touch, out.Mail, out.Outreach = l.Touch, l.Mail, l.Outreach
		}
		if g.tellsTooLate {
			out.Seen = l.Seen
		}
		d.Fact(l.MergedInto, &journalv1.Event{Type: typeAbsorbed, Payload: &journalv1.Event_Absorbed{Absorbed: &journalv1.Absorbed{
			From: l.id, Rank: int32(identity.RankOf(l.id)), Chunks: 1,
			Items: state.EncodeLead(out),
		}}})
	}
	l.decideEnds(g, ev, d)
	l.decideWishes(d)
	switch ev.Type {
	case typeAssigned:
		if l.effects.assigned != nil {
			l.handed(g, l.effects.assigned, ev, d)
			l.route(g, ev.Time(), d)
		} else if a := ev.Body.GetAssigned(); a.GetHandoffId() != "" {
			// Nobody waits for it any more: the rep never hears of it and gets the turn back.
			outcome := closedWithdrawn
			if g.tellsTooLate {
				outcome = closedTooLate
			}
			d.Fact(identity.Desk, l.closed(a.GetHandoffId(), a.GetRep(), a.GetPool(), outcome))
		}
	case typeStageChanged:
		c := ev.Body.GetStageChanged()
		if c.GetFrom() == c.GetTo() || c.GetHistory() { // it says again how the lead came, or what was long known: it is nobody's news
			break
		}
		l.tellChange(g, d, EventStageChanged, c.GetHandoffId(), ev, map[string]string{
			"from": c.GetFrom(), "to": c.GetTo(), "epoch": itoa(int(c.GetEpoch())), "reason": c.GetReason(),
		})
	case typeScoreBandChanged:
		c := ev.Body.GetScoreBandChanged()
		if c.GetHistory() {
			break
		}
		l.tellChange(g, d, EventBandChanged, "", ev, map[string]string{"from": c.GetFrom(), "to": c.GetTo()})
	case journal.TypeTimerFired:
		for _, h := range l.Handoffs {
			l.wake(h, ev, d)
			l.offer(g, h, ev.Time(), d)
			l.climb(g, h, ev.Time(), d)
		}
		for _, r := range l.overdue(ev.Time()) {
			l.refuse(d, r, handoff.UnknownHandoff, "this lead has no such handoff")
		}
	}
	l.decideBriefs(g, ev, d)
	l.answer(g, d)
	for _, r := range l.overfull {
		if g.refuses {
			l.refuse(d, r, handoff.TooManyWait, "too many requests wait for handoffs that are on their way to this lead: ask again in a minute")
		}
	}
}

// tellChange tells of something that may happen to a lead any number of times: its time tells one from the other, and not
// its place in the log, which is another after every crash.
func (l *lead) tellChange(g *Globals, d *journal.Decision, event, handoffID string, ev *journal.Event, data map[string]string) {
	data["at"] = ev.OccurredAt().UTC().Format(time.RFC3339Nano)
	what := data["epoch"] + "." + data["from"] + "." + data["to"] + "." + strconv.FormatInt(ev.Time().UnixNano(), 10)
	tell(d, g, l.id, event, handoffID, what, data)
}

// decideEnds tells the desk, and whoever was told of them, of handoffs that are over or no longer want another owner.
func (l *lead) decideEnds(g *Globals, ev *journal.Event, d *journal.Decision) {
	for _, h := range l.merged {
		if ev.Type == typeRecalled { // the lead that took it back has told the desk
			l.tellRecalled(g, d, h)
			continue
		}
		origin, _, _ := identity.LeadOfHandoff(h.ID)
		d.Fact(origin, &journalv1.Event{Type: typeRecalled, Payload: &journalv1.Event_Recalled{Recalled: &journalv1.Recalled{
			HandoffId: h.ID, Rep: h.Owner(), Reason: handoff.ByMerge,
		}}})
		d.Fact(identity.Desk, l.closedNow(h, closedRecalled))
		l.left(g, h, d)
	}
	if !g.refuses {
		l.decideOver(g, d)
	}
	for _, h := range l.withdrawn {
		d.Fact(identity.Desk, l.closed(h.ID, "", "", closedWithdrawn))
	}
}

// decideOver tells of handoffs that are over. The desk hears of them before it is asked for another owner: whoever had one has room again.
func (l *lead) decideOver(g *Globals, d *journal.Decision) {
	for _, h := range l.ended {
		d.Fact(identity.Desk, l.closedNow(h, h.ClosedBy))
		l.left(g, h, d)
		if h.Stage == handoff.Recalled {
			l.tellRecalled(g, d, h)
		}
	}
}

func (l *lead) tellRecalled(g *Globals, d *journal.Decision, h *handoff.Handoff) {
	if h.Current() != nil {
		tell(d, g, l.id, EventRecalled, h.ID, h.ID, map[string]string{"attempt": itoa(h.Current().Attempt), "reason": h.ClosedBy})
	}
}

// question asks the desk for an owner.
func (l *lead) question(h *handoff.Handoff, attempt int, reason string) *journalv1.Event {
	m := &journalv1.Matched{
		Lead: l.id, HandoffId: h.ID, Epoch: int32(h.Epoch), Account: h.Account.ID, By: h.Account.By, Confidence: h.Account.Confidence,
		Route: h.Route, Pool: h.Pool, Rep: h.Rep, Exclude: h.Had(), Attempt: int32(attempt), Reason: reason,
		Prefer: state.Preferences(h.Prefer), Needs: state.Needs(h.Wants.Needs), Language: h.Wants.Language, Conflicts: state.Conflicts(h.Wants.Conflicts),
		Support: h.Account.Support, Second: state.Candidate(h.Account.Second), Proposed: state.Candidate(h.Account.Proposed),
	}
	return &journalv1.Event{Type: typeMatched, Payload: &journalv1.Event_Matched{Matched: m}}
}

func (l *lead) closedNow(h *handoff.Handoff, outcome string) *journalv1.Event {
	rep, pool := "", ""
	if a := h.Current(); a != nil {
		rep, pool = a.Rep, a.Pool
	}
	return l.closed(h.ID, rep, pool, outcome)
}

func (l *lead) closed(handoffID, rep, pool, outcome string) *journalv1.Event {
	return &journalv1.Event{Type: typeClosed, Payload: &journalv1.Event_Closed{Closed: &journalv1.Closed{
		Lead: l.id, HandoffId: handoffID, Rep: rep, Pool: pool, Outcome: outcome,
	}}}
}

// route hands the lead to the rep whom the desk chose. The contact clock starts when the rep accepts: until then the latest
// moment is told that it can end at.
func (l *lead) route(g *Globals, now time.Time, d *journal.Decision) {
	h, a := l.effects.assigned, l.pending
	promise, clock := g.promise(), g.clock(a.Rep)
	acceptBy, _ := promise.AcceptSteps(now, clock.Later)
	start := acceptBy
	if start.IsZero() {
		start = now
	}
	contactBy, _ := promise.ContactSteps(start, clock.Later)
	data := map[string]string{"attempt": itoa(a.Attempt)}
	l.tellAssigned(g, h.Account.ID, a.Rep, now, d)
	if current := h.Current(); current != nil {
		if g.Directory.CountsOpen() && !h.Released { // of whom the ladder took it from the desk was told then
			d.Fact(identity.Desk, l.closed(h.ID, current.Rep, "", closedReassigned))
		}
		d.Fact(l.id, &journalv1.Event{Type: typeReassigned, Payload: &journalv1.Event_Reassigned{Reassigned: &journalv1.Reassigned{
			HandoffId: h.ID, From: current.Rep, To: a.Rep, Reason: a.Reason, AcceptBy: stamp(acceptBy), ContactBy: stamp(contactBy),
			AgreementVersion: g.version(),
		}}})
		tell(d, g, l.id, EventReassigned, h.ID, h.ID+"."+itoa(a.Attempt), data)
		l.grant(h, a.Rep, current.Rep, d)
		return
	}
	d.Fact(l.id, &journalv1.Event{Type: typeRouted, Payload: &journalv1.Event_Routed{Routed: &journalv1.Routed{
		HandoffId: h.ID, Epoch: int32(h.Epoch), Rep: a.Rep, Route: a.Route, Pool: a.Pool,
		AcceptBy: stamp(acceptBy), ContactBy: stamp(contactBy), Account: h.Account.ID,
		AgreementVersion: g.version(),
		Persona:          h.Persona, Team: g.team(a.Rep),
	}}})
	tell(d, g, l.id, EventRouted, h.ID, h.ID, data)
	l.grant(h, a.Rep, "", d)
}

// climb takes the steps of the service level that are due.
func (l *lead) climb(g *Globals, h *handoff.Handoff, now time.Time, d *journal.Decision) {
	asked, reassigns := h.Asked, g.promise().MaxReassigns
	if h.Pinned.Version != 0 {
		reassigns = h.Pinned.MaxReassigns
	}
	for _, s := range h.Due(now) {
		switch s.Action {
		case handoff.Breach:
			d.Fact(l.id, &journalv1.Event{Type: typeSLABreached, Payload: &journalv1.Event_SlaBreached{SlaBreached: &journalv1.SlaBreached{
				HandoffId: h.ID, Clock: s.Clock, Rep: h.Owner(), Due: stamp(s.At),
			}}})
			attempt := itoa(h.Current().Attempt)
			tell(d, g, l.id, EventSLABreached, h.ID, h.ID+"."+attempt+"."+s.Clock, map[string]string{
				"attempt": attempt, "clock": s.Clock, "due": s.At.UTC().Format(time.RFC3339Nano),
			})
		case handoff.Reassign:
			if asked || h.Reassigns() >= reassigns {
				l.escalate(g, d, h, s, handoff.NotifyManager)
				continue
			}
			asked = true
			l.escalate(g, d, h, s, handoff.Reassign)
			d.Fact(identity.Desk, l.question(h, h.Attempt+1, "sla"))
		case handoff.Overflow:
			l.escalate(g, d, h, s, handoff.Overflow)
			if g.Directory.CountsOpen() {
				d.Fact(identity.Desk, l.closed(h.ID, h.Owner(), "", closedReassigned))
			}
			if !asked {
				d.Fact(identity.Desk, l.question(h, h.Attempt+1, handoff.Overflow))
			}
			return // nobody has it any more whose clock could run
		default:
			l.escalate(g, d, h, s, s.Action)
		}
	}
}

func (l *lead) escalate(g *Globals, d *journal.Decision, h *handoff.Handoff, s handoff.Step, notify string) {
	d.Fact(l.id, &journalv1.Event{Type: typeEscalated, Payload: &journalv1.Event_Escalated{Escalated: &journalv1.Escalated{
		HandoffId: h.ID, Notify: notify, Rep: h.Owner(), Clock: s.Clock, Step: int32(s.Number),
	}}})
	attempt, step := itoa(h.Current().Attempt), itoa(s.Number)
	tell(d, g, l.id, EventSLAEscalated, h.ID, h.ID+"."+attempt+"."+s.Clock+"."+step+"."+s.Action, map[string]string{
		"attempt": attempt, "clock": s.Clock, "step": step, "notify": notify, "due": s.At.UTC().Format(time.RFC3339Nano),
	})
}

// climbed takes a step off the list. Where nobody is left to reassign to, the manager is told instead.
func (l *lead) climbed(h *handoff.Handoff, e *journalv1.Escalated, at time.Time) {
	n, left := int(e.GetStep()), len(h.Steps)
	h.Done(e.GetClock(), e.GetNotify(), n)
	if e.GetNotify() == handoff.NotifyManager && len(h.Steps) == left {
		h.Done(e.GetClock(), handoff.Reassign, n)
	}
	switch e.GetNotify() {
	case handoff.Reassign:
		h.Ask("sla")
	case handoff.Overflow:
		if !h.Asked {
			h.Ask(handoff.Overflow)
		}
		h.Release()
	}
	h.Record("escalated", at, e.GetRep(), e.GetClock()+": "+e.GetNotify())
	l.touch(h)
}

// answer decides the requests that wait for it, in order, each on what the ones before it have done.
func (l *lead) answer(g *Globals, d *journal.Decision) {
	copies := map[string]*handoff.Handoff{}
	for _, r := range l.requests {
		h := l.find(r.Handoff)
		if r.Handoff == "" {
			h = l.Handoff("")
		}
		if h == nil {
			l.refuse(d, r, handoff.UnknownHandoff, "this lead has no such handoff")
			continue
		}
		if copies[h.ID] == nil {
			copies[h.ID] = clone(h)
		}
		h = copies[h.ID]
		if r.Do == handoff.DoReassign {
			l.wish(g, h, r, d)
			continue
		}
		if isClockRequest(r.Do) {
			l.answerClock(g, d, h, r)
			continue
		}
		a := h.Decide(r.Request, reasons{g.Agreement})
		d.Fact(l.id, &journalv1.Event{Type: typeAnswered, Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{
			HandoffId: h.ID, RequestId: r.ID, Disposition: r.Do, Ok: a.OK, Refused: a.Refused, Rep: h.Owner(), Reason: r.Reason,
			Stage: string(a.Stage), Note: r.Note, WakeAt: stamp(a.WakeAt), WakeOn: a.WakeOn,
			AgreementVersion: g.versionFor(r.Do, a),
		}}})
		if !a.OK || a.Repeat {
			continue
		}
		asked, wish := h.Asked, h.Wish
		h.Apply(handoff.Effect{Do: r.Do, Stage: a.Stage, Rep: h.Owner(), Reason: r.Reason, Note: r.Note, At: r.At})
		if wish != nil && h.Wish == nil && !wish.Answered {
			l.refuseWish(d, h.ID, wish, handoff.TakenOver, h.Owner()+" was first: "+r.Do)
		}
		switch {
		case !h.Open():
			outcome := string(a.Stage)
			if r.Do == handoff.DoReject && handoff.GivesBack(r.Reason) {
				outcome = closedGivenBack
			}
			d.Fact(identity.Desk, l.closedNow(h, outcome))
			l.left(g, h, d)
		case asked && !h.Asked:
			d.Fact(identity.Desk, l.closed(h.ID, "", "", closedWithdrawn))
		}
	}
}

func (l *lead) refuse(d *journal.Decision, r handoff.Held, code, why string) {
	d.Fact(l.id, &journalv1.Event{Type: typeAnswered, Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{
		HandoffId: r.Handoff, RequestId: r.ID, Disposition: r.Do, Refused: handoff.Refuse(code, why), Reason: r.Reason,
	}}})
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
