package api

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
)

const (
	// maxBulk is how many handoffs one call takes.
	maxBulk = 200
	// bulkAtOnce is how many of them are under way at a time. Each waits for its answer, which takes some milliseconds.
	bulkAtOnce = 32
	// bulkWithin is how long a call waits for answers in all; what is not known then is pending. Callers wait 15 s at most.
	bulkWithin = 8 * time.Second
	// maxBulkID leaves room for a handoff's id behind the request's.
	maxBulkID = 60
)

// Handoffs lists handoffs; a routingv1.RoutingServiceClient does.
type Handoffs interface {
	ListHandoffs(ctx context.Context, req *routingv1.ListHandoffsRequest, opts ...grpc.CallOption) (*routingv1.ListHandoffsResponse, error)
}

// What became of one handoff of several, besides done and pending.
const (
	statusRefused = "refused"
	statusFailed  = "failed"
)

// Bulk does the same with many handoffs, each by itself: one that is refused keeps no other from being done.
func (s *Server) Bulk(ctx context.Context, req *feedbackv1.BulkRequest) (*feedbackv1.BulkResponse, error) {
	do, err := s.bulkOf(req)
	if err != nil {
		return nil, err
	}
	ids, next, err := s.selected(ctx, req)
	if err != nil {
		return nil, err
	}
	base := req.GetRequestId()
	if base == "" {
		base = s.opt.NewID()
	}
	wait, cancel := context.WithTimeout(ctx, bulkWithin)
	defer cancel()
	out := &feedbackv1.BulkResponse{Results: make([]*feedbackv1.BulkResult, len(ids)), NextPageToken: next}
	var running sync.WaitGroup
	room := make(chan struct{}, bulkAtOnce)
	for i, id := range ids {
		room <- struct{}{}
		running.Go(func() {
			defer func() { <-room }()
			resp, err := do(ctx, wait, id, base+"."+id)
			out.Results[i] = bulkResult(id, resp, err)
		})
	}
	running.Wait()
	for _, r := range out.GetResults() {
		switch r.GetStatus() {
		case StatusDone:
			out.Done++
		case StatusPending:
			out.Pending++
		case statusRefused:
			out.Refused++
		default:
			out.Failed++
		}
	}
	return out, nil
}

// doing does something with one handoff.
type doing func(ctx, wait context.Context, id, requestID string) (*feedbackv1.DispositionResponse, error)

// bulkOf gives what a request does, once what is the same for all handoffs is known to be right.
func (s *Server) bulkOf(req *feedbackv1.BulkRequest) (doing, error) {
	var problems []core.Problem
	bad := func(field, reason string) { problems = append(problems, core.Problem{Field: field, Reason: reason}) }
	f := req.GetFilter()
	switch {
	case len(req.GetIds()) == 0 && f == nil:
		bad("ids", "is needed, or filter")
	case len(req.GetIds()) > 0 && f != nil:
		bad("filter", "cannot stand beside ids")
	case len(req.GetIds()) > maxBulk:
		bad("ids", fmt.Sprintf("has more than %d", maxBulk))
	case f != nil && f.GetOwner() == "" && f.GetStage() == "":
		bad("filter", "needs owner or stage")
	}
	if len(req.GetRequestId()) > maxBulkID {
		bad("request_id", fmt.Sprintf("is longer than %d bytes", maxBulkID))
	}
	disposition := func(d core.Disposition) doing {
		return func(ctx, wait context.Context, id, requestID string) (*feedbackv1.DispositionResponse, error) {
			return s.answerBy(ctx, wait, d, &feedbackv1.DispositionRequest{
				Id: id, Reason: req.GetReason(), Note: req.GetNote(), RequestId: requestID, Rep: req.GetRep(),
			})
		}
	}
	var do doing
	needs := core.Request{Disposition: core.Reassign, Reason: req.GetReason(), Note: req.GetNote(), Rep: req.GetRep()}
	switch req.GetDo() {
	case "accept":
		needs.Disposition = core.Accept
	case "reject":
		needs.Disposition = core.Reject
	case "contact":
		needs.Disposition = core.Contact
	case "recycle":
		needs.Disposition = core.Recycle
	case "disqualify":
		needs.Disposition = core.Disqualify
	case "qualify":
		needs.Disposition = core.Qualify
	case "reassign":
		do = func(ctx, wait context.Context, id, requestID string) (*feedbackv1.DispositionResponse, error) {
			return s.bulkReassign(ctx, wait, id, requestID, req)
		}
	case "release":
		do = func(ctx, wait context.Context, id, requestID string) (*feedbackv1.DispositionResponse, error) {
			return s.release(ctx, wait, &feedbackv1.DispositionRequest{Id: id, Reason: req.GetReason(), Note: req.GetNote(), RequestId: requestID, Rep: req.GetRep()})
		}
		if strings.TrimSpace(req.GetReason()) == "" {
			bad("reason", "is required: say why they are given back")
		}
	default:
		bad("do", "must be accept, reject, contact, recycle, disqualify, qualify, reassign or release")
	}
	if do == nil {
		do = disposition(needs.Disposition)
	}
	problems = append(problems, needs.Check()...)
	if problems != nil {
		return nil, invalid("the request is not valid", problems)
	}
	return do, nil
}

