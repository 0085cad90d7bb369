package fold

import (
	"maps"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// told gives the input that a sender appends once a destination has taken something.
func told(entity, id, destination string, attempt int32, refs map[string]string) *journal.Event {
	return &journal.Event{Head: journal.Head{Entity: entity, Type: typeDelivered}, Body: &journalv1.Event{Payload: &journalv1.Event_Delivered{
		Delivered: &journalv1.Delivered{WebhookId: id, Destination: destination, Attempt: attempt, Refs: refs},
	}}}
}

func TestRefsAreKeptWithTheHandoffAndTheLead(t *testing.T) {
	key := identity.Key("0123456789abcdef0123456789abcdef")
	strong, weak := key.Lead(identity.Email, "", "ana@initech.example"), key.Lead(identity.UserID, "site", "u1")
	id := identity.Handoff(weak, 1)
	load := func(entity string, blob []byte) *lead {
		t.Helper()
		e, err := loadLead(key, entity, blob)
		if err != nil {
			t.Fatal(err)
		}
		return e.(*lead)
	}
	l := load(weak, nil)
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	l.Handoffs = []*handoff.Handoff{{ID: id, Stage: handoff.Routed, QualifiedAt: at}}
	for _, d := range []state.Delivery{
		{ID: "one", Destination: "crm", Handoff: id, Entity: weak}, {ID: "two", Destination: "crm", Handoff: id, Entity: weak},
		{ID: "three", Destination: "crm", Entity: weak}, {ID: "four", Destination: "other", Handoff: id, Entity: weak},
	} {
		l.Book.Add(d)
	}
	g := &Globals{}
	l.Apply(g, told(weak, "one", "crm", 1, map[string]string{"contact": "c1", "task": "t1"}))
	l.Apply(g, told(weak, "two", "crm", 1, map[string]string{"task": "t2", "": "x"}))
	l.Apply(g, told(weak, "three", "crm", 1, map[string]string{"contact": "c1"}))
	l.Apply(g, told(weak, "four", "crm", 1, map[string]string{"contact": "of another"})) // says the wrong destination
	l.Apply(g, told(weak, "nobody", "crm", 1, map[string]string{"contact": "x"}))
	want := map[string]string{"contact": "c1", "task": "t2"}
	l = load(weak, state.EncodeLead(&l.Lead)) // as after a restart
	if h := l.find(id); !maps.Equal(h.Refs["crm"], want) || len(h.Refs) != 1 || !maps.Equal(l.Refs["crm"], map[string]string{"contact": "c1"}) {
		t.Fatalf("%v, %v", h.Refs, l.Refs)
	}
	// The lead merges: its handoff takes them along.
	var d journal.Decision
	l.Apply(g, &journal.Event{Head: journal.Head{Entity: weak, Type: typeMergedInto}, Body: &journalv1.Event{Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: strong}}}})
	items := state.EncodeLead(&state.Lead{Handoffs: l.passing, Held: l.held, Refs: l.Refs})
	l.Decide(g, &journal.Event{Head: journal.Head{Entity: weak, Type: typeMergedInto}, Body: &journalv1.Event{}}, &d)
	s := load(strong, nil)
	s.Refs = state.AddRefs(nil, "crm", map[string]string{"contact": "c9"})
	s.Apply(g, &journal.Event{Head: journal.Head{Entity: strong, Type: typeAbsorbed}, Body: &journalv1.Event{Payload: &journalv1.Event_Absorbed{Absorbed: &journalv1.Absorbed{From: weak, Items: items}}}})
	if h := s.find(id); h == nil || !maps.Equal(h.Refs["crm"], want) || s.Refs["crm"]["contact"] != "c9" {
		t.Errorf("%+v, %v", h, s.Refs)
	}
	// What is learnt there changes nothing here.
	s.find(id).Refs = state.AddRefs(s.find(id).Refs, "crm", map[string]string{"task": "t3"})
	if got := l.find(id).Refs["crm"]["task"]; got != "t2" {
		t.Errorf("the lead that it left says %s", got)
	}
}

func TestRefsAreBounded(t *testing.T) {
	many := map[string]string{}
	for i := range 40 {
		many[itoa(100+i)] = "x"
	}
	var refs state.Refs
	for i := range 50 {
		refs = state.AddRefs(refs, "d"+itoa(i), many)
	}
	if len(refs) != 32 || len(refs["d0"]) != 16 || refs["d0"]["100"] != "x" {
		t.Errorf("%d destinations, %d of one", len(refs), len(refs["d0"]))
	}
}

func TestPausesAtTheDesk(t *testing.T) {
	e, err := loadDesk(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := e.(*deskEntity)
	say := func(name string, paused bool, by string) journal.Outcome {
		return d.Apply(&Globals{}, &journal.Event{Head: journal.Head{Entity: identity.Desk, Type: typeDestinationPaused}, Body: &journalv1.Event{
			Payload: &journalv1.Event_DestinationPaused{DestinationPaused: &journalv1.DestinationPaused{Destination: name, Paused: paused, By: by, Because: "noon"}},
		}})
	}
	for _, step := range []struct {
		name   string
		paused bool
		by     string
		want   journal.Outcome
		by2    string
	}{
		{"crm", false, "kim", journal.Duplicate, ""},
		{"crm", true, "kim", journal.Applied, "kim"},
		{"crm", true, "ana", journal.Duplicate, "kim"},
		{"not a name", true, "kim", journal.Applied, "kim"},
		{"crm", false, "ana", journal.Applied, ""},
	} {
		if got := say(step.name, step.paused, step.by); got != step.want {
			t.Errorf("%+v: %v", step, got)
		}
		again, err := state.DecodeDesk(state.EncodeDesk(&d.Desk))
		if err != nil || again.Paused["crm"].By != step.by2 || len(again.Paused) > 1 {
			t.Errorf("%+v: %v, %v", step, again.Paused, err)
		}
	}
}
