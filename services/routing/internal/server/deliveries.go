package server

import (
	"context"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/identity"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/render"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// ListDeliveries lists deliveries, the latest due first.
func (s *Server) ListDeliveries(ctx context.Context, req *routingv1.ListDeliveriesRequest) (*routingv1.ListDeliveriesResponse, error) {
	switch {
	case req.GetDestination() != "" && !identity.Safe(req.GetDestination()):
		return nil, invalid("destination", "must be a destination's name")
	case req.GetState() != "" && !fold.IsDeliveryState(req.GetState()):
		return nil, invalid("state", "must be due, failing, delivered or dead")
	}
	if err := s.opt.States.Wait(ctx, req.GetAfter()); err != nil {
		return nil, badAfter(err)
	}
	ids, next, err := s.page(ctx, fold.DeliveryIndex(req.GetDestination(), req.GetState()), req.GetPageSize(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	out := &routingv1.ListDeliveriesResponse{NextPageToken: next}
	books, err := s.books(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if d := books[fold.EntityOfDelivery(id)].find(id); d != nil && (req.GetState() == "" || req.GetState() == d.State) {
			out.Deliveries = append(out.Deliveries, render.Delivery(d))
		}
	}
	return out, nil
}

type book struct{ state.Book }

func (b *book) find(id string) *state.Delivery {
	if b == nil {
		return nil
	}
	return b.Find(id)
}

// books reads the deliveries of the entities that some of them stand on.
func (s *Server) books(ctx context.Context, ids []string) (map[string]*book, error) {
	var entities []string
	out := map[string]*book{}
	for _, id := range ids {
		if entity := fold.EntityOfDelivery(id); entity != "" && out[entity] == nil {
			out[entity] = new(book)
			entities = append(entities, entity)
		}
	}
	if len(entities) == 0 {
		return out, nil
	}
	blobs, err := s.opt.States.Blobs(ctx, entities...)
	if err != nil {
		return nil, err
	}
	for i, entity := range entities {
		if entity == identity.Desk {
			d, err := state.DecodeDesk(blobs[i])
			if err != nil {
				return nil, err
			}
			out[entity].Book = d.Book
			continue
		}
		l, err := state.DecodeLead(blobs[i])
		if err != nil {
			return nil, err
		}
		out[entity].Book = l.Book
	}
	return out, nil
}

// ReplayDelivery puts a delivery back: a dead one, one that fails and is to be tried now, or one that the destination has
// lost since. It goes out under the same webhook-id.
func (s *Server) ReplayDelivery(ctx context.Context, req *routingv1.ReplayDeliveryRequest) (*routingv1.ReplayDeliveryResponse, error) {
	id := req.GetId()
	books, err := s.books(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	d := books[fold.EntityOfDelivery(id)].find(id)
	if d == nil {
		return nil, status.Error(codes.NotFound, "there is no such delivery, or it is one of long ago")
	}
	seq, err := s.opt.Journal.Append(ctx, s.replay(d))
	if err != nil {
		return nil, err
	}
	return &routingv1.ReplayDeliveryResponse{Sequence: strconv.FormatUint(seq, 10)}, nil
}
