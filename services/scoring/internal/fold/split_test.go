package fold_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// splitRequest asks that an origin leave a lead.
func splitRequest(lead, origin string) *journalv1.Event {
	return &journalv1.Event{Id: "split:" + origin, Source: "api", Entity: origin, Type: "split_requested",
		Payload: &journalv1.Event_SplitRequested{SplitRequested: &journalv1.SplitRequested{Lead: lead, By: "kim", Because: "two people"}}}
}

func (w *world) split(lead, origin string) { w.Append(splitRequest(lead, origin)) }

func named(first string) func(*journalv1.Event) {
	return func(e *journalv1.Event) { e.Traits = &journalv1.Traits{FirstName: proto.String(first)} }
}

// knows gives what a lead knows, place among others aside: for comparing it with one that never met anybody.
func (w *world) knows(id string) string {
	l := w.lead(id)
	score := l.Explain(w.book(), w.Now.UnixNano())
	var timeline []string
	for _, p := range l.Timeline {
		touch := p.Touch()
		timeline = append(timeline, touch.ID+touch.AutomatedBecause)
	}
	entry := ""
	if l.Entry != nil {
		entry = l.Entry.ID
	}
	profile := ""
	for _, f := range l.Profile {
		profile += fmt.Sprintf("%s=%q by %s; ", f.Name, f.Value, f.By)
	}
	return fmt.Sprintf("engagement %v fit %v lines %+v\ntimeline %v entry %s last %d engagements %d\nprofile %s\nemail %s %v users %v\nconsent %+v\ndeal %+v\nmail %+v",
		score.Engagement, score.Fit, score.Lines, timeline, entry, l.LastAt, l.Seen.Engagements(), profile, l.Email, l.Emails, l.UserIDs, l.Consent, l.Deal, l.Mail)
}

func TestASplitLeavesBothAsIfTheyHadNeverMet(t *testing.T) {
	story := func(met bool) *world {
		w := newWorld(t, exampleAgreement)
		w.sees(anaCRM, "asset_downloaded", named("Bo"))
		w.sees(ana, "asset_downloaded", vpOfBigCompany)
		w.Now = w.Now.Add(hour)
		if met {
			w.link(anaCRM, ana)
		} else {
			w.n++ // so that events have the same ids
		}
		w.sees(anaCRM, "asset_downloaded", named("Bo the second"))
		w.sees(ana, "asset_downloaded", named("Ana"))
		w.Now = w.Now.Add(hour)
		if met {
			if l := w.lead(ana); len(l.Timeline) != 4 || len(l.Items) != 4 {
				t.Errorf("together they know %+v", l)
			}
			w.split(ana, anaCRM)
		}
		return w
	}
	met, apart := story(true), story(false)
	for _, id := range []string{ana, anaCRM} {
		if got, want := met.knows(id), apart.knows(id); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", id, got, want)
		}
		if l := met.lead(id); l.Parent != "" || !l.Known() || l.Own != nil || l.Gathering != nil || len(l.Absorbed) != 0 {
			t.Errorf("got %+v", l)
		}
	}
	if l := met.lead(anaCRM); l.Severed == nil || l.Severed.By != "kim" || l.Severed.Because != "two people" || l.Severed.From != ana || l.Joined.Source != "site" {
		t.Errorf("got %+v", l)
	}
	if l := met.lead(ana); !slices.Equal(l.Left, []string{anaCRM}) {
		t.Errorf("got %v", l.Left)
	}
}

func TestASplitTellsEverybodyAndIsForGood(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(anaCRM, "asset_downloaded")
	w.sees(ana, "asset_downloaded")
	w.link(anaCRM, ana)
	w.split(ana, anaCRM)
	var on []string
	for _, f := range w.Facts("split_off") {
		on = append(on, f.Entity)
	}
	if !slices.Equal(on, []string{anaCRM, ana}) {
		t.Errorf("told were %v", on)
	}
	facts := len(w.Sim.Log)
	w.split(ana, anaCRM) // again
	if len(w.Sim.Log) != facts+1 {
		t.Errorf("a repeat had effects: %v", w.Sim.Log[facts:])
	}
	w.link(anaCRM, ana)
	w.link(anaCRM, bo)
	w.link(device, anaCRM) // a weaker one may still join it
	w.link(device, ana)
	if w.root(anaCRM) != anaCRM || w.root(device) != anaCRM || w.root(bo) != bo {
		t.Error("it joined somebody again")
	}
	w.sees(anaCRM, "event_attended")
	if l := w.lead(ana); len(l.Timeline) != 1 {
		t.Errorf("its later events still go there: %+v", l)
	}
	w.wantStages(anaCRM, "inquiry")
}

