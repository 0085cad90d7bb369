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
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/current"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// ErrGone says that there is nothing to tell: the store knows no such handoff, and will not.
var ErrGone = errors.New("render: nothing is known of it")

// ErrNoVersion says that a brief has no such version, or does not keep it any more.
var ErrNoVersion = errors.New("there is no such version")

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
	// Now is the clock by which deliveries share what they read: that of state.Delivery.SeenAt.
	Now func() time.Time

	// acquainted are colleagues that deliveries have just asked for.
	acquainted acquaintances
	// reading are reads of stories for deliveries that are due together.
	reading readings
	// messages writes bodies.
	messages messages
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
