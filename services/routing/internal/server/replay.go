package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// Bounds of a replay: how many deliveries are looked at by one call, and how many are put back by one write.
const (
	defaultReplay = 200
	maxReplay     = 1000
	replayChunk   = 200
)

// ReplayDeliveries puts back a range of deliveries, a page at a time: the latest due page first, in it the oldest first. What is due
// already is passed over, so that asking twice is asking once. They go out under the same webhook-ids. When it fails, a part may have
// been put back.
func (s *Server) ReplayDeliveries(ctx context.Context, req *routingv1.ReplayDeliveriesRequest) (*routingv1.ReplayDeliveriesResponse, error) {
	q, err := replayQuery(req)
	if err != nil {
		return nil, err
	}
	ids, next, err := s.between(ctx, q, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	books, err := s.books(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := &routingv1.ReplayDeliveriesResponse{NextPageToken: next}
	var chosen []*state.Delivery
	for _, id := range ids {
		d := books[fold.EntityOfDelivery(id)].find(id)
		if d == nil || d.State != q.state || req.GetEvent() != "" && d.Event != req.GetEvent() {
			out.Skipped++
			continue
		}
		chosen = append(chosen, d)
	}
	slices.SortStableFunc(chosen, func(a, b *state.Delivery) int {
		return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.Number, b.Number))
	})
	for part := range slices.Chunk(chosen, replayChunk) {
		events := make([]*journalv1.Event, len(part))
		for i, d := range part {
			events[i] = s.replay(d)
		}
		seq, err := s.opt.Journal.Append(ctx, events...)
		if err != nil {
			return nil, err
		}
		out.Replayed += int32(len(part))
		out.Sequence = strconv.FormatUint(seq, 10)
	}
	return out, nil
}

// replay gives the input that puts a delivery back. Asked for twice before it is tried, it is one request.
func (s *Server) replay(d *state.Delivery) *journalv1.Event {
	now := timestamppb.New(s.opt.Now())
	return &journalv1.Event{
		Id: fmt.Sprintf("%s.replay.%d", d.ID, d.Attempts), Entity: d.Entity, Type: "replay_requested", Source: "api", OccurredAt: now, ReceivedAt: now,
		Payload: &journalv1.Event_ReplayRequested{ReplayRequested: &journalv1.ReplayRequested{WebhookId: d.ID, Destination: d.Destination}},
	}
}

// rangeQuery is a range of an index by when deliveries became due, in milliseconds.
type rangeQuery struct {
	index, state string
	min, max     float64
	limit        int
}

func replayQuery(req *routingv1.ReplayDeliveriesRequest) (rangeQuery, error) {
	q := rangeQuery{state: cmp.Or(req.GetState(), state.Dead), max: topScore, limit: int(req.GetLimit())}
	switch {
	case !identity.Safe(req.GetDestination()):
		return q, invalid("destination", "must be a destination's name")
	case !slices.Contains([]string{state.Dead, state.Failing, state.Delivered}, q.state):
		return q, invalid("state", "must be dead, failing or delivered")
	case req.GetEvent() != "" && !eventName(req.GetEvent()):
		return q, invalid("event", "must be the name of an event, like handoff.routed")
	case req.From != nil && !req.From.IsValid():
		return q, invalid("from", "must be a time like 2026-11-20T10:00:00Z")
	case req.To != nil && !req.To.IsValid():
		return q, invalid("to", "must be a time like 2026-11-20T10:00:00Z")
	case req.From != nil && req.To != nil && !req.From.AsTime().Before(req.To.AsTime()):
		return q, invalid("to", "must be after from")
	case q.limit < 0 || q.limit > maxReplay:
		return q, invalid("limit", "must be between 1 and "+strconv.Itoa(maxReplay))
	}
	if q.limit == 0 {
		q.limit = defaultReplay
	}
	if req.From != nil {
		q.min = max(0, float64(req.From.AsTime().UnixMilli()))
	}
	if req.To != nil {
		q.max = max(0, float64(req.To.AsTime().UnixMilli()-1))
	}
	q.index = fold.DeliveryIndex(req.GetDestination(), q.state)
	return q, nil
}

func eventName(s string) bool {
	for _, r := range s {
		if r != '.' && r != '_' && (r < 'a' || r > 'z') {
			return false
		}
	}
	return len(s) <= 64
}

// between reads a page of a range, the latest first, behind where the token says the last one ended.
func (s *Server) between(ctx context.Context, q rangeQuery, token string) (ids []string, next string, err error) {
	from := leadstore.Scored{Score: q.max}
	if token != "" {
		if from, err = parseToken(token); err != nil {
			return nil, "", err
		}
		from.Score = min(from.Score, q.max)
	}
	for limit := q.limit + 1; ; limit *= 2 {
		got, err := s.opt.States.Range(ctx, leadstore.RangeQuery{Index: q.index, Min: q.min, Max: from.Score, Limit: limit})
		if err != nil {
			return nil, "", err
		}
		var page []leadstore.Scored
		for _, m := range got {
			if token == "" || m.Score < from.Score || m.Member < from.Member {
				page = append(page, m)
			}
		}
		if len(page) <= q.limit && len(got) == limit {
			continue // members of one score may fill what was read without being new
		}
		if len(page) > q.limit {
			next = formatToken(page[q.limit-1])
			page = page[:q.limit]
		}
		for _, m := range page {
			ids = append(ids, m.Member)
		}
		return ids, next, nil
	}
}
