package render

import (
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// urgency tells what is due next of an open handoff, and whether a promise was broken while its present owner had it. The fold
// notes a breach at its moment, so that this says the same whenever it is asked.
func urgency(out *routingv1.Handoff, h *handoff.Handoff) {
	out.Attempt = -1
	if a := h.Current(); a != nil {
		out.Attempt = int32(a.Attempt)
		for _, m := range h.History {
			out.Breached = out.Breached || m.What == "sla_breached" && m.Rep == a.Rep && !m.At.Before(a.At)
		}
	}
	if !h.Open() {
		return
	}
	var due time.Time
	switch {
	case h.Stage == handoff.Routed:
		due, out.DueClock = h.AcceptBy, handoff.AcceptClock
	case h.Stage == handoff.Accepted && h.ContactedAt.IsZero():
		due, out.DueClock = h.ContactBy, handoff.ContactClock
	}
	if out.DueAt = stamp(due); out.DueAt == nil {
		out.DueClock = ""
	}
	if len(h.Steps) > 0 {
		out.NextStepAt, out.NextStep = stamp(h.Steps[0].At), h.Steps[0].Action
	}
}
