package fold_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// root gives the lead that another one has become.
func (w *world) root(id string) string {
	w.Helper()
	for range 100 {
		e := w.Entity(fold.Service, id)
		if e == nil {
			return id
		}
		parent := w.lead(id).Parent
		if parent == "" {
			return id
		}
		id = parent
	}
	w.Fatalf("%s has no root", id)
	return ""
}

func TestAnonymousHistoryFollowsThePerson(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	first := w.sees(device, "page_viewed", url("https://x.example/pricing"))
	w.Now = w.Now.Add(hour)
	w.sees(ana, "form_submitted")
	w.link(device, ana)
	late := w.sees(device, "asset_downloaded", at(start.Add(hour/2)))
	l := w.lead(ana)
	if len(l.Timeline) != 3 || l.Timeline[1].Touch().ID != late.Id || l.Entry.ID != first.Id || len(l.Items) != 2 || l.Seen.Engagements() != 3 {
		t.Errorf("got %+v", l)
	}
	if d := w.lead(device); d.Parent != ana || len(d.Items) != 0 || len(d.Timeline) != 0 {
		t.Errorf("got %+v", d)
	}
	if m := w.Facts("merged_into"); len(m) != 1 || m[0].Entity != device || m[0].Body.GetMergedInto().Into != ana {
		t.Errorf("got %v", m)
	}
	passed := w.Facts("asset_downloaded")
	if len(passed) != 1 || passed[0].Entity != ana || passed[0].Body.Id != late.Id || passed[0].Body.Source != "site" {
		t.Errorf("got %v", passed)
	}
	applied, duplicates := w.Outcomes(fold.Service)
	w.Append(proto.CloneOf(late))
	if a, d := w.Outcomes(fold.Service); a != applied || d != duplicates+1 {
		t.Error("a repeat to the absorbed lead was not recognised")
	}
}

func TestTheSameEventOnBothSidesIsOne(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	e := w.sees(device, "asset_downloaded")
	same := proto.CloneOf(e)
	same.Entity = ana
	w.Append(same)
	w.link(device, ana)
	if l := w.lead(ana); len(l.Items) != 1 || len(l.Timeline) != 1 || l.Seen.Engagements() != 1 {
		t.Errorf("got %+v", l)
	}
}

func TestADeviceNeverJoinsTwoPeople(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(device, "page_viewed")
	w.sees(ana, "form_submitted")
	w.sees(bo, "form_submitted")
	w.link(device, ana)
	w.link(device, bo) // Bo uses it, too
	late := w.sees(device, "page_viewed")
	if w.root(bo) != bo || w.root(ana) != ana || w.root(device) != ana {
		t.Error("a shared device joined two people")
	}
	if l := w.lead(ana); l.Timeline[0].Touch().ID != late.Id {
		t.Error("the device's later events went elsewhere")
	}
}

// Without proof nobody is joined with another's lead, however they name it: only what has joined nobody yet goes along.
func TestALinkWithoutProofNeverJoinsTwoPeople(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(user, "page_viewed")
	w.sees(ana, "form_submitted")
	w.sees(bo, "form_submitted")
	w.unproven(user, ana)
	if w.root(user) != ana {
		t.Fatal("the first link was not followed")
	}
	w.unproven(user, bo)
	late := w.sees(user, "page_viewed")
	if w.root(bo) != bo || w.root(ana) != ana || w.root(user) != ana {
		t.Error("a forged id joined two people")
	}
	if l := w.lead(ana); l.Timeline[0].Touch().ID != late.Id {
		t.Error("later events went elsewhere")
	}
	// Somebody who can prove it says that the two are one.
	w.link(user, bo)
	if w.root(ana) != w.root(bo) || w.root(user) != w.root(bo) {
		t.Error("a link with proof was not followed")
	}
}

func TestDevicesJoinEachOtherAndThenAPerson(t *testing.T) {
	for _, order := range [][2]string{{device, tablet}, {tablet, device}} {
		w := newWorld(t, exampleAgreement)
		w.sees(device, "page_viewed")
		w.sees(tablet, "page_viewed")
		w.link(order[0], order[1])
		w.link(device, ana)
		if w.root(device) != ana || w.root(tablet) != ana {
			t.Error("a device was left behind")
		}
		if l := w.lead(ana); len(l.Timeline) != 2 || len(l.Absorbed) != 2 {
			t.Errorf("got %+v", l)
		}
	}
}