func TestTheHandoffStaysWithTheLeadThatIsLeft(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(anaCRM, "demo_requested", vpOfBigCompany)
	ho := identity.Handoff(anaCRM, 1)
	w.routing(anaCRM, routed(ho, "kim"))
	w.sees(ana, "form_submitted")
	w.link(anaCRM, ana)
	w.split(ana, anaCRM)
	if l := w.lead(ana); l.Run.Handoff != ho || l.Owner() != "kim" || l.Stage() != core.Routed || len(l.Timeline) != 1 {
		t.Errorf("got %+v", l)
	}
	l := w.lead(anaCRM)
	if l.Run.Handoff != "" || l.Run.Epoch != 2 || l.Stage() != core.Inquiry || l.Stated != core.Inquiry {
		t.Errorf("got %+v", l.Run)
	}
	w.wantStages(anaCRM, "inquiry", "mql", "routed", "inquiry")
	// The rep answers: the handoff's id names the origin, and its lead is the other.
	w.Append(&journalv1.Event{Id: "yes", Source: "feedback", Entity: anaCRM, Type: "accepted",
		Payload: &journalv1.Event_Accepted{Accepted: &journalv1.Disposition{HandoffId: ho, Rep: "kim"}}})
	if f := w.Facts("accepted"); len(f) != 1 || f[0].Entity != ana {
		t.Errorf("the answer went to %v", f)
	}
	w.sees(anaCRM, "demo_requested")
	if got := w.lead(anaCRM).Run.Handoff; got != identity.Handoff(anaCRM, 2) {
		t.Errorf("the next handoff is %q", got)
	}
}

func TestADealOfTheOriginLeavesWithIt(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "form_submitted")
	w.sees(anaCRM, "form_submitted")
	w.link(anaCRM, ana)
	w.sees(anaCRM, "deal_won")
	w.split(ana, anaCRM)
	w.wantStages(ana, "inquiry", "won", "inquiry")
	w.wantStages(anaCRM, "inquiry", "won")
}

func TestThoseThatJoinedTheOriginLeaveWithIt(t *testing.T) {
	other := key.Lead(identity.UserID, "", "42")
	for _, first := range []bool{true, false} { // the device joins the origin before that one joins the lead, or after
		w := newWorld(t, exampleAgreement)
		for _, id := range []string{ana, anaCRM, other, device, tablet} {
			w.sees(id, "asset_downloaded")
		}
		if first {
			w.link(device, anaCRM)
		}
		w.link(anaCRM, ana)
		if !first {
			w.link(device, anaCRM)
		}
		w.link(other, ana)
		w.link(tablet, other)
		late := w.sees(device, "page_viewed")
		if l := w.lead(ana); len(l.Timeline) != 6 || len(l.Absorbed) != 4 {
			t.Fatalf("together they know %+v", l)
		}
		w.split(ana, anaCRM)
		if l := w.lead(ana); len(l.Timeline) != 3 || len(l.Items) != 3 || len(l.Absorbed) != 2 {
			t.Errorf("who stays knows %+v", l)
		}
		if l := w.lead(anaCRM); len(l.Timeline) != 3 || l.Timeline[0].Touch().ID != late.Id && l.Timeline[1].Touch().ID != late.Id && l.Timeline[2].Touch().ID != late.Id {
			t.Errorf("who left knows %+v", l)
		}
		if w.root(device) != anaCRM || w.root(tablet) != ana {
			t.Error("somebody is with the wrong one")
		}
		w.split(ana, tablet) // through another one
		if l := w.lead(ana); len(l.Timeline) != 2 || w.root(tablet) != tablet || w.root(other) != ana {
			t.Errorf("who stays knows %+v", l)
		}
		w.split(anaCRM, device)
		if l := w.lead(anaCRM); len(l.Timeline) != 1 || w.root(device) != device {
			t.Errorf("who is left knows %+v", l)
		}
	}
}

