package cli

import (
	"context"
	"slices"

	"github.com/batonhq/baton/services/internal/app/history"
)

// chunk is what the rows of one piece of the file give. It is acknowledged as a whole.
type chunk struct {
	batch  batch
	events []sentEvent
	faults []rowFault
	counts importCounts
	// upTo is where the next chunk begins.
	upTo history.Place
	// raw is how many bytes of rows are kept for it.
	raw  int
	sent chan struct{}
	// who are those whom it is about; after the chunks that must be acknowledged before it is sent, as they are about one of these.
	who   map[uint64]struct{}
	after []*chunk
}

// waits waits for those that it must not overtake.
func (c *chunk) waits(ctx context.Context) error {
	for _, before := range c.after {
		select {
		case <-before.sent:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.after = nil
	return nil
}

// behind keeps the chunks apart that are about the same leads, and gives those under way with this one.
func (c *chunk) behind(underWay []*chunk) []*chunk {
	underWay = slices.DeleteFunc(underWay, func(o *chunk) bool {
		select {
		case <-o.sent:
			return true
		default:
			return false
		}
	})
	for _, o := range underWay {
		for id := range c.who {
			if _, both := o.who[id]; both {
				c.after = append(c.after, o)
				break
			}
		}
	}
	return append(underWay, c)
}

// sentEvent is an event of a chunk, with the row that it comes from.
type sentEvent struct {
	history.Event
	row *rowFault
}

func (c *chunk) add(row rowFault, events []history.Event, fault *rowFault) {
	c.counts.Rows++
	switch {
	case fault != nil:
		c.counts.Errors++
		c.faults = append(c.faults, *fault)
		c.raw += len(fault.Raw)
		return
	case len(events) == 0:
		c.counts.Skipped++
		return
	}
	c.counts.Events += len(events)
	c.raw += len(row.Raw)
	for _, e := range events {
		for _, id := range e.Who {
			c.who[id] = struct{}{}
		}
		if c.batch.events > 0 {
			c.batch.body = append(c.batch.body, ',')
		}
		c.batch.body = append(c.batch.body, e.JSON...)
		c.batch.events++
		c.events = append(c.events, sentEvent{history.Event{ID: e.ID}, &row})
	}
}
