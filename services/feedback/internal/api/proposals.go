package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/proposals"
	"github.com/batonhq/baton/services/feedback/internal/proposing"
)

// Proposals finds changes of the agreement and takes what people decide about them; *proposing.Desk does.
type Proposals interface {
	List(ctx context.Context, after string) (*proposing.List, error)
	Get(ctx context.Context, id, after string) (*proposing.Item, error)
	Backtest(ctx context.Context, id string, req *agreementv1.BacktestAgreementRequest) (grpc.ServerStreamingClient[agreementv1.BacktestAgreementResponse], error)
	Propose(ctx context.Context, id, by string) (*proposing.Item, uint64, error)
	Dismiss(ctx context.Context, id, reason, by string) (*proposing.Item, uint64, error)
}

// maxDismissal is how long the reason of a dismissal may be, in bytes.
const maxDismissal = 500

// anyState asks for proposals whatever their state.
const anyState = "all"

// ListProposals gives the proposals for the agreement in force.
func (s *Server) ListProposals(ctx context.Context, req *feedbackv1.ListProposalsRequest) (*feedbackv1.ListProposalsResponse, error) {
	state := req.GetState()
	switch state {
	case "":
		state = proposing.Open
	case proposing.Open, proposing.Proposed, proposing.Dismissed, anyState:
	default:
		return nil, invalid("the request is not valid", []core.Problem{{Field: "state", Reason: "must be open, proposed, dismissed or all"}})
	}
	switch req.GetKind() {
	case "", proposals.KindPoints, proposals.KindThreshold, proposals.KindReject, proposals.KindRecycle, proposals.KindSLA, proposals.KindIdle:
	default:
		return nil, invalid("the request is not valid", []core.Problem{{Field: "kind", Reason: "must be points, threshold, reject, recycle, sla or idle"}})
	}
	if err := checkAfter(req.GetAfter()); err != nil {
		return nil, err
	}
	list, err := s.opt.Proposals.List(ctx, req.GetAfter())
	if err != nil {
		return nil, proposalError(err)
	}
	resp := &feedbackv1.ListProposalsResponse{AgreementVersion: list.Version, ComputedAt: timestamppb.New(list.At)}
	for _, it := range list.Items {
		if (state == anyState || it.State == state) && (req.GetKind() == "" || it.Kind == req.GetKind()) {
			resp.Proposals = append(resp.Proposals, proposalToProto(it, false))
		}
	}
	return resp, nil
}

func checkAfter(after string) error {
	if after == "" {
		return nil
	}
	if _, err := strconv.ParseUint(after, 10, 64); err != nil {
		return invalid("the request is not valid", []core.Problem{{Field: "after", Reason: "is not a sequence"}})
	}
	return nil
}

// GetProposal gives one, with the whole changed text.
func (s *Server) GetProposal(ctx context.Context, req *feedbackv1.GetProposalRequest) (*feedbackv1.AgreementProposal, error) {
	if err := checkAfter(req.GetAfter()); err != nil {
		return nil, err
	}
	it, err := s.opt.Proposals.Get(ctx, req.GetId(), req.GetAfter())
	if err != nil {
		return nil, proposalError(err)
	}
	return proposalToProto(it, true), nil
}

// BacktestProposal passes on the backtest of the changed text: its progress, and then the report.
func (s *Server) BacktestProposal(req *feedbackv1.BacktestProposalRequest, stream grpc.ServerStreamingServer[agreementv1.BacktestAgreementResponse]) error {
	from, err := s.opt.Proposals.Backtest(stream.Context(), req.GetId(), &agreementv1.BacktestAgreementRequest{
		From: req.GetFrom(), To: req.GetTo(), Format: req.GetFormat(), OpenIsLost: req.GetOpenIsLost(), ByOccurrence: req.GetByOccurrence(),
	})
	if err != nil {
		return proposalError(err)
	}
	for {
		step, err := from.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(step); err != nil {
			return err
		}
	}
}

// ProposeProposal makes the changed text a version of the agreement.
func (s *Server) ProposeProposal(ctx context.Context, req *feedbackv1.ProposeProposalRequest) (*feedbackv1.ChangeProposalResponse, error) {
	by, _ := s.opt.Caller(ctx)
	return changed(s.opt.Proposals.Propose(ctx, req.GetId(), by))
}

