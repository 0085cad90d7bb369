package fold

import (
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// wishes are what the event just applied asks Decide for, as to requests for another owner.
type wishes struct {
	// queued: the desk let this one wait, and whoever asked for it has not been answered.
	queued *handoff.Handoff
	// lapsed wishes have nothing to wait for any more.
	lapsed []lapsed
	// again: the question that a declined wish had displaced is to be put anew, for this reason.
	again                   *handoff.Handoff
	againBecause, againPool string
}

// lapsed is a wish that is refused: why, and for which handoff.
type lapsed struct {
	handoffID string
	wish      *handoff.Wish
	code, why string
}

// requestOf reads a request of sales.
func requestOf(ev *journal.Event) handoff.Held {
	r := handoff.Request{ID: ev.Body.GetId(), Do: ev.Type, At: ev.Time()}
	if w := ev.Body.GetReassignRequested(); w != nil {
		r.Rep, r.Reason, r.Note = w.GetRep(), w.GetReason(), w.GetNote()
		r.To, r.Force, r.By, r.Role = w.GetTo(), w.GetForce(), w.GetBy(), w.GetRole()
		return handoff.Held{Handoff: w.GetHandoffId(), Request: r}
	}
	p := dispositionOf(ev)
	r.Rep, r.Reason, r.Note = p.GetRep(), p.GetReason(), p.GetNote()
	if p != nil && p.Attempt != nil {
		r.Assignment = int(p.GetAttempt()) + 1
	}
	return handoff.Held{Handoff: p.GetHandoffId(), Request: r}
}

// wish decides a request for another owner: refuses it, or asks the desk. h is a copy to try things on.
func (l *lead) wish(g *Globals, h *handoff.Handoff, r handoff.Held, d *journal.Decision) {
	a, to, ask := h.DecideWish(r.Request, teams{g.Directory})
	if !ask {
		d.Fact(l.id, &journalv1.Event{Type: typeAnswered, Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{
			HandoffId: h.ID, RequestId: r.ID, Disposition: r.Do, Ok: a.OK, Refused: a.Refused, Rep: h.Owner(), Reason: r.Reason,
			Stage: string(a.Stage), Note: r.Note, Outcome: outcomeOf(a),
		}}})
		return
	}
	if old := h.Wish; old != nil && !old.Answered {
		l.refuseWish(d, h.ID, old, handoff.Withdrawn, "another request took its place")
	}
	q := l.question(h, h.Attempt+1, handoff.Code(r.Because()))
	m := q.GetMatched()
	m.RequestId, m.Rep, m.Prefer = r.ID, to.Rep, nil
	switch {
	case to.Rep != "":
		m.Only, m.Force, m.Exclude = true, r.Force, nil
	case to.Pool != "":
		m.Pool = to.Pool
	}
	l.put(q, d)
	h.AskFor(r.Request, otherPool(h, m))
}

// otherPool gives the pool that the desk is asked for, "" where it is the handoff's own.
func otherPool(h *handoff.Handoff, m *journalv1.Matched) string {
	if m.GetPool() == h.Pool {
		return ""
	}
	return m.GetPool()
}

func outcomeOf(a handoff.Answer) string {
	if a.OK {
		return handoff.Reassigned
	}
	return ""
}

// put asks the desk, and notes it on the lead itself: what the lead remembers follows from that.
func (l *lead) put(q *journalv1.Event, d *journal.Decision) {
	d.Fact(identity.Desk, q)
	d.Fact(l.id, &journalv1.Event{Type: q.Type, Payload: q.Payload})
}

// askedFor folds that the desk was asked on somebody's wish, or once more after a wish was declined.
func (l *lead) askedFor(m *journalv1.Matched) {
	h := l.find(m.GetHandoffId())
	if h == nil {
		return
	}
	r := handoff.Request{ID: m.GetRequestId(), Reason: m.GetReason()}
	for _, held := range l.requests {
		if held.ID == m.GetRequestId() {
			r = held.Request
		}
	}
	if r.ID == "" {
		h.Ask(l.againBecause)
		h.AskedPool = otherPool(h, m)
		h.Wishes++
	} else {
		h.AskFor(r, otherPool(h, m))
	}
	h.Attempt = int(m.GetAttempt())
	l.touch(h)
}

