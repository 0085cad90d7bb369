package fold

import (
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// clockRequest reads a request about a handoff's clock; ok is false for other events.
func clockRequest(ev *journal.Event) (r handoff.Held, ok bool) {
	switch ev.Type {
	case typePauseRequested:
		p := ev.Body.GetPauseRequested()
		r = handoff.Held{Handoff: p.GetHandoffId(), Request: handoff.Request{
			Do: handoff.DoPause, Rep: p.GetRep(), Reason: p.GetReason(), By: p.GetBy(), Until: instant(p.GetUntil()),
		}}
	case typeResumeRequested:
		p := ev.Body.GetResumeRequested()
		r = handoff.Held{Handoff: p.GetHandoffId(), Request: handoff.Request{Do: handoff.DoResume, Rep: p.GetRep(), By: p.GetBy()}}
	default:
		return r, false
	}
	r.ID, r.At = ev.Body.GetId(), ev.Time()
	return r, true
}

func isClockRequest(do string) bool { return do == handoff.DoPause || do == handoff.DoResume }

// answerClock decides a request about a handoff's clock; h is a copy that later requests are decided on.
func (l *lead) answerClock(g *Globals, d *journal.Decision, h *handoff.Handoff, r handoff.Held) {
	var rules handoff.Answer
	if g.Agreement != nil {
		rules = h.DecidePause(r.Request, g.Agreement.SLA.Pause.AtMost)
	} else {
		rules = h.DecidePause(r.Request, 0)
	}
	a := &journalv1.Answered{
		HandoffId: h.ID, RequestId: r.ID, Disposition: r.Do, Ok: rules.OK, Refused: rules.Refused, Rep: h.Owner(), Reason: r.Reason,
		Stage: string(rules.Stage), By: r.By,
	}
	if rules.OK && r.Do == handoff.DoPause {
		a.Until = stamp(r.Until)
	}
	ev := &journalv1.Event{Type: typeAnswered, Payload: &journalv1.Event_Answered{Answered: a}}
	d.Fact(l.id, ev)
	if rules.OK && !rules.Repeat {
		applyClock(g, h, &journal.Event{Head: journal.Head{Logged: r.At}, Body: ev})
	}
}

// applyClock lets a pause or its end take effect; ok is false for other answers.
func applyClock(g *Globals, h *handoff.Handoff, ev *journal.Event) (ok bool) {
	a := ev.Body.GetAnswered()
	switch a.GetDisposition() {
	case handoff.DoPause:
		if !h.Pause.Until.Equal(instant(a.GetUntil())) {
			h.Pausing(ev.Time(), instant(a.GetUntil()), a.GetReason(), a.GetBy(), g.pinned(max(1, g.Version), 0), g.clockOf(h))
		}
	case handoff.DoResume:
		h.Resuming(ev.Time(), g.clockOf(h))
	default:
		return false
	}
	return true
}

// wake states that pauses have come to their end.
func (l *lead) wake(h *handoff.Handoff, ev *journal.Event, d *journal.Decision) {
	if h.Ended(ev.Time()) {
		d.Fact(l.id, &journalv1.Event{Type: typeResumed, Payload: &journalv1.Event_Resumed{Resumed: &journalv1.Resumed{HandoffId: h.ID}}})
	}
}

// look lets the clocks run up to a firing, by the calendars as they stand: what a new directory changed counts from here.
func (l *lead) look(g *Globals, ev *journal.Event) {
	for _, h := range l.Handoffs {
		h.Plan(ev.Time(), g.clockOf(h))
	}
}