func TestALinkToAnAbsorbedLeadReachesItsParent(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	strong, weak := ana, bo
	if identity.Stronger(bo, ana) {
		strong, weak = bo, ana
	}
	w.sees(weak, "form_submitted")
	w.sees(anaCRM, "identified")
	w.link(anaCRM, weak)
	w.sees(strong, "form_submitted")
	w.link(anaCRM, strong) // the CRM knows both addresses as one person
	if w.root(weak) != strong || w.root(anaCRM) != strong {
		t.Error("three identifiers of one person are not one lead")
	}
	if l := w.lead(strong); len(l.Absorbed) != 2 || len(l.Emails) != 1 {
		t.Errorf("got %+v", l)
	}
}

func TestStrictestConsentWins(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(device, "consent_changed", consent("profiling", "objected"))
	w.Now = w.Now.Add(hour)
	w.sees(ana, "consent_changed", consent("profiling", "granted"))
	w.sees(ana, "event_attended")
	w.link(device, ana)
	if l := w.lead(ana); l.ConsentFor("profiling") != "objected" || w.score(ana).Engagement != 0 {
		t.Errorf("got %+v", l.Consent)
	}
	w.Now = w.Now.Add(hour)
	w.sees(ana, "consent_changed", consent("profiling", "granted"), func(e *journalv1.Event) { e.Identity.AnonymousId = "an-7" })
	if l := w.lead(ana); l.ConsentFor("profiling") != "granted" {
		t.Error("the device that objected has granted since")
	}
}

func TestTheStrongerKeepsItsHandoff(t *testing.T) {
	strong, weak := ana, bo
	if identity.Stronger(bo, ana) {
		strong, weak = bo, ana
	}
	w := newWorld(t, exampleAgreement)
	w.sees(weak, "demo_requested", vpOfBigCompany)
	w.routing(weak, routed(identity.Handoff(weak, 1), "kim"))
	w.Now = w.Now.Add(hour)
	w.sees(strong, "demo_requested", vpOfBigCompany)
	w.routing(strong, routed(identity.Handoff(strong, 1), "lee"))
	w.link(weak, strong)
	l := w.lead(strong)
	if l.Run.Handoff != identity.Handoff(strong, 1) || l.Owner() != "lee" || l.Stage() != core.Routed {
		t.Errorf("got %+v", l.Run)
	}
	if len(l.History) != 1 || l.History[0].Ended != "merged" || l.History[0].Handoff != identity.Handoff(weak, 1) {
		t.Errorf("got %+v", l.History)
	}
}

func TestAHandoffIsTakenOver(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(anaCRM, "demo_requested", vpOfBigCompany)
	ho := identity.Handoff(anaCRM, 1)
	w.sees(ana, "form_submitted")
	w.link(anaCRM, ana)
	w.wantStages(ana, "inquiry", "mql")
	w.sees(ana, "demo_requested") // one handoff per lead and epoch
	if len(w.Facts("qualified")) != 1 {
		t.Error("the handoff was doubled")
	}
	// Routing did not know yet: it speaks to the absorbed lead, and a rep to the handoff.
	w.routing(anaCRM, routed(ho, "kim"))
	w.routing(anaCRM, answered(ho, "accepted", "accepted", time.Time{}))
	w.wantStages(ana, "inquiry", "mql", "routed", "accepted")
	if l := w.lead(ana); l.Owner() != "kim" || l.Run.Lead != anaCRM {
		t.Errorf("got %+v", l.Run)
	}
	w.sees(anaCRM, "deal_won")
	w.wantStages(ana, "inquiry", "mql", "routed", "accepted", "won")
}

func TestTheOlderOfTwoAbsorbedHandoffsIsKept(t *testing.T) {
	other := key.Lead(identity.UserID, "", "42")
	for _, order := range [][]string{{anaCRM, other}, {other, anaCRM}} {
		w := newWorld(t, exampleAgreement)
		w.sees(anaCRM, "demo_requested", vpOfBigCompany)
		w.Now = w.Now.Add(hour)
		w.sees(other, "demo_requested", vpOfBigCompany)
		w.sees(ana, "page_viewed")
		for _, id := range order {
			w.link(id, ana)
		}
		if l := w.lead(ana); l.Run.Handoff != identity.Handoff(anaCRM, 1) || len(l.History) != 1 {
			t.Errorf("got %+v", l.Run)
		}
	}
}

