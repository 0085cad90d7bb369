package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
)

// The hops of a lead from its webhook to the CRM, each by the moment at which it ends.
var hops = []string{"ingest has it", "it is logged", "scoring qualifies", "routing matches", "the desk assigns", "it is routed", "the delivery is due", "the CRM has it"}

// BenchmarkLatency sends 200 events a second, a fifth of which make a lead ready, and measures how long it takes from the
// webhook until a CRM on this machine has the handoff. Every event is on disk before it is acknowledged.
func BenchmarkLatency(b *testing.B) {
	const perSecond, demoEvery = 200, 5
	n := perSecond * envInt("BATON_BENCH_SECONDS", 15)
	var p50, p99 time.Duration
	var share []time.Duration
	for round := range 3 {
		crm := NewCRM(b, fmt.Sprint("crm", round))
		c := Start(b, Setup{CRMs: []*CRM{crm}})
		var known []Event
		for i := range n / demoEvery {
			known = append(known, buyer(fmt.Sprint("lat-who-", i), latent(i), employer(i)))
		}
		for part := range slices.Chunk(known, 500) {
			c.Send(part...)
		}
		c.Reconciled()
		sent := make([]time.Time, n/demoEvery)
		var wg sync.WaitGroup
		begin := time.Now()
		for i := range n {
			if wait := time.Until(begin.Add(time.Duration(i) * time.Second / perSecond)); wait > 0 {
				time.Sleep(wait) // the clock of the load, nothing waits for it
			}
			wg.Go(func() {
				e := visit(fmt.Sprint("lat-", i), fmt.Sprintf("reader%d@latency.example", i%500), "https://www.example/docs")
				if i%demoEvery == 0 {
					e = demo(fmt.Sprint("lat-", i), latent(i/demoEvery))
					sent[i/demoEvery] = time.Now()
				}
				if _, err := c.TrySend(b.Context(), e); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		settled(c)
		all, per := latencies(b, c, crm, sent)
		if len(all) != len(sent) {
			b.Fatalf("%d of %d handoffs arrived", len(all), len(sent))
		}
		if q := quantile(all, 0.99); p99 == 0 || q < p99 {
			p50, p99, share = quantile(all, 0.5), q, per
		}
		for _, name := range c.Processes() {
			c.Kill(name)
		}
	}
	b.Logf("webhook to CRM at %d events/s, %d handoffs/s: p50 %v (under 60ms), p99 %v (under 250ms)", perSecond, perSecond/demoEvery, p50, p99)
	b.Logf("  a write of 500 bytes and its fsync take %v on this disk", fsync(b))
	for i, name := range hops {
		b.Logf("  %-22s %8v", name, share[i])
	}
	if p50 > 60*time.Millisecond || p99 > 250*time.Millisecond {
		b.Errorf("too slow: p50 %v, p99 %v", p50, p99)
	}
}

// latent names the i-th lead of a load: four work at each company, so that colleagues' handoffs are told of as they would be.
func latent(i int) string { return fmt.Sprintf("p%d@%s", i, employer(i)) }

func employer(i int) string { return fmt.Sprintf("c%d.example", i/4) }

// latencies gives the time of each handoff from webhook to CRM, and the median of each hop.
func latencies(b *testing.B, c *Cluster, crm *CRM, sent []time.Time) (all []time.Duration, medians []time.Duration) {
	b.Helper()
	marks := map[string][]time.Time{} // by handoff, in the order of the hops
	demos, handoffs := map[string]*journal.Event{}, map[string]string{}
	mark := func(handoff string, hop int, at time.Time) {
		if m := marks[handoff]; m != nil {
			m[hop] = at
		}
	}
	for _, ev := range c.Log() {
		switch {
		case ev.Type == "demo_requested" && ev.Input():
			demos[ev.Entity] = ev
		case ev.Body.GetQualified() != nil:
			h, asked := ev.Body.GetQualified().HandoffId, demos[ev.Entity]
			marks[h] = make([]time.Time, len(hops))
			handoffs[h] = ev.Body.GetQualified().GetLead().GetEmail()
			mark(h, 0, asked.Time())
			mark(h, 1, asked.Logged)
			mark(h, 2, ev.Logged)
		case ev.Body.GetMatched() != nil:
			mark(ev.Body.GetMatched().HandoffId, 3, ev.Logged)
		case ev.Body.GetAssigned() != nil && ev.Entity != "desk":
			mark(ev.Body.GetAssigned().HandoffId, 4, ev.Logged)
		case ev.Body.GetRouted() != nil:
			mark(ev.Body.GetRouted().HandoffId, 5, ev.Logged)
		case ev.Body.GetDeliveryDue() != nil:
			mark(ev.Body.GetDeliveryDue().HandoffId, 6, ev.Logged)
		}
	}
	per := make([][]time.Duration, len(hops))
	for handoff, rec := range crm.ByHandoff("handoff.routed") {
		mark(handoff, 7, rec.At)
		var i int
		if _, err := fmt.Sscanf(handoffs[handoff], "p%d@", &i); err != nil {
			b.Fatalf("%s is of %q: %v", handoff, handoffs[handoff], err)
		}
		all = append(all, rec.At.Sub(sent[i]))
		last := sent[i]
		for hop, at := range marks[handoff] {
			per[hop] = append(per[hop], at.Sub(last))
			last = at
		}
	}
	for _, p := range per {
		medians = append(medians, quantile(p, 0.5))
	}
	return all, medians
}

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)].Round(10 * time.Microsecond)
}
