package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// BenchmarkScoring measures how fast scoring decides what it has not seen, and how fast it folds an empty Redis again,
// beside how fast a client can read the same messages and do nothing. BATON_BENCH_EVENTS says how many events a round has.
func BenchmarkScoring(b *testing.B) {
	// A lead that is looked after for some weeks: about one event in ten says something new of it.
	const perLead = 25
	n := envInt("BATON_BENCH_EVENTS", 100_000)
	c := Start(b, Setup{Split: true})
	j := c.runJournal(b)
	for _, s := range services {
		c.Kill(s)
	}
	t := &table{b: b}
	var live, rebuild []round
	var facts, commits float64
	for i := range 3 {
		from := c.lastEvent(j)
		c.fill(j, fmt.Sprint("fold", i), fmt.Sprint("fold", i), n, n/perLead)
		to := c.lastEvent(j)
		read, raw := c.consume(from+1, to)
		took := c.foldTime("scoring", "session opened", "live")
		live = append(live, round{float64(read) / took.Seconds(), raw})
		facts = c.metric("scoring", "baton_worker_facts_total") / float64(read)
		commits = c.metric("scoring", "baton_worker_commit_seconds_count")
		c.Kill("scoring")
		c.Flush()
		read, raw = c.consume(1, c.lastEvent(j))
		took = c.foldTime("scoring", "replaying", "replayed")
		rebuild = append(rebuild, round{float64(read) / took.Seconds(), raw})
		c.Kill("scoring")
	}
	b.Logf("an agreement of 6 engagement rules, 3 fit rules and 2 qualify rules; %.2f facts an event; %d leads a round, %d events each; %.0f events a commit", facts, n/perLead, perLead, float64(n)/commits)
	t.add("scoring loop, beside a bare ordered consumer", "events/s", live, 0.2)
	t.add("rebuild of an empty Redis, beside the same", "messages/s", rebuild, 0.3)
	t.print()
}

// fill appends events with ids of their own, of a crowd with a name, straight to the journal, addressed as ingest would.
func (c *Cluster) fill(j *journal.Journal, ids, name string, n, leads int) {
	c.t.Helper()
	const group, workers = 250, 8
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 5))
			for i := w * group; i < n; i += workers * group {
				var events []*journalv1.Event
				for k := i; k < min(i+group, n); k++ {
					events = append(events, crowdEvent(j, rnd, fmt.Sprintf("%s-%d", ids, k), fmt.Sprintf("p%d@%s.example", rnd.IntN(leads), name)))
				}
				for {
					_, err := j.Append(c.t.Context(), events...)
					if err == nil {
						break
					}
					if c.t.Context().Err() != nil {
						c.t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// crowdEvent is one event of a crowd that mostly reads, now and then says who it is, and rarely asks for something.
func crowdEvent(j *journal.Journal, rnd *rand.Rand, id, who string) *journalv1.Event {
	ev := pageView(j, id, who)
	switch k := rnd.IntN(100); {
	case k < 10:
		title, employees := "VP Engineering", int32(50*rnd.IntN(10))
		ev.Type, ev.Payload = "identified", &journalv1.Event_Identified{Identified: &journalv1.Identified{}}
		ev.Traits, ev.Account = &journalv1.Traits{Title: &title}, &journalv1.Account{Employees: &employees}
	case k < 25:
		ev.Type, ev.Payload = "asset_downloaded", &journalv1.Event_AssetDownloaded{AssetDownloaded: &journalv1.AssetDownloaded{}}
	case k < 30:
		ev.Type, ev.Payload = "event_attended", &journalv1.Event_EventAttended{EventAttended: &journalv1.EventAttended{}}
	}
	ev.OccurredAt = timestamppb.New(time.Now().Add(-time.Duration(rnd.IntN(1000)) * time.Hour))
	ev.Entity = j.Key().Lead(identity.Email, "", who)
	return ev
}

// lastEvent gives the sequence of the last event: nothing decides while it is asked for.
func (c *Cluster) lastEvent(j *journal.Journal) uint64 {
	c.t.Helper()
	head, err := j.Head(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return head
}

// consume reads messages of the journal with a bare ordered consumer, and gives how many, and how many a second.
func (c *Cluster) consume(from, to uint64) (n int, rate float64) {
	c.t.Helper()
	nc, err := nats.Connect(c.nats.URL())
	if err != nil {
		c.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		c.t.Fatal(err)
	}
	consumer, err := js.OrderedConsumer(c.t.Context(), journal.StreamName, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"baton.j.>"}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(4096))
	if err != nil {
		c.t.Fatal(err)
	}
	defer messages.Stop()
	start := time.Now()
	for {
		m, err := messages.Next()
		if err != nil {
			c.t.Fatal(err)
		}
		md, err := m.Metadata()
		if err != nil {
			c.t.Fatal(err)
		}
		n++
		if md.NumPending == 0 || md.Sequence.Stream >= to {
			return n, float64(n) / time.Since(start).Seconds()
		}
	}
}

// foldTime starts a service and gives how long it takes it to fold what the journal holds, by its own log: from the first
// line that says begin until the first that says end.
func (c *Cluster) foldTime(service, begin, end string) time.Duration {
	c.t.Helper()
	p := c.process(service)
	before := p.logged(0)
	c.Restart(service)
	var began time.Time
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); <-tick.C {
		for line := range bytes.Lines(p.logged(len(before))) {
			var said struct {
				Time time.Time
				Msg  string
			}
			if json.Unmarshal(line, &said) != nil {
				continue
			}
			if said.Msg == begin && began.IsZero() {
				began = said.Time
			}
			if said.Msg == end && !began.IsZero() {
				return said.Time.Sub(began)
			}
		}
	}
	c.t.Fatalf("%s has not read the journal in time", service)
	return 0
}

// metric reads one figure of a service; 0 where it has none yet.
func (c *Cluster) metric(service, name string) float64 {
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Second)
	defer cancel()
	text, err := c.metrics(ctx, service)
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), " ")
		family, labels, _ := strings.Cut(key, "{")
		if !ok || family != name || strings.Contains(labels, "service=") && !strings.Contains(labels, `"`+service+`"`) {
			continue
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			return v
		}
	}
	return 0
}
