package sender

import (
	"cmp"
	"container/heap"
	"slices"
	"sync"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/outbound"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// queue holds what one destination must be told. Each entity has a lane: its deliveries go out in the order in which they
// became due, one at a time. Lanes do not wait for each other.
type queue struct {
	mu    sync.Mutex
	lanes map[string]*lane
	ready lanes
	items map[string]*item
	// flying counts deliveries in flight, writing those whose outcome is on its way into the journal.
	flying, writing int
	gate            gate
	// wake is told of changes that the destination's loop should look at.
	wake chan struct{}
}

// item is a delivery that is not done. Its delivery is the sender's own copy.
type item struct {
	state.Delivery
	lane *lane
	// flying: an attempt is under way, or its outcome is being written; writing: the latter.
	flying, writing bool
	// wanted: the session in force knows it. One that is not is forgotten when its attempt is over.
	wanted bool
	// notReady counts how often it could not be rendered in a row.
	notReady int
	// putOff is until when it was put off, group what it is gathered with then, told whom it was told to: see destination.ForDelivery.
	putOff time.Time
	group  string
	told   map[string]string
}

// lane is one entity's deliveries to one destination, in order.
type lane struct {
	entity string
	items  []*item
	// at is the place in the heap, -1 when it is not there: while its head flies.
	at int
}

func newQueue(most int, limiter *outbound.Limiter) *queue {
	return &queue{
		lanes: map[string]*lane{}, items: map[string]*item{}, wake: make(chan struct{}, 1), gate: gate{most: most, limiter: limiter},
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// put adds a delivery, or brings one that waits up to date. One in flight is only marked as wanted.
func (q *queue) put(d *state.Delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.signal()
	if it := q.items[d.ID]; it != nil {
		it.wanted = true
		if !it.flying {
			it.Delivery = *d
			it.waitOn()
			q.place(it.lane)
		}
		return
	}
	l := q.lanes[d.Entity]
	if l == nil {
		l = &lane{entity: d.Entity, at: -1}
		q.lanes[d.Entity] = l
	}
	it := &item{Delivery: *d, lane: l, wanted: true}
	q.items[d.ID] = it
	i, _ := slices.BinarySearchFunc(l.items, it, func(a, b *item) int { return cmp.Compare(a.Number, b.Number) })
	if len(l.items) > 0 && l.items[0].flying {
		i = max(i, 1) // the head stays the head while it flies
	}
	l.items = slices.Insert(l.items, i, it)
	q.place(l)
}

// place brings a lane's place in the heap up to date.
func (q *queue) place(l *lane) {
	switch in := l.at >= 0; {
	case len(l.items) == 0:
		if in {
			heap.Remove(&q.ready, l.at)
		}
		delete(q.lanes, l.entity)
	case l.items[0].flying:
		if in {
			heap.Remove(&q.ready, l.at)
		}
	case in:
		heap.Fix(&q.ready, l.at)
	default:
		heap.Push(&q.ready, l)
	}
}

// mostWriting bounds the outcomes that are on their way into the journal, for each delivery that may be in flight: a crash then repeats
// no more than these.
const mostWriting = 8

// take gives the next delivery to attempt, or how long to wait for one (0: until something changes).
func (q *queue) take(now time.Time) (it *item, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ready) == 0 {
		return nil, 0
	}
	head := q.ready[0].items[0]
	limit, until := q.gate.limit(now)
	switch {
	case limit == 0 && until.IsZero():
		return nil, 0
	case limit == 0:
		return nil, max(until.Sub(now), head.NextAt.Sub(now))
	case q.flying >= limit, q.writing >= mostWriting*q.gate.most:
		return nil, 0
	case head.NextAt.After(now):
		return nil, head.NextAt.Sub(now)
	}
	if wait := q.gate.limiter.Free(); wait > 0 {
		return nil, wait
	}
	head.flying = true
	q.flying++
	q.place(head.lane)
	return head, 0
}

// answered ends the flight of a delivery: another one may go, of another lead, while its outcome is written.
func (q *queue) answered(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.signal()
	q.flying--
	q.writing++
	it.writing = true
}

// land ends an attempt: the delivery is done, or waits for the next one as change leaves it.
func (q *queue) land(it *item, done bool, change func(*state.Delivery)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.signal()
	if it.writing {
		q.writing--
	} else {
		q.flying--
	}
	it.flying, it.writing = false, false
	if done || !it.wanted {
		q.drop(it)
		return
	}
	if change != nil {
		change(&it.Delivery)
	}
	q.place(it.lane)
}

func (q *queue) drop(it *item) {
	delete(q.items, it.ID)
	l := it.lane
	l.items = slices.DeleteFunc(l.items, func(o *item) bool { return o == it })
	q.place(l)
}

// forget drops a delivery that somebody else has finished.
func (q *queue) forget(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it := q.items[id]; it != nil && !it.flying {
		q.drop(it)
	}
}

// advance takes in a failed attempt that somebody else made.
func (q *queue) advance(id string, attempts int, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it := q.items[id]; it != nil && !it.flying && it.Attempts < attempts {
		it.Attempts, it.NextAt = attempts, next
		q.place(it.lane)
	}
}

// clear forgets everything but what is in flight, which is forgotten once it lands unless it is put again.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		if it.wanted = false; !it.flying {
			q.drop(it)
		}
	}
}

