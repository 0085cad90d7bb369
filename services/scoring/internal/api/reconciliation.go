package api

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

const (
	// everything is the limit of a read that leaves nothing out.
	everything = math.MaxInt32
	// maxOrphans is how many leads without a place are named.
	maxOrphans = 1000
	// looks is how often leads without a place are looked for: one that moves meanwhile is found in its place the next time.
	looks = 3
)

// GetReconciliation accounts for every input and every lead. The inputs are counted on the journal, their outcomes by the
// fold: that the two agree is the proof that nothing was lost and nothing counted twice. While events come in, the outcomes
// must lie between what the journal held before they were counted and what it held afterwards; what is in between is pending.
func (s *Server) GetReconciliation(ctx context.Context, req *scoringv1.ReconciliationRequest) (*scoringv1.Reconciliation, error) {
	if err := s.wait(ctx, req.GetAfter()); err != nil {
		return nil, err
	}
	c, before, after, err := s.count(ctx)
	if err != nil {
		return nil, failed("count inputs", err)
	}
	done := c.Applied + c.Duplicates + c.Quarantined
	out := &scoringv1.Reconciliation{
		Acknowledged: float64(after.Inputs), Applied: float64(c.Applied), Duplicates: float64(c.Duplicates), Quarantined: float64(c.Quarantined),
		Drift: float64(c.Drift), LeadsByStage: map[string]float64{},
	}
	if done <= after.Inputs {
		out.Pending = float64(after.Inputs - done)
	} else {
		out.Problems = append(out.Problems, fmt.Sprintf("%d more outcomes than inputs: something was counted twice", done-after.Inputs))
	}
	if done < before.Inputs {
		out.Problems = append(out.Problems, fmt.Sprintf("%d inputs up to sequence %d have no outcome: something was lost", before.Inputs-done, before.Head))
	}
	if c.Drift > 0 {
		out.Problems = append(out.Problems, fmt.Sprintf("%d leads were folded again because replay differed from what is recorded", c.Drift))
	}
	if err := s.places(ctx, out); err != nil {
		return nil, err
	}
	if n := len(out.Orphans); n > 0 {
		out.Problems = append(out.Problems, fmt.Sprintf("%d leads are in no stage, in two, or with nobody accountable", n))
	}
	out.Ok = len(out.Problems) == 0
	return out, nil
}

// count gives the outcomes, and how many inputs the journal held where all outcomes were known, and at its end afterwards.
func (s *Server) count(ctx context.Context) (c journal.Counters, before, after journal.Counts, err error) {
	for range looks {
		if c, err = s.opt.Accounts.Counters(ctx); err != nil {
			return c, before, after, err
		}
		if before, err = s.opt.Accounts.CountInputs(ctx, c.ReadTo); err != nil {
			return c, before, after, err
		}
		if before.Head <= c.ReadTo {
			break // else somebody counted further meanwhile
		}
		before = journal.Counts{}
	}
	head, err := s.opt.Log.Head(ctx)
	if err != nil {
		return c, before, after, err
	}
	after, err = s.opt.Accounts.CountInputs(ctx, max(head, before.Head))
	return c, before, after, err
}

// places counts leads by stage and names those that are not in exactly one, with one accountable owner.
func (s *Server) places(ctx context.Context, out *scoringv1.Reconciliation) error {
	var orphans map[string]bool
	for look := range looks {
		found, leads, byStage, err := s.misplaced(ctx)
		if err != nil {
			return err
		}
		if look > 0 { // misplaced every time
			maps.DeleteFunc(found, func(id string, _ bool) bool { return !orphans[id] })
		}
		orphans = found
		out.Leads = float64(leads)
		for stage, n := range byStage {
			out.LeadsByStage[stage] = float64(n)
		}
		if len(orphans) == 0 {
			break
		}
	}
	out.Orphans = slices.Sorted(maps.Keys(orphans))
	if len(out.Orphans) > maxOrphans {
		out.Orphans = out.Orphans[:maxOrphans]
	}
	return nil
}

func (s *Server) misplaced(ctx context.Context) (orphans map[string]bool, leads int, byStage map[string]int, err error) {
	members := func(index string) ([]leadstore.Scored, error) {
		found, err := s.opt.States.Range(ctx, leadstore.RangeQuery{Index: index, Min: math.Inf(-1), Max: math.Inf(1), Limit: everything})
		if err != nil {
			return nil, failed("read the leads of a stage", err)
		}
		return found, nil
	}
	all, err := members(fold.IndexScore)
	if err != nil {
		return nil, 0, nil, err
	}
	places := make(map[string]int, len(all))
	for _, l := range all {
		places[l.Member] = 0
	}
	orphans, byStage = map[string]bool{}, map[string]int{}
	for _, stage := range core.Stages() {
		found, err := members(fold.IndexStage(stage))
		if err != nil {
			return nil, 0, nil, err
		}
		byStage[stage] = len(found)
		for _, l := range found {
			if _, known := places[l.Member]; !known {
				orphans[l.Member] = true
			}
			places[l.Member]++
		}
	}
	for id, n := range places {
		if n != 1 {
			orphans[id] = true
		}
	}
	ownerless, err := members(fold.IndexOwnerless)
	if err != nil {
		return nil, 0, nil, err
	}
	for _, l := range ownerless {
		orphans[l.Member] = true
	}
	return orphans, len(all), byStage, nil
}
