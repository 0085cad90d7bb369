package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/types/known/timestamppb"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/summary"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
	"github.com/batonhq/baton/services/feedback/internal/proposing"
)

// Weekly makes the summary of the week that begins on a Monday, each amount in its own currency.
func (s *Server) Weekly(ctx context.Context, monday time.Time) (*summary.Summary, error) {
	return s.summary(ctx, monday, &feedbackv1.MetricsRequest{})
}

func (s *Server) summary(ctx context.Context, monday time.Time, req *feedbackv1.MetricsRequest) (*summary.Summary, error) {
	goals, _, err := s.opt.InForce.Goals(ctx)
	if err != nil {
		return nil, err
	}
	a, err := s.asked(ctx, req, true)
	if err != nil {
		return nil, err
	}
	open, err := s.openProposals(ctx, req.GetAfter())
	if err != nil {
		s.opt.Log.WarnContext(ctx, "a summary is written without what is proposed", "error", err)
	}
	var sum *summary.Summary
	unread := err != nil
	err = s.view(ctx, req.GetAfter(), func(t *table.Table) error {
		sum, err = summary.Of(summary.Input{
			Table: t, Week: monday, Now: time.UnixMilli(a.query.Now).UTC(), Goals: goals, Spends: a.spends, Currency: a.query.Currency, Conv: a.conv,
			Proposals: open, Unread: unread,
		})
		return err
	})
	return sum, err
}

// openProposals gives the changes that wait for an answer, the surest first; none where there is nobody to ask for the agreement. The summary
// tells the rest without them, so that one service that does not answer keeps nobody from it.
func (s *Server) openProposals(ctx context.Context, after string) ([]summary.Proposal, error) {
	if s.opt.Proposals == nil {
		return nil, nil
	}
	list, err := s.opt.Proposals.List(ctx, after)
	switch {
	case errors.Is(err, proposing.ErrNoAgreements):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("list the proposals: %w", err)
	}
	var out []summary.Proposal
	for _, it := range list.Items {
		if it.State == proposing.Open {
			out = append(out, summary.Proposal{ID: it.ID, Title: it.Title, Sentence: it.Sentence})
		}
	}
	return out, nil
}

// week makes the summary that is asked for.
func (s *Server) week(ctx context.Context, req *feedbackv1.SummaryRequest) (*summary.Summary, error) {
	now := s.opt.Now()
	monday := summary.Monday(now).AddDate(0, 0, -7)
	if req.GetWeek() != "" {
		var err error
		if monday, err = summary.Parse(req.GetWeek()); err != nil {
			return nil, invalid("the request is not valid", []core.Problem{{Field: "week", Reason: err.Error()}})
		}
		if monday.After(now) {
			return nil, invalid("the request is not valid", []core.Problem{{Field: "week", Reason: "has not begun yet"}})
		}
	}
	return s.summary(ctx, monday, &feedbackv1.MetricsRequest{Currency: req.GetCurrency(), After: req.GetAfter()})
}

// GetSummary tells a week in plain words, for both teams.
func (s *Server) GetSummary(ctx context.Context, req *feedbackv1.SummaryRequest) (*feedbackv1.Summary, error) {
	sum, err := s.week(ctx, req)
	if err != nil {
		return nil, err
	}
	out := &feedbackv1.Summary{
		Week: sum.Week, From: timestamppb.New(sum.From), To: timestamppb.New(sum.To), AsOf: timestamppb.New(sum.AsOf), Text: sum.Text(), Slack: sum.Slack(),
	}
	if out.Html, err = sum.HTML(); err != nil {
		return nil, err
	}
	for _, p := range sum.Sections {
		out.Sections = append(out.Sections, &feedbackv1.SummarySection{Title: p.Title, Lines: p.Lines})
	}
	return out, nil
}

// GetSummaryText gives it as plain text.
func (s *Server) GetSummaryText(ctx context.Context, req *feedbackv1.SummaryRequest) (*httpbody.HttpBody, error) {
	sum, err := s.week(ctx, req)
	if err != nil {
		return nil, err
	}
	return &httpbody.HttpBody{ContentType: "text/plain; charset=utf-8", Data: []byte(sum.Text())}, nil
}

// GetSummaryPage gives it as a page.
func (s *Server) GetSummaryPage(ctx context.Context, req *feedbackv1.SummaryRequest) (*httpbody.HttpBody, error) {
	sum, err := s.week(ctx, req)
	if err != nil {
		return nil, err
	}
	page, err := sum.HTML()
	if err != nil {
		return nil, err
	}
	return &httpbody.HttpBody{ContentType: "text/html; charset=utf-8", Data: []byte(page)}, nil
}

// Counting gives what the numbers are counted over, beside the table: what was spent, what currencies are worth, and the goals in force.
func (s *Server) Counting(ctx context.Context) (spends []metrics.Spend, conv metrics.Converter, goals []metrics.Goal, err error) {
	if goals, _, err = s.opt.InForce.Goals(ctx); err != nil {
		return nil, nil, nil, err
	}
	a, err := s.asked(ctx, &feedbackv1.MetricsRequest{}, true)
	if err != nil {
		return nil, nil, nil, err
	}
	return a.spends, a.conv, goals, nil
}