// learn takes in what an attempt that began at a moment says of the destination. held says that it has just come to need an operator,
// mended that it needed one and does no longer.
func (q *queue) learn(o destination.Outcome, began, now time.Time) (held, mended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.signal()
	g := &q.gate
	switch {
	case o.Verdict == destination.Later:
		g.quiet.lengthen(o.Reason, began, now, o.After)
	case o.Verdict == destination.Operator:
		held = g.held.lengthen(o.Reason, began, now, o.After)
	case o.Verdict == destination.Again && o.Sick:
		g.circuit.failed(o.Reason, began, now)
		if o.After > 0 {
			g.circuit.pause(now.Add(min(o.After, maxAsked)))
		}
	default:
		mended = !g.held.since.IsZero()
		g.opened()
		if o.Verdict == destination.Done {
			g.circuit.succeeded()
		}
	}
	return held, mended
}

// nudge ends a pause for a destination that does not answer or needs an operator: somebody wants to see now whether it does again. What
// a destination asked for by its limits is kept.
func (q *queue) nudge() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gate.circuit.until, q.gate.held.until = time.Time{}, time.Time{}
	q.signal()
}

// paused sets or ends an operator's pause.
func (q *queue) paused(p Pause) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gate.pause, q.gate.unknown = p, false
	q.signal()
}

// limits sets how many may be in flight, and how fast.
func (q *queue) limits(most int, limiter *outbound.Limiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gate.most, q.gate.limiter = most, limiter
	q.signal()
}

// size gives how many wait, since when the oldest of them does that is not put off (zero where all are), and whether the destination is left alone.
func (q *queue) size(now time.Time) (n int, oldest time.Time, open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		if since := it.since(); !since.After(now) && (oldest.IsZero() || since.Before(oldest)) {
			oldest = since
		}
	}
	g := &q.gate
	return len(q.items), oldest, g.circuit.failures >= openAfter || g.circuit.until.After(now) || g.quiet.until.After(now)
}

// lanes is a heap of the lanes whose heads may fly, the soonest first; of those that are due at once, the longest due.
type lanes []*lane

func (h lanes) Len() int { return len(h) }
func (h lanes) Less(i, k int) bool {
	a, b := h[i].items[0], h[k].items[0]
	if c := a.NextAt.Compare(b.NextAt); c != 0 {
		return c < 0
	}
	return a.DueAt.Before(b.DueAt)
}
func (h lanes) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].at, h[k].at = i, k
}
func (h *lanes) Push(x any) {
	l := x.(*lane)
	l.at = len(*h)
	*h = append(*h, l)
}
func (h *lanes) Pop() any {
	old := *h
	l := old[len(old)-1]
	*h = old[:len(old)-1]
	l.at = -1
	return l
}
