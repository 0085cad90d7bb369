package dryrun

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// Options of a simulation.
type Options struct {
	Logic *fold.Logic
	// Scan shows the journal's events in log order, from a sequence on, and ends with f's error.
	Scan func(ctx context.Context, from uint64, f func(*journal.Event) error) error
	// InForce and Proposed are set side by side.
	InForce, Proposed Version
	// From, inclusive, and To, exclusive, bound the stretch.
	From, To time.Time
	// Answers: whoever has a handoff answers as it was really answered. Otherwise nobody does, and no clock runs.
	Answers bool
	// WaitedOver is from when on somebody counts as having waited long.
	WaitedOver time.Duration
	// Progress, which may be nil, is told now and then how far in the journal it is.
	Progress func(sequence uint64)
}

const (
	// batchSize is how many events go to a side at once, batches how many of these may wait.
	batchSize = 256
	batches   = 4
	// progressEvery is how many messages lie between two calls of Progress.
	progressEvery = 10_000
)

// errPast ends the reading of the journal: what follows is behind the stretch.
var errPast = errors.New("behind the stretch")

// Simulate plays the stretch under both directories, each in a goroutine of its own, and measures them. The same journal gives the
// same report. It reads the journal once, from its beginning, and holds some 500 bytes for each handoff and side, those
// whose clocks run some kilobytes; nothing is written.
func Simulate(ctx context.Context, opt Options) (*Report, error) {
	if !opt.From.Before(opt.To) {
		return nil, errors.New("simulate: the stretch ends before it begins")
	}
	sides := []*side{newSide(&opt, opt.InForce)}
	if opt.Proposed.Hash != opt.InForce.Hash {
		sides = append(sides, newSide(&opt, opt.Proposed))
	}
	real := map[string]string{}
	g, running := errgroup.WithContext(ctx)
	feeds := make([]chan []*journal.Event, len(sides))
	for i, s := range sides {
		feed := make(chan []*journal.Event, batches)
		feeds[i] = feed
		g.Go(func() error { return s.run(feed) })
	}
	scanned := opt.scan(running, feeds, real)
	for _, feed := range feeds {
		close(feed)
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	if scanned != nil {
		return nil, fmt.Errorf("simulate: %w", scanned)
	}
	return measure(sides[0], sides[len(sides)-1], real), nil
}

func (s *side) run(feed <-chan []*journal.Event) error {
	for batch := range feed {
		for _, ev := range batch {
			if err := s.take(ev); err != nil {
				return fmt.Errorf("event %d: %w", ev.Seq, err)
			}
		}
	}
	return s.end()
}

// scan reads the journal up to the end of the stretch. real is filled with who was really given each handoff first.
func (o *Options) scan(ctx context.Context, feeds []chan []*journal.Event, real map[string]string) error {
	var batch []*journal.Event
	send := func() error {
		for _, feed := range feeds {
			select {
			case feed <- batch:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		batch = nil
		return nil
	}
	read := 0
	err := o.Scan(ctx, 1, func(ev *journal.Event) error {
		if read++; read%progressEvery == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if o.Progress != nil {
				o.Progress(ev.Seq)
			}
		}
		if !relevant(o.Logic, &ev.Head) {
			return nil
		}
		if !ev.Time().Before(o.To) {
			return errPast
		}
		if r := ev.Body.GetRouted(); r != nil {
			if _, known := real[r.GetHandoffId()]; !known {
				real[r.GetHandoffId()] = r.GetRep()
			}
			return nil
		}
		if batch = append(batch, ev); len(batch) == batchSize {
			return send()
		}
		return nil
	})
	if errors.Is(err, errPast) {
		err = nil
	}
	if err == nil && len(batch) > 0 {
		err = send()
	}
	return err
}
