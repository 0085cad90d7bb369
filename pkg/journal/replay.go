package journal

import (
	"context"
	"fmt"
)

// expectation is a fact that replay decided: it must be read back, behind its cause, with the same bytes.
type expectation struct {
	cause  uint64
	n      int
	hash   uint64
	entity string
}

// replay folds what the store is missing of what the log holds decisions for. It decides without publishing, matches what
// it gives against the recorded facts up to the opening, and folds again, from its own subject, each entity that differs.
func (s *session) replay(ctx context.Context) error {
	missing := false
	for _, p := range s.owned {
		pt := s.parts[p]
		pt.replayFrom = pt.folded
		if pt.folded < pt.committed {
			missing, pt.touched = true, true
		}
		if pt.raw == "" {
			pt.touched = true
		}
	}
	b := newBatch(s, false)
	if err := s.storeNow(ctx, b, 0); err != nil { // says "replaying", so that nobody reads meanwhile
		return err
	}
	if !missing {
		return nil
	}
	from := s.lowest()
	if err := s.loadGlobals(ctx, from); err != nil {
		return err
	}
	s.w.opt.Log.Info("replaying", "from", from, "to", s.target)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	items, failed, err := s.read(ctx, from+1, true)
	if err != nil {
		return err
	}
	for position, end := from, false; position < s.target && !end; {
		b.reset(false)
		select {
		case it := <-items:
			b.held = append(b.held, it)
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
		b.gather(items, s.w.opt.Batch)
		end = b.cutAt(s.opening)
		if len(b.held) == 0 {
			break
		}
		if position, err = s.process(ctx, b, position); err != nil {
			return err
		}
	}
	return s.finishReplay(ctx, b)
}

// cutAt drops what lies behind the opening; it reports whether the log up to there has been read.
func (b *batch) cutAt(opening uint64) (end bool) {
	for i, it := range b.held {
		if it.seq > opening {
			b.held = b.held[:i]
			return true
		}
	}
	return b.held[len(b.held)-1].pending == 0
}

// finishReplay settles what did not match, and lets the store be read.
func (s *session) finishReplay(ctx context.Context, b *batch) error {
	for _, p := range s.owned {
		pt := s.parts[p]
		for _, e := range pt.expected {
			s.suspect(e.entity, true)
		}
		pt.expected = nil
		pt.folded = max(pt.folded, pt.committed)
		if pt.replayFrom < pt.committed {
			pt.touched = true
		}
	}
	b.reset(false)
	if err := s.refoldSuspects(ctx); err != nil {
		return err
	}
	if err := s.storeNow(ctx, b, s.opening); err != nil {
		return err
	}
	s.w.opt.Log.Info("replayed", "to", s.opening, "refolded", len(s.suspects))
	return nil
}

// expect notes a fact that replay decided.
func (s *session) expect(o *Origin, data []byte) {
	pt := s.parts[o.Partition]
	pt.expected = append(pt.expected, expectation{cause: o.Cause, n: o.N, hash: s.hash(data), entity: o.Entity})
}

// match compares a recorded fact of one of our partitions with what replay decided. Both come in the order of (cause, n).
func (s *session) match(it *item) {
	o := it.ev.Origin
	if o == nil || o.Producer != s.w.logic.Service() {
		return
	}
	pt := s.parts[o.Partition]
	if pt == nil || o.Cause <= pt.replayFrom {
		return
	}
	for len(pt.expected) > 0 {
		e := pt.expected[0]
		switch {
		case e.cause < o.Cause || e.cause == o.Cause && e.n < o.N: // decided, never recorded
			s.suspect(e.entity, true)
			pt.expected = pt.expected[1:]
			continue
		case e.cause == o.Cause && e.n == o.N && e.hash == it.hash && e.entity == o.Entity:
			pt.expected = pt.expected[1:]
			return
		case it.ev.Type == typeQuarantined && e.cause == o.Cause:
			// The input had no effect: whatever replay decided of it does not count.
			for len(pt.expected) > 0 && pt.expected[0].cause == o.Cause {
				pt.expected = pt.expected[1:]
			}
		case e.cause == o.Cause && e.n == o.N:
			pt.expected = pt.expected[1:]
		}
		break
	}
	if it.ev.Type == typeQuarantined {
		s.suspect(o.Entity, false)
		pt.mark.applied--
		pt.mark.quarantined++
		return
	}
	s.suspect(o.Entity, true)
}

// suspect notes an entity to be folded again. Behind an input that had no effect replay went astray: what differs from
// there on is no drift.
func (s *session) suspect(entity string, drift bool) {
	if _, known := s.suspects[entity]; !known {
		s.suspects[entity] = drift
	}
}

// drift counts an entity whose replay differed from what is recorded.
func (s *session) drift(pt *part, entity string) {
	pt.mark.drift++
	s.w.metrics.drift.Inc()
	s.w.opt.Log.Warn("replay differs from what is recorded; folded again from the records", "entity", entity)
}

func (s *session) refoldSuspects(ctx context.Context) error {
	byPart := map[*part][]string{}
	for id := range s.suspects {
		if pt := s.parts[PartitionOf(id)]; pt != nil {
			byPart[pt] = append(byPart[pt], id)
		}
	}
	for pt, ids := range byPart {
		slots, err := s.refold(ctx, pt, ids, pt.folded)
		if err != nil {
			return fmt.Errorf("refold partition %d: %w", pt.p, err)
		}
		for id, sl := range slots {
			if s.suspects[id] {
				s.drift(pt, id)
			}
			s.replace(sl)
			s.rearm = append(s.rearm, id)
		}
	}
	return nil
}
