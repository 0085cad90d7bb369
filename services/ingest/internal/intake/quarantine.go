package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Names of what ingest states about a quarantine.
const (
	typeQuarantined = "quarantined"
	typeReleased    = "quarantine_released"
	place           = "ingest"
)

// Entity is what a source's quarantine stands on.
func (in *Intake) Entity(source string) string { return "in_" + in.key.Hash("source", source) }

// Quarantine keeps what was verified and could not be read: the bytes, why, and from whom. id is the sender's.
//
// Its own id is qu_<source>_<position>_<event>: where it stands (the source's entity, at or behind that position of the log)
// can be told from it, though it is made before the log gives it a place.
func (b *Batch) Quarantine(d *sender.Delivery, item sender.Item) error {
	id := item.ID
	if id == "" {
		id = "raw-" + b.in.key.Hash("raw", string(item.Raw))
	}
	seen := remember('q', b.from.Name, id)
	if seq, ok := b.in.events.Get(seen, b.in.now()); ok {
		b.result.Duplicates++
		b.result.Sequence = max(b.result.Sequence, seq)
		return nil
	}
	if b.head == 0 {
		head, err := b.in.journal.Head(b.ctx)
		if err != nil {
			return fmt.Errorf("quarantine of %s: %w", b.from.Name, err)
		}
		b.head = head
	}
	contentType := d.ContentType
	if !item.Single {
		contentType = "" // it is one event cut out of a list
	}
	hash := b.in.key.Hash("source", b.from.Name)
	b.out = append(b.out, &journalv1.Event{
		Id: id, Entity: "in_" + hash, Type: typeQuarantined, Source: b.from.Name,
		OccurredAt: d.Received.Stamp(), ReceivedAt: d.Received.Stamp(),
		Payload: &journalv1.Event_Quarantined{Quarantined: &journalv1.Quarantined{
			QuarantineId: "qu_" + hash + "_" + strconv.FormatUint(b.head, 36) + "_" + b.in.key.Hash("event", b.from.Name, id)[:16],
			Reason:       item.Errors.Error(), Place: place, Raw: bytes.Clone(item.Raw), ContentType: contentType, Headers: d.Header,
		}},
	})
	b.ids = append(b.ids, seen)
	b.raw += len(item.Raw)
	b.waiting.quarantined++
	return b.written()
}

// Why a quarantined event cannot be replayed.
var (
	// ErrNoQuarantine: ingest has not quarantined anything under that id.
	ErrNoQuarantine = errors.New("no such quarantined event")
	// ErrStillUnreadable: nothing has changed that would make it readable; it stays where it is.
	ErrStillUnreadable = errors.New("still cannot be read")
)

// SourceOf finds the source of a quarantine id among those given; "" if it is none of theirs.
func (in *Intake) SourceOf(id string, sources []string) string {
	hash, _, ok := parseID(id)
	if !ok {
		return ""
	}
	for _, s := range sources {
		if in.key.Hash("source", s) == hash {
			return s
		}
	}
	return ""
}

func parseID(id string) (hash string, position uint64, ok bool) {
	parts := strings.Split(id, "_")
	if len(parts) != 4 || parts[0] != "qu" || len(parts[1]) != 26 {
		return "", 0, false
	}
	position, err := strconv.ParseUint(parts[2], 36, 64)
	return parts[1], position, err == nil
}

// pageSize bounds the memory of a search: raw bytes are up to 4 MB each.
const pageSize = 8

// Replay decodes a quarantined event of the source again, as the sender now reads it, and puts it into the journal, along
// with the fact that it has been released. Replaying twice does no harm: the events keep their ids.
func (in *Intake) Replay(ctx context.Context, id string, source Source, from sender.Sender) (sender.Result, error) {
	found, err := in.find(ctx, id, source.Name)
	if err != nil {
		return sender.Result{}, err
	}
	q := found.Body.GetQuarantined()
	d := &sender.Delivery{ID: found.Body.Id, ContentType: q.ContentType, Header: q.Headers, Body: q.Raw, Received: in.Received(found.Time())}

	readable := 0
	var errs fact.Errors
	err = from.Decode(d, func(item sender.Item) error {
		if item.Errors == nil { // an ignored one is understood, too
			readable++
		} else if errs == nil {
			errs = item.Errors
		}
		return nil
	})
	var unreadable *sender.Unreadable
	switch {
	case errors.As(err, &unreadable):
		return sender.Result{}, fmt.Errorf("%w: %w", ErrStillUnreadable, unreadable)
	case err != nil:
		return sender.Result{}, err
	case readable == 0:
		return sender.Result{}, fmt.Errorf("%w: %w", ErrStillUnreadable, errs)
	}

	b := in.Begin(ctx, source)
	err = from.Decode(d, func(item sender.Item) error {
		switch {
		case item.Ignored != "":
			b.Ignore()
			return nil
		case item.Errors != nil:
			return b.Quarantine(d, item)
		}
		return b.Add(item.Fact)
	})
	if err != nil {
		return b.Result(), err
	}
	b.out = append(b.out, &journalv1.Event{
		Id: "released-" + id, Entity: found.Entity, Type: typeReleased, Source: source.Name,
		OccurredAt: fact.At(in.now()).Stamp(), ReceivedAt: fact.At(in.now()).Stamp(),
		Payload: &journalv1.Event_QuarantineReleased{QuarantineReleased: &journalv1.QuarantineReleased{QuarantineId: id, Events: int32(readable)}},
	})
	err = b.Flush()
	return b.Result(), err
}

func (in *Intake) find(ctx context.Context, id, source string) (*journal.Event, error) {
	_, position, ok := parseID(id)
	if !ok {
		return nil, ErrNoQuarantine
	}
	for from := position + 1; ; {
		events, err := in.journal.ReadEntity(ctx, in.Entity(source), from, pageSize)
		if err != nil {
			return nil, fmt.Errorf("read the quarantine of %s: %w", source, err)
		}
		for _, ev := range events {
			if ev.Type == typeQuarantined && ev.Body.GetQuarantined().GetQuarantineId() == id {
				return ev, nil
			}
		}
		if len(events) < pageSize {
			return nil, ErrNoQuarantine
		}
		from = events[len(events)-1].Seq + 1
	}
}
