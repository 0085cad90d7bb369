package journal

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/batonhq/baton/pkg/identity"
)

// readAtOnce is how many subjects one consumer reads: opening one costs about a millisecond, and the server matches every
// message that it looks at against all of them.
const readAtOnce = 128

// ReadEntities shows f the events of many entities from sequence from on, up to where the log ends when they are read. The events of
// one entity come in log order; those of several may not. f's error ends the reading and is returned. Visitors known by an
// anonymous id alone share subjects: for any of them all events of its partition's subject are looked at, once.
// ErrBadEvent: there cannot be such an entity.
func (j *Journal) ReadEntities(ctx context.Context, entities []string, from uint64, f func(*Event) error) error {
	wanted := make(map[string]bool, len(entities))
	seen := map[string]bool{}
	var subjects []string
	for _, e := range entities {
		if !identity.Safe(e) {
			return fmt.Errorf("%w: entity", ErrBadEvent)
		}
		wanted[e] = true
		if s := subjectOf(e); !seen[s] {
			seen[s] = true
			subjects = append(subjects, s)
		}
	}
	show := func(m jetstream.Msg, hd Head) error {
		if !wanted[hd.Entity] {
			return nil
		}
		ev, err := decode(hd, m.Data())
		if err != nil {
			return err
		}
		return f(ev)
	}
	for len(subjects) > 0 {
		n := min(readAtOnce, len(subjects))
		if err := j.scan(ctx, from, ^uint64(0), false, show, subjects[:n]...); err != nil {
			return err
		}
		subjects = subjects[n:]
	}
	return nil
}
