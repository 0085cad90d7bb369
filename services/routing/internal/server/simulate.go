package server

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/journal"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/current"
	"github.com/batonhq/baton/services/routing/internal/dryrun"
)

const (
	defaultStretch = 30 * 24 * time.Hour
	defaultOver    = time.Hour
	maxDifferences = 1000
	answersActual  = "actual"
	answersNone    = "none"
)

// Past reads the whole journal.
type Past interface {
	Scan(ctx context.Context, from uint64, f func(*journal.Event) error) error
	Head(ctx context.Context) (uint64, error)
}

// simulations lets one run at a time, and keeps the last report: its further pages are not computed again.
type simulations struct {
	mu      sync.Mutex
	running bool
	key     string
	last    *dryrun.Report
}

// begin gives the report that is kept under a key, or the right to make one. ok is false while another one runs.
func (m *simulations) begin(key string) (kept *dryrun.Report, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.key == key && m.last != nil {
		return m.last, true
	}
	if m.running {
		return nil, false
	}
	m.running = true
	return nil, true
}

func (m *simulations) end(key string, report *dryrun.Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running = false; report != nil {
		m.key, m.last = key, report
	}
}

// simulation is a request that was checked.
type simulation struct {
	opt     dryrun.Options
	answers string
	size    int
	offset  int
}

// SimulateRouting plays a stretch of the past under a directory and under the one in force, and sends progress and then the
// report. It writes nothing.
func (s *Server) SimulateRouting(req *routingv1.SimulateRoutingRequest, stream grpc.ServerStreamingServer[routingv1.SimulateRoutingResponse]) error {
	ctx := stream.Context()
	sim, err := s.simulation(ctx, req)
	if err != nil {
		return err
	}
	if s.opt.Past == nil {
		return status.Error(codes.Unimplemented, "this process cannot read the journal")
	}
	head, err := s.opt.Past.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	key := sim.key(head, req.GetPageToken() != "")
	report, ok := s.simulations.begin(key)
	if !ok {
		return status.Error(codes.ResourceExhausted, "another simulation is running; try again when it is done")
	}
	if report == nil {
		sim.opt.Progress = func(at uint64) {
			_ = stream.Send(&routingv1.SimulateRoutingResponse{Read: float64(at), Total: float64(max(head, at))}) // who has gone ends ctx
		}
		report, err = dryrun.Simulate(ctx, sim.opt)
		s.simulations.end(sim.key(head, true), report)
		if err != nil {
			if ctx.Err() != nil {
				return status.FromContextError(ctx.Err()).Err()
			}
			return err
		}
	}
	return stream.Send(&routingv1.SimulateRoutingResponse{Done: true, Read: float64(head), Total: float64(head), Report: sim.shown(report)})
}

// key names what a report depends on. A further page is one of the report of before, however the journal has grown since.
func (m *simulation) key(head uint64, anyHead bool) string {
	o := &m.opt
	if anyHead {
		head = 0
	}
	return fmt.Sprint(o.InForce.Hash, o.Proposed.Hash, o.From.UnixNano(), o.To.UnixNano(), o.Answers, o.WaitedOver, head)
}

func (s *Server) simulation(ctx context.Context, req *routingv1.SimulateRoutingRequest) (*simulation, error) {
	now := s.opt.Now()
	m := &simulation{answers: req.GetAnswers(), size: int(req.GetPageSize())}
	o := &m.opt
	o.To, o.WaitedOver = now, defaultOver
	if t := req.GetTo(); t != nil {
		if o.To = t.AsTime(); !t.IsValid() || o.To.After(now) {
			return nil, invalid("to", "must not lie in the future")
		}
	}
	o.From = o.To.Add(-defaultStretch)
	if t := req.GetFrom(); t != nil {
		if o.From = t.AsTime(); !t.IsValid() {
			return nil, invalid("from", "is not a moment")
		}
	}
	if d := req.GetWaitedOver(); d != nil {
		if o.WaitedOver = d.AsDuration(); !d.IsValid() || o.WaitedOver < 0 {
			return nil, invalid("waited_over", "must be a length of time, not negative")
		}
	}
	switch m.answers {
	case "", answersActual:
		m.answers, o.Answers = answersActual, true
	case answersNone:
	default:
		return nil, invalid("answers", "must be actual or none")
	}
	switch {
	case m.size < 0 || m.size > maxDifferences:
		return nil, invalid("page_size", fmt.Sprintf("must be from 1 to %d, or left out", maxDifferences))
	case m.size == 0:
		m.size = defaultPage
	}
	if err := m.page(req.GetPageToken()); err != nil {
		return nil, err
	}
	if !o.From.Before(o.To) {
		return nil, invalid("from", "must be earlier than to")
	}
	inForce, proposed, err := s.versions(ctx, req.GetYaml())
	if err != nil {
		return nil, err
	}
	version := func(v current.Version) dryrun.Version { return dryrun.Version{Directory: v.Directory, Hash: v.Hash} }
	o.Logic, o.InForce, o.Proposed = s.logic(), version(inForce), version(proposed)
	if s.opt.Past != nil {
		o.Scan = s.opt.Past.Scan
	}
	return m, nil
}

// page takes a token: the stretch of the report that it is of, and how many differences were listed.
func (m *simulation) page(token string) error {
	if token == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	part := strings.Split(string(text), " ")
	bad := invalid("page_token", "is not one of a page before")
	if err != nil || len(part) != 3 {
		return bad
	}
	var n [3]int64
	for i := range part {
		if n[i], err = strconv.ParseInt(part[i], 10, 64); err != nil {
			return bad
		}
	}
	if n[2] < 0 || n[2] > 1<<30 {
		return bad
	}
	m.opt.From, m.opt.To, m.offset = time.Unix(0, n[0]).UTC(), time.Unix(0, n[1]).UTC(), int(n[2])
	return nil
}

func (m *simulation) next(offset int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %d", m.opt.From.UnixNano(), m.opt.To.UnixNano(), offset))
}
