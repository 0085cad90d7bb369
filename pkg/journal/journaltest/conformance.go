package journaltest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Engines gives fresh engines for one test.
type Engines func(t *testing.T) (*nats.Conn, leadstore.Store)

// Conformance is what every pair of engines under the journal must pass.
func Conformance(t *testing.T, engines Engines) {
	for _, c := range []struct {
		name string
		f    func(t *testing.T, f *Fixture)
	}{
		{"append answers when it is in the log, in order", appendInOrder},
		{"a call's events stand together", callsStandTogether},
		{"bad events are refused and nothing is written", refusesBadEvents},
		{"the journal's identity is made once", identityOnce},
		{"a global fact names the one it follows", globalsInSequence},
		{"a stream that could lose events is refused", refusesLossyStream},
		{"a worker decides what the reference decides", workerEqualsReference},
		{"a new session replays and decides nothing again", restartDecidesNothing},
		{"an emptied store is rebuilt", rebuildsEmptyStore},
		{"a store that is ahead of the log is rebuilt", rebuildsForeignStore},
		{"a worker that lost its partitions is fenced", staleWorkerIsFenced},
		{"an owner that stalled between reading and committing is refused", stalledOwnerIsRefused},
		{"two workers share the partitions", twoWorkersShare},
		{"timers fire once", timersFireOnce},
		{"an event that the log refuses is quarantined", quarantinesPoison},
		{"changed code counts as drift and keeps the records", driftKeepsRecords},
		{"an entity is recalled as it was at any moment", recallsAnyMoment},
		{"reads wait for a sequence", readsWait},
		{"nothing is read before it is caught up", unreadUntilCaughtUp},
		{"anonymous visitors share a subject", anonymousShare},
		{"many entities are read at once", readsMany},
		{"a large backlog commits in parts", largeBacklog},
	} {
		t.Run(c.name, func(t *testing.T) {
			nc, store := engines(t)
			c.f(t, NewFixture(t, nc, store))
		})
	}
}

// Fixture is an open journal over engines.
type Fixture struct {
	T     *testing.T
	NC    *nats.Conn
	J     *journal.Journal
	Store leadstore.Store
	// Patience is how much longer than a minute Agree waits, where much is left to do.
	Patience time.Duration
}

