package edge

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// admission bounds how many requests are worked on at once, so that those that are taken are taken soon. How many that is depends
// on the machine and on the disk, so it is found out: while requests take longer than they should, fewer are let in; while they
// do not, and there is no room for more, more are. A body that is still coming in does not count: a slow client holds up nobody.
//
// Whoever comes beyond that waits a little for a place, and is then told to come again, a little later: a refusal costs nearly
// as much as an event, and who is answered at once is at once back. The one who came last gets the next place: under a load
// that lasts, the others would have waited in vain, and all would be late if they went first.
type admission struct {
	running, limit atomic.Int64

	mu      sync.Mutex
	waiting []*place // in order of arrival
	until   time.Time
	// Of the requests that ended since the last change: how many, how long they took together, and the most at once.
	ended int64
	took  time.Duration
	most  int64
}

const (
	// admitTarget is what a request may take on average, from its last byte to its answer. The slowest hundredth waits for a place as
	// well, takes some two times the average, and meets what the handler does not see: sockets, and waiting for a processor. On two
	// processors, offered four times what they take, it comes to 0.5-0.6 s; with twice this target to 1.2 s, and less is taken.
	admitTarget = 120 * time.Millisecond
	// admitPatience is how long a request waits for a place.
	admitPatience = 200 * time.Millisecond
	// admitWaiting is how many wait at once; their bodies are in memory.
	admitWaiting = 4096
	admitFirst   = 512
	// admitLeast is enough for the journal to write in groups: with fewer, each write would cost more, and all would be slower.
	admitLeast = 128
	admitMost  = 16384
	admitEvery = 100 * time.Millisecond
	// admitSample is the largest body, in bytes, that tells how fast requests are: a large one is slow by itself.
	admitSample = 64 << 10
)

func newAdmission() *admission {
	a := &admission{}
	a.limit.Store(admitFirst)
	return a
}

// place is what a request waits for. It is closed when the request is let in.
type place struct{ free chan struct{} }

// enter lets a request in, at once or within admitPatience; leave must be called then.
func (a *admission) enter(ctx context.Context) bool {
	if a.tryEnter() {
		return true
	}
	p := &place{make(chan struct{})}
	a.mu.Lock()
	if len(a.waiting) >= admitWaiting {
		a.mu.Unlock()
		return false
	}
	a.waiting = append(a.waiting, p)
	a.letIn() // a place may have become free meanwhile, and nobody else may ever leave
	a.mu.Unlock()
	patience := time.NewTimer(admitPatience)
	defer patience.Stop()
	select {
	case <-p.free:
		return true
	case <-patience.C:
	case <-ctx.Done():
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.waiting, p); i >= 0 {
		a.waiting = slices.Delete(a.waiting, i, i+1)
		return false
	}
	return true // it was let in at the last moment
}

func (a *admission) tryEnter() bool {
	if a.running.Add(1) <= a.limit.Load() {
		return true
	}
	a.running.Add(-1)
	return false
}

// letIn gives free places to those who wait, the last one first.
func (a *admission) letIn() {
	for n := len(a.waiting); n > 0 && a.tryEnter(); n-- {
		close(a.waiting[n-1].free)
		a.waiting[n-1] = nil
		a.waiting = a.waiting[:n-1]
	}
}

// leave ends a request. sample: how long it took is typical.
func (a *admission) leave(began, now time.Time, sample bool) {
	running := a.running.Add(-1) + 1
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.letIn()
	a.most = max(a.most, running)
	if sample {
		a.ended++
		a.took += now.Sub(began)
	}
	if now.Before(a.until) {
		return
	}
	limit := a.limit.Load()
	if a.ended > 0 {
		switch average := a.took / time.Duration(a.ended); {
		case average > admitTarget:
			limit = max(limit*max(int64(admitTarget), int64(average)/2)/int64(average), admitLeast)
		case a.most >= limit-limit/8:
			limit = min(limit+limit/4, admitMost)
		}
	}
	a.limit.Store(limit)
	a.ended, a.took, a.most, a.until = 0, 0, 0, now.Add(admitEvery)
}
