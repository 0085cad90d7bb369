package render

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
)

// registry is a scoring whose only lead's epoch counts what has happened to it. Answers take their time, and tell what was so when the
// question came in: the oldest that they may tell.
type registry struct {
	happened, asked, asking, most atomic.Int32
	takes                         time.Duration
	err                           error
}

func (r *registry) ask(ctx context.Context, account string) ([]*leadv1.Lead, error) {
	r.asked.Add(1)
	r.most.Store(max(r.most.Load(), r.asking.Add(1)))
	defer r.asking.Add(-1)
	known := r.happened.Load()
	select {
	case <-time.After(r.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return []*leadv1.Lead{{Id: account, Epoch: known}}, r.err
}

// knows gives what an answer for a moment knows, -1 where there is none.
func (r *registry) knows(ctx context.Context, a *acquaintances, moment time.Time) int32 {
	list, err := a.since(moment, time.Now, r.ask)(ctx, "ac_1")
	if err != nil {
		return -1
	}
	return list[0].GetEpoch()
}

func TestColleaguesAreSharedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a, seen := &registry{}, &acquaintances{}, time.Now()
		r.knows(t.Context(), a, seen)
		r.happened.Add(1)
		time.Sleep(knownFor - 1)
		if got := r.knows(t.Context(), a, seen); got != 0 || r.asked.Load() != 1 {
			t.Errorf("knows of %d after %d questions", got, r.asked.Load())
		}
		// A decision of now needs an answer of now, and whoever knew of theirs before shares it.
		if got := r.knows(t.Context(), a, time.Now()); got != 1 || r.asked.Load() != 2 {
			t.Errorf("a later decision is told of %d after %d questions", got, r.asked.Load())
		}
		if got := r.knows(t.Context(), a, seen); got != 1 || r.asked.Load() != 2 {
			t.Errorf("an earlier decision is told of %d after %d questions", got, r.asked.Load())
		}
		time.Sleep(knownFor)
		synctest.Wait()
		a.mu.Lock()
		kept := len(a.accounts)
		a.mu.Unlock()
		if got := r.knows(t.Context(), a, seen); kept != 0 || got != 1 || r.asked.Load() != 3 {
			t.Errorf("%d answers are kept; knows of %d after %d questions", kept, got, r.asked.Load())
		}
		time.Sleep(knownFor)
	})
}

// Who comes while a question is on its way that was put too early for them waits for the next one, which all of them share.
func TestColleaguesAreAskedForOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a := &registry{takes: 100 * time.Millisecond}, &acquaintances{}
		var told sync.WaitGroup
		told.Go(func() { r.knows(t.Context(), a, time.Now()) })
		synctest.Wait()
		time.Sleep(time.Millisecond)
		r.happened.Add(1)
		seen := time.Now()
		for range 20 {
			told.Go(func() {
				if got := r.knows(t.Context(), a, seen); got != 1 {
					t.Errorf("is told of %d", got)
				}
			})
		}
		told.Wait()
		if r.asked.Load() != 2 || r.most.Load() != 1 {
			t.Errorf("%d questions, %d at once", r.asked.Load(), r.most.Load())
		}
		time.Sleep(knownFor)
	})
}

// A question that fails, or takes too long, leaves the colleagues out of the briefs that waited for it, and of no other. One who stops
// waiting does not end it for the others.
func TestColleaguesThatCannotBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a := &registry{err: errors.New("down")}, &acquaintances{}
		if got := r.knows(t.Context(), a, time.Now()); got != -1 {
			t.Errorf("knows of %d", got)
		}
		time.Sleep(time.Millisecond)
		r.err, r.takes = nil, 2*colleaguesWithin
		began := time.Now()
		if got := r.knows(t.Context(), a, began); got != -1 || time.Since(began) != colleaguesWithin {
			t.Errorf("knows of %d after %v", got, time.Since(began))
		}
		time.Sleep(time.Millisecond)
		r.takes = 10 * time.Millisecond
		ctx, cancel := context.WithCancel(t.Context())
		seen := time.Now()
		var told sync.WaitGroup
		told.Go(func() {
			if got := r.knows(ctx, a, seen); got != -1 {
				t.Errorf("one who went is told of %d", got)
			}
		})
		synctest.Wait()
		told.Go(func() {
			if got := r.knows(t.Context(), a, seen); got != 0 {
				t.Errorf("one who stayed is told of %d", got)
			}
		})
		cancel()
		told.Wait()
		time.Sleep(knownFor)
	})
}

// However many accounts are asked about: some are kept.
func TestColleaguesOfManyAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a := &registry{}, &acquaintances{}
		for i := range 3 * maxAccounts {
			if list, err := a.since(time.Now(), time.Now, r.ask)(t.Context(), fmt.Sprint("ac_", i)); err != nil || list[0].GetId() != fmt.Sprint("ac_", i) {
				t.Fatalf("account %d: %v, %v", i, list, err)
			}
			a.mu.Lock()
			if len(a.accounts) > maxAccounts {
				t.Fatalf("%d are kept", len(a.accounts))
			}
			a.mu.Unlock()
		}
		time.Sleep(knownFor)
	})
}

// Whatever comes when: nobody is told of less than had happened at their moment, nor of less than three seconds before they ask.
func TestColleaguesAreNeverOlderThanTheDecision(t *testing.T) {
	type step struct {
		wait    time.Duration
		happens bool
		back    time.Duration // how long ago the moment is that somebody asks for
	}
	rapid.Check(t, func(rt *rapid.T) {
		takes := time.Duration(rapid.IntRange(0, 300).Draw(rt, "takes")) * time.Millisecond
		steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
			return step{
				time.Duration(rapid.IntRange(1, 800).Draw(t, "wait")) * time.Millisecond, rapid.Bool().Draw(t, "happens"),
				time.Duration(rapid.IntRange(0, 5000).Draw(t, "back")) * time.Millisecond,
			}
		}), 1, 40).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) {
			r, a := &registry{takes: takes}, &acquaintances{}
			var told sync.WaitGroup
			var changes []time.Time
			at := func(moment time.Time) (n int32) {
				for _, c := range changes {
					if !c.After(moment) {
						n++
					}
				}
				return n
			}
			for _, s := range steps {
				time.Sleep(s.wait)
				if s.happens {
					r.happened.Add(1)
					changes = append(changes, time.Now())
				}
				moment := time.Now().Add(-s.back)
				least := max(at(moment), at(time.Now().Add(-knownFor)))
				told.Go(func() {
					if got := r.knows(t.Context(), a, moment); got < least {
						t.Errorf("is told of %d, %d had happened", got, least)
					}
				})
			}
			told.Wait()
			if r.most.Load() > 1 {
				t.Errorf("%d questions at once", r.most.Load())
			}
			time.Sleep(knownFor)
		})
	})
}
