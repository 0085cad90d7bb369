// Package render turns what the fold stores into what people and CRMs read: handoffs, briefs, and the bodies of deliveries.
package render

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/brief"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/current"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// ErrGone says that there is nothing to tell: the store knows no such handoff, and will not.
var ErrGone = errors.New("render: nothing is known of it")

// Blobs reads entities' states, and fields of hashes.
type Blobs interface {
	Blobs(ctx context.Context, entities ...string) ([][]byte, error)
	BlobsAndFields(ctx context.Context, entities []string, fields []leadstore.PartitionFields) ([][]byte, [][][]byte, error)
}

// Renderer reads and writes what is shown. It is safe for use by several goroutines.
type Renderer struct {
	Blobs     Blobs
	Directory *current.Directory
	Key       identity.Key
	// Leads knows colleagues, and leads that were never handed over; nil where nobody does.
	Leads leadv1.LeadContextServiceClient
	Log   *slog.Logger

	// known are colleagues that deliveries have just asked for.
	known acquaintances
	// reading are reads of stories for deliveries that are due together.
	reading readings
}

// Lead reads a lead's state.
func (r *Renderer) Lead(ctx context.Context, entity string) (*state.Lead, error) {
	blobs, err := r.Blobs.Blobs(ctx, entity)
	if err != nil {
		return nil, fmt.Errorf("read lead: %w", err)
	}
	return state.DecodeLead(blobs[0])
}

// maxParents bounds the way from an old lead to the one it is now.
const maxParents = 16

// Find gives a handoff and the lead that it stands on by now. One that is on its way from a lead to the one it merged into
// is shown as it left. ErrGone where there is none such.
func (r *Renderer) Find(ctx context.Context, id string) (h *handoff.Handoff, on *state.Lead, entity string, err error) {
	entity, _, ok := identity.LeadOfHandoff(id)
	if !ok {
		return nil, nil, "", ErrGone
	}
	next := entity
	for range maxParents {
		l, err := r.Lead(ctx, next)
		if err != nil {
			return nil, nil, "", err
		}
		if at := l.Handoff(id); at != nil {
			h, on, entity = at, l, next
		}
		if h != nil && !h.Passed || l.WentOn() == "" {
			break
		}
		next = l.WentOn()
	}
	if h == nil {
		return nil, nil, "", ErrGone
	}
	return h, on, entity, nil
}

// Payload gives all that is told of a handoff, as it stands, or, if attempt is not negative, with the owner of that attempt.
func (r *Renderer) Payload(ctx context.Context, h *handoff.Handoff, entity string, attempt int) (*routingv1.Payload, error) {
	read, err := r.stories(ctx, []storyOf{{entity, h.ID}})[0].decode()
	if err != nil {
		return nil, err
	}
	return r.payload(ctx, h, read, entity, attempt, r.askColleagues)
}

// payload is Payload with what was read of the lead, and who is asked for an account's people.
func (r *Renderer) payload(ctx context.Context, h *handoff.Handoff, read story, entity string, attempt int, ask people) (*routingv1.Payload, error) {
	version, err := r.Directory.Get(ctx, 0)
	if err != nil {
		return nil, err
	}
	q := read.snapshot
	if q == nil {
		return nil, ErrGone
	}
	dir := version.Directory
	lead := q.GetLead()
	p := &routingv1.Payload{
		HandoffId: h.ID, Stage: string(h.Stage), Epoch: int32(h.Epoch),
		Lead: &routingv1.PayloadLead{
			Id: entity, Email: lead.GetEmail(), FirstName: lead.GetFirstName(), LastName: lead.GetLastName(), Title: lead.GetTitle(),
			ExternalIds: lead.GetExternalIds(), Phone: lead.GetPhone(), Country: lead.GetCountry(),
		},
		Account: account(h), Score: q.GetScore(), Sla: sla(h.AcceptBy, h.ContactBy), Reason: h.Reason, History: history(h),
	}
	assignment := h.Current()
	if attempt >= 0 {
		for i := range h.Assignments {
			if a := &h.Assignments[i]; a.Attempt == attempt {
				assignment = a
				p.Sla = sla(a.AcceptBy, a.ContactBy)
				if i > 0 {
					p.PreviousOwner = h.Assignments[i-1].Rep
				}
			}
		}
	}
	p.Owner = owner(assignment, dir)
	p.LastContact = LastContact(read.on)
	p.Brief = r.brief(ctx, q, h, entity, dir, ask)
	return p, nil
}

