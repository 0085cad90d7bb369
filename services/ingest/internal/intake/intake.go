// Package intake puts facts into the journal: it finds the lead that each is about, states which identifiers name one
// person, and recognises what it has just seen.
package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/recent"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Journal is what intake needs of the journal; journal.Journal has it.
type Journal interface {
	// Append: see journal.Journal. The events of one call land together or not at all, in order; nil means on disk.
	Append(ctx context.Context, events ...*journalv1.Event) (seq uint64, err error)
	ReadEntity(ctx context.Context, entity string, from uint64, limit int) ([]*journal.Event, error)
	LastOfEntity(ctx context.Context, entity string) (*journal.Event, error)
	Head(ctx context.Context) (uint64, error)
	Key() identity.Key
}

const (
	// maxFacts and maxMessages bound one write: a group of the journal takes 990 messages, and memory should not grow
	// with a body's number of events. maxRaw bounds its quarantined bytes.
	maxFacts    = 250
	maxMessages = 900
	maxRaw      = 4 << 20

	// remembered is how many events, and how many links, are kept in mind: 6 MB each at the most.
	remembered = 1 << 16
	// An event is recognised for an hour: that is for senders who have just been told nothing. A link is stated again after
	// ten minutes: the lead may have been erased, and be another's now.
	keepEvents = time.Hour
	keepLinks  = 10 * time.Minute
)

// Intake is the one way from a sender into the journal. Safe for use by several goroutines.
type Intake struct {
	journal Journal
	key     identity.Key
	events  *recent.Set
	links   *recent.Set
	now     func() time.Time
	agents  fact.Agents
	mailbox func(email string) bool
}

// Received gives the receipt of what came in at a moment.
func (in *Intake) Received(at time.Time) fact.Received { return fact.At(at).Knowing(in.agents) }

// Options of an intake.
type Options struct {
	// Now is the clock by which it forgets.
	Now func() time.Time
	// Agents tells programs by their user agent; nil tells none.
	Agents fact.Agents
	// Mailbox tells addresses that are read by many (info@): they name nobody where something else does. nil: there are none.
	Mailbox func(email string) bool
}

// New makes an intake.
func New(j Journal, opt Options) *Intake {
	return &Intake{
		journal: j, key: j.Key(), now: opt.Now, agents: opt.Agents, mailbox: opt.Mailbox,
		events: recent.New(remembered, keepEvents), links: recent.New(remembered, keepLinks),
	}
}

// Batch collects the facts of one delivery and writes them as it fills; memory stays bounded whatever the delivery holds.
// Nothing is answered for before Flush has returned nil. Not for use by several goroutines.
type Batch struct {
	in   *Intake
	ctx  context.Context //nolint:containedctx // a batch lives as long as one request
	from Source

	out    []*journalv1.Event
	ids    []recent.Key
	linked []recent.Key
	// unproven is what the links of the fact that is being added are.
	unproven bool
	raw      int
	waiting  struct{ accepted, duplicates, quarantined int }
	head     uint64
	newest   time.Time
	result   sender.Result
}

// Source is whose events a batch has.
type Source struct {
	Name string
	// Hold is for how long a write is tried again while the journal does not answer.
	Hold time.Duration
	// Open: anybody can speak for it, since what it shows for itself (a write key in a page) is public. Its user ids are its own,
	// no other source's, and what it says of two ids joins no two people that are known already.
	Open bool
}

// Begin starts a batch of a source.
func (in *Intake) Begin(ctx context.Context, from Source) *Batch {
	return &Batch{in: in, ctx: ctx, from: from}
}

// Add takes one fact; when the batch is full, it is written first. An event that has been seen lately, or stands in this
// batch already, is counted as a duplicate and not written again. The error is Flush's.
func (b *Batch) Add(f fact.Fact) error {
	id := remember('e', b.from.Name, f.Event.Id)
	if seq, seen := b.in.events.Get(id, b.in.now()); seen {
		b.result.Duplicates++
		b.result.Sequence = max(b.result.Sequence, seq)
		return nil
	}
	for _, other := range b.ids {
		if other == id {
			b.waiting.duplicates++
			return nil
		}
	}
	if at := f.Event.OccurredAt.AsTime(); !f.Event.History && at.After(b.newest) {
		b.newest = at
	}
	b.address(f)
	b.ids = append(b.ids, id)
	b.waiting.accepted++
	return b.written()
}

// Reject counts an event that was refused.
func (b *Batch) Reject(index int, errs fact.Errors) {
	b.result.RejectedCount++
	if len(b.result.Rejected) < sender.MaxRejected {
		b.result.Rejected = append(b.result.Rejected, sender.Rejection{Index: index, Errors: errs})
	}
}

// Ignore counts an event that is none for Baton.
func (b *Batch) Ignore() { b.result.Ignored++ }

func (b *Batch) written() error {
	if len(b.ids) < maxFacts && len(b.out) < maxMessages && b.raw < maxRaw {
		return nil
	}
	return b.Flush()
}

// retryEvery is how long a held batch waits between tries.
const retryEvery = 200 * time.Millisecond

// Flush writes what has been added. nil: all of it is in the journal, on disk. Otherwise the error is the journal's, and
// what earlier writes of this batch took is in the journal all the same: the sender repeats the delivery, and the fold
// recognises it.
func (b *Batch) Flush() error {
	if len(b.out) == 0 {
		b.settle(0)
		return nil
	}
	deadline := b.in.now().Add(b.from.Hold)
	for {
		seq, err := b.in.journal.Append(b.ctx, b.out...)
		if err == nil {
			b.settle(seq)
			return nil
		}
		if !errors.Is(err, journal.ErrUnavailable) || !b.in.now().Before(deadline) {
			return fmt.Errorf("append %d events of %s: %w", len(b.out), b.from.Name, err)
		}
		select {
		case <-b.ctx.Done():
			return fmt.Errorf("append %d events of %s: %w", len(b.out), b.from.Name, errors.Join(err, b.ctx.Err()))
		case <-time.After(retryEvery):
		}
	}
}

// settle counts what has been written and only now remembers it.
func (b *Batch) settle(seq uint64) {
	now := b.in.now()
	for _, id := range b.ids {
		b.in.events.Put(id, seq, now)
	}
	for _, l := range b.linked {
		b.in.links.Put(l, seq, now)
	}
	b.result.Accepted += b.waiting.accepted
	b.result.Duplicates += b.waiting.duplicates
	b.result.Quarantined += b.waiting.quarantined
	b.result.Sequence = max(b.result.Sequence, seq)
	clear(b.out)
	b.out, b.ids, b.linked, b.raw = b.out[:0], b.ids[:0], b.linked[:0], 0
	b.waiting.accepted, b.waiting.duplicates, b.waiting.quarantined = 0, 0, 0
}

// Result says what became of all that has been written and refused so far.
func (b *Batch) Result() sender.Result { return b.result }

// Newest is when the latest of the events that were not seen before occurred; the zero time if there is none, or if all are
// history.
func (b *Batch) Newest() time.Time { return b.newest }

// remember gives the key of something of a kind.
func remember(kind byte, a, b string) recent.Key {
	var buf [160]byte
	text := append(buf[:0], kind)
	text = append(text, a...)
	text = append(text, 0)
	text = append(text, b...)
	sum := sha256.Sum256(text)
	return recent.Key(sum[:16])
}
