package sender

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/render"
	"github.com/batonhq/baton/services/routing/internal/state"
)

const (
	// attemptWithin bounds one attempt with all its requests and what they wait for a limit; each request has a shorter time of its own.
	attemptWithin = 5 * time.Minute
	// Waits between attempts to render what cannot be rendered now: contexts being rebuilt, a service that is not up.
	firstNotReady = 250 * time.Millisecond
	maxNotReady   = 30 * time.Second
)

// deliver makes one attempt at a delivery and writes down what came of it.
func (s *Sender) deliver(ctx context.Context, r *receiver, it *item) {
	d := r.destination()
	if to, ok := d.To.(destination.Digester); ok && it.group != "" {
		s.deliverAll(ctx, r, it, to)
		return
	}
	job, gone, ok := s.render(ctx, r, it, !d.Plain)
	if !ok {
		return
	}
	began := s.opt.Now()
	o := gone
	if job != nil {
		o = attempt(ctx, d, job)
		if ctx.Err() != nil && o.Verdict != destination.Done {
			r.queue.land(it, true, nil) // we stopped, they did not fail: the next session tries again
			return
		}
		s.learn(ctx, r, o, began)
	}
	s.settle(ctx, r, it, o, began)
}

// render gives the job of a delivery, or what is to become of one that there is nothing to tell of; ok is false where it cannot be rendered
// now: it has landed then.
func (s *Sender) render(ctx context.Context, r *receiver, it *item, refs bool) (job *destination.Job, gone destination.Outcome, ok bool) {
	job, err := s.opt.Job(ctx, &it.Delivery, refs)
	switch {
	case errors.Is(err, render.ErrGone):
		return nil, destination.Outcome{Verdict: destination.Never, Reason: "there is nothing to tell: the handoff is not known"}, true
	case err != nil:
		s.opt.Log.WarnContext(ctx, "a delivery cannot be rendered now", "webhook_id", it.ID, "destination", r.name, "error", err)
		pause, now := min(firstNotReady<<min(it.notReady, 10), maxNotReady), s.opt.Now()
		it.notReady++
		r.queue.land(it, false, func(p *state.Delivery) { p.NextAt = now.Add(pause) })
		return nil, destination.Outcome{}, false
	}
	job.Told = it.told
	return job, destination.Outcome{}, true
}

// settle does with a delivery as an attempt's outcome says.
func (s *Sender) settle(ctx context.Context, r *receiver, it *item, o destination.Outcome, began time.Time) {
	it.notReady = 0
	if o.Told != nil {
		it.told = o.Told
	}
	switch {
	case o.Verdict == destination.Later && o.For == destination.ForDelivery:
		s.metrics.attempts.WithLabelValues(r.name, resultPutOff).Inc()
		r.queue.putOff(it, s.opt.Now().Add(max(o.After, leastPutOff)), o.Group)
	case o.Verdict == destination.Later: // no attempt: it goes again when the destination may be told something
		s.metrics.attempts.WithLabelValues(r.name, resultLater).Inc()
		r.queue.land(it, false, nil)
	case o.Verdict == destination.Operator:
		s.metrics.attempts.WithLabelValues(r.name, resultOperator).Inc()
		r.queue.land(it, false, nil)
	default:
		r.queue.answered(it)
		s.record(ctx, r, it, o, s.opt.Now().Sub(began))
	}
}

// attempt hands a job to its destination, within a time.
func attempt(ctx context.Context, d Destination, job *destination.Job) (o destination.Outcome) {
	within, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	o = d.To.Deliver(within, job)
	return bounded(o, within.Err() != nil && ctx.Err() == nil)
}

// bounded gives an outcome as it is recorded. late: the attempt took all the time that there is.
func bounded(o destination.Outcome, late bool) destination.Outcome {
	if late && o.Verdict != destination.Done {
		o = destination.Outcome{Verdict: destination.Again, Sick: true, Reason: "it took longer than " + attemptWithin.String(), Told: o.Told}
	}
	if o.Verdict == destination.Done {
		o.Reason = ""
	}
	o.Reason = clip(o.Reason, maxReason)
	return o
}

