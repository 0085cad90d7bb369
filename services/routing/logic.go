package routing

import (
	"fmt"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// Logic gives what routing decides, for whoever computes it again over a journal: an audit, a reference.
func Logic(key identity.Key) (journal.Logic, error) {
	parser, err := directory.NewParser()
	if err != nil {
		return nil, fmt.Errorf("routing: %w", err)
	}
	return fold.NewLogic(key, parser), nil
}
