package outbound

import (
	"context"
	"sync"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Limiter keeps requests to one receiver within a limit: never more than Requests begin in any stretch of Per. It remembers
// when the latest of them began (24 bytes each), so it is exact where a bucket lets twice as many through. A nil Limiter
// sets no limit. It counts for one process.
type Limiter struct {
	now func() time.Time
	per time.Duration

	mu sync.Mutex
	// begun is a ring: when the last len(begun) requests begin, the one to be replaced next at place next.
	begun []time.Time
	next  int
}

// NewLimiter gives a limiter, nil for no limit.
func NewLimiter(l destination.Limit, now func() time.Time) *Limiter {
	if l.Requests <= 0 || l.Per <= 0 {
		return nil
	}
	return &Limiter{now: now, per: l.Per, begun: make([]time.Time, l.Requests)}
}

// Free says how long it takes until a request may begin, if no other comes first; 0 for now.
func (l *Limiter) Free() time.Duration {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, l.earliest().Sub(l.now()))
}

func (l *Limiter) earliest() time.Time {
	if last := l.begun[l.next]; !last.IsZero() {
		return last.Add(l.per)
	}
	return time.Time{}
}

// Wait waits until a request may begin, in the order of the calls. The error is ctx's; the place that was waited for is then
// lost, which only slows others down.
func (l *Limiter) Wait(ctx context.Context) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	now := l.now()
	at := l.earliest()
	if at.Before(now) {
		at = now
	}
	l.begun[l.next] = at
	l.next = (l.next + 1) % len(l.begun)
	l.mu.Unlock()
	wait := at.Sub(now)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
