package fold

import (
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// Deadlines gives the next step of a service level, and the moment until which held requests wait.
func (l *lead) Deadlines(journal.Globals) map[string]time.Time {
	var sla, held, hold time.Time
	for _, h := range l.Handoffs {
		sla = sooner(sla, h.Next())
		hold = sooner(hold, h.HoldUntil())
	}
	if len(l.Held) > 0 {
		held = l.Held[0].At.Add(heldFor)
	}
	brief := l.tellsBy()
	if sla.IsZero() && held.IsZero() && hold.IsZero() && brief.IsZero() {
		return nil
	}
	return map[string]time.Time{timerSLA: sla, timerHeld: held, timerHold: hold, timerBrief: brief}
}

// sooner gives the earlier of two moments; a zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Save gives the blob and the index entries of what changed.
func (l *lead) Save(m *leadstore.Mutation) []byte {
	for _, h := range l.removed {
		reindex(m, l.id, h, l.indexed[h.ID], place{})
		delete(l.indexed, h.ID)
	}
	for _, h := range l.Handoffs {
		if _, ok := l.touched[h.ID]; ok {
			now := placeOf(h)
			reindex(m, l.id, h, l.indexed[h.ID], now)
			l.indexed[h.ID] = now
		}
	}
	for id, b := range l.snapshots {
		m.FieldSet(HashSnapshot, id, b)
	}
	l.unsaved = unsaved{}
	saveBook(m, &l.Book)
	return state.EncodeLead(&l.Lead)
}

func disposition(eventType string) bool {
	switch eventType {
	case handoff.DoAccept, handoff.DoReject, handoff.DoContact, handoff.DoRecycle, handoff.DoDisqualify, handoff.DoSQL, typePauseRequested, typeResumeRequested:
		return true
	}
	return false
}

func dispositionOf(ev *journal.Event) *journalv1.Disposition {
	b := ev.Body
	for _, d := range []*journalv1.Disposition{b.GetAccepted(), b.GetRejected(), b.GetContacted(), b.GetRecycled(), b.GetDisqualified(), b.GetSql()} {
		if d != nil {
			return d
		}
	}
	return nil
}
