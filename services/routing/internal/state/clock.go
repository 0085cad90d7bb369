package state

import (
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/core/outreach"
)

func encodeClock(out *routingv1.HandoffState, h *handoff.Handoff) {
	p, pause := h.Pinned, h.Pause
	out.AgreementVersion, out.Working, out.MaxReassigns = p.Version, p.Working, int32(p.MaxReassigns)
	out.Within, out.Spent, out.SpentAt, out.Look = int64(p.Within), int64(p.Spent), nanos(p.SpentAt), nanos(p.Look)
	out.PausedUntil, out.PausedAt, out.PausedFor = nanos(pause.Until), nanos(pause.Since), int64(pause.For)
	out.PauseReason, out.PausedBy = pause.Reason, pause.By
}

func decodeClock(h *handoff.Handoff, in *routingv1.HandoffState) {
	h.Pinned = handoff.Pinned{
		Version: in.AgreementVersion, Working: in.Working, MaxReassigns: int(in.MaxReassigns), Within: time.Duration(in.Within),
		Spent: time.Duration(in.Spent), SpentAt: instant(in.SpentAt), Look: instant(in.Look),
	}
	h.Pause = handoff.Pause{
		Since: instant(in.PausedAt), Until: instant(in.PausedUntil), Reason: in.PauseReason, By: in.PausedBy, For: time.Duration(in.PausedFor),
	}
}

func encodeContact(c outreach.Contact) *routingv1.ContactState {
	if c.At.IsZero() {
		return nil
	}
	return &routingv1.ContactState{At: nanos(c.At), Type: c.Type, Channel: c.Channel, Campaign: c.Campaign, Who: c.Who, EventId: c.Event}
}

func decodeContact(in *routingv1.ContactState) outreach.Contact {
	if in == nil {
		return outreach.Contact{}
	}
	return outreach.Contact{At: instant(in.At), Type: in.Type, Channel: in.Channel, Campaign: in.Campaign, Who: in.Who, Event: in.EventId}
}
