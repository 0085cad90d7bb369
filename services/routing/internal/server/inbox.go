package server

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

const (
	// soon is what counts as due soon.
	soon = time.Hour
	// beatEvery is how often a watch that has nothing to say shows that it lives: proxies close what is silent for a minute.
	beatEvery = 15 * time.Second
)

// GetInbox gives what a rep, or a team, has to do: open handoffs, what is due first, and how many there are of each kind.
func (s *Server) GetInbox(ctx context.Context, req *routingv1.GetInboxRequest) (*routingv1.Inbox, error) {
	owner, err := s.inboxOf(ctx, req.GetOwner(), req.GetTeam())
	if err != nil {
		return nil, err
	}
	if owner == "" && req.GetTeam() == "" {
		return nil, invalid("owner", "is needed, or team: the token is bound to no rep")
	}
	list := &routingv1.ListHandoffsRequest{
		Owner: owner, Team: req.GetTeam(), Order: orderDue, PageSize: req.GetPageSize(), PageToken: req.GetPageToken(),
	}
	if err := checkFilter(list); err != nil {
		return nil, err
	}
	if err := s.opt.States.Wait(ctx, req.GetAfter()); err != nil {
		return nil, badAfter(err)
	}
	all, err := s.open(ctx, list)
	if err != nil {
		return nil, err
	}
	out := &routingv1.Inbox{Owner: owner, Team: req.GetTeam(), Counts: s.count(all)}
	if out.Counts.Waiting, err = s.waitingFor(ctx, owner, req.GetTeam()); err != nil {
		return nil, err
	}
	page, err := s.byDue(ctx, list)
	if err != nil {
		return nil, err
	}
	out.Handoffs, out.NextPageToken = page.GetHandoffs(), page.GetNextPageToken()
	return out, nil
}

// inboxOf gives whose inbox a caller gets: who oversees nobody gets their own rep's alone.
func (s *Server) inboxOf(ctx context.Context, owner, team string) (string, error) {
	_, rep := s.opt.Caller(ctx)
	oversees := s.opt.Role != nil && s.opt.Role(ctx) != ""
	switch {
	case rep == "":
		return owner, nil
	case !oversees && (owner != "" && owner != rep || team != ""):
		return "", status.Error(codes.PermissionDenied, "the token sees its own rep's inbox alone")
	case owner == "" && team == "":
		return rep, nil
	}
	return owner, nil
}

func (s *Server) count(all []*routingv1.Handoff) *routingv1.InboxCounts {
	now := s.opt.Now()
	c := &routingv1.InboxCounts{Open: int32(len(all))}
	for _, h := range all {
		switch handoff.Stage(h.GetStage()) {
		case handoff.Routed:
			c.Routed++
		case handoff.Accepted:
			c.Accepted++
		case handoff.SQL:
			c.Sql++
		}
		if h.GetDueAt() == nil {
			continue
		}
		switch due := h.GetDueAt().AsTime(); {
		case !due.After(now):
			c.Overdue++
		case !due.After(now.Add(soon)):
			c.DueSoon++
		}
	}
	return c
}

// waitingFor counts what waits at the desk and may come to a rep, or to one of a team: what their pools wait for.
func (s *Server) waitingFor(ctx context.Context, owner, team string) (int32, error) {
	v, err := s.opt.Directory.Get(ctx, 0)
	if err != nil || v.Directory == nil {
		return 0, err
	}
	pools := map[string]bool{}
	for i := range v.Directory.Pools {
		p := &v.Directory.Pools[i]
		pools[p.ID] = slices.ContainsFunc(p.Reps, func(rep string) bool { return rep == owner || owner == "" && inTeam(v.Directory, rep, team) })
	}
	got, err := s.opt.States.Range(ctx, leadstore.RangeQuery{
		Index: fold.HandoffIndex(identity.Desk, string(handoff.Waiting)), Max: topScore, Limit: maxSifted,
	})
	if err != nil {
		return 0, err
	}
	members := make([]string, len(got))
	for i, m := range got {
		members[i] = m.Member
	}
	all, err := s.handoffs(ctx, members)
	n := int32(0)
	for _, h := range all {
		if p := v.Directory.PoolOrDefault(h.GetOwner().GetChosen().GetPool()); h.GetStage() == string(handoff.Waiting) && p != nil && pools[p.ID] {
			n++
		}
	}
	return n, err
}

func inTeam(dir *core.Directory, rep, team string) bool {
	r := dir.Rep(rep)
	return r != nil && team != "" && r.Team == team
}

// WatchInbox streams handoffs as WatchHandoffs does, says when all that there were have been sent, and that it lives. Who comes
// back sends the sequence of the last write that they know of as after, and drops what is not sent before listed.
func (s *Server) WatchInbox(req *routingv1.WatchInboxRequest, stream routingv1.RoutingService_WatchInboxServer) error {
	ctx := stream.Context()
	owner, err := s.inboxOf(ctx, req.GetOwner(), "")
	if err != nil {
		return err
	}
	send := func(kind string, h *routingv1.Handoff) error {
		return stream.Send(&routingv1.InboxEvent{Type: kind, Handoff: h, At: timestamppb.New(s.opt.Now())})
	}
	every := s.opt.Heartbeat
	if every == 0 {
		every = beatEvery
	}
	beat := &heartbeat{ticker: time.NewTicker(every), send: func() error { return send("heartbeat", nil) }}
	defer beat.ticker.Stop()
	return s.follow(ctx, &routingv1.ListHandoffsRequest{Owner: owner, Stage: req.GetStage(), After: req.GetAfter()},
		func(h *routingv1.Handoff) error { return send("handoff", h) }, func() error { return send("listed", nil) }, beat)
}

// heartbeat is what a stream sends besides its content; nil sends nothing.
type heartbeat struct {
	ticker *time.Ticker
	send   func() error
}

func (b *heartbeat) due() <-chan time.Time {
	if b == nil {
		return nil
	}
	return b.ticker.C
}
