package state

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// The states of a delivery.
const (
	Due       = "due"
	Failing   = "failing"
	Delivered = "delivered"
	Dead      = "dead"
)

// Delivery is one message that a destination must get.
type Delivery struct {
	// ID is the webhook-id.
	ID, Destination, Event, Handoff string
	// Entity that it stands on.
	Entity string
	Data   map[string]string
	State  string
	// Attempts made, and how many of them before it was last put back by hand.
	Attempts, Before int
	Status           int
	Error            string
	DueAt            time.Time
	// NextAt is the earliest moment of the next attempt.
	NextAt, DoneAt time.Time
	// Number counts an entity's deliveries in the order in which they became due.
	Number uint32
	// SeenAt is when the sender read it from the store: whatever it follows from was folded before. It is not kept.
	SeenAt time.Time
}

// Done reports whether nothing more will be sent by itself.
func (d *Delivery) Done() bool { return d.State == Delivered || d.State == Dead }

// Book holds the deliveries of one entity.
type Book struct {
	List []*Delivery
	// Stated is how many there ever were.
	Stated uint32

	// changed holds what the store has of the deliveries that differ from it.
	changed map[string]*Change
}

// Change is how a delivery differs from what the store has of it.
type Change struct {
	*Delivery
	// Was is its state there, "" where the store does not have it.
	Was string
	// Gone: it is not kept any longer.
	Gone bool
}

// keptDone is how many finished deliveries of an entity are kept for the log of deliveries; the journal has them all.
const keptDone = 20

// Find gives a delivery, nil where there is none such.
func (b *Book) Find(id string) *Delivery {
	for i := len(b.List) - 1; i >= 0; i-- {
		if b.List[i].ID == id {
			return b.List[i]
		}
	}
	return nil
}

// Add enters a delivery that has become due. It says false for one that is there already.
func (b *Book) Add(d Delivery) bool {
	if b.Find(d.ID) != nil {
		return false
	}
	d.Number, d.State = b.Stated, Due
	b.Stated++
	b.List = append(b.List, &d)
	b.touch(&d, "")
	return true
}

// Delivered notes a success. It says false for what is known. Two senders may make the same attempt while partitions move
// between them: a success counts whatever else was reported of it.
func (b *Book) Delivered(id string, attempt, status int, at time.Time) bool {
	d := b.Find(id)
	if d == nil || d.State == Delivered || attempt <= d.Before {
		return false
	}
	b.touch(d, d.State)
	d.State, d.Attempts, d.Status, d.Error, d.NextAt, d.DoneAt = Delivered, max(attempt, d.Attempts), status, "", time.Time{}, at
	b.prune()
	return true
}

// Failed notes a failed attempt. It says false for what is known.
func (b *Book) Failed(id string, attempt, status int, reason string, next, at time.Time, dead bool) bool {
	d := b.Find(id)
	if d == nil || attempt <= d.Attempts {
		return false
	}
	b.touch(d, d.State)
	d.State, d.Attempts, d.Status, d.Error, d.NextAt = Failing, attempt, status, reason, next
	if dead {
		d.State, d.NextAt, d.DoneAt = Dead, time.Time{}, at
	}
	b.prune()
	return true
}

// Replay puts a delivery back, to be tried at once and with all attempts of the schedule ahead of it. It says false for one
// that has not been tried since it became due, or was put back.
func (b *Book) Replay(id string, at time.Time) bool {
	d := b.Find(id)
	if d == nil || d.State == Due {
		return false
	}
	b.touch(d, d.State)
	d.State, d.Before, d.NextAt, d.DoneAt = Due, d.Attempts, at, time.Time{}
	return true
}

func (b *Book) prune() {
	done := 0
	for _, d := range b.List {
		if d.Done() {
			done++
		}
	}
	b.List = slices.DeleteFunc(b.List, func(d *Delivery) bool {
		if done <= keptDone || !d.Done() {
			return false
		}
		done--
		b.touch(d, d.State)
		b.changed[d.ID].Gone = true
		return true
	})
}

// touch notes that a delivery is about to change from a state.
func (b *Book) touch(d *Delivery, was string) {
	if b.changed == nil {
		b.changed = map[string]*Change{}
	}
	if b.changed[d.ID] == nil {
		b.changed[d.ID] = &Change{Delivery: d, Was: was}
	}
}

// Changes gives what has changed since it was last called, by number.
func (b *Book) Changes() []*Change {
	out := slices.SortedFunc(maps.Values(b.changed), func(x, y *Change) int { return cmp.Compare(x.Number, y.Number) })
	b.changed = nil
	return out
}

func (b *Book) encode() []*routingv1.DeliveryState {
	var out []*routingv1.DeliveryState
	for _, d := range b.List {
		out = append(out, encodeDelivery(d))
	}
	return out
}

func decodeBook(list []*routingv1.DeliveryState, stated uint32) Book {
	b := Book{Stated: stated}
	for _, d := range list {
		b.List = append(b.List, decodeDelivery(d))
	}
	return b
}

func encodeDelivery(d *Delivery) *routingv1.DeliveryState {
	return &routingv1.DeliveryState{
		Id: d.ID, Destination: d.Destination, Event: d.Event, HandoffId: d.Handoff, Data: d.Data, State: d.State,
		Attempts: int32(d.Attempts), AttemptsBefore: int32(d.Before), LastStatus: int32(d.Status), LastError: d.Error,
		DueAt: nanos(d.DueAt), NextAt: nanos(d.NextAt), DoneAt: nanos(d.DoneAt), Number: d.Number, Entity: d.Entity,
	}
}

func decodeDelivery(d *routingv1.DeliveryState) *Delivery {
	return &Delivery{
		ID: d.Id, Destination: d.Destination, Event: d.Event, Handoff: d.HandoffId, Data: d.Data, State: d.State,
		Attempts: int(d.Attempts), Before: int(d.AttemptsBefore), Status: int(d.LastStatus), Error: d.LastError,
		DueAt: instant(d.DueAt), NextAt: instant(d.NextAt), DoneAt: instant(d.DoneAt), Number: d.Number, Entity: d.Entity,
	}
}

// EncodeDelivery gives a delivery as the index of what is due holds it.
func EncodeDelivery(d *Delivery) []byte { return marshal(encodeDelivery(d)) }

// DecodeDelivery reads what EncodeDelivery gave.
func DecodeDelivery(b []byte) (*Delivery, error) {
	var in routingv1.DeliveryState
	if err := proto.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("read a delivery: %w", err)
	}
	return decodeDelivery(&in), nil
}
