package apply

import (
	"context"
	"log/slog"
	"time"

	"github.com/batonhq/baton/services/scoring/internal/book"
)

// lookEvery is how often the versions are looked at for one whose moment has come. The plan stands in the journal and so
// outlives every process; whichever looks first carries it out.
const lookEvery = time.Second

// Versions gives the agreement's versions as they are now.
type Versions interface {
	Book(ctx context.Context) (*book.Book, error)
}

// Planned puts versions in force at the moments that were set for them.
type Planned struct {
	Versions Versions
	Contract *Contract
	Log      *slog.Logger
}

// Run looks until ctx ends. While the journal is away it looks again: a moment that has passed is late, not missed.
func (p *Planned) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		b, err := p.Versions.Book(ctx)
		if err != nil {
			continue
		}
		v := b.Due(p.Contract.Now())
		if v == nil {
			continue
		}
		if err := p.Contract.ActivateDue(ctx); err != nil {
			p.Log.Warn("an agreement's moment has come, and it could not be put in force yet", "version", v.Version, "error", err)
			continue
		}
		p.Log.Info("an agreement came into force as planned", "version", v.Version)
	}
}
