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
	ageDesc   = prometheus.NewDesc("baton_delivery_oldest_seconds", "How long the oldest delivery that is not done has been due.", []string{"destination"}, nil)
	openDesc  = prometheus.NewDesc("baton_delivery_circuit_open", "1 while a destination is left alone because it does not answer or asked for it.", []string{"destination"}, nil)
)

func newMetrics(reg prometheus.Registerer, s *Sender) (*metrics, error) {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "baton_delivery_attempts_total", Help: "Attempts to deliver, by destination and outcome: delivered, failed (tried again), dead (given up).",
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
}

func (g gauges) Collect(ch chan<- prometheus.Metric) {
	now := g.s.opt.Now()
	for name, d := range g.s.destinations {
		n, oldest, open := d.queue.size(now)
		age, isOpen := 0.0, 0.0
		if n > 0 {
			age = max(0, now.Sub(oldest).Seconds())
		}
		if open {
			isOpen = 1
		}
		ch <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(n), name)
		ch <- prometheus.MustNewConstMetric(ageDesc, prometheus.GaugeValue, age, name)
		ch <- prometheus.MustNewConstMetric(openDesc, prometheus.GaugeValue, isOpen, name)
	}
	for name, n := range g.s.orphaned() {
		ch <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(n), name)
	}
}
