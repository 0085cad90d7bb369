package outbound

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Whoever asks when, in no stretch of Per do more than Requests begin, and nobody waits longer than that takes.
func TestLimiter(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		most := rapid.IntRange(1, 5).Draw(r, "requests")
		per := time.Duration(rapid.IntRange(1, 20).Draw(r, "per")) * time.Second
		gaps := rapid.SliceOfN(rapid.IntRange(0, 5000), 1, 30).Draw(r, "gaps")
		synctest.Test(t, func(*testing.T) {
			l := NewLimiter(destination.Limit{Requests: most, Per: per}, time.Now)
			var mu sync.Mutex
			var asked, begun []time.Time
			var wg sync.WaitGroup
			for _, gap := range gaps {
				time.Sleep(time.Duration(gap) * time.Millisecond) // the bubble's clock
				asked = append(asked, time.Now())
				wg.Go(func() {
					if err := l.Wait(context.Background()); err != nil {
						r.Errorf("%v", err)
					}
					mu.Lock()
					defer mu.Unlock()
					begun = append(begun, time.Now())
				})
				synctest.Wait()
			}
			wg.Wait()
			slices.SortFunc(begun, time.Time.Compare)
			for i := range begun {
				want := asked[i] // the earliest that the limit allows
				if i >= most {
					if least := begun[i-most].Add(per); least.After(want) {
						want = least
					}
				}
				if !begun[i].Equal(want) {
					r.Errorf("request %d of %d per %s begins at %s, want %s", i, most, per, begun[i], want)
				}
			}
		})
	})
}

func TestLimiterEdges(t *testing.T) {
	if l := NewLimiter(destination.Limit{}, time.Now); l != nil || l.Free() != 0 || l.Wait(t.Context()) != nil {
		t.Error("no limit limits")
	}
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(destination.Limit{Requests: 1, Per: time.Minute}, time.Now)
		if l.Free() != 0 || l.Wait(t.Context()) != nil || l.Free() != time.Minute {
			t.Errorf("free in %s", l.Free())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Wait(ctx); err == nil {
			t.Error("did not wait")
		}
	})
}

// The time that a request waits for its turn is not its own.
func TestWaitingUsesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		c := NewClient(handler{h}, NewLimiter(destination.Limit{Requests: 1, Per: time.Minute}, time.Now), time.Second)
		start := time.Now()
		for range 3 {
			res, err := c.Get("http://crm.example/")
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
		}
		if took := time.Since(start); took != 2*time.Minute {
			t.Errorf("took %s", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		start := time.Now()
		res, err := NewClient(handler{silent}, nil, time.Second).Get("http://crm.example/")
		if err == nil {
			_ = res.Body.Close()
		}
		if err == nil || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

type handler struct{ http.Handler }

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}
