// Package gauges shows the five numbers and the goals to Prometheus. They are counted in the background, at most once a minute, and never when
// somebody scrapes.
package gauges

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// every is how often they are counted.
const every = time.Minute

// Source gives what is counted.
type Source interface {
	View(ctx context.Context, after string, look func(*table.Table) error) error
}

// Gauges is a prometheus.Collector. A number of nothing (no lead, no customer) is absent, not 0.
type Gauges struct {
	Table Source
	// Counting gives what is counted over beside the table.
	Counting func(context.Context) ([]metrics.Spend, metrics.Converter, []metrics.Goal, error)
	Now      func() time.Time
	Log      *slog.Logger

	mu   sync.Mutex
	list []prometheus.Metric
	descs
}

type descs struct{ conversion, cac, confirmed, velocity, retention, value, target, pace *prometheus.Desc }

// New gives Gauges that show nothing before the first Refresh.
func New(t Source, counting func(context.Context) ([]metrics.Spend, metrics.Converter, []metrics.Goal, error), now func() time.Time, log *slog.Logger) *Gauges {
	window := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help+" Of the window up to now.", append([]string{"window"}, more...), nil)
	}
	goal := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help+" Of a goal of the agreement in force, in its current window.", []string{"goal"}, nil)
	}
	return &Gauges{Table: t, Counting: counting, Now: now, Log: log, descs: descs{
		conversion: window("baton_lead_conversion_rate", "Share of the leads first seen that became customers, 0 to 1."),
		cac:        window("baton_cac", "Spend for each new customer, in units of the currency.", "currency"),
		confirmed:  window("baton_mql_to_sql_rate", "Share of the qualifications that sales confirmed, 0 to 1."),
		velocity:   window("baton_pipeline_velocity", "What closed deals bring a day, in units of the currency.", "currency"),
		retention:  window("baton_retention_rate", "Share of the customers at the window's start who stayed, 0 to 1."),
		value:      goal("baton_goal_value", "Where it stands."),
		target:     goal("baton_goal_target", "What was agreed."),
		pace:       goal("baton_goal_pace", "Where it would stand by now at even pace."),
	}}
}

// Describe names the gauges.
func (g *Gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.conversion, g.cac, g.confirmed, g.velocity, g.retention, g.value, g.target, g.pace} {
		to <- d
	}
}

// Collect gives what the last Refresh counted.
func (g *Gauges) Collect(to chan<- prometheus.Metric) {
	g.mu.Lock()
	list := g.list
	g.mu.Unlock()
	for _, m := range list {
		to <- m
	}
}

// Run counts every minute until ctx ends.
func (g *Gauges) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := g.Refresh(ctx); err != nil && ctx.Err() == nil {
			g.Log.Warn("the numbers could not be counted for Prometheus; trying again", "error", err)
		}
	}
}

// Refresh counts. What cannot be counted leaves nothing to be shown: an old number would pass for a new one.
func (g *Gauges) Refresh(ctx context.Context) error {
	var list []prometheus.Metric
	spends, conv, goals, err := g.Counting(ctx)
	if err == nil {
		err = g.Table.View(ctx, "", func(t *table.Table) error {
			list, err = g.count(t, spends, conv, goals)
			return err
		})
	}
	if err != nil {
		list = nil
	}
	g.mu.Lock()
	g.list = list
	g.mu.Unlock()
	return err
}

type found struct{ list []prometheus.Metric }

func (f *found) put(d *prometheus.Desc, v float64, labels ...string) {
	if m, err := prometheus.NewConstMetric(d, prometheus.GaugeValue, v, labels...); err == nil { // a label that is no text is not shown
		f.list = append(f.list, m)
	}
}

func (f *found) share(d *prometheus.Desc, s metrics.Share, window string) {
	if s.Of > 0 {
		f.put(d, s.Value, window)
	}
}

func (f *found) money(d *prometheus.Desc, m metrics.Money, window string) {
	for _, a := range append([]metrics.Amount{m.Sum}, m.Apart...) {
		if a.Currency != "" {
			f.put(d, float64(a.Micros)/1e6, window, a.Currency)
		}
	}
}

func (g *Gauges) count(t *table.Table, spends []metrics.Spend, conv metrics.Converter, goals []metrics.Goal) ([]prometheus.Metric, error) {
	now := g.Now()
	f := &found{}
	for _, w := range []struct {
		name string
		days int
	}{{"30d", 30}, {"90d", 90}, {"365d", 365}} {
		q := metrics.Query{From: now.Add(-time.Duration(w.days) * 24 * time.Hour).UnixMilli(), To: now.UnixMilli(), Now: now.UnixMilli()}
		rate, err := metrics.LeadConversion(t, q)
		if err != nil {
			return nil, err
		}
		f.share(g.conversion, rate.Total.Share, w.name)
		if rate, err = metrics.MQLToSQL(t, q); err != nil {
			return nil, err
		}
		f.share(g.confirmed, rate.Total.Share, w.name)
		cac, err := metrics.AcquisitionCost(t, q, spends, conv)
		if err != nil {
			return nil, err
		}
		if cac.Total.Customers > 0 {
			f.money(g.cac, cac.Total.PerCustomer, w.name)
		}
		velocity, err := metrics.PipelineVelocity(t, q, conv)
		if err != nil {
			return nil, err
		}
		if velocity.Total.CycleDays > 0 {
			f.money(g.velocity, velocity.Total.PerDay, w.name)
		}
		kept, err := metrics.CustomerRetention(t, q, conv)
		if err != nil {
			return nil, err
		}
		f.share(g.retention, kept.Total.Retained, w.name)
	}
	progress, err := metrics.Track(t, goals, now.UnixMilli(), spends, "", conv)
	if err != nil {
		return nil, err
	}
	for i := range progress {
		p := &progress[i]
		f.put(g.target, p.Target, p.ID)
		if p.Status != "unknown" {
			f.put(g.value, p.Value, p.ID)
			f.put(g.pace, p.Pace, p.ID)
		}
	}
	return f.list, nil
}
