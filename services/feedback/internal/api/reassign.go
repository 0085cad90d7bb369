package api

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
)

// The roles in which another owner is asked for, as the journal states them.
const (
	roleManager = "manager"
	roleRep     = "rep"
)

// Reassign asks for another owner of a handoff. Whether the caller may is decided with the directory in force at the request's
// place in the journal, and so is whether the desk has somebody.
func (s *Server) Reassign(ctx context.Context, req *feedbackv1.ReassignRequest) (*feedbackv1.DispositionResponse, error) {
	return s.reassign(ctx, ctx, req)
}

func (s *Server) reassign(ctx, wait context.Context, req *feedbackv1.ReassignRequest) (*feedbackv1.DispositionResponse, error) {
	name, rep := s.opt.Caller(ctx)
	role := s.opt.Role(ctx)
	if role == "" {
		role = roleManager // of no team, unless the directory says otherwise
	}
	return s.wish(ctx, wait, &feedbackv1.DispositionRequest{Id: req.GetId(), Reason: req.GetReason(), Note: req.GetNote(), RequestId: req.GetRequestId()},
		&journalv1.ReassignRequested{To: req.GetTo(), Force: req.GetForce(), By: name, Rep: rep, Role: role})
}

// Release gives a handoff back: the desk finds another rep, and whoever has it keeps it until then.
func (s *Server) Release(ctx context.Context, req *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	return s.release(ctx, ctx, req)
}

func (s *Server) release(ctx, wait context.Context, req *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	name, bound := s.opt.Caller(ctx)
	rep := req.GetRep()
	if bound != "" {
		if rep != "" && rep != bound {
			return nil, notYours()
		}
		rep = bound
	}
	if strings.TrimSpace(req.GetReason()) == "" {
		return nil, invalid("the request is not valid", []core.Problem{{Field: "reason", Reason: "is required: say why it is given back"}})
	}
	return s.wish(ctx, wait, req, &journalv1.ReassignRequested{By: name, Rep: rep, Role: roleRep})
}

// wish puts a request for another owner. What req and w have in common is checked here.
func (s *Server) wish(ctx, wait context.Context, req *feedbackv1.DispositionRequest, w *journalv1.ReassignRequested) (*feedbackv1.DispositionResponse, error) {
	lead, _, ok := identity.LeadOfHandoff(req.GetId())
	if !ok {
		return nil, refusal(core.Refusal{Code: core.UnknownHandoff})
	}
	r := core.Request{Disposition: core.Reassign, Reason: req.GetReason(), Note: req.GetNote(), RequestID: req.GetRequestId(), Rep: w.GetRep()}
	problems := r.Check()
	if w.GetTo() != "" && !identity.Safe(w.GetTo()) {
		problems = append(problems, core.Problem{Field: "to", Reason: "is not a rep's or a pool's id"})
	}
	if problems != nil {
		s.opt.Answered(core.Reassign, "refused")
		return nil, invalid("the request is not valid", problems)
	}
	if r.RequestID == "" {
		r.RequestID = s.opt.NewID()
	}
	w.HandoffId, w.Reason, w.Note = req.GetId(), r.Reason, r.Note
	now := timestamppb.New(s.opt.Now())
	return s.put(ctx, wait, core.Reassign, req.GetId(), &journalv1.Event{
		Id: r.RequestID, Entity: lead, Type: string(core.Reassign), Source: source, OccurredAt: now, ReceivedAt: now,
		Payload: &journalv1.Event_ReassignRequested{ReassignRequested: w},
	})
}
