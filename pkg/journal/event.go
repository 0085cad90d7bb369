package journal

import (
	"hash/fnv"
	"time"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Partitions is how many parts the entities are spread over. It is the same in every service and never changes: an
// entity's partition is part of its subject.
const Partitions = 64

// PartitionOf gives the partition of an entity: fnv32a(entity) mod 64.
func PartitionOf(entity string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(entity))
	return int(h.Sum32() % Partitions)
}

// Global is the partition number of an event on baton.j.g.<kind>.
const Global = -1

// Head is what a message says of its event before its body is decoded.
type Head struct {
	// Seq is the event's sequence in the log: its place in the one order that everybody agrees on.
	Seq uint64
	// Logged is when the log took it, by the log's clock.
	Logged time.Time
	// Partition of Entity, or Global.
	Partition int
	// Entity whose subject the event stands on; the kind of a global fact.
	Entity string
	Type   string
	// Origin says who decided it; nil for an input.
	Origin *Origin
	// Trace is the W3C traceparent that the event was written under, or "".
	Trace string
}

// Origin identifies a fact: which service decided it, in which partition and for which entity, and by what cause.
// (Producer, Partition, Cause, N) is unique, and (Cause, N) ascends per (Producer, Partition) along the log.
type Origin struct {
	Producer  string
	Partition int
	Entity    string
	// Cause is the sequence of the event that made the entity decide.
	Cause uint64
	// N counts the facts of one cause over the deciding partition, from 0.
	N int
}

// Event is one message of the journal, decoded. It must not be changed: folds share it.
type Event struct {
	Head
	Body *journalv1.Event
}

// Input reports whether the event came from outside (a webhook, a rep, a sender, a fired timer) rather than being decided.
func (e *Event) Input() bool { return e.Origin == nil }

// Time is the clock of every decision about this event: when Baton received the input that it goes back to; for a
// firing, when the log took it. It never comes from the machine that decides.
func (e *Event) Time() time.Time {
	if e.Body.ReceivedAt != nil {
		return e.Body.ReceivedAt.AsTime()
	}
	return e.Logged
}

// OccurredAt is when it happened in the world; Time where the event does not say.
func (e *Event) OccurredAt() time.Time {
	if e.Body.OccurredAt != nil {
		return e.Body.OccurredAt.AsTime()
	}
	return e.Time()
}
