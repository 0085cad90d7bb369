package server

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
	"github.com/batonhq/baton/services/routing/internal/core/desk"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// GetDesk gives who waits because nobody can take them, and how each pool and its reps stand at this moment. It names people of
// the directory and handoffs, by id alone.
func (s *Server) GetDesk(ctx context.Context, req *routingv1.GetDeskRequest) (*routingv1.Desk, error) {
	limit := int(req.GetLimit())
	switch {
	case limit < 0 || limit > maxPage:
		return nil, invalid("limit", "must be from 1 to 200, or left out")
	case limit == 0:
		limit = defaultPage
	}
	if err := s.opt.States.Wait(ctx, req.GetAfter(), identity.Desk); err != nil {
		return nil, badAfter(err)
	}
	version, err := s.opt.Directory.Get(ctx, 0)
	if err != nil {
		return nil, err
	}
	dir := version.Directory
	if req.GetPool() != "" && dir.Pool(req.GetPool()) == nil {
		return nil, status.Error(codes.NotFound, "there is no such pool in the directory")
	}
	blobs, err := s.opt.States.Blobs(ctx, identity.Desk)
	if err != nil {
		return nil, err
	}
	d, err := state.DecodeDesk(blobs[0])
	if err != nil {
		return nil, err
	}
	return deskShown(d.Desk, dir, req.GetPool(), limit, s.opt.Now()), nil
}

func deskShown(s *desk.State, dir *core.Directory, pool string, limit int, now time.Time) *routingv1.Desk {
	out := &routingv1.Desk{At: timestamppb.New(now)}
	type waits struct {
		count int32
		first time.Time
	}
	byPool := map[string]waits{}
	for _, e := range s.Queue {
		if !e.Told {
			continue
		}
		id := e.Pool
		if p := dir.PoolOrDefault(id); p != nil {
			id = p.ID
		}
		w := byPool[id]
		if w.count++; w.count == 1 {
			w.first = e.Since
		}
		byPool[id] = w
		if pool != "" && pool != id {
			continue
		}
		if out.Waiting++; len(out.Queue) < limit {
			out.Queue = append(out.Queue, waiter(s, dir, e, id, now))
		}
	}
	if dir == nil {
		return out
	}
	for i := range dir.Pools {
		p := &dir.Pools[i]
		if pool != "" && pool != p.ID {
			continue
		}
		shown := poolShown(p.ID, s.Standing(dir, p, now))
		shown.Waiting, shown.Oldest = byPool[p.ID].count, moment(byPool[p.ID].first)
		out.Pools = append(out.Pools, shown)
	}
	return out
}

func waiter(s *desk.State, dir *core.Directory, e *desk.Entry, pool string, now time.Time) *routingv1.Waiter {
	w := &routingv1.Waiter{
		HandoffId: e.Handoff, LeadId: e.Lead, Account: e.Account, Route: e.Route, Pool: pool, Since: moment(e.Since), Until: moment(e.Until),
		Attempt: int32(e.Attempt),
	}
	for _, p := range e.Preferred() {
		w.Preferred = append(w.Preferred, p.Rep)
	}
	for _, c := range s.Review(dir, e, now).Considered {
		w.Considered = append(w.Considered, &journalv1.Considered{Rep: c.Rep, Skipped: c.Skipped})
	}
	return w
}

func poolShown(id string, s desk.Standing) *routingv1.PoolStanding {
	out := &routingv1.PoolStanding{Pool: id, State: s.State, NextOpen: moment(s.Next), Loads: loads(s.Loads)}
	for _, m := range s.Members {
		out.Members = append(out.Members, &routingv1.MemberStanding{
			Rep: m.Rep, Weight: float64(m.Weight) / 1000, Assigned: int32(m.Member.Assigned), Level: int32(m.Level),
			Share: float64(m.Weight) / float64(m.Total), Credits: int32(m.Member.Credits), State: m.State, NextOpen: moment(m.Next), Loads: loads(m.Loads),
		})
	}
	return out
}

func loads(list []desk.LoadStanding) (out []*routingv1.Load) {
	for _, l := range list {
		per := "open"
		switch l.Per {
		case calendar.Hour:
			per = "1h"
		case calendar.Day:
			per = "1d"
		case calendar.Week:
			per = "7d"
		}
		out = append(out, &routingv1.Load{Per: per, Count: int32(l.Count), Of: int32(l.Of), Until: moment(l.Until)})
	}
	return out
}

func moment(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
