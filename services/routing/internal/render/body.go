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
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// encode gives the body of a delivery: {"type", "timestamp", "data"}, data being a message as JSON with all of its fields, under the
// names that they have in the contract.
func encode(event string, at time.Time, data proto.Message) ([]byte, error) {
	body := append([]byte(nil), `{"type":`...)
	name, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	body = append(append(body, name...), `,"timestamp":"`...)
	body = append(at.UTC().AppendFormat(body, time.RFC3339Nano), `","data":`...)
	if body, err = (protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}).MarshalAppend(body, data); err != nil {
		return nil, err
	}
	return append(compact(body), '}'), nil
}

// compact takes the spaces out of JSON, in place, but for those in strings. The encoder puts some in at whim, so that nobody relies on its
// bytes; whoever receives a delivery twice should see the same ones.
func compact(text []byte) []byte {
	out, quoted := text[:0], false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && c == ' ':
			continue
		case quoted && c == '\\' && i+1 < len(text):
			out = append(out, c)
			i++
			c = text[i]
		}
		out = append(out, c)
	}
	return out
}

// Job gives what a destination is handed: what happened, when, and all that is to be known of it, as the event has it (its
// owner, its stage) and otherwise as things stand, and, if refs is set, what earlier deliveries to the destination left. ErrGone where
// there is nothing to tell any more; any other error means that it cannot be told now.
func (r *Renderer) Job(ctx context.Context, d *state.Delivery, refs bool) (*destination.Job, error) {
	job := &destination.Job{
		ID: d.ID, Attempt: d.Attempts + 1, Event: d.Event, Entity: d.Entity, Handoff: d.Handoff, DueAt: d.DueAt,
	}
	data, on, err := r.data(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("render delivery %s: %w", d.ID, err)
	}
	switch data := data.(type) {
	case *routingv1.Payload:
		job.Payload = data
	case *routingv1.LeadEvent:
		job.Lead = data
	case *routingv1.AgreementEvent:
		job.Agreement = data
	}
	if job.Body, err = encode(d.Event, d.DueAt, data); err != nil {
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
	case fold.EventDeskWaiting, fold.EventDeskCleared:
		return &routingv1.DeskEvent{
			Pool: d.Data["pool"], HandoffId: d.Data["handoff"], Since: parseTime(d.Data["since"]), At: parseTime(d.Data["at"]), Until: parseTime(d.Data["until"]),
		}, nil, nil
	}
	read, err := r.reading.read(ctx, storyOf{d.Entity, d.Handoff}, r.stories)
	if err != nil {
		return nil, nil, err
	}
	on = read.on
	h := on.Handoff(d.Handoff)
	if h == nil || d.Handoff == "" {
		return nil, nil, ErrGone
	}
	p, err := r.payload(ctx, h, read, d.Entity, number(d.Data["attempt"]), r.known.of(r.askColleagues))
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
			Manager: r.manager(ctx, p.GetOwner().GetTeam()),
		}
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
func (r *Renderer) manager(ctx context.Context, team string) string {
	version, err := r.Directory.Get(ctx, 0)
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
