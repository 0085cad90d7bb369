package app

import (
	"context"
	"encoding/hex"
	"net"
	"strings"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
)

// collector takes spans as an OpenTelemetry collector does.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	mu sync.Mutex
	// spans are "service/name", by trace.
	spans map[string][]string
}

func (c *collector) Export(_ context.Context, r *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range r.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				id := hex.EncodeToString(s.GetTraceId())
				c.spans[id] = append(c.spans[id], ss.GetScope().GetName()+" "+s.GetName())
				for _, a := range s.GetAttributes() {
					if strings.Contains(a.GetValue().GetStringValue(), "@") {
						c.spans["personal"] = append(c.spans["personal"], s.GetName()+" "+a.GetKey())
					}
				}
			}
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func startCollector(t *testing.T) (*collector, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{spans: map[string][]string{}}
	s := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(s, c)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return c, l.Addr().String()
}

// The sender's trace goes on through ingest and, in the event's headers, into the services that fold it.
func TestATraceGoesFromTheWebhookThroughTheJournal(t *testing.T) {
	const trace = "0af7651916cd43dd8448eb211c80319c"
	spans, addr := startCollector(t)
	c := anyPorts(t.TempDir())
	c.Telemetry.OTLPEndpoint = addr
	addrs, _, stop := begin(t, Up, c)

	after := post(t, addrs.HTTP, smokeEvent, "Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	leadByEmail(t, addrs.HTTP, after)
	if err := stop(); err != nil { // what is left is sent
		t.Fatal(err)
	}
	spans.mu.Lock()
	defer spans.mu.Unlock()
	got := strings.Join(spans.spans[trace], "\n")
	for _, want := range []string{"baton/http POST /webhooks", "baton/ingest", "baton/scoring"} {
		if !strings.Contains(got, want) {
			t.Errorf("no span %q in\n%s", want, got)
		}
	}
	if p := spans.spans["personal"]; len(p) > 0 {
		t.Errorf("spans name people: %v", p)
	}
}
