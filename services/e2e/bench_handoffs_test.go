package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// The hops of a handoff from when its lead is ready to the CRM, each by the moment at which the log, or at the end the CRM, has it.
var handoffHops = []string{"routing matches", "the desk assigns", "the delivery is due", "the CRM has it", "its outcome is logged"}

// BenchmarkHandoffs makes 200 leads a second ready, all at different companies but for every tenth, and measures how long it takes from the
// word that one is until a CRM on this machine has the handoff, and how much processor time one takes, of everything that the process
// does. BATON_BENCH_READY is how many a second.
func BenchmarkHandoffs(b *testing.B) {
	perSecond := envInt("BATON_BENCH_READY", 200)
	n := perSecond * envInt("BATON_BENCH_SECONDS", 15)
	crm := NewCRM(b, "crm")
	c := Start(b, Setup{CRMs: []*CRM{crm}})
	person := func(i int) string {
		if i%10 == 0 {
			return fmt.Sprintf("p%d@together.example", i)
		}
		return fmt.Sprintf("p%d@company%d.example", i, i/2)
	}
	var known []Event
	for i := range n {
		known = append(known, buyer(fmt.Sprint("ready-who-", i), person(i), fmt.Sprintf("company%d.example", i/2)))
	}
	for part := range slices.Chunk(known, 500) {
		c.Send(part...)
	}
	c.Reconciled()
	spent, begin := c.process("routing").cpu(), time.Now()
	var wg sync.WaitGroup
	for i := range n {
		if wait := time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(perSecond))); wait > 0 {
			time.Sleep(wait) // the clock of the load, nothing waits for it
		}
		wg.Go(func() {
			if _, err := c.TrySend(b.Context(), demo(fmt.Sprint("ready-", i), person(i))); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	settled(c)
	spent = c.process("routing").cpu() - spent
	all, per := handoffTimes(c, crm)
	if len(all) != n {
		b.Fatalf("%d of %d handoffs arrived", len(all), n)
	}
	p50, p99 := quantile(all, 0.5), quantile(all, 0.99)
	b.Logf("ready to CRM at %.0f leads/s: p50 %v, p99 %v (under 250ms); %.2f ms of CPU a lead", float64(n)/took.Seconds(), p50, p99, spent.Seconds()*1000/float64(n))
	b.Logf("  a write of 500 bytes and its fsync take %v on this disk", fsync(b))
	for i, name := range handoffHops {
		b.Logf("  %-22s p50 %8v  p99 %8v", name, quantile(per[i], 0.5), quantile(per[i], 0.99))
	}
	b.ReportMetric(float64(p99.Milliseconds()), "p99-ms")
	if p99 > 250*time.Millisecond {
		b.Errorf("too slow: p99 %v", p99)
	}
}

// handoffTimes gives the time of each handoff from qualified to the CRM, and the times of each hop.
func handoffTimes(c *Cluster, crm *CRM) (all []time.Duration, per [][]time.Duration) {
	marks := map[string][]time.Time{}
	mark := func(handoff string, hop int, at time.Time) {
		if m := marks[handoff]; m != nil && m[hop].IsZero() {
			m[hop] = at
		}
	}
	deliveries := map[string]string{}
	for _, ev := range c.Log() {
		switch body := ev.Body; {
		case body.GetQualified() != nil:
			marks[body.GetQualified().GetHandoffId()] = make([]time.Time, len(handoffHops)+1)
			mark(body.GetQualified().GetHandoffId(), 0, ev.Logged)
		case body.GetMatched() != nil:
			mark(body.GetMatched().GetHandoffId(), 1, ev.Logged)
		case body.GetAssigned() != nil && ev.Entity != "desk":
			mark(body.GetAssigned().GetHandoffId(), 2, ev.Logged)
		case body.GetDeliveryDue() != nil:
			deliveries[body.GetDeliveryDue().GetWebhookId()] = body.GetDeliveryDue().GetHandoffId()
			mark(body.GetDeliveryDue().GetHandoffId(), 3, ev.Logged)
		case body.GetDelivered() != nil:
			mark(deliveries[body.GetDelivered().GetWebhookId()], 5, ev.Logged)
		}
	}
	for handoff, rec := range crm.ByHandoff("handoff.routed") {
		mark(handoff, 4, rec.At)
	}
	per = make([][]time.Duration, len(handoffHops))
	for _, m := range marks {
		if m[0].IsZero() || m[4].IsZero() {
			continue
		}
		all = append(all, m[4].Sub(m[0]))
		for hop := range handoffHops {
			per[hop] = append(per[hop], m[hop+1].Sub(m[hop]))
		}
	}
	return all, per
}
