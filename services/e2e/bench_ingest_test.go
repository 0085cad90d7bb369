package e2e

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// BenchmarkIngest measures what ingest takes over HTTP, signed, each event on disk before it is answered: beside what the
// journal takes from a caller in its own process, and beside a bare echo server under the same client.
func BenchmarkIngest(b *testing.B) {
	c := Start(b, Setup{Split: true})
	for _, s := range []string{"scoring", "routing", "feedback"} {
		c.Kill(s) // theirs is not what is measured
	}
	j := c.runJournal(b)
	t := &table{b: b}
	const singles = 8000
	// With 256 in flight the journal writes large groups, and what limits HTTP is not the journal but the processors: that
	// is what the comparison with the echo server is for.
	for _, inFlight := range []int{16, 64, 256} {
		gate := 0.8
		if inFlight == 256 {
			gate = 0
		}
		t.add(fmt.Sprintf("single events, %d in flight, beside journal.Append", inFlight), "events/s", rounds(func(i int) round {
			name := fmt.Sprintf("single%d-%d", inFlight, i)
			return round{
				raw: appendRate(b, j, name, inFlight, singles, 1),
				got: blast(b, c.addr(), inFlight, signedRequests(b, name, singles, 1, 500, 1000), 202),
			}
		}), gate)
	}
	echo := startEcho(b)
	t.add("single events, 256 connections, beside net/http echo", "events/s", rounds(func(i int) round {
		requests := signedRequests(b, fmt.Sprint("echo-", i), 3*singles, 1, 500, 1000)
		return round{raw: blast(b, echo, 256, requests, 200), got: blast(b, c.addr(), 256, requests, 202)}
	}), 0.25)
	for _, inFlight := range []int{1, 8} {
		t.add(fmt.Sprintf("batches of 100, %d in flight, beside journal.Append", inFlight), "events/s", rounds(func(i int) round {
			name := fmt.Sprintf("batch%d-%d", inFlight, i)
			return round{
				raw: appendRate(b, j, name, inFlight, 200, 100),
				got: 100 * blast(b, c.addr(), inFlight, signedRequests(b, name, 200, 100, 500, 1000), 202),
			}
		}), 0.5)
	}
	t.print()
}

// rounds takes three measurements.
func rounds(measure func(i int) round) []round {
	return []round{measure(0), measure(1), measure(2)}
}

// runJournal opens the cluster's journal for appending.
func (c *Cluster) runJournal(b *testing.B) *journal.Journal {
	b.Helper()
	j := c.Journal()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = j.Run(ctx)
	}()
	b.Cleanup(func() {
		cancel()
		<-done
	})
	return j
}

// appendRate appends groups of events of the size that ingest makes of the benchmark's own, and gives events a second.
func appendRate(b *testing.B, j *journal.Journal, name string, inFlight, groups, size int) float64 {
	b.Helper()
	all := make([][]*journalv1.Event, groups)
	for i := range all {
		for k := range size {
			all[i] = append(all[i], pageView(j, fmt.Sprintf("raw-%s-%d", name, i*size+k), fmt.Sprintf("p%d@%s.example", (i*size+k)%1000, name)))
		}
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range inFlight {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= groups {
					return
				}
				if _, err := j.Append(b.Context(), all[i]...); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(groups*size) / time.Since(start).Seconds()
}

// pageView is the event that ingest makes of the benchmark's 500 bytes.
func pageView(j *journal.Journal, id, who string) *journalv1.Event {
	now := timestamppb.Now()
	filler := make([]byte, 300)
	for i := range filler {
		filler[i] = 'x'
	}
	url := "https://www.example/docs/page"
	return &journalv1.Event{
		Id: id, Entity: j.Key().Lead(identity.Email, "", who), Type: "page_viewed", Source: "app", OccurredAt: now, ReceivedAt: now,
		Identity: &journalv1.Identity{Email: who}, Touch: &journalv1.Touch{Url: url},
		Properties: &structpb.Struct{Fields: map[string]*structpb.Value{"url": structpb.NewStringValue(url), "filler": structpb.NewStringValue(string(filler))}},
		Payload:    &journalv1.Event_PageViewed{PageViewed: &journalv1.PageViewed{}},
	}
}
