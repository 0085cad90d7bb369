package api

import (
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// epochs gives a lead's way through the stages.
func epochs(l *core.Lead) []*leadv1.Epoch {
	var out []*leadv1.Epoch
	for _, e := range l.Epochs() {
		shown := &leadv1.Epoch{Epoch: e.Number, HandoffId: e.Handoff}
		for _, s := range e.Stages {
			shown.Stages = append(shown.Stages, &leadv1.StageSpan{
				Stage: s.Stage, EnteredAt: stamp(s.Entered), LeftAt: stamp(s.Left), Reason: s.Reason,
			})
		}
		out = append(out, shown)
	}
	return out
}
