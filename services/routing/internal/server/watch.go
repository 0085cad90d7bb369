package server

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/render"
)

// Hub is a journal.Observer that tells watches which leads have changed.
type Hub struct {
	mu      sync.Mutex
	watches map[*watch]struct{}
}

// watch collects what one stream has yet to look at. It holds each lead once, however often it changed: a slow reader costs
// no more memory than there are leads, and delays nobody.
type watch struct {
	mu    sync.Mutex
	leads map[string]struct{}
	wake  chan struct{}
}

// NewHub gives a hub without watches.
func NewHub() *Hub { return &Hub{watches: map[*watch]struct{}{}} }

// Live does nothing: a stream lists what there is when it begins.
func (*Hub) Live([]int) {}

// Closed does nothing.
func (*Hub) Closed() {}

// Folded notes the leads that have changed.
func (h *Hub) Folded(changes []journal.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.watches) == 0 {
		return
	}
	for w := range h.watches {
		w.mu.Lock()
		for _, c := range changes {
			if identity.RankOf(c.Entity) != 0 {
				w.leads[c.Entity] = struct{}{}
			}
		}
		w.mu.Unlock()
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func (h *Hub) add() *watch {
	w := &watch{leads: map[string]struct{}{}, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	h.watches[w] = struct{}{}
	h.mu.Unlock()
	return w
}

func (h *Hub) remove(w *watch) {
	h.mu.Lock()
	delete(h.watches, w)
	h.mu.Unlock()
}

func (w *watch) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for l := range w.leads {
		out = append(out, l)
	}
	clear(w.leads)
	return out
}

// WatchHandoffs streams the handoffs that a filter selects: those there are, then each one that changes. One that leaves the
// selection (it went to another rep, say) is sent once more, as it is then. A caller whose token is bound to a rep is sent that
// rep's, and another's only if it names them and may list them. What other processes fold is found by looking again now and then.
func (s *Server) WatchHandoffs(req *routingv1.ListHandoffsRequest, stream routingv1.RoutingService_WatchHandoffsServer) error {
	ctx := stream.Context()
	req, err := s.own(ctx, req)
	if err != nil {
		return err
	}
	if _, rep := s.opt.Caller(ctx); rep != "" && req.GetOwner() == "" {
		req = proto.CloneOf(req)
		req.Owner = rep
	}
	return s.follow(ctx, req, stream.Send, func() error { return nil }, nil)
}

// follow sends what a filter selects, says when all that there was has been sent, and sends what changes until ctx ends; beat is
// what else is to be sent now and then, after it says so.
func (s *Server) follow(
	ctx context.Context, req *routingv1.ListHandoffsRequest, send func(*routingv1.Handoff) error, listed func() error, beat *heartbeat,
) error {
	if err := checkFilter(req); err != nil {
		return err
	}
	w := s.hub.add()
	defer s.hub.remove(w)
	if err := s.opt.States.Wait(ctx, req.GetAfter()); err != nil {
		return badAfter(err)
	}
	v := &viewer{s: s, req: req, send: send, sent: map[string]*routingv1.Handoff{}}
	if err := v.list(ctx); err != nil {
		return err
	}
	if err := listed(); err != nil {
		return err
	}
	again := time.NewTicker(s.opt.Relist)
	defer again.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
			err = v.leads(ctx, w.take())
		case <-again.C:
			err = v.list(ctx)
		case <-beat.due():
			err = beat.send()
		}
		if err != nil {
			return err
		}
	}
}

// viewer is one stream: what was sent is remembered, so that only changes are.
type viewer struct {
	s    *Server
	req  *routingv1.ListHandoffsRequest
	send func(*routingv1.Handoff) error
	sent map[string]*routingv1.Handoff
}

// list sends what the filter selects and has not been sent as it is, oldest first, and looks after what it selected before.
func (v *viewer) list(ctx context.Context) error {
	if v.req.GetLead() != "" {
		return v.leads(ctx, []string{v.req.GetLead()})
	}
	current := map[string]bool{}
	var all []*routingv1.Handoff
	for token := ""; ; {
		page, err := v.s.ListHandoffs(ctx, &routingv1.ListHandoffsRequest{
			Owner: v.req.GetOwner(), Stage: v.req.GetStage(), PageSize: maxPage, PageToken: token,
		})
		if err != nil {
			return err
		}
		all = append(all, page.GetHandoffs()...)
		if token = page.GetNextPageToken(); token == "" || len(all) >= maxWatched {
			break
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		current[all[i].GetId()] = true
		if err := v.show(all[i]); err != nil {
			return err
		}
	}
	for id := range v.sent {
		if !current[id] {
			if err := v.one(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxWatched bounds what a stream begins with: the latest so many.
const maxWatched = 1000

// leads looks at leads that have changed.
func (v *viewer) leads(ctx context.Context, leads []string) error {
	for _, id := range leads {
		if v.req.GetLead() != "" && v.req.GetLead() != id {
			continue
		}
		on, err := v.s.opt.Renderer.Lead(ctx, id)
		if err != nil {
			return err
		}
		version, err := v.s.opt.Directory.Get(ctx, 0)
		if err != nil {
			return err
		}
		for _, h := range on.Handoffs {
			if h.Passed {
				continue
			}
			if err := v.show(render.Handoff(h, on, id, version.Directory)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *viewer) one(ctx context.Context, id string) error {
	h, on, entity, err := v.s.opt.Renderer.Find(ctx, id)
	if err != nil {
		delete(v.sent, id)
		return nil //nolint:nilerr // it is gone, or cannot be read now: nothing to show
	}
	version, err := v.s.opt.Directory.Get(ctx, 0)
	if err != nil {
		return err
	}
	return v.show(render.Handoff(h, on, entity, version.Directory))
}

// show sends a handoff if it has changed, and is selected or was.
func (v *viewer) show(h *routingv1.Handoff) error {
	before, seen := v.sent[h.GetId()]
	selected := selects(v.req, h)
	if !selected && !seen || seen && proto.Equal(before, h) {
		return nil
	}
	if selected {
		v.sent[h.GetId()] = h
	} else {
		delete(v.sent, h.GetId())
	}
	return v.send(h)
}

var _ journal.Observer = (*Hub)(nil)

// Observers shows what is folded to several, in order.
type Observers []journal.Observer

// Live tells all.
func (o Observers) Live(owned []int) {
	for _, x := range o {
		x.Live(owned)
	}
}

// Folded tells all.
func (o Observers) Folded(changes []journal.Change) {
	for _, x := range o {
		x.Folded(changes)
	}
}

// Closed tells all.
func (o Observers) Closed() {
	for _, x := range o {
		x.Closed()
	}
}
