package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/batonhq/baton/pkg/identity"
)

// cursor reads messages of some subjects in log order with an ordered consumer: nothing is acknowledged, nothing redelivered.
type cursor struct {
	it     jetstream.MessagesContext
	last   uint64
	cancel func() bool
	// events: of everything in the stream only events are given.
	events bool
}

// open starts reading at sequence from (1 is the first). The reading stops when ctx ends.
func (j *Journal) open(ctx context.Context, from uint64, headersOnly bool, subjects ...string) (*cursor, error) {
	if from == 0 {
		from = 1
	}
	c, err := j.js.OrderedConsumer(ctx, StreamName, jetstream.OrderedConsumerConfig{
		FilterSubjects: subjects, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, HeadersOnly: headersOnly,
		InactiveThreshold: 15 * time.Second, // nobody cleans up behind a killed reader
	})
	if err != nil {
		return nil, fmt.Errorf("%w: read from %d: %w", ErrUnavailable, from, err)
	}
	it, err := c.Messages(jetstream.PullMaxMessages(2048), jetstream.PullExpiry(5*time.Second), jetstream.PullHeartbeat(time.Second))
	if err != nil {
		return nil, fmt.Errorf("%w: read from %d: %w", ErrUnavailable, from, err)
	}
	return &cursor{it: it, last: from - 1, cancel: context.AfterFunc(ctx, it.Stop)}, nil
}

func (c *cursor) close() {
	c.cancel()
	c.it.Stop()
}

// openAll is open for all events, by reading the whole stream and leaving out what else stands there: checkpoints and schedules, which
// are few. Asked for them by their subject the server walks all the subjects of a block, thousands, for every message that it gives,
// unless the block has hardly more messages than subjects (nats-server 2.15, msgBlock.firstMatching): a log of 800,000 messages of
// 88,000 leads took 20 s so, and takes 3. What is left out at the end of the stream is not told: whoever reads must know the last event.
func (j *Journal) openAll(ctx context.Context, from uint64, headersOnly bool) (*cursor, error) {
	c, err := j.open(ctx, from, headersOnly)
	if err == nil {
		c.events = true
	}
	return c, err
}

// next gives the next message and its head. pending is how many more the server knew of when it sent this one.
func (c *cursor) next() (msg jetstream.Msg, hd Head, pending uint64, err error) {
	for {
		msg, err = c.it.Next()
		if err != nil {
			return nil, Head{}, 0, fmt.Errorf("%w: read on from %d: %w", ErrUnavailable, c.last, err)
		}
		md, err := msg.Metadata()
		if err != nil {
			return nil, Head{}, 0, fmt.Errorf("%w: read on from %d: %w", ErrUnavailable, c.last, err)
		}
		if md.Sequence.Stream <= c.last { // a restarted ordered consumer may repeat
			continue
		}
		c.last = md.Sequence.Stream
		if c.events && md.NumPending > 0 && !strings.HasPrefix(msg.Subject(), subjectEvents) {
			continue
		}
		hd, err = head(msg.Subject(), msg.Headers(), md.Sequence.Stream, md.Timestamp)
		return msg, hd, md.NumPending, err
	}
}

// scan reads all messages of the subjects in [from, to] and shows each to f; f's error ends it.
func (j *Journal) scan(ctx context.Context, from, to uint64, headersOnly bool, f func(jetstream.Msg, Head) error, subjects ...string) error {
	last, err := j.lastOf(ctx, to, subjects...)
	if err != nil || last < from || last == 0 {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all := len(subjects) == 1 && subjects[0] == subjectEvents+">"
	var c *cursor
	if all {
		c, err = j.openAll(ctx, from, headersOnly)
	} else {
		c, err = j.open(ctx, from, headersOnly, subjects...)
	}
	if err != nil {
		return err
	}
	defer c.close()
	for {
		msg, hd, pending, err := c.next()
		if all && errors.Is(err, ErrBadEvent) && !strings.HasPrefix(msg.Subject(), subjectEvents) {
			return nil // the last of the stream: the last event was erased meanwhile
		}
		if err != nil {
			return err
		}
		if hd.Seq > to {
			return nil
		}
		if err := f(msg, hd); err != nil {
			return err
		}
		if hd.Seq >= last || pending == 0 {
			return nil
		}
	}
}

// lastOf gives the sequence of the last message of the subjects that is at most to, or 0 if there is none. Knowing it,
// a scan never waits for a message that does not come.
func (j *Journal) lastOf(ctx context.Context, to uint64, subjects ...string) (uint64, error) {
	var last uint64
	for _, s := range subjects {
		m, err := j.stream.GetLastMsgForSubject(ctx, s)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("%w: last of %s: %w", ErrUnavailable, s, err)
		}
		last = max(last, m.Sequence)
	}
	return last, nil
}

