package intake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func event(id string, who *journalv1.Identity) fact.Fact {
	return fact.Fact{Event: &journalv1.Event{
		Id: id, Type: "page_viewed", Source: "site", Identity: who,
		OccurredAt: timestamppb.New(start), ReceivedAt: timestamppb.New(start),
	}}
}

func setup() (*fakejournal.Journal, *Intake, identity.Key) {
	j := &fakejournal.Journal{}
	return j, New(j, Options{Now: func() time.Time { return start }}), j.Key()
}

func put(t testing.TB, in *Intake, facts ...fact.Fact) sender.Result {
	t.Helper()
	b := in.Begin(context.Background(), Source{Name: "site"})
	for _, f := range facts {
		if err := b.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Result()
}

// story tells what is in the journal, a line an event.
func story(j *fakejournal.Journal, names map[string]string) string {
	var b strings.Builder
	for _, ev := range j.Events() {
		name := names[ev.Entity]
		fmt.Fprintf(&b, "%s %s", name, ev.Type)
		if l := ev.Body.GetLinked(); l != nil {
			fmt.Fprintf(&b, " to %s (%d to %d) by %s as %v", names[l.To], l.Rank, l.ToRank, l.ByEvent, ev.Body.Identity)
		}
		b.WriteByte('\n')
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestAddressAndLinks(t *testing.T) {
	key := (&fakejournal.Journal{}).Key()
	email := key.Lead(identity.Email, "", "ana@initech.example")
	crm, hubspot := key.Lead(identity.ExternalID, "crm", "7"), key.Lead(identity.ExternalID, "hubspot", "123")
	user, anon := key.Lead(identity.UserID, "", "u-1"), key.Lead(identity.Anonymous, "", "an-7")
	other := key.Lead(identity.Email, "", "bo@initech.example")
	names := map[string]string{email: "email", crm: "crm", hubspot: "hubspot", user: "user", anon: "anon", other: "other"}
	strong, weak := "crm", "hubspot"
	if identity.Stronger(hubspot, crm) {
		strong, weak = weak, strong
	}
	external := map[string]string{"crm": "7", "hubspot": "123"}
	handoff := func(lead string, who *journalv1.Identity) fact.Fact {
		f := event("1", who)
		f.Event.Type, f.Lead = "accepted", lead
		return f
	}
	for _, tc := range []struct {
		name string
		f    fact.Fact
		want []string
	}{
		{"one identifier", event("1", &journalv1.Identity{AnonymousId: "an-7"}), []string{"anon page_viewed"}},
		{"all of them", event("1", &journalv1.Identity{Email: "ana@initech.example", UserId: "u-1", AnonymousId: "an-7", ExternalIds: external}), []string{
			"email page_viewed",
			`crm linked to email (2 to 1) by 1 as external_ids:{key:"crm" value:"7"}`,
			`hubspot linked to email (2 to 1) by 1 as external_ids:{key:"hubspot" value:"123"}`,
			`user linked to email (3 to 1) by 1 as user_id:"u-1"`,
			`anon linked to email (4 to 1) by 1 as anonymous_id:"an-7"`,
		}},
		{"two external ids", event("1", &journalv1.Identity{ExternalIds: external}), []string{
			strong + " page_viewed",
			weak + " linked to " + strong + ` (2 to 2) by 1 as external_ids:{key:"` + weak + `" value:"` + external[weak] + `"}`,
		}},
		{"a user's device", event("1", &journalv1.Identity{UserId: "u-1", AnonymousId: "an-7"}), []string{
			"user page_viewed", `anon linked to user (4 to 3) by 1 as anonymous_id:"an-7"`,
		}},
		{"a handoff alone", handoff(email, nil), []string{"email accepted"}},
		{"a handoff and its lead", handoff(email, &journalv1.Identity{Email: "ana@initech.example"}), []string{"email accepted"}},
		{"a handoff and a CRM's id", handoff(email, &journalv1.Identity{ExternalIds: map[string]string{"crm": "7"}}), []string{
			"email accepted", `crm linked to email (2 to 1) by 1 as external_ids:{key:"crm" value:"7"}`,
		}},
		{"a handoff of a weaker lead", handoff(user, &journalv1.Identity{Email: "ana@initech.example"}), []string{
			"user accepted", "user linked to email (3 to 1) by 1 as",
		}},
		{"a handoff and another person's address", handoff(email, &journalv1.Identity{Email: "bo@initech.example"}), []string{"email accepted"}},
		{"a handoff and a device", handoff(email, &journalv1.Identity{AnonymousId: "an-7"}), []string{"email accepted"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j, in, _ := setup()
			r := put(t, in, tc.f)
			got := " " + story(j, names)
			for _, line := range tc.want {
				if !strings.Contains(got, " "+strings.TrimSpace(line)) {
					t.Errorf("no %q in\n%s", line, got)
				}
			}
			if n := len(j.Events()); n != len(tc.want) || r.Accepted != 1 || r.Sequence != uint64(n) || j.Calls() != 1 {
				t.Errorf("%d events in %d calls, want %d in 1: %s (%+v)", n, j.Calls(), len(tc.want), got, r)
			}
		})
	}
}

func TestAlias(t *testing.T) {
	j, in, key := setup()
	f := event("a-1", &journalv1.Identity{UserId: "u-1"})
	f.Event.Type, f.Previous = fact.TypeLinked, "old"
	if r := put(t, in, f); r.Accepted != 1 {
		t.Fatalf("%+v", r)
	}
	user, old, device := key.Lead(identity.UserID, "", "u-1"), key.Lead(identity.UserID, "", "old"), key.Lead(identity.Anonymous, "", "old")
	strong, weak := user, old
	if identity.Stronger(old, user) {
		strong, weak = old, user
	}
	links := map[string]string{}
	ids := map[string]bool{}
	for _, ev := range j.Events() {
		links[ev.Entity] = ev.Body.GetLinked().GetTo()
		ids[ev.Body.Id] = true
	}
	if len(links) != 2 || links[weak] != strong || links[device] != user || !ids["a-1"] {
		t.Errorf("links %v, ids %v", links, ids)
	}
	// The same two ids again, by another call: only that call's own event is written.
	f = event("a-2", &journalv1.Identity{UserId: "u-1"})
	f.Event.Type, f.Previous = fact.TypeLinked, "old"
	put(t, in, f)
	if n := len(j.Events()); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
}

// A link is stated once, with the same id each time, and again after a while.
func TestLinksAreRemembered(t *testing.T) {
	j := &fakejournal.Journal{}
	now := start
	in := New(j, Options{Now: func() time.Time { return now }})
	who := func() *journalv1.Identity { return &journalv1.Identity{UserId: "u-1", AnonymousId: "an-7"} }
	put(t, in, event("1", who()), event("2", who()))
	put(t, in, event("3", who()))
	if n := len(j.Events()); n != 4 {
		t.Fatalf("%d events, want three and one link", n)
	}
	now = now.Add(keepLinks + time.Second)
	put(t, in, event("4", who()))
	var ids []string
	for _, ev := range j.Events() {
		if ev.Type == fact.TypeLinked {
			ids = append(ids, ev.Body.Id)
		}
	}
	if len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("links %v, want the same one twice", ids)
	}
}

func TestNothingIsRememberedBeforeItIsWritten(t *testing.T) {
	j, in, _ := setup()
	j.Fail(func([]*journalv1.Event) error { return journal.ErrUnavailable })
	who := func() *journalv1.Identity { return &journalv1.Identity{UserId: "u-1", AnonymousId: "an-7"} }
	b := in.Begin(context.Background(), Source{Name: "site"})
	if err := b.Add(event("1", who())); err != nil {
		t.Fatal(err)
	}
	if err := b.Flush(); !errors.Is(err, journal.ErrUnavailable) {
		t.Fatal(err)
	}
	if r := b.Result(); r.Accepted != 0 || r.Sequence != 0 {
		t.Errorf("%+v", r)
	}
	j.Fail(nil)
	if r := put(t, in, event("1", who())); r.Accepted != 1 || r.Duplicates != 0 || len(j.Events()) != 2 {
		t.Errorf("%+v, %d events", r, len(j.Events()))
	}
	if r := put(t, in, event("1", who())); r.Accepted != 0 || r.Duplicates != 1 || r.Sequence != 2 || len(j.Events()) != 2 {
		t.Errorf("the repeat: %+v, %d events", r, len(j.Events()))
	}
}

func TestDuplicatesArePerSource(t *testing.T) {
	j, in, _ := setup()
	put(t, in, event("1", &journalv1.Identity{UserId: "u"}), event("1", &journalv1.Identity{UserId: "u"}))
	b := in.Begin(context.Background(), Source{Name: "app"})
	if err := errors.Join(b.Add(event("1", &journalv1.Identity{UserId: "u"})), b.Flush()); err != nil {
		t.Fatal(err)
	}
	if len(j.Events()) != 2 || b.Result().Accepted != 1 {
		t.Errorf("%d events, %+v", len(j.Events()), b.Result())
	}
}

// A large delivery is written in parts of bounded size, an event and its links always in one.
func TestLargeDeliveriesAreWrittenInParts(t *testing.T) {
	j, in, _ := setup()
	largest := 0
	j.Fail(func(events []*journalv1.Event) error {
		largest = max(largest, len(events))
		seen := map[string]bool{}
		for _, ev := range events {
			seen[ev.Id] = true
		}
		for _, ev := range events {
			if l := ev.GetLinked(); l != nil && !seen[l.ByEvent] {
				t.Errorf("a link without its event %s", l.ByEvent)
			}
		}
		return nil
	})
	var facts []fact.Fact
	for i := range 1000 {
		ids := map[string]string{}
		for s := range 15 {
			ids[fmt.Sprint("s", s)] = fmt.Sprint(i)
		}
		facts = append(facts, event(fmt.Sprint(i), &journalv1.Identity{Email: fmt.Sprintf("p%d@b.example", i), ExternalIds: ids}))
	}
	if r := put(t, in, facts...); r.Accepted != 1000 || len(j.Events()) != 16_000 {
		t.Errorf("%+v, %d events", r, len(j.Events()))
	}
	if largest > 990 {
		t.Errorf("a write of %d messages", largest)
	}
}

func TestHeldWhileTheJournalIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &fakejournal.Journal{}
		in := New(j, Options{Now: time.Now})
		back := time.Now().Add(3 * time.Second)
		j.Fail(func([]*journalv1.Event) error {
			if time.Now().Before(back) {
				return journal.ErrUnavailable
			}
			return nil
		})
		b := in.Begin(context.Background(), Source{Name: "site", Hold: 10 * time.Second})
		if err := errors.Join(b.Add(event("1", &journalv1.Identity{UserId: "u"})), b.Flush()); err != nil || b.Result().Accepted != 1 {
			t.Errorf("%v %+v", err, b.Result())
		}
		back = time.Now().Add(time.Hour)
		b = in.Begin(context.Background(), Source{Name: "site", Hold: 10 * time.Second})
		began := time.Now()
		if err := errors.Join(b.Add(event("2", &journalv1.Identity{UserId: "u"})), b.Flush()); !errors.Is(err, journal.ErrUnavailable) {
			t.Error(err)
		}
		if took := time.Since(began); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("held for %v", took)
		}
		// Overload is not held: nothing was written, and waiting would make it worse.
		j.Fail(func([]*journalv1.Event) error { return journal.ErrOverloaded })
		began = time.Now()
		if err := b.Flush(); !errors.Is(err, journal.ErrOverloaded) || time.Since(began) > 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestRejections(t *testing.T) {
	_, in, _ := setup()
	b := in.Begin(context.Background(), Source{Name: "site"})
	for i := range sender.MaxRejected + 10 {
		b.Reject(i, fact.Errors{{Field: "x", Reason: "y"}})
	}
	if r := b.Result(); len(r.Rejected) != sender.MaxRejected || r.RejectedCount != sender.MaxRejected+10 {
		t.Errorf("%d listed, %d counted", len(r.Rejected), r.RejectedCount)
	}
}

// Whatever an outsider puts into identifiers, what stands in the journal as an entity is opaque and safe.
func TestEntitiesAreSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j, in, _ := setup()
		odd := rapid.StringMatching(`[a-z.*> \n/:_éÀ-]{1,20}`)
		f := event(odd.Draw(t, "id"), &journalv1.Identity{
			UserId: odd.Draw(t, "user"), AnonymousId: odd.Draw(t, "anonymous"), ExternalIds: map[string]string{odd.Draw(t, "system"): odd.Draw(t, "external")},
		})
		b := in.Begin(context.Background(), Source{Name: "site"})
		if err := errors.Join(b.Add(f), b.Flush()); err != nil {
			t.Fatal(err)
		}
		for _, ev := range j.Events() {
			if identity.RankOf(ev.Entity) == 0 || !identity.Safe(ev.Entity) {
				t.Fatalf("entity %q", ev.Entity)
			}
		}
	})
}

func BenchmarkAddThreeIdentifiers(b *testing.B) {
	j := &discard{}
	in := New(j, Options{Now: time.Now})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		f := event(fmt.Sprint(i), &journalv1.Identity{Email: "ana@initech.example", AnonymousId: "an-7", ExternalIds: map[string]string{"crm": "7"}})
		batch := in.Begin(context.Background(), Source{Name: "site"})
		if err := errors.Join(batch.Add(f), batch.Flush()); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{ fakejournal.Journal }

func (*discard) Append(context.Context, ...*journalv1.Event) (uint64, error) { return 1, nil }

// A link that an event of history brings is history's, too: it is no reason to hand anybody over.
func TestLinksOfHistory(t *testing.T) {
	for _, history := range []bool{true, false} {
		j, in, _ := setup()
		f := event("1", &journalv1.Identity{Email: "ana@initech.example", ExternalIds: map[string]string{"crm": "7"}})
		f.Event.History = history
		put(t, in, f)
		events := j.Events()
		if len(events) != 2 || events[1].Type != fact.TypeLinked || events[1].Body.History != history {
			t.Errorf("history %v: got %v", history, events)
		}
	}
}