// NewFixture opens a journal; it runs until the test ends.
func NewFixture(t *testing.T, nc *nats.Conn, store leadstore.Store) *Fixture {
	t.Helper()
	j, err := journal.Open(t.Context(), nc, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &Fixture{T: t, NC: nc, J: j, Store: store}
	f.background(j.Run)
	return f
}

func (f *Fixture) background(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := run(ctx); err != nil {
			f.T.Errorf("run: %v", err)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	f.T.Cleanup(stop)
	return stop
}

// Start runs a worker until stop is called or the test ends.
func (f *Fixture) Start(l journal.Logic, opt journal.WorkerOptions) (w *journal.Worker, stop func()) {
	w = journal.NewWorker(f.J, f.Store, l, opt)
	return w, f.background(w.Run)
}

// Custom makes an input of a lead.
func Custom(lead, id string) *journalv1.Event {
	return &journalv1.Event{
		Id: id, Entity: lead, Type: "custom", Name: "ping", Source: "test",
		ReceivedAt: timestamppb.New(time.Now()), Payload: &journalv1.Event_Custom{Custom: &journalv1.Custom{}},
	}
}

// Lead gives the id of a numbered lead.
func (f *Fixture) Lead(i int) string {
	return f.J.Key().Lead(identity.Email, "", fmt.Sprintf("lead-%d@test.example", i))
}

// Append appends n events over leads, many at a time, with ids that start with prefix.
func (f *Fixture) Append(n, leads int, prefix string) {
	f.T.Helper()
	var wg sync.WaitGroup
	errs := make(chan error, 16)
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < n; i += 16 {
				if _, err := f.J.Append(f.T.Context(), Custom(f.Lead(i%leads), fmt.Sprintf("%s-%d", prefix, i))); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		f.T.Fatal(err)
	default:
	}
}

// Log reads the whole log.
func (f *Fixture) Log() []*journal.Event {
	f.T.Helper()
	var log []*journal.Event
	if err := f.J.Scan(f.T.Context(), 1, func(ev *journal.Event) error { log = append(log, ev); return nil }); err != nil {
		f.T.Fatal(err)
	}
	return log
}

// Settle waits until the log holds what the logic decides and no more comes, and fails where they differ.
func (f *Fixture) Settle(l journal.Logic) *Result {
	f.T.Helper()
	var r *Result
	Eventually(f.T, "the log holds what follows from it", func() (err error) {
		r, err = f.settled(l)
		return err
	})
	return r
}

func (f *Fixture) settled(l journal.Logic) (*Result, error) {
	f.T.Helper()
	r, err := Check(f.Log(), l)
	if err != nil {
		return nil, err
	}
	if len(r.Unexpected)+len(r.Differing) > 0 {
		f.T.Fatalf("unexpected: %v\ndiffering: %v", head(r.Unexpected), head(r.Differing))
	}
	if len(r.Missing) > 0 {
		return nil, fmt.Errorf("missing: %v", head(r.Missing))
	}
	return r, nil
}

func head(s []string) []string { return s[:min(len(s), 5)] }

// SameStates waits until the store shows every state of the result, and fails where it does not get there.
func (f *Fixture) SameStates(l journal.Logic, r *Result) {
	f.T.Helper()
	Eventually(f.T, "the store shows the reference's states", func() error { return f.shows(l, r) })
}

// Agree waits until the log holds what the logic decides and the store shows the states of that same log, which may
// still grow meanwhile: a timer may fire late.
func (f *Fixture) Agree(l journal.Logic) *Result {
	f.T.Helper()
	var r *Result
	eventually(f.T, patience+f.Patience, "the store shows the reference's states", func() (err error) {
		if r, err = f.settled(l); err != nil {
			return err
		}
		return f.shows(l, r)
	})
	return r
}

func (f *Fixture) shows(l journal.Logic, r *Result) error {
	reader := journal.NewReader(f.J, f.Store, l.Service())
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(r.States)), 500) {
		blobs, err := reader.Blobs(f.T.Context(), ids...)
		if err != nil {
			return err
		}
		for i, id := range ids {
			if string(blobs[i]) != string(r.States[id]) {
				return fmt.Errorf("%s:\n got %s\nwant %s", id, blobs[i], r.States[id])
			}
		}
	}
	return nil
}