// learn lets the queue know what an attempt says of the destination, and raises or ends the alarm for an operator.
func (s *Sender) learn(ctx context.Context, r *receiver, o destination.Outcome, began time.Time) {
	if o.Verdict == destination.Later && o.For == destination.ForDelivery {
		return // it says nothing of the destination
	}
	held, mended := r.queue.learn(o, began, s.opt.Now())
	if held {
		s.opt.Log.ErrorContext(ctx, "a destination needs an operator: all that is due to it waits until it is mended", "destination", r.name, "reason", o.Reason)
	}
	if mended {
		s.opt.Log.InfoContext(ctx, "a destination that needed an operator takes deliveries again", "destination", r.name)
	}
}

// record writes an attempt's outcome into the journal, however long that takes: until it is there, nothing else of its lead
// goes to the destination. Then the delivery is done, or waits for its next attempt.
func (s *Sender) record(ctx context.Context, r *receiver, it *item, o destination.Outcome, took time.Duration) {
	number, now := it.Attempts+1, s.opt.Now()
	next, more := time.Time{}, false
	if o.Verdict == destination.Again {
		var delay time.Duration
		if delay, more = retryAfter(number - it.Before); more {
			next = now.Add(max(delay, min(o.After, maxAsked)))
		}
	}
	stamp := timestamppb.New(now)
	ev := &journalv1.Event{
		Id: fmt.Sprintf("%s.%d", it.ID, number), Entity: it.Entity, Source: s.opt.Source, OccurredAt: stamp, ReceivedAt: stamp,
	}
	result := resultDelivered
	if o.Verdict == destination.Done {
		ev.Type = "delivered"
		ev.Payload = &journalv1.Event_Delivered{Delivered: &journalv1.Delivered{
			WebhookId: it.ID, Destination: r.name, Attempt: int32(number), Status: int32(o.Status), TookMs: int32(took.Milliseconds()),
			Refs: state.BoundRefs(o.Refs),
		}}
	} else {
		ev.Type = "delivery_failed"
		f := &journalv1.DeliveryFailed{
			WebhookId: it.ID, Destination: r.name, Attempt: int32(number), Status: int32(o.Status), Reason: o.Reason, Dead: !more,
		}
		result = resultDead
		if more {
			f.NextAt = timestamppb.New(next)
			result = resultFailed
		}
		ev.Payload = &journalv1.Event_DeliveryFailed{DeliveryFailed: f}
	}
	s.remember(it.ID, known{attempt: number, done: !more, next: next})
	if !s.append(ctx, ev) {
		r.queue.land(it, true, nil)
		return
	}
	s.metrics.attempts.WithLabelValues(r.name, result).Inc()
	r.count(result, now)
	switch result {
	case resultDead:
		s.opt.Log.ErrorContext(ctx, "a delivery is given up; it can be replayed", "webhook_id", it.ID, "destination", r.name, "attempts", number, "reason", o.Reason)
	case resultDelivered:
		s.metrics.latency.WithLabelValues(r.name).Observe(now.Sub(it.since()).Seconds())
	}
	r.queue.land(it, !more, func(p *state.Delivery) { p.Attempts, p.NextAt, p.State = number, next, state.Failing })
}

// maxReason bounds a reason, in bytes.
const maxReason = 300

// clip cuts a text that is too long, between two characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// append tries until the journal has it; false when ctx ended first. The journal writes what comes in while it writes as
// one group.
func (s *Sender) append(ctx context.Context, ev *journalv1.Event) bool {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		_, err := s.opt.Journal.Append(ctx, ev)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		s.opt.Log.WarnContext(ctx, "a delivery's outcome cannot be written; trying again", "event", ev.Id, "error", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
	}
}

// receiver gives the receiver of a name, nil where none is configured.
func (s *Sender) receiver(name string) *receiver {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.receivers[name]
}

// all gives the receivers, by name.
func (s *Sender) all() []*receiver {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*receiver, 0, len(s.receivers))
	for _, name := range slices.Sorted(maps.Keys(s.receivers)) {
		out = append(out, s.receivers[name])
	}
	return out
}
