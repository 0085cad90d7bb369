package backtest

import (
	"context"
	"fmt"
	"strconv"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// history is the journal as it was read: what was recorded aside, and every contender's fold of it.
type history struct {
	opt     *Options
	players []*player
	records map[string]*record
	// shadow is the run that is reported on, nil for a backtest.
	shadow *shadowRun
	// leaveOut are the sequences of inputs that had no effect; quarantined, those found on this reading.
	leaveOut, quarantined map[uint64]bool
	// refused are the ids of requests of sales that took no effect.
	refused      map[string]bool
	read, inputs uint64
	// last is when the last input was received.
	last int64
	// catalogue as of the place in the log that was read last.
	catalogue core.Catalogue
}

// input is an event that is played. The contenders share it and change nothing of it.
type input struct {
	ev   *journal.Event
	read *core.Event
	// catalogue at its place in the log.
	catalogue core.Catalogue
}

const (
	// batchSize is how many inputs go to a contender at once, batches how many of these may wait.
	batchSize = 256
	batches   = 4
)

func newHistory(opt *Options, leaveOut map[uint64]bool) *history {
	return &history{
		opt: opt, records: map[string]*record{}, leaveOut: leaveOut, quarantined: map[uint64]bool{}, refused: map[string]bool{},
	}
}

// replay reads the journal once. Each contender folds it in a goroutine of its own, in order.
func replay(ctx context.Context, opt *Options, leaveOut map[uint64]bool) (*history, error) {
	h := newHistory(opt, leaveOut)
	g, ctx := errgroup.WithContext(ctx)
	feeds := make([]chan []input, len(opt.Rules))
	for i, c := range opt.Rules {
		p := newPlayer(opt.Key, c.Agreement)
		feed := make(chan []input, batches)
		h.players, feeds[i] = append(h.players, p), feed
		g.Go(func() error {
			for batch := range feed {
				for _, in := range batch {
					if err := p.play(in); err != nil {
						return fmt.Errorf("event %d: %w", in.ev.Seq, err)
					}
				}
			}
			return nil
		})
	}
	scanned := h.scan(ctx, feeds)
	for _, feed := range feeds {
		close(feed)
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("backtest: replay: %w", err)
	}
	if scanned != nil {
		return nil, fmt.Errorf("backtest: replay: %w", scanned)
	}
	if opt.Progress != nil {
		opt.Progress(h.read)
	}
	return h, nil
}

func (h *history) scan(ctx context.Context, feeds []chan []input) error {
	var batch []input
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
	from := uint64(1)
	if h.shadow != nil {
		from = h.shadow.first
	}
	err := h.opt.Scan(ctx, from, func(ev *journal.Event) error {
		if h.read++; h.read%progressEvery == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if h.opt.Progress != nil {
				h.opt.Progress(h.read)
			}
		}
		in, ok := h.event(ev)
		if !ok {
			return nil
		}
		if batch = append(batch, in); len(batch) == batchSize {
			return send()
		}
		return nil
	})
	if err == nil && len(batch) > 0 {
		err = send()
	}
	return err
}

func (h *history) record(entity string) *record {
	r := h.records[entity]
	if r == nil {
		r = &record{entity: entity}
		h.records[entity] = r
	}
	return r
}

// event takes the next event of the log, and gives it back where it is to be played.
func (h *history) event(ev *journal.Event) (input, bool) {
	switch {
	case ev.Partition == journal.Global:
		if c, ok := fold.CatalogueOf(ev); ok {
			h.catalogue = c
		}
		return input{}, false
	case ev.Origin != nil:
		h.recorded(ev)
		return input{}, false
	case ev.Type == journal.TypeTimerFired || ev.Type == "quarantined" || h.leaveOut[ev.Seq]:
		return input{}, false // timers are each contender's own
	}
	if h.opt.ByOccurrence != nil && h.opt.ByOccurrence(ev) {
		ev = &journal.Event{Head: ev.Head, Body: proto.CloneOf(ev.Body)}
		ev.Body.ReceivedAt = timestamppb.New(ev.OccurredAt())
	}
	if ev.Body.History { // what would it have done with it? Loaded history is what it is tried on.
		ev = &journal.Event{Head: ev.Head, Body: proto.CloneOf(ev.Body)}
		ev.Body.History = false
	}
	read := fold.Read(ev, h.catalogue)
	h.inputs++
	h.last = max(h.last, read.Now)
	r := h.record(ev.Entity)
	if ev.Type != "linked" && h.shadow.covers(ev.Seq) {
		r.seen(read.Now)
	}
	r.note(ev, read)
	return input{ev, read, h.catalogue}, true
}

// recorded notes what is needed of what Baton decided when it happened.
func (h *history) recorded(ev *journal.Event) {
	if h.shadow != nil && stated(ev) {
		h.shadow.note(ev, h.record(ev.Entity))
	}
	switch p := ev.Body.Payload.(type) {
	case *journalv1.Event_Qualified:
		if stated(ev) && h.shadow.covers(ev.Origin.Cause) {
			r := h.record(ev.Entity)
			if h.shadow != nil {
				r.seen(ev.Time().UnixNano())
			}
			r.handed = append(r.handed, qualification{
				moment{ev.Time().UnixNano(), ev.Seq}, ev.Entity, p.Qualified.GetRule(), p.Qualified.GetEpoch(), handedScore(p.Qualified),
			})
		}
	case *journalv1.Event_Answered:
		if !p.Answered.GetOk() {
			h.refused[p.Answered.GetRequestId()] = true
		}
	case *journalv1.Event_Quarantined:
		seq, err := strconv.ParseUint(p.Quarantined.GetInputSequence(), 10, 64)
		if err == nil && stated(ev) && !h.leaveOut[seq] {
			h.quarantined[seq] = true
		}
	}
}