func appendInOrder(t *testing.T, f *Fixture) {
	var last uint64
	for i := range 20 {
		seq, err := f.J.Append(t.Context(), Custom(f.Lead(1), fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		if seq <= last {
			t.Fatalf("sequence %d after %d", seq, last)
		}
		last = seq
	}
	f.Append(500, 50, "many")
	counts, err := f.J.CountInputs(t.Context(), last+10_000)
	if err != nil {
		t.Fatal(err)
	}
	if counts.Inputs != 520 {
		t.Fatalf("%d inputs, want 520", counts.Inputs)
	}
	if none, err := f.J.LastOfEntity(t.Context(), "in_nobody"); none != nil || err != nil {
		t.Errorf("the last of nothing is %v, %v", none, err)
	}
	evs, err := f.J.ReadEntity(t.Context(), f.Lead(1), 0, 20)
	if err != nil {
		t.Fatal(err)
	}
	for i, ev := range evs {
		if ev.Body.Id != fmt.Sprint(i) || !ev.Input() || ev.Entity != f.Lead(1) {
			t.Fatalf("event %d is %v", i, ev)
		}
	}
	all, err := f.J.ReadEntity(t.Context(), f.Lead(1), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if last, err := f.J.LastOfEntity(t.Context(), f.Lead(1)); err != nil || last == nil || last.Seq != all[len(all)-1].Seq || last.Body.Id != all[len(all)-1].Body.Id {
		t.Errorf("the last is %v, %v", last, err)
	}
}

func callsStandTogether(t *testing.T, f *Fixture) {
	var wg sync.WaitGroup
	for c := range 40 {
		wg.Go(func() {
			var evs []*journalv1.Event
			for k := range 1 + c%5 {
				evs = append(evs, Custom(f.Lead(c*10+k), fmt.Sprintf("%d/%d", c, k)))
			}
			if _, err := f.J.Append(t.Context(), evs...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	log := f.Log()
	for i := 0; i < len(log); {
		var c, k int
		if n, _ := fmt.Sscanf(log[i].Body.Id, "%d/%d", &c, &k); n != 2 {
			i++
			continue
		}
		for want := range 1 + c%5 {
			if log[i].Body.Id != fmt.Sprintf("%d/%d", c, want) {
				t.Fatalf("sequence %d holds %s, want %d/%d", log[i].Seq, log[i].Body.Id, c, want)
			}
			i++
		}
	}
}

func refusesBadEvents(t *testing.T, f *Fixture) {
	before, _ := f.J.Head(t.Context())
	for _, id := range []string{"", "a.b", "a b", "a>", "a*", "é", string(make([]byte, 65))} {
		ev := Custom(f.Lead(1), "x")
		ev.Entity = id
		if _, err := f.J.Append(t.Context(), ev); !errors.Is(err, journal.ErrBadEvent) {
			t.Errorf("entity %q: %v", id, err)
		}
	}
	big := Custom(f.Lead(1), "big")
	big.Name = string(make([]byte, 9<<20))
	if _, err := f.J.Append(t.Context(), Custom(f.Lead(1), "fine"), big); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("9 MB: %v", err)
	}
	if _, err := f.J.Append(t.Context()); !errors.Is(err, journal.ErrBadEvent) {
		t.Errorf("nothing: %v", err)
	}
	if after, _ := f.J.Head(t.Context()); after != before {
		t.Errorf("the log moved from %d to %d", before, after)
	}
}

func identityOnce(t *testing.T, f *Fixture) {
	other, err := journal.Open(t.Context(), f.NC, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if other.ID() != f.J.ID() || string(other.Key()) != string(f.J.Key()) || len(f.J.Key()) != 32 {
		t.Fatal("two openings of one journal differ in its identity")
	}
}

func globalsInSequence(t *testing.T, f *Fixture) {
	ev := func(v int32) *journalv1.Event {
		return &journalv1.Event{Type: "agreement_changed", Payload: &journalv1.Event_AgreementChanged{AgreementChanged: &journalv1.AgreementChanged{Version: v}}}
	}
	first, err := f.J.AppendGlobal(t.Context(), "agreement", ev(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.J.AppendGlobal(t.Context(), "agreement", ev(2), 0); !errors.Is(err, journal.ErrConflict) {
		t.Fatalf("a second first one: %v", err)
	}
	if _, err := f.J.AppendGlobal(t.Context(), "agreement", ev(2), first); err != nil {
		t.Fatal(err)
	}
	last, err := f.J.LastGlobal(t.Context(), "agreement")
	if err != nil || last.Body.GetAgreementChanged().Version != 2 {
		t.Fatalf("last is %v, %v", last, err)
	}
	all, err := f.J.ReadGlobals(t.Context(), "agreement")
	if err != nil || len(all) != 2 {
		t.Fatalf("%d agreements, %v", len(all), err)
	}
}

func anonymousShare(t *testing.T, f *Fixture) {
	l := &Tally{}
	_, _ = f.Start(l, journal.WorkerOptions{})
	id := func(i int) string { return f.J.Key().Lead(identity.Anonymous, "", fmt.Sprint("device", i)) }
	for i := range 200 {
		if _, err := f.J.Append(t.Context(), Custom(id(i%10), fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	r := f.Settle(l)
	f.SameStates(l, r)
	evs, err := f.J.ReadEntity(t.Context(), id(3), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	inputs := 0
	for _, ev := range evs {
		if ev.Entity != id(3) {
			t.Fatalf("reading %s gave an event of %s", id(3), ev.Entity)
		}
		if ev.Input() {
			inputs++
		}
	}
	if inputs != 20 {
		t.Fatalf("%d inputs of one visitor, want 20", inputs)
	}
}