// refused takes the desk's no.
func (l *lead) refused(ev *journal.Event) {
	c := ev.Body.GetDeclined()
	h := l.find(c.GetHandoffId())
	if h == nil || !h.Awaits(int(c.GetAttempt())) {
		l.forward = l.WentOn() != "" && (h == nil || h.Passed)
		return
	}
	why := handoff.Skips(state.ParseConsidered(c.GetConsidered()))
	if why == "" {
		why = "there is nobody else"
	}
	l.lapse(h, handoff.NobodyEligible, why)
	if again, because, pool := h.Decline(); again {
		l.again, l.againBecause, l.againPool = h, because, pool
	}
	l.touch(h)
}

// lapse notes that nothing will come of a handoff's wish, if its sender still waits.
func (l *lead) lapse(h *handoff.Handoff, code, why string) {
	if h.Wish != nil && !h.Wish.Answered {
		l.lapsed = append(l.lapsed, lapsed{h.ID, h.Wish, code, why})
	}
}

// decideWishes answers those who asked for another owner.
func (l *lead) decideWishes(d *journal.Decision) {
	for _, x := range l.lapsed {
		l.refuseWish(d, x.handoffID, x.wish, x.code, x.why)
	}
	if h := l.queued; h != nil {
		d.Fact(l.id, &journalv1.Event{Type: typeAnswered, Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{
			HandoffId: h.ID, RequestId: h.Wish.Request, Disposition: handoff.DoReassign, Ok: true, Rep: h.Owner(), Reason: h.Wish.Reason,
			Stage: string(h.Stage), Note: h.Wish.Note, Outcome: handoff.Queued, WaitingUntil: stamp(h.WaitingUntil),
		}}})
	}
	if h := l.again; h != nil {
		q := l.question(h, h.Attempt+1, handoff.Code(l.againBecause))
		if l.againPool != "" {
			q.GetMatched().Pool, q.GetMatched().Prefer, q.GetMatched().Rep = l.againPool, nil, ""
		}
		l.put(q, d)
	}
}

// grant answers the wish that an assignment fulfils.
func (l *lead) grant(h *handoff.Handoff, rep, previous string, d *journal.Decision) {
	w := h.Wish
	if w == nil || w.Answered {
		return
	}
	d.Fact(l.id, &journalv1.Event{Type: typeAnswered, Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{
		HandoffId: h.ID, RequestId: w.Request, Disposition: handoff.DoReassign, Ok: true, Rep: rep, Reason: w.Reason,
		Stage: string(handoff.Routed), Note: w.Note, Outcome: handoff.Reassigned, PreviousRep: previous,
	}}})
}

// granted folds the yes to a wish.
func (l *lead) granted(h *handoff.Handoff, a *journalv1.Answered) {
	if a.GetOutcome() == handoff.Queued && h.Wish != nil && h.Wish.Request == a.GetRequestId() {
		w := *h.Wish
		w.Answered = true
		h.Wish = &w
		h.HeldUntil, h.HeldBecause = time.Time{}, "" // whoever asked for it does not want it held
	}
	if a.GetNote() != "" {
		h.Note = a.GetNote()
	}
	l.touch(h)
}

func (l *lead) refuseWish(d *journal.Decision, handoffID string, w *handoff.Wish, code, why string) {
	l.refuse(d, handoff.Held{Handoff: handoffID, Request: handoff.Request{ID: w.Request, Do: handoff.DoReassign, Reason: w.Reason}}, code, why)
}

// teams is the directory as rules about reassigning see it.
type teams struct{ dir *core.Directory }

func (t teams) Team(rep string) string {
	if r := t.dir.Rep(rep); r != nil {
		return r.Team
	}
	return ""
}

func (t teams) Manages(team string, names ...string) bool {
	x := t.dir.Team(team)
	for _, name := range names {
		if x != nil && name != "" && x.Manager == name {
			return true
		}
	}
	return false
}

func (t teams) Target(id string) (handoff.Target, bool) {
	if r := t.dir.Rep(id); r != nil && r.Active {
		return handoff.Target{Rep: id}, true
	}
	if p := t.dir.PoolOrDefault(id); p != nil && p.ID == id {
		return handoff.Target{Pool: id}, true
	}
	return handoff.Target{}, false
}

func (t teams) Members(pool string) []string {
	if p := t.dir.PoolOrDefault(pool); p != nil {
		return p.Reps
	}
	return nil
}
