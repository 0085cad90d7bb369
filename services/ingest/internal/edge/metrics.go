package edge

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// metrics count what comes in. Sources are labelled by their configured names: nothing that a caller can choose.
type metrics struct {
	events  *prometheus.CounterVec
	refused *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	lag     *prometheus.HistogramVec
}

// newMetrics makes the metrics and registers them; reg may be nil. held tells how many bytes of bodies are in memory.
func newMetrics(reg prometheus.Registerer, held func() int64) (*metrics, error) {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "baton_ingest_events_total",
			Help: "Events by source and outcome: accepted (in the journal), duplicate (recognised), rejected (the sender was told), quarantined, ignored (about no person).",
		}, []string{"source", "outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "baton_ingest_refused_total",
			Help: "Requests that were refused as a whole, by source (none: not known) and reason.",
		}, []string{"source", "reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "baton_ingest_request_seconds",
			Help:    "Time from a request's header to its answer, the write to the journal included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"source"}),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "baton_ingest_lag_seconds",
			Help:    "Time from when an event occurred, as its sender says, to when it was in the journal: of each request's newest accepted event.",
			Buckets: []float64{.1, 1, 5, 15, 60, 300, 1800, 3 * 3600, 24 * 3600, 7 * 24 * 3600},
		}, []string{"source"}),
	}
	if reg == nil {
		return m, nil
	}
	bytes := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "baton_ingest_body_bytes", Help: "Memory that bodies of requests under way hold.",
	}, func() float64 { return float64(held()) })
	for _, c := range []prometheus.Collector{m.events, m.refused, m.seconds, m.lag, bytes} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of ingest: %w", err)
		}
	}
	return m, nil
}

// counters are one source's, looked up once.
type counters struct {
	accepted, duplicate, rejected, quarantined, ignored prometheus.Counter
	seconds, lag                                        prometheus.Observer
}

func (m *metrics) of(source string) counters {
	outcome := func(o string) prometheus.Counter { return m.events.WithLabelValues(source, o) }
	return counters{
		accepted: outcome("accepted"), duplicate: outcome("duplicate"), rejected: outcome("rejected"), quarantined: outcome("quarantined"),
		ignored: outcome("ignored"),
		seconds: m.seconds.WithLabelValues(source), lag: m.lag.WithLabelValues(source),
	}
}

func (c counters) count(r sender.Result) {
	add := func(to prometheus.Counter, n int) {
		if n > 0 {
			to.Add(float64(n))
		}
	}
	add(c.accepted, r.Accepted)
	add(c.duplicate, r.Duplicates)
	add(c.rejected, r.RejectedCount)
	add(c.quarantined, r.Quarantined)
	add(c.ignored, r.Ignored)
}
