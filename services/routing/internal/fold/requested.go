package fold

import (
	"hash/fnv"
	"slices"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// requested takes an answer of sales. What it is worth is decided at once, unless the handoff is still on its way here from
// a lead that merged into this one.
func (l *lead) requested(ev *journal.Event) journal.Outcome {
	r, ok := clockRequest(ev)
	if !ok {
		r = requestOf(ev)
	}
	if r.Source = ev.Body.GetSource(); !l.take(r.Source, r.ID, ev.Time()) {
		return journal.Duplicate
	}
	h := l.find(r.Handoff)
	if r.Handoff == "" {
		h = l.Handoff("")
	}
	origin, _, _ := identity.LeadOfHandoff(r.Handoff)
	own := r.Handoff == "" || origin == l.id || origin == ""
	switch {
	case h != nil && h.Passed: // the lead it went on with answers
	case h != nil || own && l.MergedInto == "" || own && r.Handoff != "":
		l.requests = append(l.requests, r)
	case l.MergedInto == "":
		l.await(r)
	}
	return journal.Applied
}

// take remembers a request, and says false for one that was taken before.
func (l *lead) take(source, id string, now time.Time) bool {
	hash := requestHash(source, id)
	if slices.ContainsFunc(l.Seen, func(s state.Seen) bool { return s.Hash == hash && now.Sub(s.At) < seenFor }) {
		return false
	}
	l.Seen = slices.DeleteFunc(l.Seen, func(s state.Seen) bool { return now.Sub(s.At) >= seenFor })
	if len(l.Seen) >= maxSeen {
		l.Seen = slices.Delete(l.Seen, 0, 1)
	}
	l.Seen = append(l.Seen, state.Seen{Hash: hash, At: now})
	return true
}

func requestHash(source, id string) uint64 {
	f := fnv.New64a()
	_, _ = f.Write([]byte(source + "\x00" + id))
	return f.Sum64()
}

// answered lets an answer take effect, and starts the contact clock with an acceptance.
func (l *lead) answered(g *Globals, ev *journal.Event) {
	a := ev.Body.GetAnswered()
	l.Held = slices.DeleteFunc(l.Held, func(r handoff.Held) bool { return r.ID == a.GetRequestId() })
	h := l.find(a.GetHandoffId())
	if h == nil || !a.GetOk() {
		return
	}
	if a.GetDisposition() == handoff.DoReassign {
		l.granted(h, a)
		return
	}
	if applyClock(g, h, ev) {
		l.touch(h)
		return
	}
	l.outreachOf(h, ev)
	started := h.Apply(handoff.Effect{
		Do: a.GetDisposition(), Stage: handoff.Stage(a.GetStage()), Rep: a.GetRep(), Reason: a.GetReason(), Note: a.GetNote(), At: ev.Time(),
	})
	if started {
		promise := g.promise()
		by, steps := promise.ContactSteps(ev.Time(), g.clock(h.Owner()).Later)
		h.ContactBy = by
		g.begin(h, a.GetAgreementVersion(), promise.Contact, ev.Time(), steps)
	}
	l.touch(h)
}
