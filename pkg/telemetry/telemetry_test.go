package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/batonhq/baton/pkg/telemetry"
)

func TestNoAddressReachesTheLog(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		log, err := telemetry.NewLogger(&out, telemetry.LogConfig{Level: "debug", Format: format})
		if err != nil {
			t.Fatal(err)
		}
		log.Info("lead ana.lind+x@initech.example came", "to", "bo@x.example", "err", errors.New("dial nats://user:pass@host:4222: refused"),
			"list", []string{"cy@x.example"}, slog.Group("g", "v", "di@ünï.example"), "lead", "ld_eabc", "n", 3)
		for _, gone := range []string{"ana.lind", "initech", "bo@", "user", "pass", "cy@", "di@"} {
			if strings.Contains(out.String(), gone) {
				t.Errorf("%s: %q in %s", format, gone, out.String())
			}
		}
		for _, kept := range []string{"ld_eabc", "4222", "came", "[address]"} {
			if !strings.Contains(out.String(), kept) {
				t.Errorf("%s: no %q in %s", format, kept, out.String())
			}
		}
	}
}

func TestLogConfig(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLogger(&out, telemetry.LogConfig{Level: "warn"})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("quiet")
	log.Warn("loud")
	if strings.Contains(out.String(), "quiet") || !strings.HasPrefix(out.String(), "{") {
		t.Errorf("%s: want JSON from warn on, as this is no terminal", out.String())
	}
	for _, c := range []telemetry.LogConfig{{Level: "chatty"}, {Format: "xml"}} {
		if _, err := telemetry.NewLogger(&out, c); err == nil || !strings.HasPrefix(err.Error(), "log.") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := telemetry.DefaultLogConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestMetricsPage(t *testing.T) {
	r := telemetry.NewRegistry("v1")
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "baton_x_total"})
	r.MustRegister(c)
	c.Inc()
	rec := httptest.NewRecorder()
	telemetry.MetricsHandler(r).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{"baton_x_total 1", `baton_build_info{version="v1"} 1`, "go_goroutines"} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("no %q", want)
		}
	}
}

func none(string) string { return "" }

func TestWithoutAnEndpointNothingIsTraced(t *testing.T) {
	tr, err := telemetry.NewTracing(t.Context(), telemetry.DefaultTraceConfig(), "scoring", "v1", none)
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := tr.Provider.Tracer("x").Start(t.Context(), "x")
	carrier := propagation.MapCarrier{}
	tr.Propagator.Inject(ctx, carrier)
	if span.SpanContext().IsValid() || len(carrier) != 0 || tr.Enabled {
		t.Errorf("traced: %v %v", span.SpanContext(), carrier)
	}
	if err := tr.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheCallersTraceGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		config telemetry.TraceConfig
		env    string
	}{
		"config":      {telemetry.TraceConfig{OTLPEndpoint: "127.0.0.1:1", SampleRatio: 1}, ""},
		"url":         {telemetry.TraceConfig{OTLPEndpoint: "http://127.0.0.1:1", SampleRatio: 1}, ""},
		"environment": {telemetry.TraceConfig{SampleRatio: 1}, "http://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			tr, err := telemetry.NewTracing(t.Context(), c.config, "ingest", "v1", func(k string) string {
				if k == "OTEL_EXPORTER_OTLP_ENDPOINT" {
					return c.env
				}
				return ""
			})
			if err != nil || !tr.Enabled {
				t.Fatal(err)
			}
			var seen trace.SpanContext
			h := tr.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				seen = trace.SpanContextFromContext(r.Context())
			}), func(*http.Request) string { return "/webhooks" })
			r := httptest.NewRequest(http.MethodPost, "/webhooks/x", nil)
			r.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			h.ServeHTTP(httptest.NewRecorder(), r)
			if seen.TraceID().String() != "0af7651916cd43dd8448eb211c80319c" || !seen.IsSampled() {
				t.Errorf("trace %v", seen)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // the collector is away: do not wait for it
			_ = tr.Shutdown(ctx)
		})
	}
}

func TestSampleRatio(t *testing.T) {
	if _, err := telemetry.NewTracing(t.Context(), telemetry.TraceConfig{SampleRatio: 2}, "x", "v", none); err == nil {
		t.Error("2 was taken")
	}
}
