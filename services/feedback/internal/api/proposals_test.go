package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/agreement"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/proposals"
	"github.com/batonhq/baton/services/feedback/internal/proposing"
)

// told are proposals as a test tells them.
type told struct {
	list *proposing.List
	err  error
	// by and reason of the last decision.
	by, reason string
}

func (f *told) List(context.Context, string) (*proposing.List, error) { return f.list, f.err }

func (f *told) Get(_ context.Context, id, _ string) (*proposing.Item, error) {
	for _, it := range f.list.Items {
		if it.ID == id {
			return it, f.err
		}
	}
	return nil, proposing.ErrUnknown
}

func (f *told) Backtest(context.Context, string, *agreementv1.BacktestAgreementRequest) (grpc.ServerStreamingClient[agreementv1.BacktestAgreementResponse], error) {
	return nil, f.err
}

func (f *told) Propose(ctx context.Context, id, by string) (*proposing.Item, uint64, error) {
	f.by = by
	it, err := f.Get(ctx, id, "")
	return it, 7, err
}

func (f *told) Dismiss(ctx context.Context, id, reason, by string) (*proposing.Item, uint64, error) {
	f.by, f.reason = by, reason
	it, err := f.Get(ctx, id, "")
	return it, 0, err
}

func proposalServer() (*Server, *told) {
	p := proposals.Proposal{ID: "pr_1", Key: "points/ebook", Kind: proposals.KindPoints, Subject: "ebook", Version: 3, Title: "t", Sentence: "s", Cases: 812,
		Change:   proposals.Change{Op: proposals.ChangeValue, Part: "engagement", ID: "ebook", Field: "points", From: "10", To: "5"},
		Evidence: proposals.Evidence{With: proposals.Share{K: 9, N: 812}, WithLabel: "with it", Without: proposals.Share{K: 40, N: 1000}, Expected: 0.04, Value: 0.27, P: 0.001, Q: 0.01, Tests: 12, From: 1000, To: 2000}}
	idle := proposals.Proposal{ID: "pr_2", Kind: proposals.KindIdle, Evidence: proposals.Evidence{Expected: -1}}
	f := &told{list: &proposing.List{Version: 3, At: time.Unix(5, 0), Items: []*proposing.Item{
		{Proposal: p, State: proposing.Open, Text: []byte("agreement: a"), Differences: []agreement.Difference{{Text: "ebook: 10 → 5 points"}}},
		{Proposal: idle, State: proposing.Dismissed, NotEditable: "not in the agreement", Decision: &proposing.Decision{Change: proposing.Dismissed, Reason: "no", By: "kim", At: time.Unix(9, 0)}},
	}}}
	return New(Options{Proposals: f, Caller: func(context.Context) (string, string) { return "ana", "" }}), f
}

func TestListOfProposals(t *testing.T) {
	s, _ := proposalServer()
	for _, tc := range []struct {
		req  *feedbackv1.ListProposalsRequest
		want string
	}{
		{&feedbackv1.ListProposalsRequest{}, "pr_1"}, {&feedbackv1.ListProposalsRequest{State: "all"}, "pr_1 pr_2"},
		{&feedbackv1.ListProposalsRequest{State: "dismissed"}, "pr_2"}, {&feedbackv1.ListProposalsRequest{State: "all", Kind: "idle"}, "pr_2"},
		{&feedbackv1.ListProposalsRequest{State: "proposed"}, ""},
	} {
		resp, err := s.ListProposals(t.Context(), tc.req)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, p := range resp.Proposals {
			ids = append(ids, p.Id)
			if p.Yaml != "" {
				t.Error("a list carries whole texts")
			}
		}
		if strings.Join(ids, " ") != tc.want || resp.AgreementVersion != 3 || resp.ComputedAt.GetSeconds() != 5 {
			t.Errorf("%v: %v", tc.req, resp)
		}
	}
	p, err := s.GetProposal(t.Context(), &feedbackv1.GetProposalRequest{Id: "pr_1"})
	if err != nil || p.Yaml != "agreement: a" || p.Differences[0] != "ebook: 10 → 5 points" || p.Cases != 812 || p.Change.To != "5" || p.Evidence.GetQ() != 0.01 ||
		p.Evidence.GetExpected() != 0.04 || math.Abs(p.Evidence.With.Rate-9./812) > 1e-12 || p.Evidence.With.Low >= p.Evidence.With.Rate {
		t.Errorf("%v %v", p, err)
	}
	p, err = s.GetProposal(t.Context(), &feedbackv1.GetProposalRequest{Id: "pr_2"})
	if err != nil || p.Change != nil || p.Evidence.Q != nil || p.Evidence.Expected != nil || p.Evidence.From != nil || p.Reason != "no" || p.By != "kim" || p.NotEditable == "" {
		t.Errorf("%v %v", p, err)
	}
}

func TestDecisionsAboutProposals(t *testing.T) {
	s, f := proposalServer()
	resp, err := s.ProposeProposal(t.Context(), &feedbackv1.ProposeProposalRequest{Id: "pr_1"})
	if err != nil || resp.Sequence != "7" || f.by != "ana" || resp.Proposal.Yaml == "" {
		t.Errorf("%v %v", resp, err)
	}
	resp, err = s.DismissProposal(t.Context(), &feedbackv1.DismissProposalRequest{Id: "pr_1", Reason: " the fair\n"})
	if err != nil || resp.Sequence != "" || f.reason != "the fair" {
		t.Errorf("%v %v %q", resp, err, f.reason)
	}
}

func TestBadRequestsForProposals(t *testing.T) {
	s, f := proposalServer()
	ctx := t.Context()
	call := func(err error) codes.Code { return status.Code(err) }
	list := func(r *feedbackv1.ListProposalsRequest) error { _, err := s.ListProposals(ctx, r); return err }
	dismiss := func(reason string) error {
		_, err := s.DismissProposal(ctx, &feedbackv1.DismissProposalRequest{Id: "pr_1", Reason: reason})
		return err
	}
	for name, err := range map[string]error{
		"state": list(&feedbackv1.ListProposalsRequest{State: "x"}), "kind": list(&feedbackv1.ListProposalsRequest{Kind: "x"}),
		"after": list(&feedbackv1.ListProposalsRequest{After: "x"}), "no reason": dismiss(" "), "long": dismiss(strings.Repeat("x", 501)),
		"control": dismiss("a\x00b"), "not text": dismiss("a\xff"),
	} {
		if call(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.GetProposal(ctx, &feedbackv1.GetProposalRequest{Id: "pr_9"}); call(err) != codes.NotFound {
		t.Error(err)
	}
	f.err = fmt.Errorf("%w: by hand", proposing.ErrNoEdit)
	if _, err := s.ProposeProposal(ctx, &feedbackv1.ProposeProposalRequest{Id: "pr_2"}); call(err) != codes.FailedPrecondition {
		t.Error(err)
	}
	if err := s.BacktestProposal(&feedbackv1.BacktestProposalRequest{Id: "pr_2"}, streamOf{ctx: ctx}); call(err) != codes.FailedPrecondition {
		t.Error(err)
	}
	f.err = proposing.ErrNoAgreements
	if err := list(&feedbackv1.ListProposalsRequest{}); call(err) != codes.Unavailable {
		t.Error(err)
	}
	f.err = errors.New("the store's")
	if err := list(&feedbackv1.ListProposalsRequest{}); !errors.Is(err, f.err) {
		t.Error(err)
	}
}

type streamOf struct {
	grpc.ServerStreamingServer[agreementv1.BacktestAgreementResponse]
	ctx context.Context
}

func (s streamOf) Context() context.Context { return s.ctx }
