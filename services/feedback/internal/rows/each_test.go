package rows

import (
	"errors"
	"maps"
	"testing"
	"testing/synctest"

	"github.com/batonhq/baton/services/feedback/internal/core"
)

// TestEachShowsEveryRow: from memory where this process owns everything, and else from the store, each lead is shown once with the
// stage that it is in.
func TestEachShowsEveryRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		s.put(moved(1, lead(0), "won"), moved(2, lead(1), "mql"))
		r, stop := start(s)
		defer stop()
		shown := func() map[string]string {
			out := map[string]string{}
			if err := r.Each(t.Context(), "2", func(id string, row *core.Row) {
				if out[id] != "" {
					t.Errorf("%s is shown twice", id)
				}
				out[id] = row.Current()
			}); err != nil {
				t.Fatal(err)
			}
			return out
		}
		want := map[string]string{lead(0): "won", lead(1): "mql"}
		if got := shown(); !maps.Equal(got, want) { // from the store
			t.Errorf("%v, want %v", got, want)
		}
		r.Live(all())
		synctest.Wait()
		r.Folded(changes(moved(3, lead(2), "lost")))
		if want[lead(2)] = "lost"; !maps.Equal(shown(), want) { // what is in memory alone
			t.Errorf("%v, want %v", shown(), want)
		}
		r.Closed()
		synctest.Wait()
		s.err = errors.New("out of reach")
		if err := r.Each(t.Context(), "3", func(string, *core.Row) {}); err == nil {
			t.Error("no error")
		}
	})
}
