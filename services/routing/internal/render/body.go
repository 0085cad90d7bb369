package render

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// envelope is the body of every delivery.
type envelope struct {
	Type      string          `json:"type"`
	Timestamp string          `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// Body gives the JSON that a destination is sent: what happened, when, and all that is to be known of it, as the event has
// it (its owner, its stage) and otherwise as things stand. ErrGone where there is nothing to tell any more; any other error
// means that it cannot be told now.
func (r *Renderer) Body(ctx context.Context, d *state.Delivery) ([]byte, error) {
	data, err := r.data(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("render delivery %s: %w", d.ID, err)
	}
	raw, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("render delivery %s: %w", d.ID, err)
	}
	body, err := json.Marshal(envelope{Type: d.Event, Timestamp: d.DueAt.UTC().Format(time.RFC3339Nano), Data: raw})
	if err != nil {
		return nil, fmt.Errorf("render delivery %s: %w", d.ID, err)
	}
	return body, nil
}

func (r *Renderer) data(ctx context.Context, d *state.Delivery) (proto.Message, error) {
	switch d.Event {
	case fold.EventStageChanged, fold.EventBandChanged:
		return r.leadEvent(ctx, d)
	case fold.EventAgreementActivated:
		return &routingv1.AgreementEvent{Version: int32(number(d.Data["version"])), Hash: d.Data["hash"], At: timestamppb.New(d.DueAt)}, nil
	}
	on, err := r.Lead(ctx, d.Entity)
	if err != nil {
		return nil, err
	}
	h := on.Handoff(d.Handoff)
	if h == nil || d.Handoff == "" {
		return nil, ErrGone
	}
	p, err := r.payload(ctx, h, d.Entity, ask{attempt: number(d.Data["attempt"]), after: d.Data["after"], must: d.Event == fold.EventUpdated})
	if err != nil {
		return nil, err
	}
	switch d.Event {
	case fold.EventRouted, fold.EventReassigned:
		p.Stage = string(handoff.Routed)
	case fold.EventRecalled:
		p.Stage, p.Reason = string(handoff.Recalled), d.Data["reason"]
	case fold.EventUpdated:
		told(p, number(d.Data["version"]))
	case fold.EventSLABreached:
		p.Breach = &routingv1.Breach{Clock: d.Data["clock"], Due: parseTime(d.Data["due"]), Rep: p.GetOwner().GetId()}
	}
	return p, nil
}

func (r *Renderer) leadEvent(ctx context.Context, d *state.Delivery) (proto.Message, error) {
	lead, consent, err := r.person(ctx, d.Entity)
	if err != nil {
		return nil, err
	}
	return &routingv1.LeadEvent{
		Lead: lead, From: d.Data["from"], To: d.Data["to"], Epoch: int32(max(0, number(d.Data["epoch"]))), Reason: d.Data["reason"],
		HandoffId: d.Handoff, At: parseTime(d.Data["at"]), Consent: consent,
	}, nil
}

// number reads what the fold wrote; -1 where there is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

func parseTime(s string) *timestamppb.Timestamp {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return nil
	}
	return timestamppb.New(t)
}