func TestWhatWasRefusedTogetherStaysWithBoth(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "consent_changed", consent("email", "denied"))
	w.sees(anaCRM, "asset_downloaded")
	w.Now = w.Now.Add(hour)
	w.link(anaCRM, ana)
	w.Now = w.Now.Add(hour)
	w.sees(ana, "consent_changed", consent("profiling", "objected"))
	w.sees(anaCRM, "consent_changed", consent("phone", "withdrawn"), func(e *journalv1.Event) {
		e.Identity = &journalv1.Identity{ExternalIds: map[string]string{"hubspot": "123"}}
	})
	w.Now = w.Now.Add(hour)
	w.split(ana, anaCRM)
	want := map[string]map[string]string{
		ana:    {"email": "denied", "profiling": "objected", "phone": "withdrawn"},
		anaCRM: {"email": "", "profiling": "objected", "phone": "withdrawn"},
	}
	for id, purposes := range want {
		for purpose, decision := range purposes {
			if got := w.lead(id).ConsentFor(purpose); got != decision {
				t.Errorf("%s, %s: got %q, want %q", id, purpose, got, decision)
			}
		}
	}
	w.Now = w.Now.Add(hour)
	w.sees(anaCRM, "consent_changed", consent("profiling", "granted"), func(e *journalv1.Event) {
		e.Identity = &journalv1.Identity{ExternalIds: map[string]string{"hubspot": "123"}}
	})
	if l := w.lead(anaCRM); l.Objected() || w.lead(ana).ConsentFor("profiling") != "objected" {
		t.Error("its own later word does not count, or counts for the other")
	}
}

func TestManyOriginsAreAskedInTurn(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "form_submitted")
	for i := range 150 {
		id := key.Lead(identity.Anonymous, "", fmt.Sprint("many-", i))
		w.sees(id, "email_unsubscribed")
		w.link(id, ana)
	}
	w.sees(device, "event_attended")
	w.link(device, ana)
	w.split(ana, device)
	if l := w.lead(ana); l.Gathering != nil || len(l.Items) != 150 || len(l.Absorbed) != 150 || l.Seen.Engagements() != 151 {
		t.Errorf("%d items, %d absorbed, still gathering: %v", len(l.Items), len(l.Absorbed), l.Gathering != nil)
	}
}

func TestASplitOfWhatIsNotMergedStillKeepsItApart(t *testing.T) {
	outcome := func(order ...func(*world)) string {
		w := newWorld(t, exampleAgreement)
		w.sees(ana, "asset_downloaded")
		w.sees(anaCRM, "asset_downloaded")
		for _, step := range order {
			step(w)
		}
		return w.root(anaCRM) + w.knows(ana) + w.knows(anaCRM)
	}
	link, split := func(w *world) { w.link(anaCRM, ana) }, func(w *world) { w.split(ana, anaCRM) }
	if a, b := outcome(link, split), outcome(split, link); a != b {
		t.Errorf("one order gives\n%s\nthe other\n%s", a, b)
	}
}

// What was loaded hands nobody over, and so it is again when whoever did something has left.
func TestWhoIsKnownFromHistoryAloneIsHeldAgain(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "event_attended", loaded, vpOfBigCompany)
	w.sees(anaCRM, "page_viewed")
	w.wantHeld(ana, true)
	w.sees(anaCRM, "consent_changed", consent("profiling", "objected")) // so that they are not handed over together
	w.Now = w.Now.Add(hour)
	w.link(anaCRM, ana)
	w.wantHeld(ana, false)
	w.split(ana, anaCRM)
	w.wantHeld(ana, true)
	w.wantHeld(anaCRM, false)
	w.wantStages(ana, "inquiry")
	w.sees(ana, "asset_downloaded", loaded)
	w.wantStages(ana, "inquiry")
	w.sees(ana, "page_viewed")
	w.wantHeld(ana, false)
	w.wantStages(ana, "inquiry", "mql")

	// Who was released while they were one stays so.
	w = newWorld(t, exampleAgreement)
	w.sees(ana, "asset_downloaded", loaded)
	w.sees(anaCRM, "page_viewed")
	w.link(anaCRM, ana)
	w.release(ana)
	w.split(ana, anaCRM)
	w.wantHeld(ana, false)
}

