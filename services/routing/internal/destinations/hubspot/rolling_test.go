package hubspot_test

import (
	"testing"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
)

// Each refusal in a row waits ten seconds more, up to a minute; requests that were refused together are one, and a quiet time
// begins anew.
func TestTheRollingLimitWaitsLongerEachTime(t *testing.T) {
	r := newRig(t, nil)
	now := time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)
	deps := destinationtest.Deps(r.server)
	deps.Now = func() time.Time { return now }
	r.dest = made(t, r.server.URL, deps, nil)
	r.server.Faults(func(int, *destinationtest.Request) *destinationtest.Fault {
		return &destinationtest.Fault{Status: 429, Body: `{"policyName":"TEN_SECONDLY_ROLLING"}`}
	})
	for i, step := range []struct{ pass, want time.Duration }{
		{0, 10 * time.Second},
		{time.Millisecond, 10 * time.Second}, // was on its way with the first
		{10 * time.Second, 20 * time.Second},
		{21 * time.Second, 30 * time.Second},
		{30 * time.Second, 40 * time.Second},
		{40 * time.Second, 50 * time.Second},
		{50 * time.Second, time.Minute},
		{time.Minute, time.Minute},
		{71 * time.Second, 10 * time.Second}, // eleven seconds after the last wait
	} {
		now = now.Add(step.pass)
		if o := r.deliver(t, destinationtest.Routed(ho, ana)); o.Verdict != destination.Later || o.After != step.want {
			t.Errorf("refusal %d: %+v, want %v", i, o, step.want)
		}
	}
}
