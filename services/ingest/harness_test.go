package ingest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/webhook"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
)

const (
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	oldSecret = "whsec_b2xkb2xkb2xkb2xkb2xkb2xk"
	writeKey  = "wk_test"
)

// bench is an ingest service over a journal in memory, behind a real HTTP server.
type bench struct {
	journal *fakejournal.Journal
	service *Service
	server  *httptest.Server
	metrics *prometheus.Registry
}

func testConfig() Config {
	c := DefaultConfig()
	c.CORSOrigins = []string{"https://www.initech.example"}
	c.Sources = []Source{
		{Name: "site", Type: "segment", WriteKey: config.NewSecret(writeKey), Map: map[string]string{"Signed Up": "trial_started", "Lead Accepted": "accepted"}},
		{Name: "rudder", Type: "rudderstack", WriteKey: config.NewSecret("wk_rudder")},
		{Name: "app", Type: "baton", Secrets: []config.Secret{config.NewSecret(secret), config.NewSecret(oldSecret)}},
		{Name: "open", Type: "baton"},
		{Name: "crm", Type: "standard-webhooks", Secrets: []config.Secret{config.NewSecret(secret)}, Map: map[string]string{"contact.downloaded": "asset_downloaded"}},
		{Name: "slow", Type: "baton", Rate: 5},
	}
	return c
}

func newBench(t testing.TB, change ...func(*Config)) *bench {
	t.Helper()
	c := testConfig()
	for _, f := range change {
		f(&c)
	}
	b := &bench{journal: &fakejournal.Journal{}, metrics: prometheus.NewRegistry()}
	var err error
	b.service, err = New(c, Deps{Journal: b.journal, Metrics: b.metrics})
	if err != nil {
		t.Fatal(err)
	}
	b.server = httptest.NewUnstartedServer(b.service.Handler())
	b.server.Config.ReadHeaderTimeout, b.server.Config.ReadTimeout = 5*time.Second, 9*time.Second
	b.server.Start()
	t.Cleanup(b.server.Close)
	return b
}

// reply is an answer, its body read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) problem(t testing.TB) (detail string, errs []struct{ Field, Reason string }) {
	t.Helper()
	var p struct {
		Type, Title, Detail string
		Status              int
		Errors              []struct{ Field, Reason string }
	}
	if err := json.Unmarshal([]byte(r.body), &p); err != nil {
		t.Errorf("not a problem: %q", r.body)
	}
	if r.header.Get("Content-Type") != "application/problem+json" || p.Status != r.status || p.Type == "" || p.Title == "" {
		t.Errorf("not a whole problem: %d %s %s", r.status, r.header.Get("Content-Type"), r.body)
	}
	return p.Detail, p.Errors
}

func (r reply) result(t testing.TB) (accepted, duplicates, rejected, quarantined int, sequence string) {
	t.Helper()
	var v struct {
		Accepted, Duplicates, Quarantined *int
		Rejected                          []struct {
			Index  int
			Errors []struct{ Field, Reason string }
		}
		Sequence string
	}
	if err := json.Unmarshal([]byte(r.body), &v); err != nil || r.status != http.StatusAccepted || v.Accepted == nil || v.Duplicates == nil || v.Rejected == nil {
		t.Fatalf("not a result: %d %q (%v)", r.status, r.body, err)
	}
	if v.Quarantined != nil {
		quarantined = *v.Quarantined
	}
	return *v.Accepted, *v.Duplicates, len(v.Rejected), quarantined, v.Sequence
}

func (b *bench) do(t testing.TB, r *http.Request) reply {
	t.Helper()
	resp, err := b.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: string(body)}
}

func (b *bench) request(t testing.TB, method, path, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// post sends a body to a source that takes it unsigned.
func (b *bench) post(t testing.TB, body string, header ...string) reply {
	t.Helper()
	return b.do(t, b.request(t, http.MethodPost, "/webhooks/open", body, header...))
}

// signed sends a body signed with the given secrets.
func (b *bench) signed(t testing.TB, source, id, body string, secrets ...string) reply {
	t.Helper()
	r := b.request(t, http.MethodPost, "/webhooks/"+source, body)
	if len(secrets) == 0 {
		secrets = []string{secret}
	}
	sign(t, r, id, body, time.Now(), secrets...)
	return b.do(t, r)
}

func sign(t testing.TB, r *http.Request, id, body string, at time.Time, secrets ...string) {
	t.Helper()
	s, err := webhook.NewSigner(secrets)
	if err != nil {
		t.Fatal(err)
	}
	s.SetHeaders(r.Header, id, at, []byte(body))
}

func (b *bench) track(t testing.TB, call, body string, header ...string) reply {
	t.Helper()
	r := b.request(t, http.MethodPost, "/v1/"+call, body, header...)
	if r.Header.Get("Authorization") == "" {
		r.SetBasicAuth(writeKey, "")
	}
	return b.do(t, r)
}

func zip(t testing.TB, body string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.WriteString(z, body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (b *bench) nothing(t testing.TB) {
	t.Helper()
	if ev := b.journal.Events(); len(ev) > 0 {
		t.Errorf("%d events in the journal, the first: %v", len(ev), ev[0].Body)
	}
}

// counter gives a metric's value by its name and labels.
func (b *bench) counter(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.Metric {
			for i := 0; i < len(labels); i += 2 {
				found := false
				for _, l := range m.Label {
					found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}
				if !found {
					continue metrics
				}
			}
			return m.GetCounter().GetValue()
		}
	}
	return 0
}

const goodEvent = `{"id": "evt-1", "type": "demo_requested", "lead": {"email": "ana@initech.example"}}`
