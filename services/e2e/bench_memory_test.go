package e2e

import (
	"fmt"
	"testing"
	"time"
)

const mib = 1 << 20

// BenchmarkMemory measures what `baton up` takes when nothing happens, and what the four services take after many events
// of many leads, and after ten times as many of the same leads where BATON_BENCH_TENFOLD is set.
func BenchmarkMemory(b *testing.B) {
	idle := Start(b, Setup{Split: false})
	if !suiteSplit {
		rss := idle.process("baton").rss()
		b.Logf("baton up, idle: %d MiB (under 120)", rss/mib)
		if rss > 120*mib {
			b.Errorf("baton up takes %d MiB when nothing happens", rss/mib)
		}
	}
	for _, name := range idle.Processes() {
		idle.Kill(name)
	}

	n := envInt("BATON_BENCH_MEMORY_EVENTS", 1_000_000)
	c := Start(b, Setup{Split: true})
	j := c.runJournal(b)
	rounds := 1
	if envInt("BATON_BENCH_TENFOLD", 0) > 0 {
		rounds = 10
	}
	first := int64(0)
	for round := range rounds {
		start := time.Now()
		c.fill(j, fmt.Sprint("memory", round), "memory", n, n/10)
		head := c.lastEvent(j)
		for _, s := range []string{"scoring", "routing", "feedback"} {
			for c.metric(s, "baton_worker_position") < float64(head)*0.999 {
				time.Sleep(100 * time.Millisecond) // it is being folded
				if time.Since(start) > 20*time.Minute {
					b.Fatalf("%s does not come after", s)
				}
			}
		}
		var sum int64
		text := ""
		for _, s := range services {
			rss := c.process(s).rss()
			sum += rss
			text += fmt.Sprintf("  %s %d MiB (heap %.0f)", s, rss/mib, c.metric(s, "go_memstats_heap_inuse_bytes")/mib)
		}
		b.Logf("after %d events of %d leads, %v: %d MiB (under 400)%s", (round+1)*n, n/10, time.Since(start).Round(time.Second), sum/mib, text)
		if sum > 400*mib {
			b.Errorf("the services take %d MiB", sum/mib)
		}
		if first == 0 {
			first = sum
		} else if sum > first*5/4 {
			b.Errorf("memory grows with the events: %d MiB after the first %d, now %d", first/mib, n, sum/mib)
		}
	}
}

// BenchmarkRecovery kills one process after the other while events come in, starts it again, and measures how long it takes
// from the start until what is sent shows through that service again. The others go on meanwhile.
func BenchmarkRecovery(b *testing.B) {
	c := Start(b, Setup{Split: true})
	j := c.runJournal(b)
	c.fill(j, "recovery", "recovery", 50_000, 5_000)
	c.Reconciled()
	shows := map[string]string{"scoring": "leads?email=nobody@recovery.example&after=", "routing": "handoffs?after=", "feedback": "metrics/funnel?after="}
	n := 0
	for _, s := range services {
		worst := time.Duration(0)
		for range 3 {
			c.Kill(s)
			for other, path := range shows {
				n++
				if s == "ingest" || s == other {
					continue
				}
				if _, err := tryGet[any](c, path+c.Send(visit(fmt.Sprint("rec-", n), "a@recovery.example", "https://www.example/"))); err != nil {
					b.Errorf("while %s is dead: %v", s, err)
				}
			}
			start := time.Now()
			c.Restart(s)
			eventually(b, s+" is back", func() error {
				n++
				taken, err := c.TrySend(b.Context(), visit(fmt.Sprint("rec-", n), "a@recovery.example", "https://www.example/"))
				if err == nil && shows[s] != "" {
					_, err = tryGet[any](c, shows[s]+taken.Sequence)
				}
				return err
			})
			worst = max(worst, time.Since(start))
		}
		b.Logf("%-8s back %v after its start, the worst of three (under 3s)", s, worst.Round(time.Millisecond))
		if worst > 3*time.Second {
			b.Errorf("%s was back only after %v", s, worst)
		}
	}
}
