package journaltest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

func (f *Fixture) agreement(version int32) {
	f.T.Helper()
	last, err := f.J.LastGlobal(f.T.Context(), "agreement")
	if err != nil {
		f.T.Fatal(err)
	}
	var seq uint64
	if last != nil {
		seq = last.Seq
	}
	body := &journalv1.Event{Type: "agreement_changed", ReceivedAt: timestamppb.Now(), Payload: &journalv1.Event_AgreementChanged{
		AgreementChanged: &journalv1.AgreementChanged{Version: version}}}
	if _, err := f.J.AppendGlobal(f.T.Context(), "agreement", body, seq); err != nil {
		f.T.Fatal(err)
	}
}

func (f *Fixture) counters(l journal.Logic) journal.Counters {
	f.T.Helper()
	var c journal.Counters
	Eventually(f.T, "counters", func() (err error) {
		c, err = journal.NewReader(f.J, f.Store, l.Service()).Counters(f.T.Context())
		return err
	})
	return c
}

func (f *Fixture) balanced(l journal.Logic, r *Result) {
	f.T.Helper()
	c := f.counters(l)
	if c.Applied != uint64(r.Applied) || c.Duplicates != uint64(r.Duplicates) || c.Drift != 0 {
		f.T.Fatalf("counters %+v, want %d applied and %d duplicates", c, r.Applied, r.Duplicates)
	}
	n, err := f.J.CountInputs(f.T.Context(), c.ReadTo)
	if err != nil {
		f.T.Fatal(err)
	}
	if n.Inputs != c.Applied+c.Duplicates+c.Quarantined {
		f.T.Fatalf("%d inputs in the log, counters say %+v", n.Inputs, c)
	}
}

func workerEqualsReference(t *testing.T, f *Fixture) {
	l := &Tally{}
	f.Start(l, journal.WorkerOptions{Batch: 50})
	f.Append(1500, 40, "a")
	f.agreement(3)
	f.Append(1500, 40, "b")
	f.Append(300, 40, "a") // the senders' retries
	r := f.Settle(l)
	if r.Duplicates != 300 {
		t.Fatalf("%d duplicates, want 300", r.Duplicates)
	}
	if r.Facts < 500 {
		t.Fatalf("only %d facts: the test does not test", r.Facts)
	}
	f.SameStates(l, r)
	f.balanced(l, r)
}

func restartDecidesNothing(t *testing.T, f *Fixture) {
	l := &Tally{}
	for i := range 6 {
		_, stop := f.Start(l, journal.WorkerOptions{Batch: 20, CacheEntities: 10, CacheBytes: 4_000, CatchUp: 5, QuietBehind: 50})
		f.Append(200, 20, fmt.Sprint("r", i))
		stop() // wherever it is
		f.Append(100, 20, fmt.Sprint("down", i))
	}
	f.Start(l, journal.WorkerOptions{})
	r := f.Settle(l)
	f.SameStates(l, r)
	f.balanced(l, r)
}

func (f *Fixture) wipe(l journal.Logic) {
	f.T.Helper()
	for p := range journal.Partitions {
		Eventually(f.T, "wipe", func() error { return f.Store.Wipe(f.T.Context(), l.Service(), p, "test") })
	}
}

func rebuildsEmptyStore(t *testing.T, f *Fixture) {
	l := &Tally{}
	_, stop := f.Start(l, journal.WorkerOptions{})
	f.Append(1000, 30, "a")
	f.agreement(2)
	f.Append(1000, 30, "b")
	before := f.Settle(l)
	f.SameStates(l, before)
	f.wipe(l) // while it runs and nothing comes in: it must notice by itself
	f.SameStates(l, before)
	f.balanced(l, before)
	stop()
	f.wipe(l)
	if _, err := journal.NewReader(f.J, f.Store, l.Service()).Blobs(t.Context(), f.Lead(1)); !errors.Is(err, journal.ErrNotReady) {
		t.Fatalf("a read of an empty store gave %v, want ErrNotReady", err)
	}
	head, _ := f.J.Head(t.Context())
	f.Start(l, journal.WorkerOptions{})
	f.SameStates(l, before)
	f.Append(100, 30, "c")
	r := f.Settle(l)
	f.SameStates(l, r)
	f.balanced(l, r)
	if r.Facts <= before.Facts || head == 0 {
		t.Fatalf("%d facts before, %d after more events", before.Facts, r.Facts)
	}
}