func TestABigLeadGoesInParts(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	for i := range 1400 {
		e := w.event(device, "asset_downloaded", at(start.Add(-time.Duration(i)*hour)))
		e.Id = strings.Repeat("x", 240) + e.Id
		e.Traits = &journalv1.Traits{Title: proto.String(strings.Repeat("t", 4000))}
		for k := range 3 {
			consent(fmt.Sprint("purpose", i%60, k), strings.Repeat("d", 200))(e)
		}
		w.Append(e)
	}
	for range 6_000 {
		w.Append(w.event(device, "page_viewed"))
	}
	before := w.lead(device)
	w.link(device, ana)
	parts := w.Facts("absorbed")
	if len(parts) < 2 {
		t.Fatalf("got %d parts", len(parts))
	}
	for _, p := range parts {
		if n := proto.Size(p.Body); n > 1<<20 {
			t.Errorf("a part of %d bytes", n)
		}
	}
	l := w.lead(ana)
	if len(l.Items) != len(before.Items) || l.Seen.Engagements() != before.Seen.Engagements() || len(l.Consent) != len(before.Consent) {
		t.Error("something was lost on the way")
	}
}

// A network of identifiers: whatever order links and events arrive in, the same people come out, knowing the same.
func TestRacingMergesEndTheSame(t *testing.T) {
	const noQualify = "agreement: a\nhalf_life: 14d\nengagement:\n" +
		"  - { id: ebook, on: asset_downloaded, points: 10, cap: {count: 2, per: 1d} }\n" +
		"  - { id: left, on: email_unsubscribed, points: -3 }\n" +
		"fit: [ {id: senior, when: 'lead.title == \"VP\"', points: 40} ]\n"
	rapid.Check(t, func(rt *rapid.T) {
		leads := []string{ana, bo, anaCRM, key.Lead(identity.UserID, "", "42"), key.Lead(identity.ExternalID, "hubspot", "9"), device, tablet}
		lasting := leads[:5]
		var inputs []*journalv1.Event
		n := 0
		add := func(e *journalv1.Event) {
			n++
			e.Id, e.Source = fmt.Sprintf("e%03d", n), "site"
			e.OccurredAt = timestamppb.New(start.Add(-time.Duration(rapid.IntRange(0, 200).Draw(rt, "ago")) * hour))
			inputs = append(inputs, e)
		}
		types := []string{"page_viewed", "asset_downloaded", "email_unsubscribed", "identified", "consent_changed", "deal_opened", "deal_won", "deal_stage_changed", "email_sent"}
		for range rapid.IntRange(1, 14).Draw(rt, "events") {
			e := &journalv1.Event{Entity: rapid.SampledFrom(leads).Draw(rt, "lead"), Type: rapid.SampledFrom(types).Draw(rt, "type")}
			e.Automated = rapid.IntRange(0, 5).Draw(rt, "automated") == 0
			if rapid.Bool().Draw(rt, "says something") {
				e.Traits = &journalv1.Traits{Title: proto.String(rapid.SampledFrom([]string{"VP", "Clerk"}).Draw(rt, "title"))}
			}
			e.Identity = &journalv1.Identity{UserId: e.Entity}
			if e.Type == "consent_changed" {
				consent("profiling", rapid.SampledFrom([]string{"granted", "denied", "objected"}).Draw(rt, "decision"))(e)
			}
			add(e)
		}
		// A device meets one person only: which of two it joins depends on who was first.
		meets := map[string]string{device: rapid.SampledFrom(lasting).Draw(rt, "person"), tablet: rapid.SampledFrom(lasting).Draw(rt, "person")}
		for range rapid.IntRange(1, 8).Draw(rt, "links") {
			from := rapid.SampledFrom(leads).Draw(rt, "from")
			to := rapid.SampledFrom(lasting).Draw(rt, "to")
			if p := meets[from]; p != "" {
				to = p
			}
			if identity.Stronger(from, to) {
				from, to = to, from
			}
			if from == to {
				continue
			}
			add(&journalv1.Event{Entity: from, Type: "linked", Payload: &journalv1.Event_Linked{Linked: &journalv1.Linked{To: to}}})
		}
		// The same event may reach two leads before anybody knows that they are one.
		if again := proto.CloneOf(inputs[0]); again.Type != "linked" && rapid.Bool().Draw(rt, "twice") {
			again.Entity = rapid.SampledFrom(leads).Draw(rt, "elsewhere")
			inputs = append(inputs, again)
		}

		shadowed := rapid.Bool().Draw(rt, "shadowed")
		outcome := func(order []*journalv1.Event) string {
			w := newWorld(t, noQualify)
			if shadowed {
				w.shades(2, strings.Replace(noQualify, "points: 10", "points: 25", 1))
			}
			for _, e := range order {
				w.Append(e)
			}
			var b strings.Builder
			for _, id := range leads {
				root := w.root(id)
				fmt.Fprintf(&b, "%s is %s\n", id, root)
				if root != id || w.Entity(fold.Service, id) == nil {
					continue
				}
				l := w.lead(id)
				fmt.Fprintf(&b, "  %s %s highest %s band %s\n", l.Stage(), l.Stated, l.Highest, l.Band)
				if l.Stated != l.Stage() {
					rt.Fatalf("stated %s, is %s", l.Stated, l.Stage())
				}
				// Which stages were stated on the way depends on what was known when.
				l.Seen.Forgotten, l.Missed, l.Run.Stages = 0, nil, nil
				fmt.Fprintf(&b, "  %x\n  %+v\n", state.Append(nil, l, state.Beside{}), l.Explain(w.book(), w.Now.UnixNano()))
			}
			return b.String()
		}
		first := outcome(inputs)
		shuffled := rapid.Permutation(inputs).Draw(rt, "order")
		if second := outcome(shuffled); first != second {
			rt.Fatalf("one order:\n%s\nanother:\n%s", first, second)
		}
	})
}

func TestReplayIsTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 13), 1, 25).Draw(rt, "steps")
		run := func() (*world, string) {
			w := newWorld(t, exampleAgreement)
			for _, s := range steps {
				playStep(w, s)
			}
			var b strings.Builder
			for _, e := range w.Sim.Log {
				body, err := proto.MarshalOptions{Deterministic: true}.Marshal(e.Body)
				if err != nil {
					rt.Fatal(err)
				}
				fmt.Fprintf(&b, "%+v %x\n", e.Origin, body)
			}
			return w, b.String()
		}
		w1, log1 := run()
		w2, log2 := run()
		if log1 != log2 {
			rt.Fatal("the same inputs gave other facts")
		}
		for _, id := range []string{ana, bo, anaCRM, device} {
			e1, e2 := w1.Entity(fold.Service, id), w2.Entity(fold.Service, id)
			if e1 == nil {
				continue
			}
			b1 := e1.Save(&leadstore.Mutation{})
			if !bytes.Equal(b1, e2.Save(&leadstore.Mutation{})) {
				rt.Fatal("the same inputs gave another lead")
			}
			l, beside, err := fold.DecodeLead(id, b1)
			if err != nil || !bytes.Equal(state.Append(nil, l, beside), b1) {
				rt.Fatalf("stored and read back it is another lead: %v", err)
			}
		}
	})
}

func playStep(w *world, step int) {
	w.Now = w.Now.Add(7 * hour)
	switch step {
	case 0:
		w.sees(device, "page_viewed", url("https://x.example/pricing"))
	case 1:
		w.sees(ana, "form_submitted", vpOfBigCompany)
	case 2:
		w.sees(ana, "event_attended")
	case 3:
		w.sees(bo, "demo_requested", vpOfBigCompany)
	case 4:
		w.link(device, ana)
	case 5:
		w.link(anaCRM, bo)
	case 6:
		w.link(anaCRM, ana)
	case 7:
		w.routing(ana, routed(identity.Handoff(ana, 1), "kim"))
	case 8:
		w.routing(ana, answered(identity.Handoff(ana, 1), "recycled", "recycled", w.Now.Add(10*day)))
	case 9:
		w.Advance(w.Now.Add(11 * day))
	case 10:
		w.sees(anaCRM, "demo_requested", vpOfBigCompany)
	case 11:
		w.sees(bo, "deal_won")
	case 12:
		w.split(ana, device)
	case 13:
		w.split(bo, anaCRM)
	}
}
