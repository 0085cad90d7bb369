package api

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	"github.com/batonhq/baton/services/scoring/internal/apply"
	"github.com/batonhq/baton/services/scoring/internal/backtest"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// ShadowAgreement runs a version beside the one in force.
func (s *Server) ShadowAgreement(ctx context.Context, req *agreementv1.ShadowAgreementRequest) (*agreementv1.ChangeAgreementResponse, error) {
	v, seq, err := s.opt.Contract.Shadow(ctx, req.GetVersion(), callerName(ctx))
	return changed(v, seq, err)
}

// StopShadow ends the run of a version in the shadow.
func (s *Server) StopShadow(ctx context.Context, req *agreementv1.StopShadowRequest) (*agreementv1.ChangeAgreementResponse, error) {
	v, seq, err := s.opt.Contract.StopShadow(ctx, req.GetVersion(), callerName(ctx))
	return changed(v, seq, err)
}

// GetShadow reports on a version's latest run in the shadow: progress, and then the report.
func (s *Server) GetShadow(req *agreementv1.GetShadowRequest, stream grpc.ServerStreamingServer[agreementv1.BacktestAgreementResponse]) error {
	ctx := stream.Context()
	if err := checkFormat(req.GetFormat()); err != nil {
		return err
	}
	b, err := s.versions(ctx, req.GetAfter())
	if err != nil {
		return err
	}
	opt, err := s.shadowRun(b, req.GetVersion())
	if err != nil {
		return err
	}
	if !s.backtesting.CompareAndSwap(false, true) {
		return status.Error(codes.ResourceExhausted, "a backtest or another report is running; try again when it is done")
	}
	defer s.backtesting.Store(false)
	head, err := s.opt.Log.Head(ctx)
	if err != nil {
		return failed("read the journal", err)
	}
	at := opt.First
	opt.Scan = func(ctx context.Context, from uint64, f func(*journal.Event) error) error {
		return s.opt.Log.Scan(ctx, from, func(ev *journal.Event) error {
			at = ev.Seq
			return f(ev)
		})
	}
	opt.Progress = func(uint64) {
		_ = stream.Send(&agreementv1.BacktestAgreementResponse{Read: float64(at - opt.First), Total: float64(max(head, at) - opt.First)}) // who has gone ends ctx
	}
	report, err := backtest.Shadow(ctx, *opt)
	if err != nil {
		return failed("report on the shadow", err)
	}
	return sendReport(report, req.GetFormat(), stream.Send)
}

// shadowRun gives the latest run of a version.
func (s *Server) shadowRun(b *book.Book, version int32) (*backtest.ShadowOptions, error) {
	v := b.Find(version)
	if v == nil {
		return nil, refused(apply.ErrUnknown)
	}
	run, ok := b.ShadowRun(version)
	if !ok {
		return nil, status.Errorf(codes.FailedPrecondition, "version %d has never run in the shadow", version)
	}
	ready, err := s.opt.Contract.Library.Compile([]byte(v.Yaml), version)
	if err != nil {
		return nil, mistakes(err)
	}
	opt := &backtest.ShadowOptions{
		Name: fmt.Sprintf("version %d", version), Agreement: ready, First: run.From, Last: run.To, Since: v.ShadowSince.AsTime(),
	}
	if v.ShadowUntil != nil {
		opt.Until = v.ShadowUntil.AsTime()
	}
	return opt, nil
}

// inShadow gives a lead's score under the agreement in the shadow, nil where none runs.
func inShadow(l *core.Lead, r *core.Rules, at time.Time) *leadv1.ShadowScore {
	s := l.InShadow(r, at.UnixNano())
	if s == nil {
		return nil
	}
	out := &leadv1.ShadowScore{
		AgreementVersion: s.Version, Fit: s.Fit.Points(), Grade: s.Grade, Engagement: s.Engagement.Points(), QualifiedBy: s.QualifiedBy,
	}
	if s.QualifiedAt != 0 {
		out.QualifiedAt = timestamppb.New(time.Unix(0, s.QualifiedAt))
	}
	return out
}
