package fold

import (
	"maps"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// Names in routing's part of the lead store.
const (
	// HashDue holds every delivery that is not finished, by webhook-id, as state.EncodeDelivery gives it.
	HashDue = "due"
	// HashSnapshot holds what was known of the lead when it qualified, by handoff: a journal.v1.Qualified.
	HashSnapshot = "snapshot"
)

var deliveryStates = []string{state.Due, state.Failing, state.Delivered, state.Dead}

// DeliveryIndex names the index of deliveries to a destination ("" for all) in a state ("" for all), by when they became due.
func DeliveryIndex(destination, deliveryState string) string {
	name := "deliveries"
	if destination != "" {
		name += "@" + destination
	}
	if deliveryState != "" {
		name += ":" + deliveryState
	}
	return name
}

// tell states that an event is due to everybody who subscribed to it.
func tell(d *journal.Decision, g *Globals, entity, event, handoffID, what string, data map[string]string) {
	for _, destination := range g.subscribers(event) {
		d.Fact(entity, &journalv1.Event{Type: typeDeliveryDue, Payload: &journalv1.Event_DeliveryDue{DeliveryDue: &journalv1.DeliveryDue{
			Destination: destination, WebhookId: WebhookID(entity, destination, event, what), Event: event, HandoffId: handoffID, Data: maps.Clone(data),
		}}})
	}
}

// applyDelivery folds what concerns deliveries into an entity's book; ok is false for other events.
func applyDelivery(b *state.Book, ev *journal.Event) (outcome journal.Outcome, ok bool) {
	fresh := true
	switch ev.Type {
	case typeDeliveryDue:
		p := ev.Body.GetDeliveryDue()
		b.Add(state.Delivery{
			ID: p.GetWebhookId(), Destination: p.GetDestination(), Event: p.GetEvent(), Handoff: p.GetHandoffId(), Data: p.GetData(),
			Entity: ev.Entity, DueAt: ev.Time(), NextAt: ev.Time(),
		})
	case typeDelivered:
		p := ev.Body.GetDelivered()
		fresh = b.Find(p.GetWebhookId()) == nil || b.Delivered(p.GetWebhookId(), int(p.GetAttempt()), int(p.GetStatus()), ev.Time())
	case typeDeliveryFailed:
		p := ev.Body.GetDeliveryFailed()
		fresh = b.Find(p.GetWebhookId()) == nil ||
			b.Failed(p.GetWebhookId(), int(p.GetAttempt()), int(p.GetStatus()), p.GetReason(), instant(p.GetNextAt()), ev.Time(), p.GetDead())
	case typeReplayRequested:
		id := ev.Body.GetReplayRequested().GetWebhookId()
		fresh = b.Find(id) == nil || b.Replay(id, ev.Time())
	default:
		return journal.Applied, false
	}
	if !fresh {
		return journal.Duplicate, true
	}
	return journal.Applied, true
}

// saveBook writes the index entries of deliveries that changed.
func saveBook(m *leadstore.Mutation, b *state.Book) {
	for _, c := range b.Changes() {
		d := c.Delivery
		at := float64(d.DueAt.UnixMilli())
		for _, destination := range []string{"", d.Destination} {
			if c.Was != "" && (c.Gone || c.Was != d.State) {
				m.IndexRemove(DeliveryIndex(destination, c.Was), d.ID)
			}
			switch {
			case c.Gone:
				m.IndexRemove(DeliveryIndex(destination, ""), d.ID)
				continue
			case c.Was == "": // when it became due never changes
				m.IndexAdd(DeliveryIndex(destination, ""), d.ID, at)
			}
			if c.Was != d.State {
				m.IndexAdd(DeliveryIndex(destination, d.State), d.ID, at)
			}
		}
		if d.Done() || c.Gone {
			m.FieldDelete(HashDue, d.ID)
		} else {
			m.FieldSet(HashDue, d.ID, state.EncodeDelivery(d))
		}
	}
}

func instant(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func itoa(n int) string { return strconv.Itoa(n) }
