package edge

import (
	"sync"
	"sync/atomic"
	"time"
)

// admission bounds how many requests are worked on at once, so that those that are taken are taken soon: beyond that, senders are
// told to come again, which costs little. How many that is depends on the machine and on the disk, so it is found out: while
// requests take longer than they should, fewer are let in; while they do not, and there is no room for more, more are. A body
// that is still coming in does not count: a slow client holds up nobody.
type admission struct {
	running, limit atomic.Int64

	mu    sync.Mutex
	until time.Time
	// Of the requests that ended since the last change: how many, how long they took together, and the most at once.
	ended int64
	took  time.Duration
	most  int64
}

const (
	// admitTarget is what a request may take on average, from its last byte to its answer. The slowest hundredth takes some
	// two times the average, which leaves of a second room for what the handler does not see: sockets, and waiting for a processor.
	admitTarget = 250 * time.Millisecond
	admitFirst  = 512
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

// enter lets a request in; leave must be called then.
func (a *admission) enter() bool {
	if a.running.Add(1) > a.limit.Load() {
		a.running.Add(-1)
		return false
	}
	return true
}

// leave ends a request. sample: how long it took is typical.
func (a *admission) leave(began, now time.Time, sample bool) {
	running := a.running.Add(-1) + 1
	a.mu.Lock()
	defer a.mu.Unlock()
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
