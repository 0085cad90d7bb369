package rows

import (
	"errors"
	"maps"
	"testing"
	"testing/synctest"
)

// TestEachShowsEveryRow: from memory where this process owns everything, and else from the store, each lead is shown once, and
// whether a deal was told of on it.
func TestEachShowsEveryRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		s.put(moved(1, lead(0), "won"), moved(2, lead(1), "mql"))
		r, stop := start(s)
		defer stop()
		shown := func() map[string]bool {
			out := map[string]bool{}
			if err := r.Each(t.Context(), "2", func(id string, _ int64, dealt bool) {
				if _, twice := out[id]; twice {
					t.Errorf("%s is shown twice", id)
				}
				out[id] = dealt
			}); err != nil {
				t.Fatal(err)
			}
			return out
		}
		want := map[string]bool{lead(0): true, lead(1): false}
		if got := shown(); !maps.Equal(got, want) { // from the store
			t.Errorf("%v, want %v", got, want)
		}
		r.Live(all())
		synctest.Wait()
		s.put(moved(3, lead(2), "lost"))
		r.Folded(changes(moved(3, lead(2), "lost")))
		if want[lead(2)] = true; !maps.Equal(shown(), want) { // from memory
			t.Errorf("%v, want %v", shown(), want)
		}
		r.Closed()
		synctest.Wait()
		s.err = errors.New("out of reach")
		if err := r.Each(t.Context(), "3", func(string, int64, bool) {}); err == nil {
			t.Error("no error")
		}
	})
}
