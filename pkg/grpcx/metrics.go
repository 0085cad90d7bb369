package grpcx

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// noMeters: figures are Prometheus's here, one set is enough.
func noMeters() metric.MeterProvider { return noop.NewMeterProvider() }

type serverMetrics struct {
	calls    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// newServerMetrics registers the figures. Methods are those that are registered, so that labels are few: a method that
// does not exist never reaches an interceptor.
func newServerMetrics(r prometheus.Registerer) (*serverMetrics, error) {
	m := &serverMetrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "baton_grpc_calls_total", Help: "gRPC calls answered, by method and status code.",
		}, []string{"method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "baton_grpc_call_seconds", Help: "How long gRPC calls took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "baton_grpc_calls_in_flight", Help: "gRPC calls being answered.",
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.calls, m.seconds, m.inFlight} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register gRPC metrics: %w", err)
		}
	}
	return m, nil
}

func (m *serverMetrics) begin(method string) func(error) {
	start := time.Now()
	m.inFlight.Inc()
	return func(err error) {
		m.inFlight.Dec()
		m.seconds.WithLabelValues(method).Observe(time.Since(start).Seconds())
		m.calls.WithLabelValues(method, status.Code(err).String()).Inc()
	}
}

func (m *serverMetrics) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	end := m.begin(info.FullMethod)
	resp, err := next(ctx, req)
	end(err)
	return resp, err
}

func (m *serverMetrics) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	end := m.begin(info.FullMethod)
	err := next(srv, ss)
	end(err)
	return err
}
