package journal_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/batonhq/baton/pkg/embedded"
	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

func benchConn(b *testing.B) *nats.Conn {
	b.Helper()
	server, err := embedded.StartNATS(embedded.Options{Dir: b.TempDir(), SyncAlways: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Shutdown() })
	nc, err := server.Conn()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}

// BenchmarkAppend measures what is acknowledged per second, sync always, at a number of callers in flight, beside plain
// publishes by as many.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 8, 64, 256} {
		nc := benchConn(b)
		j, err := journal.Open(context.Background(), nc, journal.Options{})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() { _ = j.Run(ctx) }()
		js, err := jetstream.New(nc)
		if err != nil {
			b.Fatal(err)
		}
		parallel := func(b *testing.B, f func(i int) error) {
			var wg sync.WaitGroup
			for c := range callers {
				wg.Go(func() {
					for i := c; i < b.N; i += callers {
						if err := f(i); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		}
		lead := j.Key().Lead(1, "", "bench@test.example")
		b.Run(fmt.Sprintf("journal/%d", callers), func(b *testing.B) {
			parallel(b, func(i int) error {
				_, err := j.Append(ctx, journaltest.Custom(lead, fmt.Sprint(i)))
				return err
			})
		})
		payload := make([]byte, 120)
		b.Run(fmt.Sprintf("plain/%d", callers), func(b *testing.B) {
			parallel(b, func(int) error {
				_, err := js.Publish(ctx, "baton.j.00.bench", payload)
				return err
			})
		})
		cancel()
		time.Sleep(10 * time.Millisecond)
	}
}

// counting is the least a Logic can do: what remains is the worker's own cost.
type counting struct{}

func (counting) Service() string                                  { return "counting" }
func (counting) Wants(h journal.Head) bool                        { return h.Origin == nil }
func (counting) NewGlobals() journal.Globals                      { return noGlobals{} }
func (counting) Load(id string, b []byte) (journal.Entity, error) { return &counted{n: len(b)}, nil }

type noGlobals struct{}

func (noGlobals) Apply(*journal.Event) []string { return nil }

type counted struct{ n int }

func (c *counted) Apply(_ journal.Globals, ev *journal.Event) journal.Outcome {
	if ev.Type == "custom" {
		c.n++
	}
	return journal.Applied
}

func (c *counted) Decide(_ journal.Globals, ev *journal.Event, d *journal.Decision) {
	if c.n%10 == 0 {
		d.Fact(ev.Entity, &journalv1.Event{Type: "ten"})
	}
}
func (c *counted) Deadlines(journal.Globals) map[string]time.Time { return nil }
func (c *counted) Save(*leadstore.Mutation) []byte                { return make([]byte, 300) }

// BenchmarkWorker compares a worker with one fact per ten events, and its rebuild of an empty store, with the bare rate at
// which an ordered consumer reads the same messages. Gates: 0.35 and 0.5 of it for the worker's own cost.
func BenchmarkWorker(b *testing.B) {
	const events, leads = 100_000, 10_000
	nc := benchConn(b)
	ctx := b.Context()
	j, err := journal.Open(ctx, nc, journal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = j.Run(ctx) }()
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for i := c * 500; i < events; i += 8 * 500 {
				var evs []*journalv1.Event
				for k := i; k < i+500; k++ {
					evs = append(evs, journaltest.Custom(j.Key().Lead(1, "", fmt.Sprint(k%leads)), fmt.Sprint(k)))
				}
				if _, err := j.Append(ctx, evs...); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	redis := enginetest.StartStandIn(b)
	store, err := redisstore.Open(ctx, redis.URL(), nil)
	if err != nil {
		b.Fatal(err)
	}
	run := func() time.Duration {
		start := time.Now()
		ctx, cancel := context.WithCancel(ctx)
		w := journal.NewWorker(j, store, counting{}, journal.WorkerOptions{Own: journaltest.AllPartitions()})
		done := make(chan struct{})
		go func() { defer close(done); _ = w.Run(ctx) }()
		r := journal.NewReader(j, store, "counting")
		for r.Wait(ctx, fmt.Sprint(events)) != nil {
		}
		took := time.Since(start)
		cancel()
		<-done
		return took
	}
	b.Run("all", func(b *testing.B) {
		for range b.N {
			start := time.Now()
			js, _ := jetstream.New(nc)
			c, err := js.OrderedConsumer(ctx, journal.StreamName, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"baton.j.>"}})
			if err != nil {
				b.Fatal(err)
			}
			it, err := c.Messages(jetstream.PullMaxMessages(4096))
			if err != nil {
				b.Fatal(err)
			}
			for range events {
				if _, err := it.Next(); err != nil {
					b.Fatal(err)
				}
			}
			it.Stop()
			bare := time.Since(start)
			loop := run()
			if err := store.WipeAll(ctx, "counting", journaltest.AllPartitions(), "bench"); err != nil {
				b.Fatal(err)
			}
			rebuild := run()
			rate := func(d time.Duration) float64 { return events / d.Seconds() }
			b.ReportMetric(rate(bare), "bare/s")
			b.ReportMetric(rate(loop), "loop/s")
			b.ReportMetric(rate(rebuild), "rebuild/s")
			b.ReportMetric(rate(loop)/rate(bare), "loop-ratio")
			b.ReportMetric(rate(rebuild)/rate(bare), "rebuild-ratio")
		}
	})
}
