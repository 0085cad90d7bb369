package gauges

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

type source struct {
	t   *table.Table
	err error
}

func (s *source) View(_ context.Context, _ string, look func(*table.Table) error) error {
	if s.err != nil {
		return s.err
	}
	return look(s.t)
}

func TestGaugesShowTheNumbers(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tab := table.New()
	for i, days := range []int{10, 20, 60, 200} {
		r := table.Row{Epoch: 1, First: now.AddDate(0, 0, -days).UnixMilli(), Stage: table.MQL}
		r.Entered[table.MQL] = r.First
		if i == 0 {
			r.Entered[table.SQL], r.Entered[table.Won], r.Stage = r.First+1, r.First+2, table.Won
		}
		tab.Replace(tab.Lead(string(rune('a'+i))), []table.Row{r})
	}
	tab.PutDeal(table.Deal{
		ID: tab.Names.Sym("crm/1"), Lead: tab.Lead("a"), Status: table.DealWon, Opened: now.AddDate(0, 0, -8).UnixMilli(), Closed: now.AddDate(0, 0, -4).UnixMilli(),
		Amount: 1000e6, Currency: tab.Names.Sym("EUR"), HasAmount: true,
	})
	src := &source{t: tab}
	g := New(src, func(context.Context) ([]metrics.Spend, metrics.Converter, []metrics.Goal, error) {
		return nil, nil, []metrics.Goal{{ID: "confirm", Metric: metrics.GoalMQLToSQL, Target: 0.4}}, nil
	}, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	if n := testutil.CollectAndCount(g); n != 0 {
		t.Errorf("%d before anything was counted", n)
	}
	if err := g.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := `
# HELP baton_goal_value Where it stands. Of a goal of the agreement in force, in its current window.
# TYPE baton_goal_value gauge
baton_goal_value{goal="confirm"} 0.25
# HELP baton_lead_conversion_rate Share of the leads first seen that became customers, 0 to 1. Of the window up to now.
# TYPE baton_lead_conversion_rate gauge
baton_lead_conversion_rate{window="30d"} 0.5
baton_lead_conversion_rate{window="365d"} 0.25
baton_lead_conversion_rate{window="90d"} 0.3333333333333333
# HELP baton_pipeline_velocity What closed deals bring a day, in units of the currency. Of the window up to now.
# TYPE baton_pipeline_velocity gauge
baton_pipeline_velocity{currency="EUR",window="30d"} 250
baton_pipeline_velocity{currency="EUR",window="365d"} 250
baton_pipeline_velocity{currency="EUR",window="90d"} 250
`
	if err := testutil.CollectAndCompare(g, strings.NewReader(want), "baton_goal_value", "baton_lead_conversion_rate", "baton_pipeline_velocity", "baton_retention_rate"); err != nil {
		t.Error(err)
	}
	src.err = errors.New("not ready")
	if err := g.Refresh(t.Context()); err == nil || testutil.CollectAndCount(g) != 0 {
		t.Error("old numbers are shown as if they were new", err)
	}
}
