package webhook

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/webhook"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// inbox is a receiver as Standard Webhooks wants it: it verifies, and takes each id once.
func inbox(t *testing.T) (http.Handler, func() map[string]int) {
	verifier, err := webhook.NewVerifier([]string{secret}, webhook.Tolerance)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]string{}
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if err := verifier.Verify(r.Header, body, time.Now()); err != nil || r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != userAgent {
				t.Errorf("%v: %v", err, r.Header)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[r.Header.Get(webhook.HeaderID)] = string(body)
		}), func() map[string]int {
			mu.Lock()
			defer mu.Unlock()
			return map[string]int{"messages": len(seen)}
		}
}

func make1(t *testing.T, url string, deps destination.Deps) destination.Destination {
	t.Helper()
	d, err := Type().New(destination.Config{Name: "crm", Type: Name, URL: url + "/hook", Secrets: []string{secret}}, deps)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConform(t *testing.T) {
	destinationtest.Conform(t, destinationtest.Case{
		Vendor: inbox, New: make1, Secrets: []string{secret},
		Without: map[string]string{
			"verdicts":                       "a webhook's 429 is tried again by its own schedule",
			"a token that ended is replaced": "it has none",
			"answers out of measure":         "a 2xx is success, whatever follows it",
		},
	})
}

func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault destinationtest.Fault
		want  destination.Outcome
	}{
		{"taken", destinationtest.Fault{Status: 202}, destination.Outcome{Verdict: destination.Done, Status: 202}},
		{"taken, and a long answer", destinationtest.Fault{Status: 200, Body: strings.Repeat("x", 3<<20)}, destination.Outcome{Verdict: destination.Done, Status: 200}},
		{"gone", destinationtest.Fault{Status: 410}, destination.Outcome{Verdict: destination.Never, Status: 410, Reason: "status 410: the destination wants no more deliveries"}},
		{"moved", destinationtest.Fault{Status: 307, Header: map[string]string{"Location": "http://169.254.169.254/"}}, destination.Outcome{Status: 307, Reason: "status 307: redirects are not followed"}},
		{"refused", destinationtest.Fault{Status: 400, Body: "ana@initech.example is unknown"}, destination.Outcome{Status: 400, Reason: "status 400"}},
		{"not let in", destinationtest.Fault{Status: 401}, destination.Outcome{Status: 401, Reason: "status 401"}},
		{"too many", destinationtest.Fault{Status: 429, Header: map[string]string{"Retry-After": "7"}}, destination.Outcome{Status: 429, Sick: true, After: 7 * time.Second, Reason: "status 429"}},
		{"broken", destinationtest.Fault{Status: 503}, destination.Outcome{Status: 503, Sick: true, Reason: "status 503"}},
		{"cut off", destinationtest.Fault{}, destination.Outcome{Sick: true, Reason: "the connection failed"}},
	} {
		handler, _ := inbox(t)
		s := destinationtest.NewServer(t, handler)
		s.Faults(func(int, *destinationtest.Request) *destinationtest.Fault { return &tc.fault })
		o := make1(t, s.URL, destinationtest.Deps(s)).Deliver(context.Background(), destinationtest.Routed("ho_1", "ana@initech.example"))
		if o.Verdict != tc.want.Verdict || o.Status != tc.want.Status || o.Sick != tc.want.Sick || o.After != tc.want.After || o.Reason != tc.want.Reason {
			t.Errorf("%s: %+v, want %+v", tc.name, o, tc.want)
		}
	}
}

func TestConfiguration(t *testing.T) {
	for want, cfg := range map[string]destination.Config{
		"url: ":        {},
		"auth: ":       {URL: "https://crm.example/hook", Auth: destination.Auth{Token: "x"}},
		"secrets[1]: ": {URL: "https://crm.example/hook", Secrets: []string{secret, "whsec_short"}},
	} {
		if _, err := New(cfg, destination.Deps{}); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "whsec_short") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	// Without a secret nothing is signed.
	s := destinationtest.NewServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	d, err := New(destination.Config{URL: s.URL}, destinationtest.Deps(s))
	if err != nil {
		t.Fatal(err)
	}
	if o := d.Deliver(t.Context(), destinationtest.Routed("ho_1", "ana@initech.example")); o.Verdict != destination.Done {
		t.Errorf("%+v", o)
	}
	if got := s.Requests(); len(got) != 1 || got[0].Header.Get(webhook.HeaderSignature) != "" {
		t.Errorf("%+v", got)
	}
}
