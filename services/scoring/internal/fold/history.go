package fold

import (
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// Whoever folds a history again, under rules of its own, does it with the entities that decide live: Load makes them, and
// globals that have Rules say what they decide by.

// Read gives an event as the rules read it, with what the catalogue at its place in the log says of its asset. Nothing
// changes it: several folds may share it.
func Read(ev *journal.Event, c core.Catalogue) *core.Event {
	e := convert(ev)
	e.Describe(c)
	return e
}

// Prime gives a lead an event as Read gave it, right before Apply is shown the same event, so that it is read once only.
func Prime(e journal.Entity, ev *journal.Event, read *core.Event) {
	if l, ok := e.(*leadEntity); ok {
		l.of, l.event = ev, read
	}
}

// LeadOf gives the lead that an entity holds, nil where it is none. It stays the entity's own.
func LeadOf(e journal.Entity) *core.Lead {
	if l, ok := e.(*leadEntity); ok {
		return l.lead
	}
	return nil
}
