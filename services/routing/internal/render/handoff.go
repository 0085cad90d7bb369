package render

import (
	"time"

	"github.com/batonhq/baton/pkg/identity"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// Handoff gives a handoff as lists show it, with the deliveries about it.
func Handoff(h *handoff.Handoff, on *state.Lead, entity string, dir *core.Directory) *routingv1.Handoff {
	out := &routingv1.Handoff{
		Id: h.ID, LeadId: entity, Epoch: int32(h.Epoch), Stage: string(h.Stage), Owner: owner(h.Current(), dir), Account: account(h),
		Sla: sla(h.AcceptBy, h.ContactBy), QualifiedAt: stamp(h.QualifiedAt), AcceptedAt: stamp(h.AcceptedAt), ContactedAt: stamp(h.ContactedAt),
		History: history(h), Reason: h.Reason, Note: h.Note, WaitingFor: state.Considered(h.WaitingFor), WaitingUntil: stamp(h.WaitingUntil),
		Email: h.Email, Rule: h.Rule, AgreementVersion: h.Pinned.Version, PausedUntil: stamp(h.Pause.Until), PauseReason: h.Pause.Reason,
		HeldUntil: stamp(h.HeldUntil), HeldBecause: h.HeldBecause, LastContact: LastContact(on),
	}
	urgency(out, h)
	if len(h.Assignments) > 0 {
		out.RoutedAt = stamp(h.Assignments[0].At)
	}
	if out.Owner == nil {
		out.Owner = &routingv1.Owner{Id: fold.OwnerOf(h), Chosen: &routingv1.Chosen{Route: h.Route, Pool: h.Pool}}
	}
	for _, d := range on.Book.List {
		if d.Handoff == h.ID {
			out.Deliveries = append(out.Deliveries, Delivery(d))
		}
	}
	return out
}

// Delivery gives a delivery as lists show it.
func Delivery(d *state.Delivery) *routingv1.DeliveryStatus {
	out := &routingv1.DeliveryStatus{
		Id: d.ID, Destination: d.Destination, Event: d.Event, State: d.State, Attempts: int32(d.Attempts), LastStatus: int32(d.Status),
		LastError: d.Error, NextAt: stamp(d.NextAt), DueAt: stamp(d.DueAt), DoneAt: stamp(d.DoneAt), HandoffId: d.Handoff,
	}
	if identity.RankOf(d.Entity) != 0 {
		out.LeadId = d.Entity
	}
	return out
}

func owner(a *handoff.Assignment, dir *core.Directory) *routingv1.Owner {
	if a == nil {
		return nil
	}
	out := &routingv1.Owner{Id: a.Rep, Chosen: &routingv1.Chosen{Route: a.Route, Pool: a.Pool, Considered: state.Considered(a.Considered)}}
	if r := dir.Rep(a.Rep); r != nil {
		out.Name, out.Email, out.Team, out.ExternalIds = r.Name, r.Email, r.Team, r.ExternalIDs
		if zone := r.Calendar.Location; zone != nil && zone != time.UTC {
			out.TimeZone = zone.String()
		}
	}
	return out
}

func account(h *handoff.Handoff) *routingv1.AccountRef { return state.AccountRef(h.Account) }

func sla(acceptBy, contactBy time.Time) *routingv1.Sla {
	return &routingv1.Sla{AcceptBy: stamp(acceptBy), ContactBy: stamp(contactBy)}
}

func history(h *handoff.Handoff) []*routingv1.HandoffEvent {
	var out []*routingv1.HandoffEvent
	for _, m := range h.History {
		out = append(out, &routingv1.HandoffEvent{What: m.What, At: stamp(m.At), Rep: m.Rep, Reason: m.Reason})
	}
	return out
}
