package api

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
	"github.com/batonhq/baton/services/feedback/internal/tabular"
)

type fixed struct {
	t     *table.Table
	goals []metrics.Goal
}

func (f fixed) View(_ context.Context, _ string, look func(*table.Table) error) error {
	return look(f.t)
}

func (f fixed) Goals(context.Context) ([]metrics.Goal, int32, error) { return f.goals, 3, nil }

func (f fixed) Spends(context.Context) ([]metrics.Spend, error) { return nil, nil }

func metricsServer() *Server {
	t := table.New()
	for i, won := range []bool{true, false, false, false} {
		r := table.Row{Epoch: 1, First: 1_000_000_000_000, Source: t.Names.Sym("site")}
		r.Entered[table.MQL] = r.First
		if won {
			r.Entered[table.Won], r.Stage = r.First+36*3_600_000, table.Won
		}
		t.Replace(t.Lead(string(rune('a'+i))), []table.Row{r})
	}
	f := fixed{t, []metrics.Goal{{ID: "g", Metric: metrics.GoalMQLToSQL, Target: 0.3}}}
	return New(Options{Tables: f, InForce: f, Now: func() time.Time { return time.UnixMilli(1_100_000_000_000) }})
}

func TestConversionReport(t *testing.T) {
	r, err := metricsServer().GetConversion(t.Context(), &feedbackv1.MetricsRequest{By: []string{"source,month"}, Where: []string{"source:site"}})
	if err != nil {
		t.Fatal(err)
	}
	lead := r.GetLeadConversionRate()
	if lead.GetTotal().GetRate().GetValue() != 0.25 || lead.GetTotal().GetDaysToWin().GetMedian() != 1.5 || len(lead.GetGroups()) != 1 ||
		lead.GetGroups()[0].GetKey()[1] != "2001-09" || lead.GetHead().GetDefinition() == "" || r.GetMqlToSqlRate().GetTotal().GetSkipped() != 1 {
		t.Errorf("%v", r)
	}
}

func TestGoalsReport(t *testing.T) {
	r, err := metricsServer().GetGoals(t.Context(), &feedbackv1.MetricsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if g := r.GetGoals()[0]; r.GetAgreementVersion() != 3 || g.GetValue() != 0.25 || g.GetStatus() != "missed" || len(g.GetContributions()) != 3 {
		t.Errorf("%v", r)
	}
}

func TestMetricsRefuseBadRequests(t *testing.T) {
	s := metricsServer()
	for name, req := range map[string]*feedbackv1.MetricsRequest{
		"where":     {Where: []string{"site"}},
		"currency":  {Currency: "Euro"},
		"dimension": {By: []string{"colour"}},
		"after":     {After: "soon"},
		"cohort":    {Cohort: "luck"},
	} {
		if _, err := s.GetConversion(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.GetGoals(t.Context(), &feedbackv1.MetricsRequest{By: []string{"rep"}}); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
	if _, err := s.GetCAC(t.Context(), &feedbackv1.MetricsRequest{Where: []string{"country:SE"}}); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}

func TestEveryMetricAnswers(t *testing.T) {
	s, ctx, req := metricsServer(), t.Context(), &feedbackv1.MetricsRequest{}
	_, velocity := s.GetVelocity(ctx, req)
	_, cac := s.GetCAC(ctx, req)
	_, retention := s.GetRetention(ctx, req)
	_, sources := s.GetSources(ctx, req)
	_, campaigns := s.GetCampaigns(ctx, req)
	_, bands := s.GetBands(ctx, req)
	_, sla := s.GetSLA(ctx, req)
	_, speed := s.GetSpeed(ctx, req)
	_, reasons := s.GetReasons(ctx, req)
	_, leakage := s.GetLeakage(ctx, req)
	_, cohorts := s.GetCohorts(ctx, req)
	if err := errors.Join(velocity, cac, retention, sources, campaigns, bands, sla, speed, reasons, leakage, cohorts); err != nil {
		t.Error(err)
	}
}

func TestDecimal(t *testing.T) {
	for micros, want := range map[int64]string{0: "0.00", 1: "0.000001", 12_000_500_000: "12000.50", -1_234_500: "-1.2345", -9223372036854775808: "-9223372036854.775808"} {
		if got := tabular.Decimal(micros); got != want {
			t.Errorf("%d is %s, want %s", micros, got, want)
		}
	}
}
