package render

import (
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// standing says how the handoff of a delivery stands by now, nil where it is about none.
func standing(on *state.Lead, d *state.Delivery) *destination.Standing {
	if on == nil || d.Handoff == "" {
		return nil
	}
	h := on.Handoff(d.Handoff)
	if h == nil {
		return nil
	}
	out := &destination.Standing{
		Stage: string(h.Stage), Rep: h.Owner(), Assignment: number(d.Data["attempt"]), Current: -1, Elapsed: h.Pinned.Version != 0 && !h.Pinned.Working,
	}
	if a := h.Current(); a != nil {
		out.Current = a.Attempt
	}
	if out.Assignment < 0 {
		out.Assignment = out.Current
	}
	return out
}
