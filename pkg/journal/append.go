package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/propagation"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// direct is up to how many lone events are in flight as plain publishes of their own; what comes in beyond, and as long as
// groups of more are written, waits and goes as a group. An atomic batch costs its staging file's syncs (3-10 ms whatever
// its size), a plain publish one (0.1-0.25 ms): up to here they are faster alone, beyond together.
const direct = 32

// few is up to how many lone events of a group are still faster as plain publishes.
const few = 8

// gatherFor is how long a group waits for callers that have just been answered and will soon be back. Without it small
// groups would go between the large ones, at the same price.
const gatherFor = time.Millisecond

// appendBytes bounds the payload of one group.
const appendBytes = 16 << 20

type appendCall struct {
	msgs  []*nats.Msg
	bytes int
	seq   uint64
	err   error
	done  chan struct{}
}

// Append appends inputs: events from outside, each addressed to its Entity. The events of one call get consecutive places,
// in order, together or not at all. Calls of many goroutines are written as groups, whatever came in while the last write
// was in flight.
//
// nil: they are in the log, on disk, and seq is the last one's sequence. ErrUnavailable: the outcome is unknown; appending
// the same event again is safe, the fold recognises it. ErrOverloaded, ErrTooLarge, ErrBadEvent: nothing was written. When
// ctx ends first, its error is returned and the outcome is unknown.
func (j *Journal) Append(ctx context.Context, events ...*journalv1.Event) (seq uint64, err error) {
	if len(events) == 0 {
		return 0, fmt.Errorf("%w: no events", ErrBadEvent)
	}
	if len(events) > maxBatch {
		return 0, fmt.Errorf("%w: %d events in one call, at most %d", ErrTooLarge, len(events), maxBatch)
	}
	call := &appendCall{msgs: make([]*nats.Msg, len(events)), done: make(chan struct{})}
	trace := j.inject(ctx)
	for i, ev := range events {
		m, err := encode(ev.Entity, ev, nil, trace)
		if err != nil {
			return 0, err
		}
		if len(m.Data) > int(j.nc.MaxPayload())-4096 {
			return 0, fmt.Errorf("%w: an event of %d bytes", ErrTooLarge, len(m.Data))
		}
		call.msgs[i] = m
		call.bytes += len(m.Data)
	}
	if len(call.msgs) == 1 && !j.grouping.Load() {
		if n := j.direct.Add(1); n <= direct {
			defer j.direct.Add(-1)
			return publishInput(ctx, j.nc, call.msgs[0])
		}
		j.direct.Add(-1)
	}
	n := int64(len(call.msgs))
	if ahead := j.waiting.Add(n) - n; j.tooLong(ahead) {
		j.waiting.Add(-n)
		return 0, ErrOverloaded
	}
	select {
	case j.appends <- call:
	default:
		j.waiting.Add(-n)
		return 0, ErrOverloaded
	}
	select {
	case <-call.done:
		return call.seq, call.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// patience is how long an event may be expected to wait until it is written; where it would be longer, it is refused at once.
// Senders wait for some seconds and then send again, so that a longer queue would be full of what nobody waits for any more.
const patience = 500 * time.Millisecond

// tooLong reports whether an event with that many ahead of it would wait too long, by what the last groups took. What fits into
// the next group is always taken.
func (j *Journal) tooLong(ahead int64) bool {
	if ahead > int64(j.opt.MaxWaiting) {
		return true
	}
	groups := ahead / maxBatch
	return groups > 0 && time.Duration((groups+1)*j.groupTook.Load()) > patience
}

// wrote notes how long a group took to write: a mean over some, the last one counting a quarter.
func (j *Journal) wrote(took time.Duration) {
	before := j.groupTook.Load() // Run alone writes it
	j.groupTook.Store(before + (int64(took)-before)/4)
}

func (j *Journal) inject(ctx context.Context) string {
	if j.opt.Propagator == nil {
		return ""
	}
	carrier := propagation.MapCarrier{}
	j.opt.Propagator.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// Run writes what Append queues, until ctx ends; what is queued by then is still written.
func (j *Journal) Run(ctx context.Context) error {
	var held *appendCall
	last := 0 // how many events the group before had
	for {
		first := held
		if first == nil {
			select {
			case first = <-j.appends:
			case <-ctx.Done():
				select {
				case first = <-j.appends:
				default:
					return nil
				}
			}
		}
		group, n := []*appendCall{first}, len(first.msgs)
		group, n, held = j.gather(group, n, last/2)
		// Half of the callers may be on their way back while the other half is written.
		j.grouping.Store(n+last > direct)
		last = n
		began := time.Now()
		j.write(group, n)
		j.wrote(time.Since(began))
		j.waiting.Add(-int64(n))
		for _, c := range group {
			close(c.done)
		}
	}
}

// gather adds to a group of n events what is queued; it waits a little where fewer come than are likely to. held is a call
// that has no more room in it.
func (j *Journal) gather(group []*appendCall, n, likely int) (_ []*appendCall, _ int, held *appendCall) {
	bytes := group[0].bytes
	var late <-chan time.Time
	for {
		var c *appendCall
		select {
		case c = <-j.appends:
		default:
			if n >= likely || !j.grouping.Load() {
				return group, n, nil
			}
			if late == nil {
				late = time.After(gatherFor)
			}
			select {
			case c = <-j.appends:
			case <-late:
				return group, n, nil
			}
		}
		if n+len(c.msgs) > maxBatch || bytes+c.bytes > appendBytes {
			return group, n, c
		}
		group, n, bytes = append(group, c), n+len(c.msgs), bytes+c.bytes
	}
}

// write writes one group and fills in each call's outcome. It outlives the callers' contexts: their events share it.
func (j *Journal) write(group []*appendCall, n int) {
	if n <= few && len(group) == n {
		var alone sync.WaitGroup
		for _, c := range group[1:] {
			alone.Go(func() { c.seq, c.err = publishInput(context.Background(), j.nc, c.msgs[0]) })
		}
		group[0].seq, group[0].err = publishInput(context.Background(), j.nc, group[0].msgs[0])
		alone.Wait()
		return
	}
	msgs := make([]*nats.Msg, 0, n)
	for _, c := range group {
		msgs = append(msgs, c.msgs...)
	}
	seq, err := publishAtomic(context.Background(), j.nc, msgs)
	switch {
	case err == nil:
		seq -= uint64(n)
		for _, c := range group {
			seq += uint64(len(c.msgs))
			c.seq = seq
		}
	case errors.Is(err, errContent) && len(group) > 1:
		// One of them will never be taken: find out which by writing each call alone.
		for _, c := range group {
			j.write([]*appendCall{c}, len(c.msgs))
		}
	case errors.Is(err, errContent):
		group[0].err = fmt.Errorf("%w: %w", ErrTooLarge, err)
	default:
		for _, c := range group {
			c.err = err
		}
	}
}

func publishInput(ctx context.Context, nc *nats.Conn, m *nats.Msg) (uint64, error) {
	seq, err := publish(ctx, nc, m)
	if errors.Is(err, errContent) {
		err = fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return seq, err
}

// AppendGlobal appends a global fact of a kind ([a-z0-9-]) if the last one of that kind stands at sequence last (0: if there
// is none). nil: it is in the log and takes effect for everybody at seq. ErrConflict: another one came first, nothing was
// written. ErrUnavailable: the outcome is unknown; read LastGlobal again.
func (j *Journal) AppendGlobal(ctx context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error) {
	body.Entity = ""
	m, err := encodeGlobal(kind, body, last)
	if err != nil {
		return 0, err
	}
	seq, err := publish(ctx, j.nc, m)
	switch {
	case errors.Is(err, errFenced):
		return 0, fmt.Errorf("%w: a newer %s is in the journal", ErrConflict, kind)
	case errors.Is(err, errContent):
		return 0, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return seq, err
}
