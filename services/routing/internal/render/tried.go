package render

import (
	"context"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Snapshot gives what was known of a lead when it qualified for a handoff. ErrGone where there is none such.
func (r *Renderer) Snapshot(ctx context.Context, handoffID string) (*journalv1.Qualified, error) {
	origin, _, ok := identity.LeadOfHandoff(handoffID)
	if !ok {
		return nil, ErrGone
	}
	read, err := r.stories(ctx, []storyOf{{origin, handoffID}})[0].decode()
	if err != nil {
		return nil, err
	}
	if read.snapshot == nil {
		return nil, ErrGone
	}
	return read.snapshot, nil
}
