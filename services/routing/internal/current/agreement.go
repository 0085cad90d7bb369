package current

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// History reads the global facts of a kind: the last, or all.
type History interface {
	Globals
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
}

// Agreements reads the agreement in force. It is safe for use by several goroutines.
type Agreements struct {
	history History
	now     func() time.Time

	mu    sync.Mutex
	last  *agreement.Agreement
	seq   uint64
	asked time.Time
}

// NewAgreements gives a reader of the agreement in force.
func NewAgreements(history History, now func() time.Time) *Agreements {
	return &Agreements{history: history, now: now}
}

// Agreement gives the one in force, at most a second old, nil before the first. An error means that the journal did not
// answer.
func (a *Agreements) Agreement(ctx context.Context) (*agreement.Agreement, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.asked.IsZero() && a.now().Sub(a.asked) < maxAge {
		return a.last, nil
	}
	ev, err := a.history.LastGlobal(ctx, fold.KindAgreement)
	if err != nil {
		return nil, fmt.Errorf("read the agreement in force: %w", err)
	}
	a.asked = a.now()
	if ev == nil || ev.Seq == a.seq {
		return a.last, nil
	}
	all, err := a.history.ReadGlobals(ctx, fold.KindAgreement)
	if err != nil {
		return nil, fmt.Errorf("read the agreement's versions: %w", err)
	}
	texts := map[int32][]byte{}
	for _, ev := range all {
		c := ev.Body.GetAgreementChanged()
		if len(c.GetYaml()) > 0 {
			texts[c.GetVersion()] = c.GetYaml()
		}
		if c.GetChange() != "activated" {
			continue
		}
		// One that cannot be read is not in force: the fold keeps the one before it, and so do we.
		if parsed, err := agreement.Parse(texts[c.GetVersion()]); err == nil {
			a.last = parsed
		}
	}
	a.seq = ev.Seq
	return a.last, nil
}
