// Package rows answers the funnel from the rows of all leads. A process that owns every partition keeps them in memory,
// about 250 bytes a lead, as the worker's observer; one of several reads them from the store, which has everybody's.
package rows

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/fold"
)

// Store reads what the fold has stored; *journal.Reader is one.
type Store interface {
	Wait(ctx context.Context, after string, entities ...string) error
	Hash(ctx context.Context, hash string) (map[string][]byte, error)
}

// Rows counts funnels. It is the worker's journal.Observer.
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
		// session counts Live and Closed; owned is what the current session owns.
		session uint64
		whole   bool
		pending []*journal.Event
	}
	// memory has the rows of session; nil where they are not loaded. Taken before queue where both are.
	memory struct {
		sync.Mutex
		session uint64
		rows    map[string]*core.Row
	}
	// cache has the store's rows as they were at some moment. Holding its one token is holding the lock.
	cache struct {
		token chan struct{}
		at    time.Time
		rows  map[string]*core.Row
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
	r.queue.whole, r.queue.pending = len(owned) == journal.Partitions, nil
	r.queue.Unlock()
	r.signal()
}

// Folded takes what a batch changed.
func (r *Rows) Folded(changes []journal.Change) {
	r.queue.Lock()
	if r.queue.whole {
		for _, c := range changes {
			r.queue.pending = append(r.queue.pending, c.Event)
		}
	}
	r.queue.Unlock()
	r.signal()
}

// Closed ends a session.
func (r *Rows) Closed() {
	r.queue.Lock()
	r.queue.session++
	r.queue.whole, r.queue.pending = false, nil
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

// catchUp brings memory to the current session and folds what is pending.
func (r *Rows) catchUp(ctx context.Context) error {
	r.queue.Lock()
	session, whole := r.queue.session, r.queue.whole
	r.queue.Unlock()

	r.memory.Lock()
	if r.memory.session != session {
		r.memory.session, r.memory.rows = session, nil
	}
	missing := whole && r.memory.rows == nil
	if !missing {
		r.drain()
	}
	r.memory.Unlock()
	if !missing {
		return nil
	}

	// What is folded meanwhile waits in the queue, and may be in what is read as well: folding it again changes nothing.
	rows, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.memory.Lock()
	if r.memory.session == session {
		r.memory.rows = rows
		r.drain()
	}
	r.memory.Unlock()
	return r.dropCache(ctx)
}

// dropCache gives back the memory of a time when this process did not own everything.
func (r *Rows) dropCache(ctx context.Context) error {
	select {
	case r.cache.token <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	r.cache.rows = nil
	<-r.cache.token
	return nil
}

// drain folds what is pending, if it is the memory's session's. The caller holds memory.
func (r *Rows) drain() {
	r.queue.Lock()
	if r.queue.session != r.memory.session || r.memory.rows == nil {
		r.queue.Unlock()
		return
	}
	pending := r.queue.pending
	r.queue.pending = nil
	r.queue.Unlock()
	for _, ev := range pending {
		row, known := r.memory.rows[ev.Entity]
		if !known {
			row = new(core.Row)
		}
		if fold.ApplyRow(row, ev) && !known {
			r.memory.rows[strings.Clone(ev.Entity)] = row // the event's own is a piece of its message, which would stay with it
		}
	}
}

// Count counts a funnel that has folded everything up to sequence after ("" for as it stands). The error is the store's,
// journal.ErrNotReady while contexts are being rebuilt.
func (r *Rows) Count(ctx context.Context, after string, q core.Query) (core.Funnel, error) {
	if after != "" {
		if err := r.store.Wait(ctx, after); err != nil {
			return core.Funnel{}, fmt.Errorf("wait for sequence: %w", err)
		}
	}
	if f, ok := r.countMemory(q); ok {
		return f, nil
	}
	select {
	case r.cache.token <- struct{}{}:
	case <-ctx.Done():
		return core.Funnel{}, ctx.Err()
	}
	defer func() { <-r.cache.token }()
	if started := r.now(); after != "" || r.cache.rows == nil || started.Sub(r.cache.at) > r.maxAge {
		rows, err := r.read(ctx)
		if err != nil {
			return core.Funnel{}, err
		}
		r.cache.rows, r.cache.at = rows, started
	}
	return core.Count(r.cache.rows, q), nil
}

// countMemory counts from memory, if this process owns everything and has it loaded.
func (r *Rows) countMemory(q core.Query) (core.Funnel, bool) {
	r.memory.Lock()
	defer r.memory.Unlock()
	r.drain()
	r.queue.Lock()
	current := r.queue.session == r.memory.session
	r.queue.Unlock()
	if !current || r.memory.rows == nil {
		return core.Funnel{}, false
	}
	return core.Count(r.memory.rows, q), true
}

func (r *Rows) read(ctx context.Context) (map[string]*core.Row, error) {
	fields, err := r.store.Hash(ctx, fold.RowsHash)
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	rows := make(map[string]*core.Row, len(fields))
	for lead, b := range fields {
		if rows[lead], err = fold.ReadRow(b); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// Len tells how many rows are held in memory, 0 where the store answers.
func (r *Rows) Len() int {
	r.memory.Lock()
	defer r.memory.Unlock()
	return len(r.memory.rows)
}
