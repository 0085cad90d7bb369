package feedback

import (
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/feedback/internal/fold"
)

// Logic gives what feedback folds, for whoever computes it again over a journal: an audit, a reference.
func Logic() journal.Logic { return fold.Logic{} }
