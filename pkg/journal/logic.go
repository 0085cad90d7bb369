package journal

import (
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Logic is what one service decides, free of clocks, networks and stores. A Worker runs it over the journal; the same
// Logic over the same journal gives the same facts and the same states, whoever runs it, whenever, however often.
type Logic interface {
	// Service names the producer of the facts: scoring, routing, feedback. It is part of the identity of each.
	Service() string
	// Wants reports whether an event can matter to this service, from its head alone. It must depend on nothing else:
	// what is not wanted is skipped before it is decoded. Own facts that an entity addressed to itself are never shown.
	Wants(h Head) bool
	// NewGlobals gives the state of the global facts before the first message of the log.
	NewGlobals() Globals
	// Load gives an entity from what its Save gave, or a new one where blob is nil. It must not keep blob.
	// An error means that the blob is not this version's to read: the entity is rebuilt from the log.
	Load(entity string, blob []byte) (Entity, error)
}

// Versioned is a Logic whose stored state has a version ([a-z0-9.-]): a store written by another version is rebuilt from
// the log at start, rather than entity by entity.
type Versioned interface {
	Version() string
}

// Globals is the fold of the global facts (agreement, directory, …). The worker applies each exactly at its place in the
// log, before any event behind it is decided.
type Globals interface {
	// Apply folds one global fact and names the entities that must be shown it (the desk, when the directory changes):
	// those get it as an event of their own at this sequence.
	Apply(ev *Event) (show []string)
}

// Entity is one lead, account or the desk, as one service sees it. Its state is changed by Apply alone.
type Entity interface {
	// Apply folds an event into the state: an input, a fact of another entity or service, or a fact that this entity has
	// just decided for itself (whose Seq and Logged are zero). It answers what became of an input; of facts the answer is ignored.
	// An input that was quarantined is not shown; the record of it (type quarantined) is, in its place.
	// Apply and Decide must take whatever the log holds: what makes no sense is ignored, never a panic.
	Apply(g Globals, ev *Event) Outcome
	// Decide gives the facts that follow from ev, which has just been applied. It reads the state and g and changes
	// neither; the facts it addresses to this very entity are applied right after, in order. It is not called for
	// duplicates, nor for the facts it gave itself.
	Decide(g Globals, ev *Event, d *Decision)
	// Deadlines gives the next moment at which each of the entity's timers must fire; a zero time is no deadline. The
	// worker sets a timer when a deadline appears or moves to earlier; a firing is an event of type timer_fired that
	// means only "look".  A timer name is [a-z0-9-], the same name is one timer.
	Deadlines(g Globals) map[string]time.Time
	// Save gives the state's blob (deterministic: equal states give equal bytes) and its index entries.
	Save(m *leadstore.Mutation) []byte
}

// Steady is an Entity that can tell that an event was of no interest to it, so that nothing is written for it: a service that
// must look at what most leads never need to remember stays cheap.
type Steady interface {
	// Changed reports whether the last Apply, and those of the facts that followed from it, changed anything that Save gives.
	Changed() bool
}

// Outcome says what became of an input in a fold; the sum of all outcomes is reconciled with the log.
type Outcome int

// The outcomes.
const (
	Applied Outcome = iota
	// Duplicate: recognised by the sender's event id; it changed nothing.
	Duplicate
)

// Decision collects the facts of one decide call, in order.
type Decision struct {
	facts []decided
}

type decided struct {
	entity string
	body   *journalv1.Event
}

// Fact states a fact about an entity: the deciding one itself, or another, which folds it when it reads it. The worker
// fills in entity and, where absent, id, source, occurred_at and received_at from the cause. body.Type and the payload are
// the caller's; an event that is passed on to another entity keeps its own id and source.
func (d *Decision) Fact(entity string, body *journalv1.Event) {
	d.facts = append(d.facts, decided{entity: entity, body: body})
}

// Observer is told what has been folded, for the side effects that stand beside the fold (senders, streams of changes).
// Calls come one at a time, in order; they must not block for long.
type Observer interface {
	// Live is called once a session has caught up with the log as it stood at the opening: everything in the store is
	// folded up to there. owned are the session's partitions.
	Live(owned []int)
	// Folded is called after a batch is durable in the log and in the store: what entities were shown, and the facts they
	// gave. During replay it is not called.
	Folded(changes []Change)
	// Closed is called when the session ends, before another one is Live.
	Closed()
}

// Change is one event that an entity folded, live.
type Change struct {
	Event *Event
	// Entity that folded it.
	Entity string
	// Facts it gave, in order; their Seq is not known here.
	Facts []*Event
}

// Facts gives the collected facts as events of the given cause, complete but for Seq and Logged. n is how many facts the
// deciding partition has given for this cause already.
func (d *Decision) Facts(service, decider string, cause *Event, n int) []*Event {
	if len(d.facts) == 0 {
		return nil
	}
	p := PartitionOf(decider)
	out := make([]*Event, len(d.facts))
	for i, f := range d.facts {
		b := f.body
		b.Entity = f.entity
		if b.Id == "" {
			b.Id = service + "." + strconv.FormatUint(cause.Seq, 10) + "." + strconv.Itoa(p) + "." + strconv.Itoa(n)
		}
		if b.Source == "" {
			b.Source = service
		}
		if b.ReceivedAt == nil {
			b.ReceivedAt = timestamppb.New(cause.Time())
		}
		if b.OccurredAt == nil {
			b.OccurredAt = timestamppb.New(cause.OccurredAt())
		}
		out[i] = &Event{Head: Head{
			Partition: PartitionOf(f.entity), Entity: f.entity, Type: b.Type, Trace: cause.Trace,
			Origin: &Origin{Producer: service, Partition: p, Entity: decider, Cause: cause.Seq, N: n},
		}, Body: b}
		n++
	}
	return out
}

// TypeTimerFired is the type of a timer's firing.
const TypeTimerFired = "timer_fired"

// TimerName gives the name of a service's timer as it stands in the journal: timers of different services never meet.
func TimerName(service, name string) string { return service + "-" + name }

// FiredTimer gives the name of the timer, as Deadlines gave it, if ev is the firing of one of the service's timers.
func FiredTimer(service string, ev *Event) (name string, ok bool) {
	if ev.Type != TypeTimerFired {
		return "", false
	}
	return strings.CutPrefix(ev.Body.GetTimerFired().GetTimer(), service+"-")
}

// OwnToSelf reports whether an event is a fact that an entity of this service decided for itself: it was applied when it
// was decided, and is skipped when it is read back.
func OwnToSelf(service string, h Head) bool {
	return h.Origin != nil && h.Origin.Producer == service && h.Origin.Entity == h.Entity
}
