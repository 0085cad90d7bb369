package backtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// most contenders stand side by side.
const most = 2

// Contender is an agreement that is tried.
type Contender struct {
	// Name that the report calls it by.
	Name string
	// Agreement, compiled. Its version must be 1 or more: 0 stands for no agreement.
	Agreement *core.Agreement
}

// Options of a run.
type Options struct {
	// Scan shows the journal's events in log order, from a sequence on, and ends with f's error. It may be called twice.
	Scan func(ctx context.Context, from uint64, f func(*journal.Event) error) error
	// Rules are one or two contenders. Where there are two, the second is compared with the first; one alone is compared
	// with what really happened.
	Rules []Contender
	// Key of the journal's identities.
	Key identity.Key
	// From and To bound what is measured: [From, To). A zero time is no bound.
	From, To time.Time
	// Capacity is how many handoffs a week each rep can take. It may be nil.
	Capacity map[string]int
	// OpenIsLost counts leads without an outcome as lost in precision, ranking and calibration: for a history that
	// records wins alone.
	OpenIsLost bool
	// ByOccurrence, which may be nil, tells the events whose clock is when they happened, not when they were received: those
	// of an imported history. They must come in about that order.
	ByOccurrence func(*journal.Event) bool
	// Progress, which may be nil, is told now and then how many events were read.
	Progress func(read uint64)
}

func (o *Options) validate() error {
	switch {
	case o.Scan == nil:
		return errors.New("backtest: no journal to read")
	case len(o.Rules) == 0 || len(o.Rules) > most:
		return fmt.Errorf("backtest: %d agreements: there must be 1 or %d", len(o.Rules), most)
	case !o.From.IsZero() && !o.To.IsZero() && !o.From.Before(o.To):
		return errors.New("backtest: the window ends before it begins")
	}
	for i, c := range o.Rules {
		switch {
		case c.Agreement == nil || c.Agreement.Version < 1:
			return fmt.Errorf("backtest: agreement %d of %d has no version", i+1, len(o.Rules))
		case c.Name == "":
			return fmt.Errorf("backtest: agreement %d of %d has no name", i+1, len(o.Rules))
		case i > 0 && c.Name == o.Rules[0].Name:
			return errors.New("backtest: both agreements have the same name")
		}
	}
	for _, rep := range slices.Sorted(maps.Keys(o.Capacity)) {
		if o.Capacity[rep] < 0 {
			return fmt.Errorf("backtest: capacity of %s: must not be negative", rep)
		}
	}
	return nil
}

// progressEvery is how many events lie between two calls of Progress.
const progressEvery = 10_000

// Run plays the journal through the contenders and measures them. The same journal gives the same report, byte for byte.
// It holds every lead in memory, once for each contender (4 to 6 KB for one of 20 events), and nothing is written anywhere.
func Run(ctx context.Context, opt Options) (*Report, error) {
	if err := opt.validate(); err != nil {
		return nil, err
	}
	h, err := replay(ctx, &opt, nil)
	if err == nil && len(h.quarantined) > 0 {
		// A quarantine record lies behind its input. Knowing them all, a second reading leaves those inputs out.
		h, err = replay(ctx, &opt, h.quarantined)
	}
	if err != nil {
		return nil, err
	}
	return measure(h), nil
}
