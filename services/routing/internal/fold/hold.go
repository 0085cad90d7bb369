package fold

import (
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/core/outreach"
)

// past takes from what scoring knows of a lead that qualified how it was last in touch. Later touches come as events.
func (l *lead) past(q *journalv1.Qualified, now time.Time) {
	for _, i := range q.GetLead().GetTimeline() {
		if i.GetAutomated() || i.GetAt() == nil {
			continue
		}
		c := outreach.Contact{
			At: i.GetAt().AsTime(), Type: i.GetType(), Channel: i.GetChannel(), Campaign: i.GetCampaign(), Who: i.GetSource(), Event: i.GetEventId(),
		}
		if c.At.After(now) {
			c.At = now
		}
		l.note(c, "")
	}
	if last := instant(q.GetLead().GetLastAt()); last.After(l.Touch.At) && !last.After(now) {
		l.Touch = outreach.Contact{At: last}
	}
}

// heldUntil gives until when a handoff is kept back, and why; not after now where it is not.
func (l *lead) heldUntil(g *Globals, h *handoff.Handoff, now time.Time) (until time.Time, because string) {
	if g.Agreement == nil {
		return time.Time{}, ""
	}
	a := g.Agreement.Handover
	rules := handoff.Holding{AtOnce: a.AtOnce, AfterTouch: a.AfterTouch, AfterMail: a.AfterMail, AtMost: a.AtMost}
	until, because = rules.Until(h, l.Touch.At, l.Mail.At, now)
	owner := h.Rep
	if owner == "" && len(h.Prefer) > 0 {
		owner = h.Prefer[0].Rep
	}
	rep := g.Directory.Rep(owner)
	if a.OwnerWait == 0 || rep == nil || !rep.Active || rules.Never(h) || !mayHave(g, h, owner) {
		return until, because
	}
	from := now
	if until.After(from) {
		from = until
	}
	back, ok := rep.Calendar.NextOpen(from)
	if ok && back.After(from) && !back.After(h.QualifiedAt.Add(a.OwnerWait)) {
		return back, handoff.OwnerIs(owner, back)
	}
	return until, because
}

// mayHave reports whether the owner whom a route names may get the handoff at all: nobody waits for one who never will.
func mayHave(g *Globals, h *handoff.Handoff, owner string) bool {
	if g.Directory.Excluded(owner, "", h.Account.ID, h.Wants.Conflicts) {
		return false
	}
	if len(h.Prefer) == 0 {
		return true
	}
	needs := h.Prefer[0].Needs
	return needs.Lacks(g.Directory.Rep(owner), needs.Spoken(g.Directory, []string{owner}, h.Wants.Language)) == ""
}

// askOrHold asks the desk for an owner of a handoff that has just come, unless it is held.
func (l *lead) askOrHold(g *Globals, h *handoff.Handoff, ev *journal.Event, d *journal.Decision) {
	// A handoff that has gone on with its lead was passed as one that is asked for.
	if until, because := l.heldUntil(g, h, ev.Time()); until.After(ev.Time()) && h.Open() {
		l.hold(d, h, until, because)
		return
	}
	d.Fact(identity.Desk, l.question(h, 0, ""))
}

// offer looks at a hold whose end has come: whatever the lead did since then may have put it off.
func (l *lead) offer(g *Globals, h *handoff.Handoff, now time.Time, d *journal.Decision) {
	if !h.HoldEnds(now) {
		return
	}
	if until, because := l.heldUntil(g, h, now); until.After(now) {
		l.hold(d, h, until, because)
		return
	}
	d.Fact(l.id, &journalv1.Event{Type: typeHeld, Payload: &journalv1.Event_Held{Held: &journalv1.Held{HandoffId: h.ID, Over: true}}})
	d.Fact(identity.Desk, l.question(h, h.Attempt, ""))
}

func (l *lead) hold(d *journal.Decision, h *handoff.Handoff, until time.Time, because string) {
	d.Fact(l.id, &journalv1.Event{Type: typeHeld, Payload: &journalv1.Event_Held{Held: &journalv1.Held{
		HandoffId: h.ID, Until: stamp(until), Because: because,
	}}})
}

// applyHeld follows what was decided about a hold.
func (l *lead) applyHeld(ev *journal.Event) {
	p := ev.Body.GetHeld()
	h := l.find(p.GetHandoffId())
	switch {
	case h == nil || !h.Open():
		return
	case p.GetOver():
		h.Offer(ev.Time())
	default:
		h.Hold(ev.Time(), instant(p.GetUntil()), p.GetBecause())
	}
	l.touch(h)
}
