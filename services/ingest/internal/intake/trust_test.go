package intake

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
)

func putFrom(t *testing.T, in *Intake, from Source, facts ...fact.Fact) {
	t.Helper()
	b := in.Begin(context.Background(), from)
	for _, f := range facts {
		if err := b.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
}

// The user ids of a source whose write key is public are its own: nobody gets hold of another's lead by naming it.
func TestUserIDsOfAnOpenSourceAreItsOwn(t *testing.T) {
	j, in, key := setup()
	who := &journalv1.Identity{UserId: "u-1"}
	putFrom(t, in, Source{Name: "crm"}, event("1", who))
	putFrom(t, in, Source{Name: "app"}, event("2", who))
	putFrom(t, in, Source{Name: "site", Open: true}, event("3", who))
	putFrom(t, in, Source{Name: "blog", Open: true}, event("4", who))
	entered := event("5", who) // in a form's hidden field
	entered.Unproven = true
	putFrom(t, in, Source{Name: "form"}, entered)
	var got []string
	for _, ev := range j.Events() {
		got = append(got, ev.Entity)
	}
	shared := key.Lead(identity.UserID, "", "u-1")
	want := []string{shared, shared, key.Lead(identity.UserID, "site", "u-1"), key.Lead(identity.UserID, "blog", "u-1"), key.Lead(identity.UserID, "form", "u-1")}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What cannot be proven is said so, and is stated again once somebody proves it.
func TestLinksWithoutProof(t *testing.T) {
	j, in, _ := setup()
	who := func() *journalv1.Identity {
		return &journalv1.Identity{Email: "ana@initech.example", ExternalIds: map[string]string{"crm": "7"}}
	}
	unproven := event("1", who())
	unproven.Unproven = true
	putFrom(t, in, Source{Name: "form"}, unproven)
	putFrom(t, in, Source{Name: "form"}, event("2", who()), event("3", who()))
	putFrom(t, in, Source{Name: "site", Open: true}, event("4", &journalv1.Identity{Email: "ana@initech.example", AnonymousId: "an-1"}))
	var links []*journalv1.Event
	for _, ev := range j.Events() {
		if ev.Type == fact.TypeLinked {
			links = append(links, ev.Body)
		}
	}
	if len(links) != 3 || !links[0].GetLinked().Unproven || links[1].GetLinked().Unproven || !links[2].GetLinked().Unproven || links[0].Id == links[1].Id {
		t.Errorf("got %v", links)
	}
}

// An address that many people read names nobody where anything else does, and a lead of its own where nothing does.
func TestMailboxesNameNobody(t *testing.T) {
	j := &fakejournal.Journal{}
	in := New(j, Options{Now: func() time.Time { return start }, Mailbox: func(email string) bool { return strings.HasPrefix(email, "info@") }})
	key := j.Key()
	put(t, in,
		event("1", &journalv1.Identity{Email: "info@initech.example", ExternalIds: map[string]string{"crm": "7"}}),
		event("2", &journalv1.Identity{Email: "info@initech.example", AnonymousId: "an-1"}),
		event("3", &journalv1.Identity{Email: "info@initech.example"}),
		event("4", &journalv1.Identity{Email: "ana@initech.example", AnonymousId: "an-1"}),
	)
	var got []string
	for _, ev := range j.Events() {
		got = append(got, ev.Type+" "+ev.Entity)
		if ev.Body.Id == "1" && ev.Body.Identity.Email != "info@initech.example" {
			t.Error("the address is lost")
		}
	}
	want := []string{
		"page_viewed " + key.Lead(identity.ExternalID, "crm", "7"), "page_viewed " + key.Lead(identity.Anonymous, "", "an-1"),
		"page_viewed " + key.Lead(identity.Email, "", "info@initech.example"), "page_viewed " + key.Lead(identity.Email, "", "ana@initech.example"),
		"linked " + key.Lead(identity.Anonymous, "", "an-1"),
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What a CRM says of a handoff with such an address beside it joins the handoff's lead with nobody: two handoffs are two people.
func TestMailboxesDoNotJoinHandoffs(t *testing.T) {
	j := &fakejournal.Journal{}
	in := New(j, Options{Now: func() time.Time { return start }, Mailbox: func(email string) bool { return strings.HasPrefix(email, "info@") }})
	key := j.Key()
	about := func(id, email, lead string) fact.Fact {
		f := event(id, &journalv1.Identity{Email: email})
		f.Event.Type, f.Lead = "accepted", lead
		return f
	}
	one, two := key.Lead(identity.ExternalID, "crm", "7"), key.Lead(identity.ExternalID, "crm", "8")
	put(t, in, about("1", "info@initech.example", one), about("2", "info@initech.example", two), about("3", "ana@initech.example", two))
	var got []string
	for _, ev := range j.Events() {
		got = append(got, ev.Type+" "+ev.Entity)
	}
	if want := []string{"accepted " + one, "accepted " + two, "accepted " + two, "linked " + two}; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
