// Package api serves feedback's gRPC calls: what sales answers to a handoff, the funnel, deals, and what currencies are worth.
package api

import (
	"context"
	"log/slog"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
)

// Journal takes requests and gives what became of them; *journal.Journal is one.
type Journal interface {
	Append(ctx context.Context, events ...*journalv1.Event) (seq uint64, err error)
	Await(ctx context.Context, entity string, from uint64, pick func(*journal.Event) bool) (*journal.Event, error)
}

// States gives what feedback's fold knows of leads; *journal.Reader is one.
type States interface {
	Wait(ctx context.Context, after string, entities ...string) error
	Blobs(ctx context.Context, entities ...string) ([][]byte, error)
}

// Funnels counts; *rows.Rows does.
type Funnels interface {
	Count(ctx context.Context, after string, q core.Query) (core.Funnel, error)
}

// Options of a Server. All but Handoffs and Rates are needed.
type Options struct {
	Journal Journal
	States  States
	Funnels Funnels
	Books   Books
	Ledger  Ledger
	// Tables, InForce and Rates are what the metrics are counted from. Rates is nil where no rates are kept: no amount is converted then.
	Tables  Tables
	InForce InForce
	Rates   func(context.Context) (metrics.Converter, error)
	// Journeys tells who earned what.
	Journeys Journeys
	// Proposals finds changes of the agreement.
	Proposals Proposals
	// Caller gives the name of who makes a call, and the rep it is bound to, "" for none.
	Caller func(context.Context) (name, rep string)
	// Role gives in which role the caller asks for another owner: admin, manager, or "" for neither.
	Role func(context.Context) string
	// Handoffs lists what a filter selects; nil where routing cannot be asked.
	Handoffs Handoffs
	// AnswerWithin is how long a call waits for routing's answer before it answers pending.
	AnswerWithin time.Duration
	Now          func() time.Time
	NewID        func() string
	Log          *slog.Logger
	// Answered is told what became of each request: done, refused, pending or failed.
	Answered func(d core.Disposition, outcome string)
}

// Server is the FeedbackService. Errors that are no gRPC status are the journal's or the store's: the caller maps them.
type Server struct {
	feedbackv1.UnimplementedFeedbackServiceServer
	opt Options
}

// New gives a Server.
func New(opt Options) *Server { return &Server{opt: opt} }

// GetFunnel counts a cohort's way through the stages.
func (s *Server) GetFunnel(ctx context.Context, req *feedbackv1.FunnelRequest) (*feedbackv1.Funnel, error) {
	q := core.Query{Source: req.GetSource()}
	var problems []core.Problem
	q.From, q.To, problems = window(req.GetFrom(), req.GetTo())
	if problems = append(problems, sequence(req.GetAfter())...); problems != nil {
		return nil, invalid("the request is not valid", problems)
	}
	f, err := s.opt.Funnels.Count(ctx, req.GetAfter(), q)
	if err != nil {
		return nil, err
	}
	return funnelToProto(req, &f), nil
}

func funnelToProto(req *feedbackv1.FunnelRequest, f *core.Funnel) *feedbackv1.Funnel {
	out := &feedbackv1.Funnel{From: req.GetFrom(), To: req.GetTo(), Leads: float64(f.Leads)}
	for _, s := range f.Stages {
		out.Stages = append(out.Stages, &feedbackv1.FunnelStage{
			Stage: s.Stage, Entered: float64(s.Entered), Current: float64(s.Current), Reached: float64(s.Reached),
			OfLeads: s.OfLeads, FromPrevious: s.FromPrevious,
		})
	}
	out.BySource, out.ByChannel = groupsToProto(f.BySource), groupsToProto(f.ByChannel)
	return out
}

func groupsToProto(groups []core.GroupCount) []*feedbackv1.FunnelSource {
	out := make([]*feedbackv1.FunnelSource, len(groups))
	for i, g := range groups {
		out[i] = &feedbackv1.FunnelSource{
			Name: g.Name, Leads: float64(g.Leads), Won: float64(g.Won), Conversion: g.Conversion,
			Qualified: float64(g.Qualified), Routed: float64(g.Routed), Accepted: float64(g.Accepted), Sql: float64(g.SQL),
		}
	}
	return out
}

// Accept takes a handoff on: the rep has it.
func (s *Server) Accept(ctx context.Context, req *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	return s.answer(ctx, core.Accept, req)
}

// Reject gives a handoff back, with a reason.
func (s *Server) Reject(ctx context.Context, req *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	return s.answer(ctx, core.Reject, req)
}

// Contact states that the rep has spoken to the lead.
func (s *Server) Contact(ctx context.Context, req *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	return s.answer(ctx, core.Contact, req)
}

// Recycle sends a lead back to marketing, with a reason, until it wakes.
func (s *Server) Recycle(ctx context.Context, req *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	return s.answer(ctx, core.Recycle, req)
}

// Disqualify ends a lead's way for good, with a reason.
func (s *Server) Disqualify(ctx context.Context, req *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	return s.answer(ctx, core.Disqualify, req)
}

// Qualify confirms a lead after contact: it is an SQL.
func (s *Server) Qualify(ctx context.Context, req *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	return s.answer(ctx, core.Qualify, req)
}
