package routing

import "github.com/prometheus/client_golang/prometheus"

// poolCollector tells of each pool that somebody waits for; a pool that nobody waits for has no lines.
type poolCollector struct{ gauge *deskGauge }

func (poolCollector) waiting() *prometheus.Desc {
	return prometheus.NewDesc("baton_desk_waiting_by_pool", "Handoffs that wait at the desk for a pool.", []string{"pool"}, nil)
}

func (poolCollector) oldest() *prometheus.Desc {
	return prometheus.NewDesc("baton_desk_waiting_by_pool_oldest_seconds", "How long the first of those who wait for a pool has waited.", []string{"pool"}, nil)
}

// Describe names the metrics.
func (c poolCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.waiting()
	ch <- c.oldest()
}

// Collect gives them as the desk was last looked at.
func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	pools := c.gauge.byPool.Load()
	if pools == nil {
		return
	}
	for pool, w := range *pools {
		ch <- prometheus.MustNewConstMetric(c.waiting(), prometheus.GaugeValue, float64(w.count), pool)
		ch <- prometheus.MustNewConstMetric(c.oldest(), prometheus.GaugeValue, max(0, c.gauge.now().Sub(w.since).Seconds()), pool)
	}
}
