package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/pkg/journal"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	"github.com/batonhq/baton/services/scoring/internal/apply"
	"github.com/batonhq/baton/services/scoring/internal/backtest"
	"github.com/batonhq/baton/services/scoring/internal/book"
)

// The formats of a backtest's report, besides JSON.
const (
	formatJSON = "json"
	formatText = "text"
	formatHTML = "html"
	formatCSV  = "csv"
)

// pieceOfText is how much of a report one message carries.
const pieceOfText = 1 << 20

// BacktestAgreement replays the journal through a version, and sends progress and then the report.
func (s *Server) BacktestAgreement(req *agreementv1.BacktestAgreementRequest, stream grpc.ServerStreamingServer[agreementv1.BacktestAgreementResponse]) error {
	ctx := stream.Context()
	opt, err := s.backtest(ctx, req)
	if err != nil {
		return err
	}
	if !s.backtesting.CompareAndSwap(false, true) {
		return status.Error(codes.ResourceExhausted, "another backtest is running; try again when it is done")
	}
	defer s.backtesting.Store(false)
	head, err := s.opt.Log.Head(ctx)
	if err != nil {
		return failed("read the journal", err)
	}
	var at uint64
	opt.Scan = func(ctx context.Context, from uint64, f func(*journal.Event) error) error {
		return s.opt.Log.Scan(ctx, from, func(ev *journal.Event) error {
			at = ev.Seq
			return f(ev)
		})
	}
	opt.Progress = func(uint64) {
		_ = stream.Send(&agreementv1.BacktestAgreementResponse{Read: float64(at), Total: float64(max(head, at))}) // who has gone ends ctx
	}
	report, err := backtest.Run(ctx, *opt)
	if err != nil {
		return failed("backtest", err)
	}
	return sendReport(report, req.GetFormat(), stream.Send)
}

// backtest gives what is to be tried, and how it is to be measured.
func (s *Server) backtest(ctx context.Context, req *agreementv1.BacktestAgreementRequest) (*backtest.Options, error) {
	opt := &backtest.Options{Key: s.opt.Key, OpenIsLost: req.GetOpenIsLost()}
	if req.GetByOccurrence() {
		opt.ByOccurrence = func(*journal.Event) bool { return true }
	}
	if err := checkFormat(req.GetFormat()); err != nil {
		return nil, err
	}
	for rep, n := range req.GetCapacity() {
		if n < 0 {
			return nil, invalid("capacity."+rep, "must not be negative")
		}
		if opt.Capacity == nil {
			opt.Capacity = map[string]int{}
		}
		opt.Capacity[rep] = int(n)
	}
	if t := req.GetFrom(); t != nil {
		opt.From = t.AsTime()
	}
	if t := req.GetTo(); t != nil {
		opt.To = t.AsTime()
	}
	if !opt.To.IsZero() && !opt.From.Before(opt.To) {
		return nil, invalid("to", "must be later than from")
	}
	b, err := s.versions(ctx, "")
	if err != nil {
		return nil, err
	}
	if req.GetYaml() != "" && req.GetVersion() != 0 {
		return nil, invalid("yaml", "is a text that is no version: name one or the other")
	}
	against := req.GetAgainst()
	if active := b.Active(); against == 0 && active != nil {
		against = active.Version
	}
	if against != 0 && against != req.GetVersion() {
		if err := s.contend(b, against, opt); err != nil {
			return nil, err
		}
	}
	if text := req.GetYaml(); text != "" {
		return opt, s.contendText(text, b.Next(), opt)
	}
	return opt, s.contend(b, req.GetVersion(), opt)
}

// contendText adds a text that is no version. It is tried as if it were the next.
func (s *Server) contendText(text string, version int32, opt *backtest.Options) error {
	ready, err := s.opt.Contract.Library.Try([]byte(text), version)
	if err != nil {
		return mistakes(err)
	}
	opt.Rules = append(opt.Rules, backtest.Contender{Name: "the text", Agreement: ready})
	return nil
}

// checkFormat refuses a form that reports do not have.
func checkFormat(format string) error {
	switch format {
	case "", formatJSON, formatText, formatHTML, formatCSV:
		return nil
	}
	return invalid("format", "must be json, text, html or csv")
}

// contend adds a version to those that are tried.
func (s *Server) contend(b *book.Book, version int32, opt *backtest.Options) error {
	v := b.Find(version)
	if v == nil {
		return refused(apply.ErrUnknown)
	}
	ready, err := s.opt.Contract.Library.Compile([]byte(v.Yaml), version)
	if err != nil {
		return mistakes(err)
	}
	opt.Rules = append(opt.Rules, backtest.Contender{Name: fmt.Sprintf("version %d", version), Agreement: ready})
	return nil
}

func sendReport(r *backtest.Report, format string, send func(*agreementv1.BacktestAgreementResponse) error) error {
	write := map[string]func(io.Writer) error{formatText: r.Text, formatHTML: r.HTML, formatCSV: r.CSV}[format]
	if write == nil {
		write = r.JSON
	}
	var out bytes.Buffer
	if err := write(&out); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if format == "" || format == formatJSON {
		report := &structpb.Struct{}
		if err := protojson.Unmarshal(out.Bytes(), report); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		return send(&agreementv1.BacktestAgreementResponse{Report: report, Done: true})
	}
	for {
		n, text := min(pieceOfText, out.Len()), out.Bytes()
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
		piece := out.Next(n)
		resp := &agreementv1.BacktestAgreementResponse{Text: string(piece), Done: out.Len() == 0}
		if err := send(resp); err != nil || resp.Done {
			return err
		}
	}
}
