package journeys

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
)

// Log is what is read of the journal; *journal.Journal is one.
type Log interface {
	Head(ctx context.Context) (uint64, error)
	Scan(ctx context.Context, from uint64, f func(*journal.Event) error) error
	ReadEntities(ctx context.Context, entities []string, from uint64, f func(*journal.Event) error) error
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
}

const (
	// scanAtMost is how far behind the head the records are brought up to date by reading everything behind them: some
	// 100,000 messages a second. Beyond, their subjects are read one by one.
	scanAtMost = 50_000
	// scanFor is how many messages are rather read each than a subject among many be picked out: for every message that it picks by
	// many subjects the server walks all the subjects of a block. It was measured at 2,000 to 3,000 with 8,000 leads.
	scanFor = 1_000
	// keepAtMost bounds what is kept between two questions, in touches: about 40 MB.
	keepAtMost = 1_000_000
)

// Cache keeps the records of subjects. What it gives is what the journal holds when it is asked. It is safe for use by
// several goroutines: one question is read for at a time.
type Cache struct {
	log Log
	// key makes accounts' ids.
	key identity.Key
	// token is held while records are read or used.
	token   chan struct{}
	records map[string]*record
	// read is up to where all records are current.
	read uint64
	// erased leads, and the place of the last request.
	erased map[string]uint64
}

// NewCache gives an empty cache.
func NewCache(log Log, key identity.Key) *Cache {
	return &Cache{log: log, key: key, token: make(chan struct{}, 1), records: map[string]*record{}, erased: map[string]uint64{}}
}

// readAtMost bounds how long one question reads.
const readAtMost = 5 * time.Minute

// use brings the records up to date, and gives a reading of them to f. What the reading gives must not be kept. When ctx ends first,
// its error is given and the reading goes on: what it brings is there for the next question, which would else begin where this one did.
// So f must touch nothing that the caller looks at after an error.
func (c *Cache) use(ctx context.Context, f func(context.Context, *reading) error) error {
	select {
	case c.token <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("journeys: wait for another question: %w", ctx.Err())
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-c.token }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readAtMost)
		defer cancel()
		done <- c.question(ctx, f)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("journeys: read the journal: %w", ctx.Err())
	}
}

// question answers one question. The caller holds the token.
func (c *Cache) question(ctx context.Context, f func(context.Context, *reading) error) error {
	r := &reading{c: c, used: map[string]bool{}}
	if err := c.update(ctx); err != nil {
		c.records, c.read = map[string]*record{}, 0 // some may have been brought further than others
		return err
	}
	err := f(ctx, r)
	c.trim(r.used)
	return err
}

// update brings every record to the head of the log.
func (c *Cache) update(ctx context.Context) error {
	head, err := c.log.Head(ctx)
	if err != nil {
		return fmt.Errorf("journeys: %w", err)
	}
	if head < c.read { // another journal, or one from a backup
		c.records, c.read, c.erased = map[string]*record{}, 0, map[string]uint64{}
	}
	note := func(ev *journal.Event) error {
		if r := c.records[ev.Entity]; r != nil && ev.Partition != journal.Global {
			r.note(ev)
		}
		return nil
	}
	switch {
	case len(c.records) == 0 || head == c.read:
	case head-c.read <= max(scanAtMost, uint64(len(c.records))*scanFor):
		err = c.log.Scan(ctx, c.read+1, note)
	default:
		err = c.log.ReadEntities(ctx, c.ids(), c.read+1, note)
	}
	if err != nil {
		return fmt.Errorf("journeys: read on: %w", err)
	}
	requests, err := c.log.ReadGlobals(ctx, "erasures")
	if err != nil {
		return fmt.Errorf("journeys: erasures: %w", err)
	}
	for _, ev := range requests {
		lead := ev.Body.GetErasureRequested().GetLead()
		if lead == "" || c.erased[lead] >= ev.Seq {
			continue
		}
		c.erased[lead] = ev.Seq
		c.forget(lead)
	}
	c.read = head
	return nil
}

// forget drops a lead and all that joined it.
func (c *Cache) forget(lead string) {
	r := c.records[lead]
	delete(c.records, lead)
	if r != nil {
		for _, id := range r.absorbed {
			c.forget(id)
		}
	}
}

func (c *Cache) ids() []string {
	ids := make([]string, 0, len(c.records))
	for id := range c.records {
		ids = append(ids, id)
	}
	return ids
}

// trim forgets what the last question did not need, where too much is kept.
func (c *Cache) trim(used map[string]bool) {
	size := 0
	for _, r := range c.records {
		size += r.size()
	}
	if size <= keepAtMost {
		return
	}
	for id := range c.records {
		if !used[id] {
			delete(c.records, id)
		}
	}
}

// reading is the use of the cache by one question.
type reading struct {
	c    *Cache
	used map[string]bool
}

// load reads the records that are not there yet.
func (r *reading) load(ctx context.Context, ids []string) error {
	var missing []string
	fresh := map[string]*record{}
	for _, id := range ids {
		r.used[id] = true
		if r.c.records[id] == nil && fresh[id] == nil && identity.Safe(id) {
			id = strings.Clone(id)
			fresh[id] = &record{}
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	note := func(ev *journal.Event) error {
		if rec := fresh[ev.Entity]; rec != nil && ev.Partition != journal.Global && ev.Seq > r.c.erased[ev.Entity] {
			rec.note(ev)
		}
		return nil
	}
	var err error
	if r.c.read <= uint64(len(missing))*scanFor { // a handful of leads of a long log are picked out
		err = r.c.log.Scan(ctx, 1, note)
	} else {
		err = r.c.log.ReadEntities(ctx, missing, 1, note)
	}
	if err != nil {
		return fmt.Errorf("journeys: read leads: %w", err)
	}
	for id, rec := range fresh {
		r.c.records[id] = rec
	}
	return nil
}
