// Package inforce reads the goals of the agreement in force. It reads beside the fold, for answers alone: nothing is decided by it.
package inforce

import (
	"context"
	"fmt"
	"sync"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
)

// kindAgreement is the kind of global facts that is read.
const kindAgreement = "agreement"

// Globals reads global facts; *journal.Journal does.
type Globals interface {
	LastGlobal(ctx context.Context, kind string) (*journal.Event, error)
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
}

// Reader reads what is in force. It is safe for use by several goroutines.
type Reader struct {
	globals Globals

	mu sync.Mutex
	// goalsAt is the sequence of the fact last read.
	goalsAt uint64
	goals   []metrics.Goal
	version int32
}

// New gives a Reader.
func New(globals Globals) *Reader { return &Reader{globals: globals} }

// Goals gives the goals of the agreement in force, and its version; none and 0 before the first. A goal counts from when an agreement with
// the same goal (id, metric and window) first came into force, and stays the same while each later one has it: a new target starts no new
// window. The error is the journal's.
func (r *Reader) Goals(ctx context.Context) ([]metrics.Goal, int32, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, err := r.globals.LastGlobal(ctx, kindAgreement)
	if err != nil {
		return nil, 0, fmt.Errorf("read the agreement in force: %w", err)
	}
	if last == nil || last.Seq == r.goalsAt {
		return r.goals, r.version, nil
	}
	events, err := r.globals.ReadGlobals(ctx, kindAgreement)
	if err != nil {
		return nil, 0, fmt.Errorf("read the agreements: %w", err)
	}
	r.goals, r.version = goalsOf(events)
	if n := len(events); n > 0 {
		r.goalsAt = events[n-1].Seq
	}
	return r.goals, r.version, nil
}

func goalsOf(events []*journal.Event) (goals []metrics.Goal, version int32) {
	texts := map[int32][]byte{}
	for _, ev := range events {
		c := ev.Body.GetAgreementChanged()
		if len(c.GetYaml()) > 0 {
			texts[c.GetVersion()] = c.GetYaml()
		}
		if c.GetChange() != "activated" {
			continue
		}
		a, err := agreement.Parse(texts[c.GetVersion()])
		if err != nil {
			continue // nothing of the kind is ever recorded without having been read first
		}
		before := goals
		goals, version = nil, c.GetVersion()
		for _, g := range a.Goals {
			goal := metrics.Goal{ID: g.ID, Metric: g.Metric, Target: g.Target, Since: ev.Time().UnixMilli(), Window: g.Window.Milliseconds()}
			for _, b := range before {
				if b.ID == goal.ID && b.Metric == goal.Metric && b.Window == goal.Window {
					goal.Since = b.Since
				}
			}
			goals = append(goals, goal)
		}
	}
	return goals, version
}
