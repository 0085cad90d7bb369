package fold

import (
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

var stages = []handoff.Stage{
	handoff.Waiting, handoff.Routed, handoff.Accepted, handoff.SQL, handoff.Recycled, handoff.Disqualified, handoff.Recalled,
	handoff.Won, handoff.Lost,
}

// HandoffIndex names the index of handoffs of an owner ("" for all, "desk" for those that wait) in a stage ("" for all), by
// when they qualified.
func HandoffIndex(owner, stage string) string {
	name := "handoffs"
	if owner != "" {
		name += "@" + owner
	}
	if stage != "" {
		name += ":" + stage
	}
	return name
}

// member names a handoff in an index: where it stands is in its id, unless it went on to another lead.
func member(entity string, h *handoff.Handoff) string {
	if origin, _, ok := identity.LeadOfHandoff(h.ID); ok && origin == entity {
		return h.ID
	}
	return h.ID + "@" + entity
}

// ParseMember gives the handoff that an index's member names, and the lead that it stands on.
func ParseMember(s string) (handoffID, entity string, ok bool) {
	if id, at, found := strings.Cut(s, "@"); found {
		return id, at, true
	}
	entity, _, ok = identity.LeadOfHandoff(s)
	return s, entity, ok
}

// OwnerOf gives who is accountable for a handoff: a rep, or the desk.
func OwnerOf(h *handoff.Handoff) string {
	if owner := h.Owner(); owner != "" {
		return owner
	}
	return identity.Desk
}

// place is where a handoff stands in the indexes; the zero place is nowhere.
type place struct{ owner, stage string }

// placeOf gives where a handoff belongs. One that was passed on is found where it went.
func placeOf(h *handoff.Handoff) place {
	if h.Passed {
		return place{}
	}
	return place{OwnerOf(h), string(h.Stage)}
}

func (p place) indexes() []string {
	if p == (place{}) {
		return nil
	}
	return []string{HandoffIndex("", ""), HandoffIndex("", p.stage), HandoffIndex(p.owner, ""), HandoffIndex(p.owner, p.stage)}
}

// reindex moves a handoff in the indexes. Whoever reads them checks what they find against the handoff itself: an entry
// that is left over from a state that was folded again is passed over.
func reindex(m *leadstore.Mutation, entity string, h *handoff.Handoff, was, now place) {
	if was == now {
		return
	}
	name, at := member(entity, h), float64(h.QualifiedAt.UnixMilli())
	next := now.indexes()
	for _, index := range was.indexes() {
		if !slices.Contains(next, index) {
			m.IndexRemove(index, name)
		}
	}
	for _, index := range next {
		m.IndexAdd(index, name, at)
	}
}

// Stages lists the stages of a handoff.
func Stages() []string {
	out := make([]string, len(stages))
	for i, s := range stages {
		out[i] = string(s)
	}
	return out
}

// IsStage reports whether there is such a stage.
func IsStage(s string) bool { return slices.Contains(stages, handoff.Stage(s)) }

// IsDeliveryState reports whether there is such a state of a delivery.
func IsDeliveryState(s string) bool { return slices.Contains(deliveryStates, s) }
