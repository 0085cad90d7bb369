package fold

import (
	"maps"
	"slices"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// keepRefs keeps what a destination calls what it made, with the handoff that the delivery was about or else with the lead. A handoff
// that went on to another lead is told of there; what comes for it here stays here, where the renderer finds it.
func (l *lead) keepRefs(ev *journal.Event) {
	p := ev.Body.GetDelivered()
	if ev.Type != typeDelivered || len(p.GetRefs()) == 0 {
		return
	}
	d := l.Book.Find(p.GetWebhookId())
	refs := state.BoundRefs(p.GetRefs())
	switch {
	case d == nil || d.Destination != p.GetDestination():
	case d.Handoff == "":
		l.Refs = state.AddRefs(l.Refs, d.Destination, refs)
	default:
		if h := l.find(d.Handoff); h != nil {
			h.Refs = state.AddRefs(h.Refs, d.Destination, refs)
		}
	}
}

// adoptRefs takes over what an absorbed lead is called, where this one has no name of its own.
func (l *lead) adoptRefs(from state.Refs) {
	for _, destination := range slices.Sorted(maps.Keys(from)) {
		if l.Refs[destination] == nil {
			l.Refs = state.AddRefs(l.Refs, destination, from[destination])
		}
	}
}
