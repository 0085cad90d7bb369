package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// books is a journal and a fold of it, in numbers.
type books struct {
	counters journal.Counters
	// inputs[i] answers the i-th CountInputs; the last one all later.
	inputs []journal.Counts
	asked  int
	// indexes hold members and scores; moved, if set, changes them after each full look.
	indexes map[string]map[string]float64
	moved   func(look int)
	looks   int
	err     error
}

func (b *books) Counters(context.Context) (journal.Counters, error) { return b.counters, b.err }

func (b *books) CountInputs(context.Context, uint64) (journal.Counts, error) {
	c := b.inputs[min(b.asked, len(b.inputs)-1)]
	b.asked++
	return c, nil
}

func (b *books) Scan(context.Context, uint64, func(*journal.Event) error) error { return nil }

func (b *books) Recall(context.Context, journal.Logic, string, time.Time) (journal.Entity, journal.Globals, error) {
	return nil, nil, nil
}

func (b *books) Head(context.Context) (uint64, error) { return b.counters.ReadTo, nil }

func (b *books) ReadEntity(context.Context, string, uint64, int) ([]*journal.Event, error) {
	return nil, nil
}

func (b *books) Blobs(context.Context, ...string) ([][]byte, error) { return nil, nil }

func (b *books) Wait(context.Context, string, ...string) error { return nil }

func (b *books) Range(_ context.Context, q leadstore.RangeQuery) ([]leadstore.Scored, error) {
	if q.Index == fold.IndexScore && b.moved != nil {
		b.moved(b.looks)
		b.looks++
	}
	var out []leadstore.Scored
	for m, s := range b.indexes[q.Index] {
		if s >= q.Min && s <= q.Max {
			out = append(out, leadstore.Scored{Member: m, Score: s})
		}
	}
	sort.Slice(out, func(i, k int) bool {
		return out[i].Score > out[k].Score || out[i].Score == out[k].Score && out[i].Member > out[k].Member
	})
	return out[:min(len(out), q.Limit)], nil
}

func (b *books) put(index, member string) {
	if b.indexes == nil {
		b.indexes = map[string]map[string]float64{}
	}
	if b.indexes[index] == nil {
		b.indexes[index] = map[string]float64{}
	}
	b.indexes[index][member] = 1
}

func balanced() *books {
	b := &books{counters: journal.Counters{Applied: 7, Duplicates: 2, Quarantined: 1, ReadTo: 100}, inputs: []journal.Counts{{Inputs: 10, Head: 100}}}
	b.put(fold.IndexScore, "a")
	b.put(fold.IndexStage("mql"), "a")
	b.put(fold.IndexScore, "b")
	b.put(fold.IndexStage("won"), "b")
	return b
}