func rebuildsForeignStore(t *testing.T, f *Fixture) {
	l := &Tally{}
	_, stop := f.Start(l, journal.WorkerOptions{})
	f.Append(300, 10, "a")
	r := f.Settle(l)
	f.SameStates(l, r)
	stop()
	// The log loses its last facts, as a restore from an earlier backup would: the store is ahead of it.
	stream, err := func() (jetstream.Stream, error) {
		js, err := jetstream.New(f.NC)
		if err != nil {
			return nil, err
		}
		return js.Stream(t.Context(), journal.StreamName)
	}()
	if err != nil {
		t.Fatal(err)
	}
	marks, err := f.Store.Watermarks(t.Context(), l.Service(), []int{journal.PartitionOf(f.Lead(1))})
	if err != nil || marks[0] == "" {
		t.Fatalf("watermark %q, %v", marks, err)
	}
	ahead := strings.Replace(marks[0], f.J.ID(), "anotherjournal", 1)
	if err := f.Store.Write(t.Context(), l.Service(), []leadstore.PartitionWrite{{
		Partition: journal.PartitionOf(f.Lead(1)), Expect: marks[0], Next: ahead, Mutation: func() *leadstore.Mutation {
			m := new(leadstore.Mutation)
			m.Set("lead:"+f.Lead(1), []byte("\x01\x00{\"Points\":99999}"))
			return m
		}(),
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Info(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Start(l, journal.WorkerOptions{})
	f.SameStates(l, r)
	f.balanced(l, r)
}

// AllPartitions is what a worker owns that shares with nobody.
func AllPartitions() []int {
	all := make([]int, journal.Partitions)
	for p := range all {
		all[p] = p
	}
	return all
}

func staleWorkerIsFenced(t *testing.T, f *Fixture) {
	l := &Tally{}
	f.Start(l, journal.WorkerOptions{Own: AllPartitions(), Batch: 10})
	f.Start(l, journal.WorkerOptions{Own: AllPartitions(), Batch: 10})
	f.Append(2000, 30, "a")
	r := f.Settle(l)
	f.SameStates(l, r)
}

// The interleaving that fencing is for: an owner reads and decides, stands still, loses its partitions to another that
// decides the same, and then commits.
func stalledOwnerIsRefused(t *testing.T, f *Fixture) {
	f.agreement(10) // every event gives a fact
	stalled, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow := &Tally{Stall: func() {
		once.Do(func() { close(stalled); <-release })
	}}
	metrics := prometheus.NewRegistry()
	_, stop := f.Start(slow, journal.WorkerOptions{Own: AllPartitions(), Metrics: metrics})
	f.Append(1, 1, "a")
	<-stalled
	f.Start(&Tally{}, journal.WorkerOptions{Own: AllPartitions()})
	l := &Tally{}
	before := f.Settle(l) // the other one has decided it
	close(release)
	Eventually(t, "the first owner's commit has an answer", func() error {
		if r, err := Check(f.Log(), l); err != nil || r.Facts > before.Facts {
			return err
		}
		families, err := metrics.Gather()
		for _, m := range families {
			if m.GetName() == "baton_worker_sessions_total" && len(m.Metric) > 0 {
				return nil
			}
		}
		return errors.Join(err, errors.New("neither refused nor written"))
	})
	stop()
	f.Agree(l)
}

func twoWorkersShare(t *testing.T, f *Fixture) {
	l := &Tally{}
	f.Start(l, journal.WorkerOptions{Instance: "one"})
	// A third one under the same name must take another, not the first one's work.
	f.Start(l, journal.WorkerOptions{Instance: "one"})
	_, stop := f.Start(l, journal.WorkerOptions{Instance: "two"})
	f.Append(1000, 40, "a")
	r := f.Settle(l)
	f.SameStates(l, r)
	f.balanced(l, r)
	stop()
	f.Append(1000, 40, "b")
	r = f.Settle(l)
	f.SameStates(l, r)
	f.balanced(l, r)
}

func timersFireOnce(t *testing.T, f *Fixture) {
	l := &Tally{Delay: 300 * time.Millisecond}
	_, stop := f.Start(l, journal.WorkerOptions{Batch: 30})
	f.Append(900, 20, "a") // 45 each: every lead asks, is answered, and closes
	stop()
	f.Start(l, journal.WorkerOptions{Batch: 30})
	closed := func() (n int, firings int) {
		for _, ev := range f.Log() {
			if ev.Type == "closed" {
				n++
			}
			if ev.Type == journal.TypeTimerFired {
				firings++
			}
		}
		return n, firings
	}
	Eventually(t, "every lead closes", func() error {
		if n, _ := closed(); n != 20 {
			return fmt.Errorf("%d closed", n)
		}
		return nil
	})
	r := f.Settle(l)
	f.SameStates(l, r)
	f.balanced(l, r)
	if n, firings := closed(); n != 20 || firings > 40 {
		t.Fatalf("%d closed after %d firings", n, firings)
	}
}

func quarantinesPoison(t *testing.T, f *Fixture) {
	l := &Tally{Poison: true}
	_, stop := f.Start(l, journal.WorkerOptions{})
	f.Append(100, 10, "a")
	poison := Custom(f.Lead(3), "poison")
	poison.Name = "poison"
	if _, err := f.J.Append(t.Context(), poison); err != nil {
		t.Fatal(err)
	}
	f.Append(100, 10, "b")
	r := f.Settle(l)
	f.SameStates(l, r)
	c := f.counters(l)
	if c.Quarantined != 1 || c.Applied != 200 {
		t.Fatalf("counters %+v, want 1 quarantined and 200 applied", c)
	}
	stop()
	f.wipe(l)
	f.Start(l, journal.WorkerOptions{})
	f.SameStates(l, r)
	if c := f.counters(l); c.Quarantined != 1 || c.Applied != 200 || c.Drift != 0 {
		t.Fatalf("after a rebuild: counters %+v, want 1 quarantined, 200 applied, no drift", c)
	}
}

func driftKeepsRecords(t *testing.T, f *Fixture) {
	old := &Tally{}
	_, stop := f.Start(old, journal.WorkerOptions{})
	f.Append(600, 10, "a")
	r := f.Settle(old)
	stop()
	f.wipe(old)
	changed := &Tally{Bonus: 4} // would have decided five times as much
	f.Start(changed, journal.WorkerOptions{})
	Eventually(t, "drift is counted", func() error {
		c, err := journal.NewReader(f.J, f.Store, old.Service()).Counters(t.Context())
		if err == nil && c.Drift < 10 {
			err = fmt.Errorf("drift %d", c.Drift)
		}
		return err
	})
	facts := 0
	for _, ev := range f.Log() {
		if !ev.Input() && ev.Partition != journal.Global {
			facts++
		}
	}
	if facts != r.Facts {
		t.Fatalf("%d facts in the log, %d were recorded: history was decided again", facts, r.Facts)
	}
	// What is recorded is folded: the asks answered are those of the log, whatever the new code would have asked.
	blobs, err := journal.NewReader(f.J, f.Store, old.Service()).Blobs(t.Context(), f.Lead(1))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(blobs[0]), `"Tens":6,"Asked":2`) {
		t.Fatalf("lead after drift: %s", blobs[0])
	}
}

func readsWait(t *testing.T, f *Fixture) {
	l := &Tally{}
	f.Start(l, journal.WorkerOptions{})
	reader := journal.NewReader(f.J, f.Store, l.Service())
	Eventually(t, "ready", func() error { return reader.Wait(t.Context(), "1") })
	for i := range 50 {
		seq, err := f.J.Append(t.Context(), Custom(f.Lead(1), fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := reader.Wait(t.Context(), fmt.Sprint(seq), f.Lead(1)); err != nil {
			t.Fatal(err)
		}
		blobs, err := reader.Blobs(t.Context(), f.Lead(1))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(blobs[0]), fmt.Sprintf(`{"Points":%d,`, i+1)) {
			t.Fatalf("after write %d: %s", i, blobs[0])
		}
	}
	if err := reader.Wait(t.Context(), "nonsense"); !errors.Is(err, journal.ErrBadEvent) {
		t.Fatalf("after=nonsense: %v", err)
	}
}

// A service that states no facts has nothing to replay: all it must fold again lies beyond its checkpoint. Its reads are
// refused all the same until it has caught up with the log as it was at the opening.
func unreadUntilCaughtUp(t *testing.T, f *Fixture) {
	f.Append(5, 1, "a") // too few for a fact
	stalled, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	l := &Tally{Stall: func() {
		once.Do(func() { close(stalled) })
		<-release
	}}
	w, _ := f.Start(l, journal.WorkerOptions{})
	<-stalled
	if err := w.Ready(); !errors.Is(err, journal.ErrNotReady) {
		t.Errorf("the worker is ready before it has folded anything: %v", err)
	}
	if _, err := journal.NewReader(f.J, f.Store, l.Service()).Blobs(t.Context(), f.Lead(0)); !errors.Is(err, journal.ErrNotReady) {
		t.Errorf("a read before that gave %v, want ErrNotReady", err)
	}
	close(release)
	f.SameStates(l, f.Settle(&Tally{}))
	Eventually(t, "the worker is ready", w.Ready)
}

func largeBacklog(t *testing.T, f *Fixture) {
	l := &Tally{}
	f.agreement(60) // every event decides eight facts
	f.Append(3000, 300, "a")
	f.Start(l, journal.WorkerOptions{})
	r := f.Settle(l)
	f.SameStates(l, r)
	f.balanced(l, r)
}

func refusesLossyStream(t *testing.T, f *Fixture) {
	js, err := jetstream.New(f.NC)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), journal.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	c.MaxAge = time.Hour
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(t.Context(), f.NC, journal.Options{}); !errors.Is(err, journal.ErrMisconfigured) {
		t.Fatalf("a journal with a max age opened: %v", err)
	}
}
