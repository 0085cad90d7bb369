package sender

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/render"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// outcome is what one attempt came to.
type outcome struct {
	// ok: the destination took it (2xx).
	ok     bool
	status int
	// reason says in our words why not; never what the destination sent.
	reason string
	// dead: no further attempt can help.
	dead bool
	// sick: it speaks of the destination, not of this delivery.
	sick bool
	// asked is how long the destination asked to be left alone.
	asked time.Duration
	took  time.Duration
}

const (
	// attemptWithin bounds one attempt, connection and answer included.
	attemptWithin = 15 * time.Second
	// maxAnswer is how much of an answer is read, so that the connection can be used again.
	maxAnswer = 64 << 10
)

// post makes one attempt.
func (s *Sender) post(ctx context.Context, d *destination, id string, body []byte) outcome {
	ctx, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	start := s.opt.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(body))
	if err != nil {
		return outcome{reason: "the destination's URL cannot be used", sick: true}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.opt.UserAgent)
	if d.Signer != nil {
		d.Signer.SetHeaders(req.Header, id, start, body)
	}
	res, err := d.client.Do(req)
	took := s.opt.Now().Sub(start)
	if err != nil {
		return outcome{reason: why(err), sick: true, took: took}
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	return judge(res.StatusCode, res.Header, s.opt.Now(), took)
}

// judge reads an answer: 2xx is success, everything else is not. 410 says that nobody wants it any more.
func judge(status int, header http.Header, now time.Time, took time.Duration) outcome {
	o := outcome{status: status, took: took}
	switch {
	case status >= 200 && status < 300:
		o.ok = true
	case status == http.StatusGone:
		o.reason, o.dead = "status 410: the destination wants no more deliveries", true
	case status >= 300 && status < 400:
		o.reason = fmt.Sprintf("status %d: redirects are not followed", status)
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		o.reason, o.sick, o.asked = fmt.Sprintf("status %d", status), true, askedFor(header, now)
	default:
		o.reason = fmt.Sprintf("status %d", status)
	}
	return o
}

// why names an error without quoting it: it may hold addresses and what the other side sent.
func why(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, ErrForbidden):
		return ErrForbidden.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer within " + attemptWithin.String()
	case errors.As(err, &dns):
		return "the host's name cannot be resolved"
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection"
	}
	return "the connection failed"
}

// Waits between attempts to render what cannot be rendered now: contexts being rebuilt, a service that is not up.
const (
	firstNotReady = 250 * time.Millisecond
	maxNotReady   = 30 * time.Second
)

// deliver makes one attempt at a delivery and writes down what came of it.
func (s *Sender) deliver(ctx context.Context, d *destination, it *item) {
	body, err := s.opt.Body(ctx, &it.Delivery)
	var o outcome
	switch {
	case errors.Is(err, render.ErrGone):
		o = outcome{reason: "there is nothing to tell: the handoff is not known", dead: true}
	case err != nil:
		s.opt.Log.WarnContext(ctx, "a delivery cannot be rendered now", "webhook_id", it.ID, "destination", d.Name, "error", err)
		pause := min(firstNotReady<<min(it.notReady, 10), maxNotReady)
		it.notReady++
		now := s.opt.Now()
		d.queue.land(it, false, func(p *state.Delivery) { p.NextAt = now.Add(pause) })
		return
	default:
		o = s.post(ctx, d, it.ID, body)
		if ctx.Err() != nil && !o.ok {
			d.queue.land(it, true, nil) // we stopped, they did not fail: the next session tries again
			return
		}
		if o.ok || o.sick {
			now := s.opt.Now()
			d.queue.answered(o.ok, now.Add(-o.took), now, o.asked)
		}
	}
	it.notReady = 0
	s.record(ctx, d, it, o)
}

// record writes an attempt's outcome into the journal, however long that takes: until it is there, the delivery stays in
// flight. Then the delivery is done, or waits for its next attempt.
func (s *Sender) record(ctx context.Context, d *destination, it *item, o outcome) {
	attempt, now := it.Attempts+1, s.opt.Now()
	next, more := time.Time{}, false
	if !o.ok && !o.dead {
		var delay time.Duration
		if delay, more = retryAfter(attempt - it.Before); more {
			next = now.Add(max(delay, o.asked))
		}
	}
	stamp := timestamppb.New(now)
	ev := &journalv1.Event{
		Id: fmt.Sprintf("%s.%d", it.ID, attempt), Entity: it.Entity, Source: s.opt.Source, OccurredAt: stamp, ReceivedAt: stamp,
	}
	result := "delivered"
	if o.ok {
		ev.Type = "delivered"
		ev.Payload = &journalv1.Event_Delivered{Delivered: &journalv1.Delivered{
			WebhookId: it.ID, Destination: d.Name, Attempt: int32(attempt), Status: int32(o.status), TookMs: int32(o.took.Milliseconds()),
		}}
	} else {
		ev.Type = "delivery_failed"
		f := &journalv1.DeliveryFailed{
			WebhookId: it.ID, Destination: d.Name, Attempt: int32(attempt), Status: int32(o.status), Reason: o.reason, Dead: !more,
		}
		result = "dead"
		if more {
			f.NextAt = timestamppb.New(next)
			result = "failed"
		}
		ev.Payload = &journalv1.Event_DeliveryFailed{DeliveryFailed: f}
	}
	s.remember(it.ID, known{attempt: attempt, done: !more, next: next})
	if !s.append(ctx, ev) {
		d.queue.land(it, true, nil)
		return
	}
	s.metrics.attempts.WithLabelValues(d.Name, result).Inc()
	if result == "dead" {
		s.opt.Log.ErrorContext(ctx, "a delivery is given up; it can be replayed", "webhook_id", it.ID, "destination", d.Name, "attempts", attempt, "reason", o.reason)
	}
	if o.ok {
		s.metrics.latency.WithLabelValues(d.Name).Observe(now.Sub(it.DueAt).Seconds())
	}
	d.queue.land(it, !more, func(p *state.Delivery) { p.Attempts, p.NextAt, p.State = attempt, next, state.Failing })
}

// append tries until the journal has it; false when ctx ended first.
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
