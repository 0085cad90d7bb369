package rows

import (
	"context"

	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Each shows every lead that carries on by itself, in no order, once everything up to sequence after ("" for as it stands) is folded:
// when it was first seen, in milliseconds since 1970 (0: not known), and whether a deal was ever told of on it or on a lead that
// merged into it. f must be quick. The error is the store's, journal.ErrNotReady while contexts are being rebuilt.
func (r *Rows) Each(ctx context.Context, after string, f func(lead string, first int64, dealt bool)) error {
	return r.Book(ctx, after, func(b *core.Book) error {
		var epochs []*table.Row
		for n := range b.Table.Leads() {
			if epochs = b.Table.Epochs(uint32(n), epochs[:0]); len(epochs) == 0 {
				continue
			}
			dealt := false
			for _, e := range epochs {
				dealt = dealt || e.Entered[table.Opportunity] != 0 || e.Entered[table.Won] != 0 || e.Flags&table.WasLost != 0
			}
			f(b.Table.LeadID(uint32(n)), epochs[0].First, dealt)
		}
		return nil
	})
}
