package sender

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	attempts *prometheus.CounterVec
	latency  *prometheus.HistogramVec
}

var (
	queueDesc = prometheus.NewDesc("baton_delivery_queue", "Deliveries that are not done, by destination. One that is not configured here counts, too: they wait for it.", []string{"destination"}, nil)
	ageDesc   = prometheus.NewDesc("baton_delivery_oldest_seconds", "How long the oldest delivery that is not done has been due; those that are put off count from when they may go.", []string{"destination"}, nil)
	openDesc  = prometheus.NewDesc("baton_delivery_circuit_open", "1 while a destination is left alone because it does not answer or asked for it.", []string{"destination"}, nil)

	operatorDesc = prometheus.NewDesc("baton_delivery_needs_operator", "1 while a destination lets nothing through until somebody acts.", []string{"destination"}, nil)
	pausedDesc   = prometheus.NewDesc("baton_delivery_paused", "1 while an operator has paused a destination.", []string{"destination"}, nil)
	alarmDesc    = prometheus.NewDesc("baton_delivery_backlog_alarm", "1 while the oldest delivery has been due for longer than the destination's backlog_alarm.", []string{"destination"}, nil)
	problemsDesc = prometheus.NewDesc("baton_delivery_problems", "What was found when the receiver was last checked and must be mended.", []string{"destination"}, nil)
)

func newMetrics(reg prometheus.Registerer, s *Sender) (*metrics, error) {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "baton_delivery_attempts_total", Help: "Attempts to deliver, by destination and outcome: delivered, failed (tried again), dead (given up), later and operator (none counted: the destination is left alone), put_off (this one waits for its moment).",
		}, []string{"destination", "outcome"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "baton_delivery_seconds", Help: "From being due to being delivered.", Buckets: prometheus.ExponentialBuckets(0.005, 2.5, 14),
		}, []string{"destination"}),
	}
	if reg != nil {
		for _, c := range []prometheus.Collector{m.attempts, m.latency, gauges{s}} {
			if err := reg.Register(c); err != nil {
				return nil, fmt.Errorf("register metrics of deliveries: %w", err)
			}
		}
	}
	return m, nil
}

// gauges reads the queues when it is asked.
type gauges struct{ s *Sender }

func (gauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- queueDesc
	ch <- ageDesc
	ch <- openDesc
	ch <- operatorDesc
	ch <- pausedDesc
	ch <- alarmDesc
	ch <- problemsDesc
}

func (g gauges) Collect(ch chan<- prometheus.Metric) {
	now := g.s.opt.Now()
	flag := func(desc *prometheus.Desc, on bool, name string) {
		v := 0.0
		if on {
			v = 1
		}
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, name)
	}
	for _, r := range g.s.all() {
		st := r.status(now)
		_, _, open := r.queue.size(now)
		age := 0.0
		if !st.Oldest.IsZero() {
			age = max(0, now.Sub(st.Oldest).Seconds())
		}
		ch <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(st.Backlog), r.name)
		ch <- prometheus.MustNewConstMetric(ageDesc, prometheus.GaugeValue, age, r.name)
		flag(openDesc, open, r.name)
		flag(operatorDesc, st.State == StateOperator, r.name)
		flag(pausedDesc, st.State == StatePaused, r.name)
		flag(alarmDesc, st.Alarm, r.name)
		ch <- prometheus.MustNewConstMetric(problemsDesc, prometheus.GaugeValue, float64(len(st.Check.Problems)), r.name)
	}
	for name, n := range g.s.orphaned() {
		ch <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(n), name)
	}
}
