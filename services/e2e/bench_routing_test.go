package e2e

import (
	"fmt"
	"testing"
)

// BenchmarkRouting measures how fast routing reads what people do who were never handed over: it has to look at every contact, for any of
// them may have an owner, and remembers none of these. Beside it, how fast a client can read the same messages and do nothing.
// BATON_BENCH_EVENTS says how many events a round has.
func BenchmarkRouting(b *testing.B) {
	// More leads than are kept in memory: most have to be looked up.
	const perLead = 2
	n := envInt("BATON_BENCH_EVENTS", 100_000)
	c := Start(b, Setup{Split: true})
	j := c.runJournal(b)
	for _, s := range services {
		c.Kill(s)
	}
	t := &table{b: b}
	var rounds []round
	for i := range 3 {
		from := c.lastEvent(j)
		c.fill(j, fmt.Sprint("look", i), fmt.Sprint("look", i), n, n/perLead)
		read, raw := c.consume(from+1, c.lastEvent(j))
		took := c.foldTime("routing", "session opened", "live")
		spent := c.process("routing").cpu()
		b.Logf("%.1f µs of CPU an event, the start of the process included", spent.Seconds()*1e6/float64(read))
		rounds = append(rounds, round{float64(read) / took.Seconds(), raw})
		c.Kill("routing")
	}
	t.add("routing over leads never handed over", "events/s", rounds, 0.3)
	t.print()
}
