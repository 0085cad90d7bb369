package fold

import (
	"slices"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// mergedInto hands what is open to the lead that this one merged into. A lead has at most one parent, the strongest.
func (l *lead) mergedInto(ev *journal.Event) {
	into := ev.Body.GetMergedInto().GetInto()
	if identity.RankOf(into) == 0 || into == l.id || l.MergedInto != "" && !identity.Stronger(into, l.MergedInto) {
		return
	}
	if l.LeftFrom != "" { // split off for good: it was said before that
		return
	}
	l.MergedInto = into
	for _, h := range l.Handoffs {
		if h.Open() {
			l.pass(h)
		}
	}
	l.effects.held, l.Held = l.Held, nil
	l.deals, l.Deals = l.Deals, nil
}

// splitOff has this lead be its own again. What it passed on stays where it is.
func (l *lead) splitOff(ev *journal.Event) {
	if l.MergedInto != "" && ev.Body.GetSplitOff().GetOrigin() == l.id {
		l.LeftFrom, l.MergedInto = l.MergedInto, ""
	}
}

// pass marks a handoff as gone on with its lead; what the other lead gets is the handoff as it was.
func (l *lead) pass(h *handoff.Handoff) {
	c := clone(h)
	l.passing = append(l.passing, c)
	h.Passed = true
	l.touch(h)
}

// absorbed takes in what a lead that merged into this one had open.
func (l *lead) absorbed(ev *journal.Event) {
	if l.MergedInto != "" {
		l.forward = true
		return
	}
	in, err := state.DecodeLead(ev.Body.GetAbsorbed().GetItems())
	if err != nil {
		return // routing wrote it: unreadable only if another version did, and then there is nothing to be had from it
	}
	for _, d := range in.Deals {
		l.Deals, _ = putDeal(l.Deals, d)
	}
	for _, h := range in.Handoffs {
		if h.ID == "" || l.find(h.ID) != nil {
			continue
		}
		h.Passed, h.Adopted = false, true
		l.Handoffs = append(l.Handoffs, h)
		l.touch(h)
	}
	l.takeContacts(in.Touch, in.Mail, in.Outreach)
	slices.SortStableFunc(l.Handoffs, func(a, b *handoff.Handoff) int { return a.QualifiedAt.Compare(b.QualifiedAt) })
	l.adoptRefs(in.Refs)
	l.settle(ev.Time())
	l.takeSeen(in.Seen)
	for _, r := range append(l.Held, in.Held...) {
		came := slices.ContainsFunc(in.Handoffs, func(h *handoff.Handoff) bool { return h.ID == r.Handoff })
		switch {
		case came || l.find(r.Handoff) != nil:
			l.requests = append(l.requests, r)
		case slices.ContainsFunc(l.Held, func(o handoff.Held) bool { return o.ID == r.ID }):
		default:
			l.await(r)
		}
	}
}

// await has a request wait for the handoff that it is about, where there is room.
func (l *lead) await(r handoff.Held) {
	if len(l.Held) < maxHeld {
		l.Held = append(l.Held, r)
		return
	}
	l.overfull = append(l.overfull, r)
}

// takeSeen takes over which requests a lead had taken before it merged. One of them may have been passed on as well, if it reached that
// lead while it merged: it was answered there, or comes along.
func (l *lead) takeSeen(seen []state.Seen) {
	if len(seen) == 0 {
		return
	}
	taken := map[uint64]bool{}
	for _, s := range seen {
		taken[s.Hash] = true
	}
	l.Held = slices.DeleteFunc(l.Held, func(r handoff.Held) bool { return taken[requestHash(r.Source, r.ID)] })
	l.Seen = append(slices.DeleteFunc(l.Seen, func(s state.Seen) bool { return taken[s.Hash] }), seen...)
	slices.SortStableFunc(l.Seen, func(a, b state.Seen) int { return a.At.Compare(b.At) })
	if over := len(l.Seen) - maxSeen; over > 0 {
		l.Seen = slices.Delete(l.Seen, 0, over)
	}
}

// recalled takes a handoff back that went to the lead which this one merged into, and lost there to another: the
// destinations that were told of it from here are told of its end from here, in order.
func (l *lead) recalled(ev *journal.Event) {
	r := ev.Body.GetRecalled()
	h := l.find(r.GetHandoffId())
	if h == nil || !h.ClosedAt.IsZero() {
		return
	}
	h.Passed = false
	if rep := r.GetRep(); rep != "" && rep != h.Owner() {
		h.Assignments = append(h.Assignments, handoff.Assignment{Attempt: h.Attempt + 1, Rep: rep, At: ev.Time(), Pool: h.Pool})
	}
	h.Close(handoff.Recalled, handoff.ByMerge, r.GetReason(), ev.Time())
	l.merged = append(l.merged, h)
	l.touch(h)
}

// clone copies a handoff so that applying answers to the copy leaves the original as it is.
func clone(h *handoff.Handoff) *handoff.Handoff {
	c := *h
	c.Assignments, c.Steps, c.History = slices.Clone(h.Assignments), slices.Clone(h.Steps), slices.Clone(h.History)
	c.WaitingFor = slices.Clone(h.WaitingFor)
	return &c
}

// overdue gives the held requests whose handoff did not come.
func (l *lead) overdue(now time.Time) []handoff.Held {
	var out []handoff.Held
	for _, r := range l.Held {
		if !r.At.Add(heldFor).After(now) {
			out = append(out, r)
		}
	}
	return out
}
