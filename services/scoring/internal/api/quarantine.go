package api

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// maxQuarantined bounds how many records of one entity are looked at.
const maxQuarantined = 100_000

// ListQuarantine gives what could not be processed, the newest first, with whether it was released since.
func (s *Server) ListQuarantine(ctx context.Context, req *scoringv1.ListQuarantineRequest) (*scoringv1.ListQuarantineResponse, error) {
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	if err := s.wait(ctx, req.GetAfter()); err != nil {
		return nil, err
	}
	entities, err := s.opt.States.Range(ctx, leadstore.RangeQuery{Index: fold.IndexQuarantine, Min: math.Inf(-1), Max: math.Inf(1), Limit: maxQuarantined})
	if err != nil {
		return nil, failed("read the list", err)
	}
	var items []*scoringv1.QuarantineItem
	for _, e := range entities {
		events, err := s.opt.Log.ReadEntity(ctx, e.Member, 1, maxQuarantined)
		if err != nil {
			return nil, failed("read quarantine records", err)
		}
		items = append(items, quarantined(e.Member, events)...)
	}
	slices.SortFunc(items, func(a, b *scoringv1.QuarantineItem) int {
		return cmp.Or(b.At.AsTime().Compare(a.At.AsTime()), strings.Compare(a.Id, b.Id))
	})
	if t := req.GetPageToken(); t != "" {
		k := slices.IndexFunc(items, func(i *scoringv1.QuarantineItem) bool { return i.Id == t })
		if k < 0 {
			return nil, invalid("page_token", "is not one that a page of this list ended with")
		}
		items = items[k+1:]
	}
	out := &scoringv1.ListQuarantineResponse{Items: items}
	if len(items) > size {
		out.Items, out.NextPageToken = items[:size], items[size-1].Id
	}
	return out, nil
}

func quarantined(entity string, events []*journal.Event) []*scoringv1.QuarantineItem {
	var items []*scoringv1.QuarantineItem
	byID := map[string]*scoringv1.QuarantineItem{}
	for _, ev := range events {
		if q := ev.Body.GetQuarantined(); q != nil && byID[q.GetQuarantineId()] == nil {
			item := &scoringv1.QuarantineItem{
				Id: q.GetQuarantineId(), Reason: q.GetReason(), Place: q.GetPlace(), Source: ev.Body.GetSource(), At: timestamppb.New(ev.Time()),
				Raw: q.GetRaw(), ContentType: q.GetContentType(), Entity: entity,
			}
			byID[item.Id] = item
			items = append(items, item)
		}
		if r := ev.Body.GetQuarantineReleased(); r != nil && byID[r.GetQuarantineId()] != nil {
			byID[r.GetQuarantineId()].Released = true
		}
	}
	return items
}
