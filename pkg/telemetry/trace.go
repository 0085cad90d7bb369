package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// TraceConfig says where traces go.
type TraceConfig struct {
	// OTLPEndpoint is a collector's gRPC address, host:port or a URL (http:// for plain text). Empty: no traces, unless
	// OTEL_EXPORTER_OTLP_ENDPOINT names one.
	OTLPEndpoint string `yaml:"otlp_endpoint"`
	// SampleRatio of the traces that start here, 0 to 1. What a caller has decided to trace is traced.
	SampleRatio float64 `yaml:"sample_ratio"`
}

// DefaultTraceConfig traces everything, if anything.
func DefaultTraceConfig() TraceConfig { return TraceConfig{SampleRatio: 1} }

// Validate checks the settings; errors name the field.
func (c TraceConfig) Validate() error {
	if c.SampleRatio < 0 || c.SampleRatio > 1 || c.SampleRatio != c.SampleRatio {
		return fmt.Errorf("telemetry.sample_ratio: %v is not from 0 to 1", c.SampleRatio)
	}
	return nil
}

// Tracing is what spans are made with. It is injected, never global.
type Tracing struct {
	Provider trace.TracerProvider
	// Propagator carries W3C trace context over HTTP, gRPC and the journal. Without traces it is a no-op: no event then
	// pays for headers that nobody reads.
	Propagator propagation.TextMapPropagator
	// Enabled reports whether spans go anywhere.
	Enabled  bool
	shutdown func(context.Context) error
}

// NewTracing connects to the collector in the background: one that is away loses spans and delays nothing. environment
// is read for OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT); the exporter itself honours the other OTEL_ variables.
func NewTracing(ctx context.Context, c TraceConfig, service, version string, environment func(string) string) (*Tracing, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var opts []otlptracegrpc.Option
	switch {
	case strings.Contains(c.OTLPEndpoint, "://"):
		opts = append(opts, otlptracegrpc.WithEndpointURL(c.OTLPEndpoint))
	case c.OTLPEndpoint != "":
		opts = append(opts, otlptracegrpc.WithEndpoint(c.OTLPEndpoint), otlptracegrpc.WithInsecure())
	case environment("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "":
		return &Tracing{
			Provider: noop.NewTracerProvider(), Propagator: propagation.NewCompositeTextMapPropagator(),
			shutdown: func(context.Context) error { return nil },
		}, nil
	}
	exporter, err := otlptracegrpc.New(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	res, err := resource.Merge(resource.Default(), resource.NewSchemaless(
		attribute.String("service.namespace", "baton"), attribute.String("service.name", service), attribute.String("service.version", version)))
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.SampleRatio))))
	return &Tracing{
		Provider: provider, Enabled: true, shutdown: provider.Shutdown,
		Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}, nil
}

// Shutdown sends what is still here, for as long as ctx allows.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if err := t.shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// Handler starts a span for every request, as a child of the caller's. Its name is the method and what route gives: never
// the path, which names leads. Without traces it is next itself.
func (t *Tracing) Handler(next http.Handler, route func(*http.Request) string) http.Handler {
	if !t.Enabled {
		return next
	}
	tracer := t.Provider.Tracer("baton/http")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := t.Propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := tracer.Start(ctx, r.Method+" "+route(r), trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
