package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/batonhq/baton/pkg/identity"
)

// Recall gives an entity as a service had folded it at a moment of the log's clock, together with the globals of that
// moment: from what the log holds, with nothing decided, so that it is what was, whatever code decided it. An entity that
// nothing had been said of is one that nothing is known of. It reads the entity's whole subject. ErrBadEvent: there cannot be
// such an entity.
func (j *Journal) Recall(ctx context.Context, logic Logic, entity string, at time.Time) (Entity, Globals, error) {
	if !identity.Safe(entity) {
		return nil, nil, fmt.Errorf("%w: entity %q", ErrBadEvent, entity)
	}
	e, err := logic.Load(entity, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("load: %w", err)
	}
	g, err := j.recall(ctx, logic, map[string]Entity{entity: e}, subjectOf(entity), func(hd Head) bool { return !hd.Logged.After(at) })
	return e, g, err
}

// recall folds fresh entities of one subject from what is recorded: the events that stand on it and the globals, as far as
// known says, each recorded fact that an entity decided for itself at its cause, wherever it stands, and nothing decided.
func (j *Journal) recall(ctx context.Context, logic Logic, entities map[string]Entity, subject string, known func(Head) bool) (Globals, error) {
	service := logic.Service()
	type key struct {
		entity string
		cause  uint64
	}
	own := map[key][]*Event{}
	quarantined := map[key]*Event{}
	var shown []*Event
	err := j.scan(ctx, 1, ^uint64(0), false, func(m jetstream.Msg, hd Head) error {
		if entities[hd.Entity] == nil {
			return nil
		}
		self := OwnToSelf(service, hd)
		if !self && (!known(hd) || !logic.Wants(hd)) {
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
	globals, err := j.globals(ctx, ">", ^uint64(0))
	if err != nil {
		return nil, err
	}
	globals = slices.DeleteFunc(globals, func(ev *Event) bool { return !known(ev.Head) })
	g := logic.NewGlobals()
	apply := func(id string, ev *Event) {
		e := entities[id]
		if q := quarantined[key{id, ev.Seq}]; q != nil {
			e.Apply(g, q)
			return
		}
		if e.Apply(g, ev) == Duplicate {
			return
		}
		for _, f := range own[key{id, ev.Seq}] {
			e.Apply(g, f)
		}
	}
	repeats := origins{}
	for len(shown) > 0 || len(globals) > 0 {
		if len(shown) == 0 || len(globals) > 0 && globals[0].Seq < shown[0].Seq {
			for _, id := range g.Apply(globals[0]) {
				if entities[id] != nil {
					apply(id, globals[0])
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
		apply(ev.Entity, ev)
	}
	return g, nil
}
