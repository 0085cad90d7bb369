package rows

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/fold"
)

// store is the store of a fold that has come as far as put has brought it.
type store struct {
	mu     sync.Mutex
	rows   map[string][]byte
	states map[string]journal.Entity
	reads  int
	waited []string
	err    error
	// during is called in the middle of a read.
	during func()
}

func newStore() *store { return &store{rows: map[string][]byte{}, states: map[string]journal.Entity{}} }

func (s *store) put(evs ...*journal.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ev := range evs {
		e := s.states[ev.Entity]
		if e == nil {
			e, _ = fold.Logic{}.Load(ev.Entity, nil)
			s.states[ev.Entity] = e
		}
		e.Apply(nil, ev)
		m := &leadstore.Mutation{}
		e.Save(m)
		maps.Copy(s.rows, m.HSets[fold.RowsHash])
	}
}

func (s *store) Wait(_ context.Context, after string, _ ...string) error {
	s.waited = append(s.waited, after)
	return s.err
}

func (s *store) Hash(context.Context, string) (map[string][]byte, error) {
	s.mu.Lock()
	rows, err, during := maps.Clone(s.rows), s.err, s.during
	s.reads++
	s.during = nil
	s.mu.Unlock()
	if during != nil {
		during()
	}
	return rows, err
}

func (s *store) Blobs(_ context.Context, ids ...string) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([][]byte, len(ids))
	for i, id := range ids {
		if e := s.states[id]; e != nil {
			out[i] = e.Save(&leadstore.Mutation{})
		}
	}
	return out, s.err
}

var key = identity.Key("a key for tests")

func lead(n int) string { return key.Lead(identity.Email, "", string(rune('a'+n))+"@initech.example") }

func moved(seq uint64, lead, to string) *journal.Event {
	return &journal.Event{
		Head: journal.Head{Seq: seq, Entity: lead, Type: "stage_changed", Origin: &journal.Origin{Producer: "scoring", Cause: seq}},
		Body: &journalv1.Event{Payload: &journalv1.Event_StageChanged{StageChanged: &journalv1.StageChanged{To: to, Epoch: 1}}},
	}
}

func changes(evs ...*journal.Event) (out []journal.Change) {
	for _, ev := range evs {
		out = append(out, journal.Change{Event: ev, Entity: ev.Entity})
	}
	return out
}

func all() []int {
	out := make([]int, journal.Partitions)
	for i := range out {
		out[i] = i
	}
	return out
}

func won(t *testing.T, r *Rows, after string) (leads, wins int) {
	t.Helper()
	f, err := r.Count(t.Context(), after, core.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.Stages {
		if s.Stage == core.Won {
			wins = s.Entered
		}
	}
	return f.Leads, wins
}

// start runs Rows over a store inside a bubble; stop is called at its end.
func start(s *store) (r *Rows, stop func()) {
	r = New(s, 2*time.Second, slog.New(slog.DiscardHandler), time.Now)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	return r, func() { cancel(); running.Wait() }
}

func TestOwnerOfEverythingAnswersFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		r, stop := start(s)
		defer stop()
		s.put(moved(1, lead(0), "inquiry"))
		r.Live(all())
		synctest.Wait()
		read := s.reads
		for i := range 5 {
			ev := moved(uint64(i+2), lead(i), "won")
			s.put(ev)
			r.Folded(changes(ev))
			if leads, wins := won(t, r, ""); leads != max(1, i+1) || wins != i+1 {
				t.Fatalf("after %d wins: %d leads, %d won", i+1, leads, wins)
			}
		}
		if s.reads != read || r.Len() != 5 {
			t.Errorf("read the store %d times more; %d rows held", s.reads-read, r.Len())
		}
	})
}

// What is folded while the rows are being read may be in what is read or not: it counts once.
func TestFoldedWhileLoading(t *testing.T) {
	for name, stored := range map[string]bool{"already read": true, "not yet read": false} {
		synctest.Test(t, func(t *testing.T) {
			s := newStore()
			r, stop := start(s)
			defer stop()
			before, meanwhile := moved(1, lead(0), "mql"), moved(2, lead(0), "won")
			s.put(before)
			if stored {
				s.put(meanwhile)
			}
			s.during = func() {
				if !stored {
					s.put(meanwhile)
				}
				r.Folded(changes(before, meanwhile))
			}
			r.Live(all())
			synctest.Wait()
			if leads, wins := won(t, r, ""); leads != 1 || wins != 1 || r.Len() != 1 {
				t.Errorf("%s: %d leads, %d won, %d rows", name, leads, wins, r.Len())
			}
		})
	}
}

// A session that ends while its rows are being read leaves nothing behind, and the next one loads its own.
func TestSessionsDoNotMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		r, stop := start(s)
		defer stop()
		s.put(moved(1, lead(0), "inquiry"), moved(2, lead(1), "inquiry"))
		s.during = r.Closed
		r.Live(all())
		synctest.Wait()
		if r.Len() != 0 {
			t.Fatalf("%d rows of a session that has ended", r.Len())
		}
		r.Live(all())
		r.Folded(changes(moved(3, lead(2), "won")))
		r.Closed()
		s.put(moved(3, lead(1), "won"))
		r.Live(all())
		synctest.Wait()
		if leads, wins := won(t, r, ""); leads != 2 || wins != 1 {
			t.Fatalf("%d leads, %d won", leads, wins)
		}
	})
}

func TestOneOfSeveralAnswersFromTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		r, stop := start(s)
		defer stop()
		r.Live(all()[:32])
		s.put(moved(1, lead(0), "inquiry"))
		if leads, _ := won(t, r, ""); leads != 1 {
			t.Fatalf("%d leads", leads)
		}
		s.put(moved(2, lead(1), "won"))
		r.Folded(changes(moved(2, lead(1), "won")))
		if leads, _ := won(t, r, ""); leads != 1 || s.reads != 1 {
			t.Errorf("a call soon after: %d leads, %d reads", leads, s.reads)
		}
		if leads, wins := won(t, r, "2"); leads != 2 || wins != 1 || len(s.waited) != 1 || s.waited[0] != "2" {
			t.Errorf("a call that asks for a sequence: %d leads, %d won, waited %v", leads, wins, s.waited)
		}
		s.put(moved(3, lead(2), "won"))
		time.Sleep(2*time.Second + time.Millisecond)
		if leads, _ := won(t, r, ""); leads != 3 || r.Len() != 0 {
			t.Errorf("a call later: %d leads, %d rows held", leads, r.Len())
		}
	})
}

func TestErrorsReachTheCallerAndAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		s.err = journal.ErrNotReady
		r, stop := start(s)
		defer stop()
		r.Live(all())
		synctest.Wait()
		if _, err := r.Count(t.Context(), "", core.Query{}); !errors.Is(err, journal.ErrNotReady) {
			t.Errorf("count: %v", err)
		}
		if _, err := r.Count(t.Context(), "9", core.Query{}); !errors.Is(err, journal.ErrNotReady) {
			t.Errorf("wait: %v", err)
		}
		s.put(moved(1, lead(0), "won"))
		s.mu.Lock()
		s.err = nil
		s.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		if leads, _ := won(t, r, ""); leads != 1 || r.Len() != 1 {
			t.Errorf("%d leads, %d rows", leads, r.Len())
		}
	})
}
