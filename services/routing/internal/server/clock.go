package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/grpcx"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// Answers gives what is stated of an entity, as it comes; *journal.Journal does.
type Answers interface {
	Await(ctx context.Context, entity string, from uint64, pick func(*journal.Event) bool) (*journal.Event, error)
}

// The status of a ClockResponse.
const (
	StatusDone    = "done"
	StatusPending = "pending"
)

const (
	answerWithin = 2 * time.Second
	maxReason    = 500
	maxRequestID = 100
)

// PauseHandoff makes a handoff's clocks stand still.
func (s *Server) PauseHandoff(ctx context.Context, req *routingv1.PauseHandoffRequest) (*routingv1.ClockResponse, error) {
	switch {
	case req.GetUntil() == nil:
		return nil, invalid("until", "is missing: when the clocks go on")
	case req.GetUntil().CheckValid() != nil || !req.GetUntil().AsTime().After(s.opt.Now()):
		return nil, invalid("until", "must be a time in the future")
	case len(req.GetReason()) > maxReason:
		return nil, invalid("reason", "is longer than 500 bytes")
	}
	name, rep, err := s.asking(ctx, req.GetRep())
	if err != nil {
		return nil, err
	}
	return s.clock(ctx, req.GetId(), req.GetRequestId(), &journalv1.Event{Type: "pause_requested", Payload: &journalv1.Event_PauseRequested{
		PauseRequested: &journalv1.PauseRequested{HandoffId: req.GetId(), Until: req.GetUntil(), Reason: req.GetReason(), Rep: rep, By: name},
	}})
}

// ResumeHandoff lets them go on.
func (s *Server) ResumeHandoff(ctx context.Context, req *routingv1.ResumeHandoffRequest) (*routingv1.ClockResponse, error) {
	name, rep, err := s.asking(ctx, req.GetRep())
	if err != nil {
		return nil, err
	}
	return s.clock(ctx, req.GetId(), req.GetRequestId(), &journalv1.Event{Type: "resume_requested", Payload: &journalv1.Event_ResumeRequested{
		ResumeRequested: &journalv1.ResumeRequested{HandoffId: req.GetId(), Rep: rep, By: name},
	}})
}

// asking gives who asks: the rep of a token that is bound to one, or whom another names; "" for a manager.
func (s *Server) asking(ctx context.Context, named string) (name, rep string, err error) {
	name, rep = s.opt.Caller(ctx)
	switch {
	case rep != "" && named != "" && named != rep:
		return "", "", status.Error(codes.PermissionDenied, "the token asks for its own rep alone")
	case rep != "" || named != "":
		return name, cmp.Or(rep, named), nil
	}
	if p, ok := grpcx.PrincipalFrom(ctx); ok && !slices.ContainsFunc(p.Roles, func(r string) bool {
		return r == "admin" || r == "manager" || r == grpcx.RoleInternal
	}) {
		return "", "", invalid("rep", "is missing: the token is no manager's, and bound to no rep")
	}
	return name, "", nil
}

// clock puts a request into the journal and waits for what becomes of it. Not knowing that in time is pending.
func (s *Server) clock(ctx context.Context, id, requestID string, body *journalv1.Event) (*routingv1.ClockResponse, error) {
	if len(requestID) > maxRequestID {
		return nil, invalid("request_id", "is longer than 100 bytes")
	}
	_, _, entity, err := s.opt.Renderer.Find(ctx, id)
	if err != nil {
		return nil, notFound(err, "there is no such handoff")
	}
	now := timestamppb.New(s.opt.Now())
	body.Id, body.Entity, body.Source, body.OccurredAt, body.ReceivedAt = cmp.Or(requestID, rand.Text()), entity, "api", now, now
	seq, err := s.opt.Journal.Append(ctx, body)
	if err != nil {
		return nil, err
	}
	out := &routingv1.ClockResponse{HandoffId: id, Status: StatusPending, Sequence: strconv.FormatUint(seq, 10)}
	a := s.answer(ctx, entity, seq, body.GetId(), requestID != "")
	switch {
	case a == nil:
		return out, nil
	case !a.Body.GetAnswered().GetOk():
		return nil, refused(a.Body.GetAnswered().GetRefused())
	}
	p := a.Body.GetAnswered()
	out.HandoffId, out.Stage, out.Owner, out.Status, out.PausedUntil = p.GetHandoffId(), p.GetStage(), p.GetRep(), StatusDone, p.GetUntil()
	out.Sequence = strconv.FormatUint(a.Seq, 10)
	return out, nil
}

// answer waits for the answer to a request, nil if none is known in time. One that was sent before was answered before.
func (s *Server) answer(ctx context.Context, entity string, seq uint64, id string, repeatable bool) *journal.Event {
	if s.opt.Answers == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	from := seq
	if repeatable {
		from = 1
	}
	ev, err := s.opt.Answers.Await(ctx, entity, from, func(ev *journal.Event) bool { return ev.Body.GetAnswered().GetRequestId() == id })
	if err != nil {
		return nil // the request is in the journal: pending is the truth
	}
	return ev
}

// refused gives the error of a request that did not take effect.
func refused(text string) error {
	code, why, _ := strings.Cut(text, ": ")
	kind := codes.FailedPrecondition
	switch code {
	case handoff.UnknownHandoff:
		kind = codes.NotFound
	case handoff.NotFuture:
		return invalid("until", why)
	}
	st := status.New(kind, code+": "+why)
	if full, err := st.WithDetails(&errdetails.ErrorInfo{Domain: "baton", Reason: code}); err == nil {
		st = full
	}
	return st.Err()
}
