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
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
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
