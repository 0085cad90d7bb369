package fold_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/fold"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// mailOfAMoment makes an event one of two messages, within moments: three clicks of a few may be a scanner's.
func mailOfAMoment(rt *rapid.T, e *journalv1.Event) {
	message := rapid.SampledFrom([]string{"m1", "m2"}).Draw(rt, "message")
	e.OccurredAt = timestamppb.New(start.Add(-hour + time.Duration(rapid.IntRange(0, 15).Draw(rt, "seconds"))*time.Second))
	switch e.Type = rapid.SampledFrom([]string{"email_delivered", "email_opened", "email_clicked", "email_clicked", "email_clicked"}).Draw(rt, "done"); e.Type {
	case "email_delivered":
		e.Payload = &journalv1.Event_EmailDelivered{EmailDelivered: &journalv1.EmailDelivered{EmailId: message}}
	case "email_opened":
		e.Payload = &journalv1.Event_EmailOpened{EmailOpened: &journalv1.EmailOpened{EmailId: message}}
	default:
		click(message, "https://initech.example/"+rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "link"), e.OccurredAt.AsTime())(e)
	}
}

// Random events of up to four identities that are one, and one that leaves: all are as if it had never been there.
func TestSplitIsTheOppositeOfMerging(t *testing.T) {
	const rules = "agreement: a\nhalf_life: 14d\nengagement:\n" +
		"  - { id: ebook, on: asset_downloaded, points: 10, cap: {count: 2, per: 1d} }\n" +
		"  - { id: left, on: email_unsubscribed, points: -3 }\n" +
		"  - { id: click, on: [email_clicked, email_opened], points: 4, cap: {count: 3, per: 1d} }\n" +
		"fit: [ {id: senior, when: 'lead.title == \"VP\"', points: 40} ]\n"
	rapid.Check(t, func(rt *rapid.T) {
		other := key.Lead(identity.UserID, "", "42")
		leads := []string{ana, anaCRM, other, device}[:rapid.IntRange(2, 4).Draw(rt, "leads")]
		rules := rules
		if len(leads) == 2 { // of several that stay together, each says what its events were worth to itself
			rules = strings.Replace(rules, "fit:", "  - { id: keen, on: page_viewed, when: 'engagement >= 10', points: 7 }\nfit:", 1)
		}
		leaver := rapid.SampledFrom(leads[1:]).Draw(rt, "leaver")
		types := []string{"page_viewed", "asset_downloaded", "email_unsubscribed", "identified", "consent_changed", "deal_opened", "deal_won", "email_sent"}
		var inputs []*journalv1.Event
		for i := range rapid.IntRange(1, 20).Draw(rt, "events") {
			e := &journalv1.Event{
				Id: fmt.Sprintf("e%03d", i), Source: "site", Entity: rapid.SampledFrom(leads).Draw(rt, "lead"), Type: rapid.SampledFrom(types).Draw(rt, "type"),
				OccurredAt: timestamppb.New(start.Add(-time.Duration(rapid.IntRange(1, 99).Draw(rt, "ago")) * hour)),
			}
			e.Automated = rapid.IntRange(0, 5).Draw(rt, "automated") == 0
			e.Identity = &journalv1.Identity{UserId: e.Entity}
			if rapid.Bool().Draw(rt, "says something") {
				e.Traits = &journalv1.Traits{Title: proto.String(rapid.SampledFrom([]string{"VP", "Clerk"}).Draw(rt, "title"))}
			}
			e.History = rapid.IntRange(0, 4).Draw(rt, "loaded") == 0
			if rapid.Bool().Draw(rt, "mail") {
				mailOfAMoment(rt, e)
			}
			if e.Type == "consent_changed" {
				consent("profiling", rapid.SampledFrom([]string{"granted", "denied", "objected"}).Draw(rt, "decision"))(e)
			}
			inputs = append(inputs, e)                       // all happened before anybody met: what is refused later stays with both
			if rapid.IntRange(0, 5).Draw(rt, "twice") == 0 { // the sender knows it by two identifiers
				again := proto.CloneOf(e)
				again.Entity = rapid.SampledFrom(leads).Draw(rt, "elsewhere")
				inputs = append(inputs, again)
			}
		}
		parents := map[string]string{}
		var links []*journalv1.Event
		for i, from := range leads[1:] { // each joins one that is stronger, so that all are one
			to := leads[rapid.IntRange(0, i).Draw(rt, "to")]
			if identity.Stronger(from, to) {
				from, to = to, from
			}
			parents[from] = to
			links = append(links, &journalv1.Event{Id: "link" + from, Source: "site", Entity: from, Type: "linked",
				Payload: &journalv1.Event_Linked{Linked: &journalv1.Linked{To: to}}})
		}
		under := func(id string) bool {
			for ; id != ""; id = parents[id] {
				if id == leaver {
					return true
				}
			}
			return false
		}
		all := slices.Clone(inputs)
		for _, k := range links {
			at := rapid.IntRange(0, len(all)).Draw(rt, "at")
			all = slices.Insert(all, at, k)
		}
		// The split comes when the leaver has joined, or somewhere among what happens after that.
		last := 1 + slices.IndexFunc(all, func(e *journalv1.Event) bool { return e.Type == "linked" && e.Entity == leaver })
		all = slices.Insert(all, rapid.IntRange(last, len(all)).Draw(rt, "split"), splitRequest(ana, leaver))

		atOnce := rapid.Bool().Draw(rt, "at once")
		play := func(inputs []*journalv1.Event) *world {
			w := newWorld(t, rules)
			if atOnce { // whatever follows from one is still on its way when the next ones come
				w.Append(inputs...)
				return w
			}
			for _, e := range inputs {
				w.Append(e)
			}
			return w
		}
		met := play(all)
		// Apart: whoever stays is linked as before, and whoever leaves.
		apart := play(slices.DeleteFunc(slices.Clone(all), func(e *journalv1.Event) bool {
			return e.Type == "split_requested" || e.Type == "linked" && e.Entity == leaver
		}))
		for _, id := range []string{ana, leaver} {
			got, want := "nothing", "nothing"
			if met.Entity(fold.Service, id) != nil {
				got = met.knows(id)
			}
			if apart.Entity(fold.Service, id) != nil {
				want = apart.knows(id)
			}
			if want != "nothing" && got != want {
				rt.Fatalf("%s: got\n%s\nwant\n%s", id, got, want)
			}
			// Of several, whether they are held together depends on what each was known from when they met; and of whom nothing was
			// known by then, the first that is known is that they met.
			first := slices.IndexFunc(all, func(e *journalv1.Event) bool { return e.Entity == id || e.Type == "linked" })
			if len(leads) == 2 && all[first].Type != "linked" && want != "nothing" && apart.lead(id).Known() && met.lead(id).Held != apart.lead(id).Held {
				rt.Fatalf("%s is held: %v, want %v", id, met.lead(id).Held, apart.lead(id).Held)
			}
		}
		for _, id := range leads {
			want := ana
			if under(id) {
				want = leaver
			}
			if met.root(id) != want {
				rt.Fatalf("%s is %s, want %s", id, met.root(id), want)
			}
			if l := met.lead(id); l.Parent == "" && (l.Stated != l.Stage() || l.Gathering != nil) {
				rt.Fatalf("stated %q, is %q", l.Stated, l.Stage())
			}
		}
		again := play(all)
		for _, id := range leads {
			a, b := met.Entity(fold.Service, id).Save(&leadstore.Mutation{}), again.Entity(fold.Service, id).Save(&leadstore.Mutation{})
			l, beside, err := fold.DecodeLead(id, a)
			if err != nil || !bytes.Equal(a, b) || !bytes.Equal(state.Append(nil, l, beside), a) {
				rt.Fatalf("played again, or stored and read back, it is another lead: %v", err)
			}
		}
	})
}