// Rules that look at the stage see a lead's own events at the stage at which they came.
func TestWhatRulesGiveByTheStageStaysAfterASplit(t *testing.T) {
	w := newWorld(t, "agreement: a\nhalf_life: none\nengagement:\n  - { id: back, on: page_viewed, when: 'stage == \"inquiry\"', points: 5 }\n")
	w.sees(ana, "page_viewed")
	w.sees(anaCRM, "page_viewed")
	w.link(anaCRM, ana)
	w.sees(ana, "page_viewed")
	w.sees(anaCRM, "page_viewed")
	w.wantEngagement(ana, 10)
	w.link(tablet, ana) // before anything is known of it
	w.sees(tablet, "page_viewed")
	w.sees(tablet, "page_viewed")
	w.wantEngagement(ana, 20)
	w.split(ana, anaCRM)
	w.wantEngagement(ana, 10)
	w.wantEngagement(anaCRM, 5)
	w.split(ana, tablet)
	w.wantEngagement(ana, 5)
	w.wantEngagement(tablet, 5)
}

// A lead too large for one message joins another in parts and leaves it again, and what it knows by itself goes along in none.
func TestALargeLeadIsSplitOffAgain(t *testing.T) {
	const most = 1 << 20
	story := func(met bool) *world {
		w := newWorld(t, exampleAgreement)
		large := func(e *journalv1.Event) {
			for i := range 250 {
				property(fmt.Sprintf("field%03d", i), strings.Repeat("x", 4000))(e)
				if e.Traits == nil {
					e.Traits = &journalv1.Traits{Other: e.Properties}
				}
				e.Traits.Other.Fields[fmt.Sprintf("field%03d", i)] = e.Properties.Fields[fmt.Sprintf("field%03d", i)]
			}
			e.Properties = nil
		}
		w.sees(device, "asset_downloaded")
		w.sees(anaCRM, "asset_downloaded", large)
		w.link(device, anaCRM)
		w.sees(ana, "asset_downloaded", vpOfBigCompany)
		w.Now = w.Now.Add(hour)
		if met { // all at once: it leaves while its parts are on their way
			w.Append(&journalv1.Event{Id: "link", Source: "site", Entity: anaCRM, Type: "linked", OccurredAt: timestamppb.New(w.Now),
				Payload: &journalv1.Event_Linked{Linked: &journalv1.Linked{To: ana}}},
				w.event(device, "email_unsubscribed"), w.event(anaCRM, "asset_downloaded"), splitRequest(ana, anaCRM), w.event(ana, "asset_downloaded"))
			return w
		}
		w.Append(w.event(device, "email_unsubscribed"), w.event(anaCRM, "asset_downloaded"), w.event(ana, "asset_downloaded"))
		return w
	}
	met, apart := story(true), story(false)
	parts := 0
	for _, ev := range met.Sim.Log {
		if size := proto.Size(ev.Body); size > most && ev.Origin != nil {
			t.Errorf("%s has %d bytes", ev.Type, size)
		}
		if ev.Type == "absorbed" && ev.Entity == ana {
			parts++
		}
	}
	if parts < 2 {
		t.Errorf("it joined in %d parts", parts)
	}
	for _, id := range []string{ana, anaCRM} {
		if got, want := met.knows(id), apart.knows(id); got != want {
			t.Errorf("%s: got\n%.2000s\nwant\n%.2000s", id, got, want)
		}
		if l := met.lead(id); l.Gathering != nil || l.Parent != "" {
			t.Errorf("%s is not done", id)
		}
	}
	if size := len(met.Entity(fold.Service, ana).Save(&leadstore.Mutation{})); size > 10_000 {
		t.Errorf("who is left takes %d bytes", size)
	}
}
