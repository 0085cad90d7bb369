// Package rows keeps the table that everything is counted from. A process that owns every partition keeps it in memory, about
// 240 bytes a lead, and brings it up to what the store has of each lead that changed, as the worker's observer; one of several
// makes it from the store, which has everybody's.
package rows

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
	"github.com/batonhq/baton/services/feedback/internal/fold"
)

// Store reads what the fold has stored; *journal.Reader is one.
type Store interface {
	Wait(ctx context.Context, after string, entities ...string) error
	Hash(ctx context.Context, hash string) (map[string][]byte, error)
	Blobs(ctx context.Context, entities ...string) ([][]byte, error)
}

// Rows shows the table. It is the worker's journal.Observer.
type Rows struct {
	store  Store
	maxAge time.Duration
	log    *slog.Logger
	now    func() time.Time

	// wake tells Run that there is something to load or to fold.
	wake chan struct{}

	// queue is what the worker's calls leave behind; it is only ever held for moments, so that they never block.
	queue struct {
		sync.Mutex
		// session counts Live and Closed; whole: it owns everything.
		session uint64
		whole   bool
		// changed are the leads that the table does not show yet, in no order.
		changed map[string]struct{}
	}
	// memory has the book of session; nil where it is not loaded. Taken before queue where both are. Whoever changes the book
	// holds the lock; it is shared for reading.
	memory struct {
		sync.RWMutex
		session uint64
		book    *core.Book
	}
	// cache has the book of the store as it was at some moment. Holding its one token is holding the lock.
	cache struct {
		token chan struct{}
		at    time.Time
		book  *core.Book
	}
}

// New gives Rows over a store. Rows read from it (where this process does not own them all) may be maxAge old, unless a
// call asks for a sequence.
func New(store Store, maxAge time.Duration, log *slog.Logger, now func() time.Time) *Rows {
	r := &Rows{store: store, maxAge: maxAge, log: log, now: now, wake: make(chan struct{}, 1)}
	r.cache.token = make(chan struct{}, 1)
	return r
}

// Live begins a session.
func (r *Rows) Live(owned []int) {
	r.queue.Lock()
	r.queue.session++
	r.queue.whole, r.queue.changed = len(owned) == journal.Partitions, map[string]struct{}{}
	r.queue.Unlock()
	r.signal()
}

// Folded takes what a batch changed.
func (r *Rows) Folded(changes []journal.Change) {
	r.queue.Lock()
	if r.queue.whole {
		for _, c := range changes {
			if _, known := r.queue.changed[c.Entity]; !known { // it may be a piece of a message, which would stay with it
				r.queue.changed[strings.Clone(c.Entity)] = struct{}{}
			}
		}
	}
	r.queue.Unlock()
	r.signal()
}

// Closed ends a session.
func (r *Rows) Closed() {
	r.queue.Lock()
	r.queue.session++
	r.queue.whole, r.queue.changed = false, nil
	r.queue.Unlock()
	r.signal()
}

func (r *Rows) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run loads the rows once a session is live, and folds what comes, until ctx ends.
func (r *Rows) Run(ctx context.Context) {
	var retry <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-retry:
		}
		retry = nil
		if err := r.catchUp(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("the funnel's rows could not be read; trying again", "error", err)
			retry = time.After(time.Second)
		}
	}
}

// catchUp brings memory to the current session and to what has changed.
func (r *Rows) catchUp(ctx context.Context) error {
	r.queue.Lock()
	session, whole := r.queue.session, r.queue.whole
	r.queue.Unlock()

	r.memory.Lock()
	if r.memory.session != session {
		r.memory.session, r.memory.book = session, nil
	}
	if !whole || r.memory.book != nil {
		err := r.drain(ctx)
		r.memory.Unlock()
		return err
	}
	r.memory.Unlock()

	// What is folded meanwhile waits in the queue, and may be in what is read as well: it is then read again.
	book, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.memory.Lock()
	if r.memory.session == session {
		r.memory.book = book
		err = r.drain(ctx)
	}
	r.memory.Unlock()
	if err != nil {
		return err
	}
	return r.dropCache(ctx)
}