func (r *Renderer) brief(ctx context.Context, q *journalv1.Qualified, h *handoff.Handoff, entity string, dir *core.Directory, ask people) *routingv1.Brief {
	facts, _ := fold.MatchFacts(dir, r.Key, q)
	lead, score := q.GetLead(), q.GetScore()
	in := brief.Input{
		At: h.QualifiedAt, Rule: q.GetRule(), Engagement: score.GetEngagement(), Fit: score.GetFit(), Grade: score.GetGrade(),
		Engagements: int(lead.GetEngagements()), First: lead.GetFirstAt().AsTime(), Persona: dir.Persona(facts),
	}
	for _, c := range score.GetContributions() {
		in.Lines = append(in.Lines, brief.Line{Side: c.GetSide(), Rule: c.GetRule(), Because: c.GetBecause(), Points: c.GetPoints(), Events: len(c.GetEvents())})
	}
	for _, i := range lead.GetTimeline() {
		in.Timeline = append(in.Timeline, item(i))
	}
	for _, e := range lead.GetEarlierEpochs() {
		in.Earlier = append(in.Earlier, brief.Epoch{Number: int(e.GetEpoch()), Ended: e.GetEnded(), Reason: e.GetReason(), At: instant(e.GetAt())})
	}
	out := &routingv1.Brief{Persona: in.Persona, Consent: lead.GetConsent(), EarlierEpochs: lead.GetEarlierEpochs()}
	if e := lead.GetEntry(); e != nil {
		i := item(e)
		in.Entry = &i
		out.Entry = &routingv1.Entry{Channel: e.GetChannel(), Campaign: e.GetCampaign(), Url: e.GetUrl(), At: e.GetAt()}
	}
	b := brief.Write(in, dir)
	out.WhyNow, out.Familiarity, out.JourneyStage = b.WhyNow, b.Familiarity, b.JourneyStage
	for _, i := range b.Interests {
		out.Interests = append(out.Interests, &routingv1.Interest{Topic: i.Topic, Weight: i.Weight})
	}
	for _, c := range b.Content {
		out.Content = append(out.Content, &routingv1.Content{Asset: c.Asset, At: timestamppb.New(c.At), Kind: c.Kind, Topic: c.Topic})
	}
	for _, t := range b.Timeline {
		out.Timeline = append(out.Timeline, &routingv1.TimelineEntry{Type: t.Type, At: timestamppb.New(t.At), Summary: t.Summary})
	}
	for _, c := range b.Campaigns {
		out.Campaigns = append(out.Campaigns, &routingv1.CampaignBrief{Id: c.ID, Brief: c.Brief})
	}
	for _, n := range b.Next {
		out.SuggestedNext = append(out.SuggestedNext, &routingv1.Suggestion{Asset: n.Asset, Reason: n.Reason, Url: n.URL})
	}
	out.OthersAtAccount = r.colleagues(ctx, h, entity, ask)
	return out
}

// person gives what a destination needs to know a lead by that was never handed over. An error means that it cannot be
// told now.
func (r *Renderer) person(ctx context.Context, entity string) (*routingv1.PayloadLead, map[string]string, error) {
	if r.Leads == nil {
		return &routingv1.PayloadLead{Id: entity}, nil, nil
	}
	l, err := r.Leads.GetLead(ctx, &leadv1.GetLeadRequest{Id: entity})
	switch {
	case status.Code(err) == codes.NotFound:
		return &routingv1.PayloadLead{Id: entity}, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("read lead context: %w", err)
	}
	return &routingv1.PayloadLead{
		Id: entity, Email: l.GetEmail(), FirstName: l.GetFirstName(), LastName: l.GetLastName(), Title: l.GetTitle(),
		ExternalIds: l.GetExternalIds(), Country: l.GetCountry(),
	}, l.GetConsent(), nil
}

func item(i *journalv1.TimelineItem) brief.Item {
	return brief.Item{
		Type: i.GetType(), Name: i.GetName(), Channel: i.GetChannel(), Campaign: i.GetCampaign(), Asset: i.GetAsset(), URL: i.GetUrl(),
		Title: i.GetTitle(), At: instant(i.GetAt()), Automated: i.GetAutomated(),
	}
}

func instant(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