// bulkReassign is one reassignment of many. The method by itself is not open to everybody who may call Bulk.
func (s *Server) bulkReassign(ctx, wait context.Context, id, requestID string, req *feedbackv1.BulkRequest) (*feedbackv1.DispositionResponse, error) {
	if s.opt.Role(ctx) == "" {
		return nil, withDetails(status.New(codes.PermissionDenied, "only managers and admins reassign; give it back with release"), "not_yours")
	}
	return s.reassign(ctx, wait, &feedbackv1.ReassignRequest{
		Id: id, To: req.GetTo(), Reason: req.GetReason(), Note: req.GetNote(), RequestId: requestID, Force: req.GetForce(),
	})
}

// selected gives the handoffs that a request is about, each once.
func (s *Server) selected(ctx context.Context, req *feedbackv1.BulkRequest) (ids []string, next string, err error) {
	f := req.GetFilter()
	if f == nil {
		seen := map[string]bool{}
		for _, id := range req.GetIds() {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		return ids, "", nil
	}
	if s.opt.Handoffs == nil {
		return nil, "", withDetails(status.New(codes.FailedPrecondition, "handoffs cannot be selected here: name them by ids"), "no_routing")
	}
	owner := f.GetOwner()
	if _, rep := s.opt.Caller(ctx); rep != "" && s.opt.Role(ctx) == "" {
		if owner != "" && owner != rep {
			return nil, "", notYours()
		}
		owner = rep
	}
	list, err := s.opt.Handoffs.ListHandoffs(ctx, &routingv1.ListHandoffsRequest{Owner: owner, Stage: f.GetStage(), PageSize: maxBulk, PageToken: f.GetPageToken()})
	if err != nil {
		return nil, "", err
	}
	for _, h := range list.GetHandoffs() {
		if f.GetStage() != "" || open(h.GetStage()) {
			ids = append(ids, h.GetId())
		}
	}
	return ids, list.GetNextPageToken(), nil
}

// open reports whether a handoff in a stage can still be answered: without a stage, a filter selects these.
func open(stage string) bool {
	switch stage {
	case "waiting", "routed", "accepted", "sql":
		return true
	}
	return false
}

func bulkResult(id string, resp *feedbackv1.DispositionResponse, err error) *feedbackv1.BulkResult {
	if err == nil {
		return &feedbackv1.BulkResult{
			Id: id, Status: resp.GetStatus(), Stage: resp.GetStage(), Owner: resp.GetOwner(), Sequence: resp.GetSequence(), Outcome: resp.GetOutcome(),
		}
	}
	st, ok := status.FromError(err)
	if !ok { // the journal's or the store's: nobody outside should see it
		return &feedbackv1.BulkResult{Id: id, Status: statusFailed, Code: "unavailable", Detail: "it could not be taken at the moment; try again"}
	}
	out := &feedbackv1.BulkResult{Id: id, Status: statusRefused, Detail: st.Message()}
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			out.Code = info.GetReason()
		}
	}
	out.Detail = strings.TrimPrefix(out.GetDetail(), out.GetCode()+": ")
	return out
}