// dropCache gives back the memory of a time when this process did not own everything.
func (r *Rows) dropCache(ctx context.Context) error {
	select {
	case r.cache.token <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	r.cache.book = nil
	<-r.cache.token
	return nil
}

// batch is how many leads are brought up at once: what is known of them is held in memory meanwhile.
const batch = 1000

// drain brings the table up to the leads that changed, if they are of the memory's session. The caller holds memory. What
// could not be read stays changed.
func (r *Rows) drain(ctx context.Context) error {
	r.queue.Lock()
	if r.queue.session != r.memory.session || r.memory.book == nil || len(r.queue.changed) == 0 {
		r.queue.Unlock()
		return nil
	}
	changed := slices.Sorted(maps.Keys(r.queue.changed))
	clear(r.queue.changed)
	r.queue.Unlock()
	for part := range slices.Chunk(changed, batch) {
		if err := r.memory.book.Update(part, func(ids []string) (map[string]*core.Row, error) { return r.load(ctx, ids) }); err != nil {
			r.queue.Lock()
			if r.queue.session == r.memory.session {
				for _, id := range changed {
					r.queue.changed[id] = struct{}{}
				}
			}
			r.queue.Unlock()
			return err
		}
	}
	return nil
}

// load reads what is known of leads.
func (r *Rows) load(ctx context.Context, ids []string) (map[string]*core.Row, error) {
	blobs, err := r.store.Blobs(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("read leads: %w", err)
	}
	rows := make(map[string]*core.Row, len(ids))
	for i, blob := range blobs {
		if blob == nil {
			continue
		}
		if rows[ids[i]], _, err = fold.ReadState(blob); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// Leads gives what is known of leads, as the store has it; one that nothing is known of is absent.
func (r *Rows) Leads(ctx context.Context, ids []string) (map[string]*core.Row, error) {
	return r.load(ctx, ids)
}

// View shows the table to see, with everything folded up to sequence after ("" for as it stands). The table must not be changed,
// nor kept beyond the call; other calls may read it at the same time. The error is see's, or the store's: journal.ErrNotReady
// while contexts are being rebuilt.
func (r *Rows) View(ctx context.Context, after string, see func(*table.Table) error) error {
	return r.Book(ctx, after, func(b *core.Book) error { return see(b.Table) })
}

// Book is View with the book, which knows who is on which deal and what merged into what. It must not be changed either.
func (r *Rows) Book(ctx context.Context, after string, see func(*core.Book) error) error {
	if after != "" {
		if err := r.store.Wait(ctx, after); err != nil {
			return fmt.Errorf("wait for sequence: %w", err)
		}
	}
	if seen, err := r.seeMemory(ctx, see); seen || err != nil {
		return err
	}
	select {
	case r.cache.token <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.cache.token }()
	if started := r.now(); after != "" || r.cache.book == nil || started.Sub(r.cache.at) > r.maxAge {
		book, err := r.read(ctx)
		if err != nil {
			return err
		}
		r.cache.book, r.cache.at = book, started
	}
	return see(r.cache.book)
}

// seeMemory shows the memory's book, if this process owns everything and has it loaded.
func (r *Rows) seeMemory(ctx context.Context, see func(*core.Book) error) (seen bool, err error) {
	r.memory.Lock()
	err = r.drain(ctx)
	r.memory.Unlock()
	if err != nil {
		return false, err
	}
	r.memory.RLock()
	defer r.memory.RUnlock()
	r.queue.Lock()
	current := r.queue.session == r.memory.session
	r.queue.Unlock()
	if !current || r.memory.book == nil {
		return false, nil
	}
	return true, see(r.memory.book)
}

// Count counts a funnel, as View shows the table.
func (r *Rows) Count(ctx context.Context, after string, q core.Query) (f core.Funnel, err error) {
	err = r.View(ctx, after, func(t *table.Table) error {
		f = core.Count(t, q)
		return nil
	})
	return f, err
}

// read makes a book of everything that the store has.
func (r *Rows) read(ctx context.Context) (*core.Book, error) {
	fields, err := r.store.Hash(ctx, fold.RowsHash)
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	load := func(ids []string) (map[string]*core.Row, error) {
		rows := make(map[string]*core.Row, len(ids))
		for _, id := range ids {
			if field, ok := fields[id]; ok {
				if rows[id], err = fold.ReadRow(field); err != nil {
					return nil, err
				}
			}
		}
		return rows, nil
	}
	book := core.NewBook()
	for part := range slices.Chunk(slices.Sorted(maps.Keys(fields)), batch) {
		if err := book.Update(part, load); err != nil {
			return nil, err
		}
	}
	return book, nil
}

// Len tells how many leads' rows are held in memory, 0 where the store answers.
func (r *Rows) Len() int {
	r.memory.RLock()
	defer r.memory.RUnlock()
	if r.memory.book == nil {
		return 0
	}
	return r.memory.book.Leads()
}
