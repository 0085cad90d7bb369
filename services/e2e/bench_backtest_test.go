package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// BenchmarkBacktest measures how fast a backtest plays the journal through a proposed agreement and the one in force, beside
// a bare ordered consumer.
func BenchmarkBacktest(b *testing.B) {
	const perLead = 25
	n := envInt("BATON_BENCH_EVENTS", 1_000_000)
	c := Start(b, Setup{Split: true})
	c.client.Timeout = 10 * time.Minute
	j := c.runJournal(b)
	for _, s := range []string{"routing", "feedback"} {
		c.Kill(s)
	}
	c.fill(j, "backtest", "backtest", n, n/perLead)
	head := c.lastEvent(j)
	eventually(b, "scoring has read what there is", func() error {
		if at := c.metric("scoring", "baton_worker_position"); at < float64(head) {
			return fmt.Errorf("it is at %.0f of %d", at, head)
		}
		return nil
	})
	proposed := c.Call("POST", "/api/v1/agreements", map[string]any{"yaml": strings.Replace(testAgreement, "engagement >= 25.0", "engagement >= 40.0", 1)})
	if proposed.Status != 200 {
		b.Fatalf("propose: %s", proposed)
	}
	t := &table{b: b}
	for _, run := range []struct {
		what string
		body map[string]any
		gate float64
	}{
		{"one agreement", map[string]any{"against": 2}, 0.25},
		{"two agreements side by side", map[string]any{}, 0},
	} {
		t.add("backtest of "+run.what+", beside a bare ordered consumer", "messages/s", rounds(func(int) round {
			read, raw := c.consume(1, c.lastEvent(j))
			start := time.Now()
			if r := c.Call("POST", "/api/v1/agreements/2/backtest", run.body); r.Status != 200 || !strings.Contains(string(r.Body), `"done":true`) {
				b.Fatalf("backtest: %.500s", r)
			}
			return round{raw: raw, got: float64(read) / time.Since(start).Seconds()}
		}), run.gate)
	}
	t.print()
}
