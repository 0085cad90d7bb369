package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/batonhq/baton/pkg/identity"
)

// LastOfEntity gives the last event of an entity that has a subject of its own, nil if there is none: of every entity but the
// visitors who are known by a device alone.
func (j *Journal) LastOfEntity(ctx context.Context, entity string) (*Event, error) {
	if !identity.Safe(entity) || identity.RankOf(entity) == identity.Anonymous {
		return nil, fmt.Errorf("%w: entity", ErrBadEvent)
	}
	m, err := j.stream.GetLastMsgForSubject(ctx, subjectOf(entity))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: last of %s: %w", ErrUnavailable, entity, err)
	}
	hd, err := head(m.Subject, m.Header, m.Sequence, m.Time)
	if err != nil {
		return nil, err
	}
	return decode(hd, m.Data)
}
