package journal

import (
	"context"
	"hash/maphash"
)

func (s *session) hash(data []byte) uint64 { return maphash.Bytes(s.seed, data) }

// refold folds entities of one partition from what is recorded up to a position: see recall.
func (s *session) refold(ctx context.Context, pt *part, ids []string, position uint64) (map[string]*slot, error) {
	slots := make(map[string]*slot, len(ids))
	entities := make(map[string]Entity, len(ids))
	for _, id := range ids {
		sl, err := s.newSlot(id, nil)
		if err != nil {
			return nil, err
		}
		slots[id], entities[id] = sl, sl.entity
	}
	subject := subjectEvents + token(pt.p) + ".>"
	if len(ids) == 1 {
		subject = subjectOf(ids[0])
	}
	_, err := s.w.j.recall(ctx, s.w.logic, entities, subject, func(hd Head) bool { return hd.Seq <= position })
	return slots, err
}

// refoldOne folds one entity again whose stored blob cannot be read.
func (s *session) refoldOne(ctx context.Context, id string, position uint64) (*slot, error) {
	pt := s.parts[PartitionOf(id)]
	slots, err := s.refold(ctx, pt, []string{id}, position)
	if err != nil {
		return nil, err
	}
	s.drift(pt, id)
	sl := slots[id]
	s.arm(sl) // set with the batch that needed it
	return sl, nil
}

// rearmTimers sets the timers of entities that were folded again.
func (s *session) rearmTimers(ctx context.Context, b *batch, position uint64) error {
	for len(s.rearm) > 0 {
		n := min(len(s.rearm), maxDecided/4)
		ids := map[string]struct{}{}
		for _, id := range s.rearm[:n] {
			ids[id] = struct{}{}
		}
		s.rearm = s.rearm[n:]
		if err := s.load(ctx, ids); err != nil {
			return err
		}
		b.reset(false)
		for id := range ids {
			sl := s.cache[id]
			s.arm(sl)
			if len(sl.set) > 0 {
				sl.part.touched = true
				s.soil(sl)
			}
		}
		if err := s.land(); err != nil {
			return err
		}
		s.begin(ctx, b, nil)
		if err := s.store(ctx, b, position); err != nil {
			return err
		}
	}
	return nil
}
