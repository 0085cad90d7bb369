package sender

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// leastPutOff keeps a destination from putting a delivery off to no moment at all, over and over.
const leastPutOff = 100 * time.Millisecond

// since gives when a delivery became due, or when it may go that was put off.
func (it *item) since() time.Time {
	if it.putOff.After(it.DueAt) {
		return it.putOff
	}
	return it.DueAt
}

// waitOn keeps a delivery that is put off from going sooner than that, whatever the store says of it.
func (it *item) waitOn() {
	if it.putOff.After(it.NextAt) {
		it.NextAt = it.putOff
	}
}

// putOff ends an attempt that was none: the delivery waits until a moment, in a lane of its group or of its own. Its lead's others go past it.
func (q *queue) putOff(it *item, until time.Time, group string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.signal()
	q.flying--
	it.flying = false
	if !it.wanted {
		q.drop(it)
		return
	}
	it.NextAt, it.putOff, it.group = until, until, group
	key := "group " + group // no entity has a space
	if group == "" {
		key = "alone " + it.ID
	}
	old := it.lane
	old.items = slices.DeleteFunc(old.items, func(o *item) bool { return o == it })
	q.place(old)
	l := q.lanes[key]
	if l == nil {
		l = &lane{entity: key, at: -1}
		q.lanes[key] = l
	}
	i := 0 // those in flight stay in front
	for i < len(l.items) && (l.items[i].flying || !l.items[i].NextAt.After(until)) {
		i++
	}
	l.items = slices.Insert(l.items, i, it)
	it.lane = l
	q.place(l)
}

// mates gives what goes with a delivery in flight: itself, and those of its group whose moment has come, in flight from now on. One that
// failed before goes along whenever its own next attempt is: or a message that could not be sent would come in pieces.
func (q *queue) mates(head *item, now time.Time) []*item {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := []*item{head}
	for _, it := range head.lane.items {
		if len(all) == destination.MaxGathered {
			break
		}
		if it != head && !it.flying && !it.putOff.After(now) {
			it.flying = true
			q.flying++
			all = append(all, it)
		}
	}
	return all
}

// waiting counts what is put off.
func (q *queue) waiting(now time.Time) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		if it.putOff.After(now) {
			n++
		}
	}
	return n
}

// deliverAll makes one attempt with a delivery and all that is gathered with it, and writes down what came of each.
func (s *Sender) deliverAll(ctx context.Context, r *receiver, head *item, to destination.Digester) {
	var items []*item
	var jobs []*destination.Job
	var settling sync.WaitGroup
	defer settling.Wait()
	began := s.opt.Now()
	for _, it := range r.queue.mates(head, began) {
		job, gone, ok := s.render(ctx, r, it, !r.destination().Plain)
		switch {
		case !ok:
		case job == nil:
			settling.Go(func() { s.settle(ctx, r, it, gone, began) })
		default:
			items, jobs = append(items, it), append(jobs, job)
		}
	}
	if len(jobs) == 0 {
		return
	}
	outcomes := attemptAll(ctx, to, head.group, jobs)
	said := false
	for i, it := range items {
		o := outcomes[i]
		if ctx.Err() != nil && o.Verdict != destination.Done {
			r.queue.land(it, true, nil)
			continue
		}
		if !said && (o.Verdict != destination.Later || o.For != destination.ForDelivery) {
			said = true // one message says one thing of the destination
			s.learn(ctx, r, o, began)
		}
		settling.Go(func() { s.settle(ctx, r, it, o, began) })
	}
}

// attemptAll hands jobs to their destination, within a time. What it says nothing of is tried again.
func attemptAll(ctx context.Context, to destination.Digester, group string, jobs []*destination.Job) []destination.Outcome {
	within, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	outcomes := to.DeliverAll(within, group, jobs)
	late := within.Err() != nil && ctx.Err() == nil
	out := make([]destination.Outcome, len(jobs))
	for i := range jobs {
		o := destination.Outcome{Reason: "the destination said nothing of it"}
		if i < len(outcomes) {
			o = outcomes[i]
		}
		out[i] = bounded(o, late)
	}
	return out
}
