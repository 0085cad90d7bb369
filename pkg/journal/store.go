package journal

import (
	"context"
	"fmt"
	"slices"

	"github.com/batonhq/baton/pkg/leadstore"
)

// store takes the batch to the store: at once when the session is live, in bigger pieces before.
func (s *session) store(ctx context.Context, b *batch, position uint64) error {
	if !b.observing && len(s.dirty) < s.w.opt.CatchUp && s.cached < s.budget {
		s.tell(s.standing(false, position), nil)
		return nil
	}
	return s.write(ctx, b, position)
}

// storeNow writes what has not been written yet, and waits until it is done.
func (s *session) storeNow(ctx context.Context, b *batch, position uint64) error {
	if err := s.write(ctx, b, position); err != nil {
		return err
	}
	return s.settle()
}

// soil notes that an entity has changed.
func (s *session) soil(sl *slot) {
	if !sl.dirty {
		sl.dirty = true
		s.dirty = append(s.dirty, sl)
	}
}

// replace puts another state in an entity's place.
func (s *session) replace(sl *slot) {
	if old := s.cache[sl.id]; old != nil && old.dirty {
		s.dirty = slices.DeleteFunc(s.dirty, func(o *slot) bool { return o == old })
	}
	s.keep(sl, 0)
	s.soil(sl)
}

// write begins to write the states that have changed, one guarded step per partition, once the commit that they follow has
// landed and the write before is done. Meanwhile the next batch is folded and committed: the store may stay behind the log,
// never the other way round. When the write is done, the observer is told and reads may see that the journal was read up to
// position.
func (s *session) write(ctx context.Context, b *batch, position uint64) error {
	muts := s.save()
	if err := s.land(); err != nil {
		return err
	}
	writes, written := s.moved(muts)
	if err := s.settle(); err != nil {
		return err
	}
	st, changes := s.standing(b.observing, position), b.changes
	if len(writes) == 0 {
		s.tell(st, changes)
		return nil
	}
	for i, pt := range written {
		writes[i].Expect = pt.raw
		pt.before, pt.raw = pt.raw, writes[i].Next
	}
	s.written, s.writing = written, make(chan error, 1)
	go func(done chan<- error) {
		err := s.w.store.Write(ctx, s.w.logic.Service(), writes)
		if err == nil {
			s.tell(st, changes)
		}
		done <- err
	}(s.writing)
	return nil
}

// settle waits for the write in flight.
func (s *session) settle() error {
	if s.writing == nil {
		return nil
	}
	return s.settled(<-s.writing)
}

// settled takes note of how the write in flight ended.
func (s *session) settled(err error) error {
	for _, pt := range s.written {
		pt.before = pt.raw
	}
	s.written, s.writing = nil, nil
	s.writes++
	if err != nil {
		return fmt.Errorf("write contexts: %w", err)
	}
	return nil
}

// save gives what has changed since the last time, by partition.
func (s *session) save() map[*part]*leadstore.Mutation {
	muts, settled := map[*part]*leadstore.Mutation{}, s.writes+1
	if s.writing != nil {
		settled++
	}
	for _, sl := range s.dirty {
		m := muts[sl.part]
		if m == nil {
			m = new(leadstore.Mutation)
			muts[sl.part] = m
		}
		blob := sl.entity.Save(m)
		sealed := sealBlob(sl.armed, blob)
		m.Set(blobKey(sl.id), sealed)
		s.resize(sl, len(sealed))
		sl.dirty, sl.settled = false, settled
	}
	s.dirty = s.dirty[:0]
	return muts
}

// moved gives the writes of the partitions that something touched, and the partitions themselves, in the same order.
func (s *session) moved(muts map[*part]*leadstore.Mutation) (writes []leadstore.PartitionWrite, written []*part) {
	for _, p := range s.owned {
		pt := s.parts[p]
		// A partition that nothing touched stands still in the store, but not for so long that the next start reads far back.
		if !pt.touched && pt.folded < pt.mark.position+s.w.opt.QuietBehind {
			continue
		}
		pt.touched = false
		pt.mark.position = pt.folded
		pt.mark.replaying = pt.folded < s.target
		writes = append(writes, leadstore.PartitionWrite{Partition: p, Next: pt.mark.String(), Mutation: muts[pt]})
		written = append(written, pt)
	}
	return writes, written
}

// current reports whether a watermark that was read together with contexts is the one these must have been written under.
// While a write is in flight there are two such: what it changes is in the cache and never read.
func (pt *part) current(watermark string) bool { return watermark == pt.raw || watermark == pt.before }

// standing is what a worker tells of itself once it has stored the state that it has now.
type standing struct {
	live     bool
	position uint64
	counters counters
}

func (s *session) standing(live bool, position uint64) standing {
	st := standing{live: live, position: position}
	for _, p := range s.owned {
		c := s.parts[p].mark.counters
		st.counters.applied += c.applied
		st.counters.duplicates += c.duplicates
		st.counters.quarantined += c.quarantined
		st.counters.drift += c.drift
	}
	return st
}

func (s *session) tell(now standing, changes []Change) {
	if len(changes) > 0 {
		s.w.opt.Observer.Folded(changes)
	}
	s.w.metrics.position.Set(float64(now.position))
	s.w.status.update(func(st *status) { st.live, st.position, st.counters = now.live, now.position, now.counters })
}
