package render

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// Job gives what a destination is handed: what happened, when, and all that is to be known of it, as the event has it (its
// owner, its stage) and otherwise as things stand, and, if refs is set, what earlier deliveries to the destination left. ErrGone where
// there is nothing to tell any more; any other error means that it cannot be told now.
func (r *Renderer) Job(ctx context.Context, d *state.Delivery, refs bool) (*destination.Job, error) {
	job := &destination.Job{
		ID: d.ID, Attempt: d.Attempts + 1, Event: d.Event, Entity: d.Entity, Handoff: d.Handoff, DueAt: d.DueAt, SeenAt: d.SeenAt,
	}
	data, on, err := r.data(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("render delivery %s: %w", d.ID, err)
	}
	job.Standing = standing(on, d)
	switch data := data.(type) {
	case *routingv1.Payload:
		job.Payload = data
	case *routingv1.LeadEvent:
		job.Lead = data
	case *routingv1.AgreementEvent:
		job.Agreement = data
	}
	if job.Body, err = r.messages.envelope(d.Event, d.DueAt, data); err != nil {
		return nil, fmt.Errorf("render delivery %s: %w", d.ID, err)
	}
	if refs {
		if job.Refs, err = r.refs(ctx, d, on); err != nil {
			return nil, fmt.Errorf("render delivery %s: %w", d.ID, err)
		}
	}
	return job, nil
}

// data gives the message of a delivery, and the lead's state where it was read.
func (r *Renderer) data(ctx context.Context, d *state.Delivery) (data proto.Message, on *state.Lead, err error) {
	switch d.Event {
	case fold.EventStageChanged, fold.EventBandChanged:
		data, err = r.leadEvent(ctx, d)
		return data, nil, err
	case fold.EventAgreementActivated:
		return &routingv1.AgreementEvent{Version: int32(number(d.Data["version"])), Hash: d.Data["hash"], At: timestamppb.New(d.DueAt)}, nil, nil
	case fold.EventSummary:
		return &routingv1.SummaryEvent{
			Week: d.Data["week"], Text: d.Data["text"], Html: d.Data["html"], Slack: d.Data["slack"], At: parseTime(d.Data["at"]),
		}, nil, nil
	case fold.EventDeskWaiting, fold.EventDeskCleared:
		return &routingv1.DeskEvent{
			Pool: d.Data["pool"], HandoffId: d.Data["handoff"], Since: parseTime(d.Data["since"]), At: parseTime(d.Data["at"]), Until: parseTime(d.Data["until"]),
		}, nil, nil
	}
	told, err := r.reading.read(ctx, storyOf{d.Entity, d.Handoff}, r.stories)
	if err != nil {
		return nil, nil, err
	}
	on = told.on
	h := on.Handoff(d.Handoff)
	if h == nil || d.Handoff == "" {
		return nil, nil, ErrGone
	}
	a := ask{seen: d.SeenAt, attempt: number(d.Data["attempt"]), after: d.Data["after"], people: r.acquainted.since(d.SeenAt, r.Now, r.askColleagues)}
	if d.Event == fold.EventUpdated { // it may be about the colleagues, and is to be as new as what is known of the lead by now
		a.must, a.people = true, r.askColleagues
	}
	p, err := r.payload(ctx, h, told, d.Entity, a)
	if err != nil {
		return nil, nil, err
	}
	switch d.Event {
	case fold.EventRouted, fold.EventReassigned:
		p.Stage = string(handoff.Routed)
	case fold.EventRecalled:
		p.Stage, p.Reason = string(handoff.Recalled), d.Data["reason"]
	case fold.EventSLAEscalated:
		p.Breach = &routingv1.Breach{
			Clock: d.Data["clock"], Due: parseTime(d.Data["due"]), Rep: p.GetOwner().GetId(), Notify: d.Data["notify"], Step: int32(number(d.Data["step"])),
			Manager: r.manager(ctx, p.GetOwner().GetTeam(), d.SeenAt),
		}
	case fold.EventUpdated:
		narrow(p, number(d.Data["version"]))
	case fold.EventSLABreached:
		p.Breach = &routingv1.Breach{Clock: d.Data["clock"], Due: parseTime(d.Data["due"]), Rep: p.GetOwner().GetId()}
	}
	return p, on, nil
}

func (r *Renderer) leadEvent(ctx context.Context, d *state.Delivery) (proto.Message, error) {
	lead, consent, err := r.person(ctx, d.Entity)
	if err != nil {
		return nil, err
	}
	out := &routingv1.LeadEvent{
		Lead: lead, From: d.Data["from"], To: d.Data["to"], Epoch: int32(max(0, number(d.Data["epoch"]))), Reason: d.Data["reason"],
		HandoffId: d.Handoff, At: parseTime(d.Data["at"]), Consent: consent,
	}
	if d.Event == fold.EventStageChanged {
		out.Nurture = nurture(out.To)
	}
	return out, nil
}

// manager gives who leads a team, "" where nobody does.
func (r *Renderer) manager(ctx context.Context, team string, seen time.Time) string {
	version, err := r.Directory.Since(ctx, seen)
	if err != nil {
		return ""
	}
	if t := version.Directory.Team(team); t != nil {
		return t.Manager
	}
	return ""
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
