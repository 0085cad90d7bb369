package rows

import (
	"context"
	"fmt"

	"github.com/batonhq/baton/services/feedback/internal/core"
)

// Each shows f the row of every lead, in no order, once everything up to sequence after ("" for as it stands) is folded. f must
// not keep or change a row, and must be quick: folding waits for it. The error is the store's, journal.ErrNotReady while
// contexts are being rebuilt.
func (r *Rows) Each(ctx context.Context, after string, f func(lead string, row *core.Row)) error {
	if after != "" {
		if err := r.store.Wait(ctx, after); err != nil {
			return fmt.Errorf("wait for sequence: %w", err)
		}
	}
	if r.eachInMemory(f) {
		return nil
	}
	select {
	case r.cache.token <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.cache.token }()
	if started := r.now(); after != "" || r.cache.rows == nil || started.Sub(r.cache.at) > r.maxAge {
		rows, err := r.read(ctx)
		if err != nil {
			return err
		}
		r.cache.rows, r.cache.at = rows, started
	}
	for lead, row := range r.cache.rows {
		f(lead, row)
	}
	return nil
}

// eachInMemory shows the rows in memory, if this process owns everything and has it loaded.
func (r *Rows) eachInMemory(f func(lead string, row *core.Row)) bool {
	r.memory.Lock()
	defer r.memory.Unlock()
	r.drain()
	r.queue.Lock()
	current := r.queue.session == r.memory.session
	r.queue.Unlock()
	if !current || r.memory.rows == nil {
		return false
	}
	for lead, row := range r.memory.rows {
		f(lead, row)
	}
	return true
}