func (b *books) reconcile(t *testing.T) *scoringv1.Reconciliation {
	t.Helper()
	r, err := New(Options{States: b, Log: b, Accounts: b}).GetReconciliation(t.Context(), &scoringv1.ReconciliationRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestBalancedBooksAreOk(t *testing.T) {
	r := balanced().reconcile(t)
	if !r.Ok || r.Acknowledged != 10 || r.Applied != 7 || r.Duplicates != 2 || r.Quarantined != 1 || r.Pending != 0 || r.Leads != 2 || r.LeadsByStage["mql"] != 1 || r.LeadsByStage["sql"] != 0 {
		t.Errorf("got %v", r)
	}
}

func TestWhatComesInMeanwhileIsPending(t *testing.T) {
	b := balanced()
	b.inputs = []journal.Counts{{Inputs: 10, Head: 100}, {Inputs: 13, Head: 130}}
	if r := b.reconcile(t); !r.Ok || r.Acknowledged != 13 || r.Pending != 3 {
		t.Errorf("got %v", r)
	}
}

func TestWhatSomebodyElseCountedFurtherIsNoLoss(t *testing.T) {
	b := balanced()
	b.inputs = []journal.Counts{{Inputs: 13, Head: 130}}
	if r := b.reconcile(t); !r.Ok || r.Acknowledged != 13 || r.Pending != 3 {
		t.Errorf("got %v", r)
	}
}

func TestUnbalancedBooksAreNotOk(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*books)
		want   string
	}{
		"lost":      {func(b *books) { b.inputs = []journal.Counts{{Inputs: 11, Head: 100}} }, "1 inputs up to sequence 100 have no outcome"},
		"twice":     {func(b *books) { b.counters.Applied++ }, "1 more outcomes than inputs"},
		"drift":     {func(b *books) { b.counters.Drift = 2 }, "2 leads were folded again"},
		"no stage":  {func(b *books) { b.put(fold.IndexScore, "c") }, "1 leads are in no stage"},
		"two":       {func(b *books) { b.put(fold.IndexStage("lost"), "a") }, "1 leads are in no stage, in two"},
		"unknown":   {func(b *books) { b.put(fold.IndexStage("lost"), "z") }, "1 leads are in no stage"},
		"no owner":  {func(b *books) { b.put(fold.IndexOwnerless, "a") }, "nobody accountable"},
		"all three": {func(b *books) { b.put(fold.IndexOwnerless, "a"); b.put(fold.IndexScore, "c"); b.counters.Applied = 9 }, "2 more outcomes"},
	} {
		b := balanced()
		c.change(b)
		r := b.reconcile(t)
		if r.Ok || !strings.Contains(strings.Join(r.Problems, "; "), c.want) {
			t.Errorf("%s: got %v", name, r)
		}
	}
}

func TestALeadThatMovesWhileWeLookIsNoOrphan(t *testing.T) {
	b := balanced()
	b.moved = func(look int) {
		delete(b.indexes[fold.IndexStage("mql")], "a")
		if look > 0 {
			b.put(fold.IndexStage("routed"), "a")
		}
	}
	if r := b.reconcile(t); !r.Ok || len(r.Orphans) != 0 || r.LeadsByStage["routed"] != 1 || r.LeadsByStage["mql"] != 0 {
		t.Errorf("got %v", r)
	}
}

func TestErrorsHaveCodes(t *testing.T) {
	for err, want := range map[error]codes.Code{
		fmt.Errorf("x: %w", journal.ErrNotReady):        codes.Unavailable,
		fmt.Errorf("x: %w", journal.ErrUnavailable):     codes.Unavailable,
		fmt.Errorf("x: %w", leadstore.ErrUnavailable):   codes.Unavailable,
		fmt.Errorf("x: %w", context.Canceled):           codes.Canceled,
		fmt.Errorf("x: %w", context.DeadlineExceeded):   codes.DeadlineExceeded,
		errors.New("something that nobody should read"): codes.Unknown,
	} {
		b := balanced()
		b.err = err
		_, got := New(Options{States: b, Log: b, Accounts: b}).GetReconciliation(t.Context(), &scoringv1.ReconciliationRequest{})
		if status.Code(got) != want {
			t.Errorf("%v: got %v", err, got)
		}
	}
}

// A page never repeats a lead and never skips one, also where many share a score.
func TestPagesCoverAnIndex(t *testing.T) {
	b := &books{indexes: map[string]map[string]float64{"x": {}}}
	for i := range 100 {
		b.indexes["x"][fmt.Sprintf("m%03d", i)] = float64(i % 3)
	}
	s := New(Options{States: b})
	for _, size := range []int{1, 7, 33, 100, 200} {
		seen, token := map[string]bool{}, ""
		last := leadstore.Scored{Score: math.Inf(1)}
		for {
			page, next, err := s.page(t.Context(), "x", token, size)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page {
				if seen[m.Member] || m.Score > last.Score {
					t.Fatalf("pages of %d: %v after %v", size, m, last)
				}
				seen[m.Member], last = true, m
			}
			if token = next; token == "" {
				break
			}
		}
		if len(seen) != 100 {
			t.Errorf("pages of %d: got %d members", size, len(seen))
		}
	}
	_, token, err := s.page(t.Context(), "x", "", 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.page(t.Context(), "another list", token, 5); status.Code(err) != codes.InvalidArgument {
		t.Errorf("another list's token: got %v", err)
	}
}
