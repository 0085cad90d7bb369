package scoring

import (
	"fmt"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// Logic gives what scoring decides, for whoever computes it again over a journal: an audit, a reference.
func Logic(key identity.Key) (journal.Logic, error) {
	library, err := book.NewLibrary()
	if err != nil {
		return nil, fmt.Errorf("scoring: %w", err)
	}
	return fold.NewLogic(library, key), nil
}
