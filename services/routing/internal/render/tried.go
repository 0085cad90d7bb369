package render

import (
	"context"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Snapshot gives what was known of a lead when it qualified for a handoff. ErrGone where there is none such.
func (r *Renderer) Snapshot(ctx context.Context, handoffID string) (*journalv1.Qualified, error) {
	return r.snapshot(ctx, handoffID)
}
