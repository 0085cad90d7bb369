package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/batonhq/baton/pkg/leadstore"
)

func testFlushed(t *testing.T, s Subject) {
	mustWrite(t, s.Store, service, 1, "", "1", func(m *leadstore.Mutation) { m.Set("k", []byte("1")) })
	mark, _ := read(t, s.Store, service, 1, "k")
	s.Flush()
	isConflict(t, write(t, s.Store, service, 1, mark, "2", func(m *leadstore.Mutation) { m.Set("k", []byte("2")) }))
	hasNothing(t, s.Store, service, 1, []string{"k"}, nil, nil)

	// A flush at any moment of a write: either it came first, and the write is refused, or it took the write along.
	for range 200 {
		if err := s.Store.Wipe(t.Context(), service, 1, "s"); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, s.Store, service, 1, "", "1", func(m *leadstore.Mutation) { m.Set("before", []byte("x")) })
		var wg sync.WaitGroup
		wg.Go(s.Flush)
		err := write(t, s.Store, service, 1, "1", "2", func(m *leadstore.Mutation) { m.Set("after", []byte("x")) })
		wg.Wait()
		if err != nil {
			isConflict(t, err)
		}
		if mark, values := read(t, s.Store, service, 1, "before"); mark != "" && values[0] == nil {
			t.Fatalf("watermark %q stands for what was flushed (the write gave %v)", mark, err)
		}
	}
}

func testRace(t *testing.T, s Subject) {
	const writers, rounds = 8, 40
	mark := ""
	for round := range rounds {
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				errs[w] = write(t, s.Store, service, 3, mark, fmt.Sprintf("%d.%d", round, w), func(m *leadstore.Mutation) {
					m.Set("who", fmt.Append(nil, w))
					m.IndexAdd("i", fmt.Sprint(w), float64(round))
					m.FieldSet("h", fmt.Sprint(w), fmt.Append(nil, round))
				})
			})
		}
		wg.Wait()
		winner := -1
		for w, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Fatalf("round %d: both %d and %d won", round, winner, w)
			case err == nil:
				winner = w
			default:
				isConflict(t, err)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody won", round)
		}
		mark = fmt.Sprintf("%d.%d", round, winner)
		holds(t, s.Store, 3, mark, "who", fmt.Append(nil, winner))
		at := float64(round)
		if got := find(t, s.Store, 3, leadstore.RangeQuery{Index: "i", Min: at, Max: at, Limit: 10}); len(got) != 1 || got[0].Member != fmt.Sprint(winner) {
			t.Fatalf("round %d, won by %d: index has %v", round, winner, got)
		}
		for w, value := range hash(t, s.Store, service, 3, "h") {
			if string(value) == fmt.Sprint(round) && w != fmt.Sprint(winner) {
				t.Fatalf("round %d, won by %d: hash has %s", round, winner, w)
			}
		}
	}
}

// testReadIsAtomic: what is read under a watermark is what was written with it.
func testReadIsAtomic(t *testing.T, s Subject) {
	keys := numbered("k", 50)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop()
		for n := range 300 {
			from := fmt.Sprint(n)
			if n == 0 {
				from = ""
			}
			if err := write(t, s.Store, service, 1, from, fmt.Sprint(n+1), func(m *leadstore.Mutation) {
				for _, k := range keys {
					m.Set(k, fmt.Append(nil, n+1))
				}
			}); err != nil {
				t.Errorf("write %d: %v", n, err)
				return
			}
		}
	})
	for ctx.Err() == nil {
		mark, values := read(t, s.Store, service, 1, keys...)
		for i, v := range values {
			if string(v) != mark {
				stop()
				wg.Wait()
				t.Fatalf("key %s has %q under watermark %q", keys[i], v, mark)
			}
		}
	}
	wg.Wait()
}
