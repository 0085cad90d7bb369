package api

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
)

// manager gives a server for a caller in a role.
func manager(l *log, rep, role string) *Server {
	s := server(l, rep, nil)
	s.opt.Role = func(context.Context) string { return role }
	return s
}

func TestReassignIsARequestOfWhoAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := timestamppb.Now()
		for _, c := range []struct{ rep, role, want string }{{"", "admin", "admin"}, {"kim", "manager", "manager"}, {"ana", "", "manager"}} {
			l := newLog()
			l.routing = func(req *journal.Event) []*journal.Event {
				a := answered(ana, req, "")
				a.Body.GetAnswered().Outcome, a.Body.GetAnswered().WaitingUntil, a.Body.GetAnswered().PreviousRep = "queued", until, "cy"
				return []*journal.Event{a}
			}
			for range 2 { // again: from what is ahead of it, and from what lies behind
				r, err := manager(l, c.rep, c.role).Reassign(t.Context(), &feedbackv1.ReassignRequest{Id: handoff, To: "bo", Reason: "r", Note: "n", Force: true, RequestId: "x"})
				if err != nil || r.GetOutcome() != "queued" || !r.GetWaitingUntil().AsTime().Equal(until.AsTime()) || r.GetPreviousOwner() != "cy" {
					t.Fatalf("%v, %v", r, err)
				}
				l.routing = nil
			}
			w := l.events[0].Body.GetReassignRequested()
			if l.events[0].Type != "reassign_requested" || l.events[0].Entity != ana || w.GetHandoffId() != handoff || w.GetTo() != "bo" || w.GetReason() != "r" ||
				w.GetNote() != "n" || !w.GetForce() || w.GetBy() != "phone" || w.GetRep() != c.rep || w.GetRole() != c.want {
				t.Errorf("%+v: appended %v", c, w)
			}
		}
	})
}

func TestReleaseIsOfTheRepAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.routing = ok(ana)
		if _, err := manager(l, "ana", "").Release(t.Context(), &feedbackv1.DispositionRequest{Id: handoff, Reason: "leave"}); err != nil {
			t.Fatal(err)
		}
		if w := l.events[0].Body.GetReassignRequested(); w.GetRole() != "rep" || w.GetRep() != "ana" || w.GetTo() != "" {
			t.Errorf("appended %v", w)
		}
	})
	l := newLog()
	for want, req := range map[codes.Code]*feedbackv1.DispositionRequest{
		codes.PermissionDenied: {Id: handoff, Reason: "leave", Rep: "bo"}, codes.InvalidArgument: {Id: handoff, Reason: " "}, codes.NotFound: {Id: "42", Reason: "leave"},
	} {
		if _, err := manager(l, "ana", "").Release(t.Context(), req); status.Code(err) != want || len(l.events) != 0 {
			t.Errorf("%v: %v", req, err)
		}
	}
	if _, err := manager(l, "", "admin").Reassign(t.Context(), &feedbackv1.ReassignRequest{Id: handoff, To: "a.b"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("to a subject: %v", err)
	}
	for refused, want := range map[string]codes.Code{
		"not_your_team": codes.PermissionDenied, "unknown_target: x": codes.InvalidArgument, "nobody_eligible: bo: away": codes.FailedPrecondition,
	} {
		if err := refusal(core.ParseRefusal(refused)); status.Code(err) != want {
			t.Errorf("%s: %v", refused, err)
		}
	}
}

// listed is a routing that lists fixed handoffs.
type listed struct {
	asked *routingv1.ListHandoffsRequest
	list  []*routingv1.Handoff
}

func (l *listed) ListHandoffs(_ context.Context, req *routingv1.ListHandoffsRequest, _ ...grpc.CallOption) (*routingv1.ListHandoffsResponse, error) {
	l.asked = req
	return &routingv1.ListHandoffsResponse{Handoffs: l.list, NextPageToken: "more"}, nil
}

func TestBulkIsEachByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ids []string
		fates := map[string]string{}
		for i := range maxBulk {
			id := identity.Handoff(key.Lead(identity.Email, "", fmt.Sprint(i)), 1)
			ids = append(ids, id)
			fates[id] = []string{"", "not_owner: bo has it", "silence"}[i%3]
		}
		l := newLog()
		var mu sync.Mutex
		requests := map[string]bool{}
		l.routing = func(req *journal.Event) []*journal.Event {
			id := req.Body.GetAccepted().GetHandoffId()
			mu.Lock()
			requests[req.Body.GetId()] = true
			mu.Unlock()
			if fates[id] == "silence" {
				return nil
			}
			a := answered(req.Entity, req, fates[id])
			a.Body.GetAnswered().HandoffId = id
			return []*journal.Event{a}
		}
		r, err := manager(l, "ana", "").Bulk(t.Context(), &feedbackv1.BulkRequest{Ids: ids, Do: "accept", RequestId: "b"})
		if err != nil || r.GetDone() != 67 || r.GetRefused() != 67 || r.GetPending() != 66 || r.GetFailed() != 0 || len(requests) != maxBulk {
			t.Fatalf("done %d, refused %d, pending %d, failed %d, %d requests, %v", r.GetDone(), r.GetRefused(), r.GetPending(), r.GetFailed(), len(requests), err)
		}
		for i, x := range r.GetResults() {
			want := map[string]string{"": "done", "silence": "pending"}[fates[ids[i]]]
			if want == "" && (x.GetStatus() != "refused" || x.GetCode() != "not_owner" || x.GetDetail() != "bo has it") || want != "" && x.GetStatus() != want || x.GetId() != ids[i] {
				t.Fatalf("%d: %v", i, x)
			}
			if !requests["b."+ids[i]] {
				t.Errorf("%s has no request of its own", ids[i])
			}
		}
	})
}

func TestBulkByFilterAndItsBounds(t *testing.T) {
	l := newLog()
	l.err = errors.New("the log is away")
	from := &listed{list: []*routingv1.Handoff{{Id: handoff, Stage: "routed"}, {Id: handoff + "1", Stage: "won"}}}
	s := manager(l, "ana", "")
	s.opt.Handoffs = from
	r, err := s.Bulk(t.Context(), &feedbackv1.BulkRequest{Filter: &feedbackv1.BulkFilter{Stage: ""}, Do: "accept"})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("everything there is: %v, %v", r, err)
	}
	r, err = s.Bulk(t.Context(), &feedbackv1.BulkRequest{Filter: &feedbackv1.BulkFilter{Owner: "ana", PageToken: "p"}, Do: "accept"})
	if err != nil || r.GetFailed() != 1 || len(r.GetResults()) != 1 || r.GetNextPageToken() != "more" || from.asked.GetOwner() != "ana" || from.asked.GetPageToken() != "p" {
		t.Errorf("hers: %v, %v, asked %v", r, err, from.asked)
	}
	if d := r.GetResults()[0].GetDetail(); d != "it could not be taken at the moment; try again" {
		t.Errorf("says %q", d)
	}
	for want, req := range map[codes.Code]*feedbackv1.BulkRequest{
		codes.PermissionDenied: {Filter: &feedbackv1.BulkFilter{Owner: "bo"}, Do: "accept"},
		codes.InvalidArgument:  {Ids: make([]string, maxBulk+1), Do: "accept"},
	} {
		if _, err := s.Bulk(t.Context(), req); status.Code(err) != want {
			t.Errorf("%v: %v", want, err)
		}
	}
	s.opt.Handoffs = nil
	if _, err := s.Bulk(t.Context(), &feedbackv1.BulkRequest{Filter: &feedbackv1.BulkFilter{Owner: "ana"}, Do: "accept"}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("without routing: %v", err)
	}
}
