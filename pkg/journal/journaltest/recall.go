package journaltest

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
)

// A tally, which is nothing but what it was shown, is recalled as a slow reference over the log of that time has it.
func recallsAnyMoment(t *testing.T, f *Fixture) {
	l := &Tally{Delay: 100 * time.Millisecond}
	f.Start(l, journal.WorkerOptions{Batch: 30})
	f.agreement(10)
	f.Append(300, 10, "a")
	f.Settle(l)
	f.agreement(20)
	f.Append(300, 10, "b")
	f.Settle(l)
	log := f.Log()
	for _, n := range []int{1, len(log) / 3, len(log) / 2, len(log) - 1, len(log)} {
		at := log[n-1].Logged
		then := slices.DeleteFunc(slices.Clone(log), func(ev *journal.Event) bool { return ev.Logged.After(at) })
		want, err := Check(then, l)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			e, _, err := f.J.Recall(t.Context(), l, f.Lead(i), at)
			if err != nil {
				t.Fatal(err)
			}
			fresh, err := l.Load(f.Lead(i), nil)
			if err != nil {
				t.Fatal(err)
			}
			state := want.States[f.Lead(i)]
			if state == nil {
				state = fresh.Save(new(leadstore.Mutation))
			}
			if got := e.Save(new(leadstore.Mutation)); !bytes.Equal(got, state) {
				t.Fatalf("lead %d at event %d of %d:\n%s\nwant\n%s", i, n, len(log), got, state)
			}
		}
	}
	if _, _, err := f.J.Recall(t.Context(), l, "not > safe", time.Now()); !errors.Is(err, journal.ErrBadEvent) {
		t.Fatalf("got %v", err)
	}
}