// LastGlobal gives the last global fact of a kind, nil if there is none.
func (j *Journal) LastGlobal(ctx context.Context, kind string) (*Event, error) {
	m, err := j.stream.GetLastMsgForSubject(ctx, subjectGlobals+kind)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: last global %s: %w", ErrUnavailable, kind, err)
	}
	hd, err := head(m.Subject, m.Header, m.Sequence, m.Time)
	if err != nil {
		return nil, err
	}
	return decode(hd, m.Data)
}

// ReadGlobals gives all global facts of a kind in log order; "" means all kinds.
func (j *Journal) ReadGlobals(ctx context.Context, kind string) ([]*Event, error) {
	if kind == "" {
		kind = ">"
	}
	return j.globals(ctx, kind, ^uint64(0))
}

func (j *Journal) globals(ctx context.Context, kind string, to uint64) ([]*Event, error) {
	var out []*Event
	err := j.scan(ctx, 1, to, false, func(m jetstream.Msg, hd Head) error {
		ev, err := decode(hd, m.Data())
		if err == nil {
			out = append(out, ev)
		}
		return err
	}, subjectGlobals+kind)
	return out, err
}

// Scan reads every event of the log from sequence from on, in log order, up to where the log ends when it is called. f's
// error ends it and is returned. It is for looking at a whole journal: an export, an audit, a reference computation.
func (j *Journal) Scan(ctx context.Context, from uint64, f func(*Event) error) error {
	return j.scan(ctx, from, ^uint64(0), false, func(m jetstream.Msg, hd Head) error {
		ev, err := decode(hd, m.Data())
		if err != nil {
			return err
		}
		return f(ev)
	}, subjectEvents+">")
}

var errEnough = errors.New("enough")

// ReadEntity gives an entity's events from sequence from on, in log order, at most limit (0: all).
func (j *Journal) ReadEntity(ctx context.Context, entity string, from uint64, limit int) ([]*Event, error) {
	if !identity.Safe(entity) {
		return nil, fmt.Errorf("%w: entity", ErrBadEvent)
	}
	var out []*Event
	err := j.scan(ctx, from, ^uint64(0), false, func(m jetstream.Msg, hd Head) error {
		if hd.Entity != entity {
			return nil
		}
		ev, err := decode(hd, m.Data())
		if err != nil {
			return err
		}
		if out = append(out, ev); len(out) == limit {
			return errEnough
		}
		return nil
	}, subjectOf(entity))
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

// Await reads an entity's events from sequence from on, as they come, until pick takes one; that one is returned. When ctx
// ends first, its error is.
func (j *Journal) Await(ctx context.Context, entity string, from uint64, pick func(*Event) bool) (*Event, error) {
	if !identity.Safe(entity) {
		return nil, fmt.Errorf("%w: entity", ErrBadEvent)
	}
	c, err := j.open(ctx, from, false, subjectOf(entity))
	if err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	defer c.close()
	for {
		m, hd, _, err := c.next()
		if err != nil {
			return nil, errors.Join(ctx.Err(), err)
		}
		if hd.Entity != entity {
			continue
		}
		ev, err := decode(hd, m.Data())
		if err != nil {
			return nil, err
		}
		if pick(ev) {
			return ev, nil
		}
	}
}

// Counts says how many inputs the log holds up to Head.
type Counts struct {
	Inputs uint64
	Head   uint64
}

type counter struct {
	mu sync.Mutex
	Counts
}

// CountInputs counts the inputs of the log up to sequence to on the log itself, by their headers alone. It remembers how far
// it came: the first call reads the whole log (about 200,000 messages a second), later ones what is new.
// to must not be below an earlier call's; then the earlier count stands.
func (j *Journal) CountInputs(ctx context.Context, to uint64) (Counts, error) {
	j.counts.mu.Lock()
	defer j.counts.mu.Unlock()
	if to <= j.counts.Head {
		return j.counts.Counts, nil
	}
	n := j.counts.Inputs
	err := j.scan(ctx, j.counts.Head+1, to, true, func(_ jetstream.Msg, hd Head) error {
		if hd.Partition != Global && hd.Origin == nil {
			n++
		}
		return nil
	}, subjectEvents+">")
	if err != nil {
		return Counts{}, err
	}
	j.counts.Counts = Counts{Inputs: n, Head: to}
	return j.counts.Counts, nil
}
