package journal

import (
	"context"
	"errors"
	"hash/maphash"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func (s *session) hash(data []byte) uint64 { return maphash.Bytes(s.seed, data) }

// refold folds entities of one partition from what is recorded: their own subjects and the globals up to a position, each
// recorded fact that an entity decided for itself at its cause, and nothing decided.
func (s *session) refold(ctx context.Context, pt *part, ids []string, position uint64) (map[string]*slot, error) {
	slots := make(map[string]*slot, len(ids))
	for _, id := range ids {
		sl, err := s.newSlot(id, nil)
		if err != nil {
			return nil, err
		}
		slots[id] = sl
	}
	service := s.w.logic.Service()
	subject := subjectEvents + token(pt.p) + ".>"
	if len(ids) == 1 {
		subject = subjectOf(ids[0])
	}
	type key struct {
		entity string
		cause  uint64
	}
	own := map[key][]*Event{}
	quarantined := map[key]*Event{}
	var shown []*Event
	err := s.w.j.scan(ctx, 1, ^uint64(0), false, func(m jetstream.Msg, hd Head) error {
		if slots[hd.Entity] == nil {
			return nil
		}
		self := OwnToSelf(service, hd)
		if !self && (hd.Seq > position || !s.w.logic.Wants(hd)) {
			return nil
		}
		ev, err := decode(hd, m.Data())
		switch {
		case errors.Is(err, ErrBadEvent): // its quarantine record stands behind it
		case err != nil:
			return err
		case self && hd.Type == typeQuarantined:
			ev.Seq, ev.Logged = 0, time.Time{} // as when it was decided
			quarantined[key{hd.Entity, hd.Origin.Cause}] = ev
		case self:
			ev.Seq, ev.Logged = 0, time.Time{}
			k := key{hd.Entity, hd.Origin.Cause}
			own[k] = append(own[k], ev)
		default:
			shown = append(shown, ev)
		}
		return nil
	}, subject)
	if err != nil {
		return nil, err
	}
	globals, err := s.w.j.globals(ctx, ">", position)
	if err != nil {
		return nil, err
	}
	g := s.w.logic.NewGlobals()
	apply := func(sl *slot, ev *Event) {
		if q := quarantined[key{sl.id, ev.Seq}]; q != nil {
			sl.entity.Apply(g, q)
			return
		}
		if sl.entity.Apply(g, ev) == Duplicate {
			return
		}
		for _, f := range own[key{sl.id, ev.Seq}] {
			sl.entity.Apply(g, f)
		}
	}
	repeats := origins{}
	for len(shown) > 0 || len(globals) > 0 {
		if len(shown) == 0 || len(globals) > 0 && globals[0].Seq < shown[0].Seq {
			for _, id := range g.Apply(globals[0]) {
				if sl := slots[id]; sl != nil {
					apply(sl, globals[0])
				}
			}
			globals = globals[1:]
			continue
		}
		ev := shown[0]
		shown = shown[1:]
		if ev.Origin != nil && !repeats.advance(ev.Origin) && identified {
			continue
		}
		apply(slots[ev.Entity], ev)
	}
	return slots, nil
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