// DismissProposal decides against a proposal.
func (s *Server) DismissProposal(ctx context.Context, req *feedbackv1.DismissProposalRequest) (*feedbackv1.ChangeProposalResponse, error) {
	reason := strings.TrimSpace(req.GetReason())
	problem := ""
	switch {
	case reason == "":
		problem = "is missing: others will want to know why"
	case len(reason) > maxDismissal:
		problem = fmt.Sprintf("is longer than %d bytes", maxDismissal)
	case !utf8.ValidString(reason) || strings.ContainsFunc(reason, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }):
		problem = "contains control characters"
	}
	if problem != "" {
		return nil, invalid("the request is not valid", []core.Problem{{Field: "reason", Reason: problem}})
	}
	by, _ := s.opt.Caller(ctx)
	return changed(s.opt.Proposals.Dismiss(ctx, req.GetId(), reason, by))
}

func changed(it *proposing.Item, seq uint64, err error) (*feedbackv1.ChangeProposalResponse, error) {
	if err != nil {
		return nil, proposalError(err)
	}
	resp := &feedbackv1.ChangeProposalResponse{Proposal: proposalToProto(it, true)}
	if seq != 0 {
		resp.Sequence = strconv.FormatUint(seq, 10)
	}
	return resp, nil
}

// proposalError gives the status of what callers can meet; anything else is passed on as it is.
func proposalError(err error) error {
	switch {
	case errors.Is(err, proposing.ErrUnknown):
		return withDetails(status.New(codes.NotFound, err.Error()), "unknown_proposal")
	case errors.Is(err, proposing.ErrNoEdit):
		return withDetails(status.New(codes.FailedPrecondition, err.Error()), "no_edit")
	case errors.Is(err, proposing.ErrNoAgreements):
		return status.Error(codes.Unavailable, err.Error())
	}
	return err
}

func proposalToProto(it *proposing.Item, whole bool) *feedbackv1.AgreementProposal {
	out := &feedbackv1.AgreementProposal{
		Id: it.ID, Kind: it.Kind, Subject: it.Subject, Title: it.Title, Sentence: it.Sentence, State: it.State, AgreementVersion: it.Version,
		Evidence: evidenceToProto(&it.Evidence), Cases: float64(it.Cases), NotEditable: it.NotEditable,
		Estimate: &feedbackv1.ProposalEstimate{
			Text: it.Estimate.Text, Leads: float64(it.Estimate.Leads), Of: float64(it.Estimate.Of), Sqls: float64(it.Estimate.SQLs), Won: float64(it.Estimate.Won),
		},
	}
	if c := it.Change; c.Op != "" {
		out.Change = &feedbackv1.ProposalChange{
			Op: c.Op, Part: c.Part, Id: c.ID, Field: c.Field, From: c.From, To: c.To, When: c.When, Points: c.Points, Because: c.Because,
		}
	}
	for _, d := range it.Differences {
		out.Differences = append(out.Differences, d.Text)
	}
	if whole {
		out.Yaml = string(it.Text)
	}
	if d := it.Decision; d != nil {
		out.ProposedVersion, out.By, out.Reason, out.At = d.Became, d.By, d.Reason, timestamppb.New(d.At)
	}
	return out
}

func evidenceToProto(e *proposals.Evidence) *feedbackv1.ProposalEvidence {
	out := &feedbackv1.ProposalEvidence{
		Population: e.Population, Outcome: e.Outcome, HorizonDays: e.HorizonDays, Immature: float64(e.Immature),
		With: shareToProto(e.WithLabel, e.With), Without: shareToProto(e.WithoutLabel, e.Without),
		Effect: e.Effect, Value: e.Value, Low: e.Low, High: e.High, Test: e.Test,
		Tests: float64(e.Tests), Strata: float64(e.Strata), LeftOut: float64(e.LeftOut),
	}
	if e.From != 0 {
		out.From, out.To = timestamppb.New(time.UnixMilli(e.From)), timestamppb.New(time.UnixMilli(e.To))
	}
	if e.Tests > 0 {
		out.P, out.Q = proto.Float64(e.P), proto.Float64(e.Q)
	}
	if e.Expected >= 0 {
		out.Expected = proto.Float64(e.Expected)
	}
	return out
}

func shareToProto(label string, s proposals.Share) *feedbackv1.ProposalShare {
	if s.N == 0 {
		return nil
	}
	low, high := s.Interval()
	return &feedbackv1.ProposalShare{Label: label, Count: float64(s.K), Of: float64(s.N), Rate: s.Rate(), Low: low, High: high}
}
