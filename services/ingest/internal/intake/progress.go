package intake

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// typeProgressed is the type of the fact how far a source that is asked for its events has been read. It says nothing of any lead.
const typeProgressed = "poll_progressed"

// Names of what it holds.
const (
	propertyToken = "token"
	propertyAt    = "at"
)

// progressEntity is what a source's progress stands on. Nothing else does: the last fact is how far it came.
func (in *Intake) progressEntity(source string) string { return "in_" + in.key.Hash("poll", source) }

// Progress states how far the batch's source has been read: behind all that has been added. It lands with these, or with the
// last of them where they are more than one write takes, so that it never claims what is not in the journal.
func (b *Batch) Progress(c sender.Cursor) {
	at := ""
	if !c.At.IsZero() {
		at = c.At.UTC().Format(time.RFC3339Nano)
	}
	now := fact.At(b.in.now()).Stamp()
	b.out = append(b.out, &journalv1.Event{
		Id: "poll-" + b.in.key.Hash("progress", c.Token, at), Entity: b.in.progressEntity(b.from.Name), Type: typeProgressed, Source: b.from.Name,
		OccurredAt: now, ReceivedAt: now,
		Properties: &structpb.Struct{Fields: map[string]*structpb.Value{
			propertyToken: structpb.NewStringValue(c.Token), propertyAt: structpb.NewStringValue(at),
		}},
	})
}

// Progressed gives how far a source has been read, the zero Cursor where it never has been.
func (in *Intake) Progressed(ctx context.Context, source string) (sender.Cursor, error) {
	entity := in.progressEntity(source)
	last, err := in.journal.LastOfEntity(ctx, entity)
	if err != nil {
		return sender.Cursor{}, fmt.Errorf("progress of %s: %w", source, err)
	}
	if last != nil && last.Type != typeProgressed { // a service has refused one, and says so there
		all, err := in.journal.ReadEntity(ctx, entity, 0, 0)
		if err != nil {
			return sender.Cursor{}, fmt.Errorf("progress of %s: %w", source, err)
		}
		last = newest(all)
	}
	if last == nil {
		return sender.Cursor{}, nil
	}
	fields := last.Body.GetProperties().GetFields()
	c := sender.Cursor{Token: fields[propertyToken].GetStringValue()}
	if at, err := time.Parse(time.RFC3339Nano, fields[propertyAt].GetStringValue()); err == nil {
		c.At = at
	}
	return c, nil
}

func newest(events []*journal.Event) (last *journal.Event) {
	for _, ev := range events {
		if ev.Type == typeProgressed {
			last = ev
		}
	}
	return last
}
