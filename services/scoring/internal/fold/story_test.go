package fold_test

import (
	"bytes"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// The way of one lead: visitor, known, qualified, routed, accepted, sql, opportunity, won.
func TestALeadsWay(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(device, "page_viewed", url("https://initech.example/pricing"))
	w.wantStages(device, "inquiry")

	w.Now = w.Now.Add(hour)
	w.sees(ana, "form_submitted", vpOfBigCompany)
	w.link(device, ana)
	w.wantStages(ana, "inquiry")
	w.wantEngagement(ana, 7.983514)

	w.Now = w.Now.Add(hour)
	w.sees(ana, "event_attended")
	w.wantStages(ana, "inquiry", "mql")
	q := w.Facts("qualified")
	if len(q) != 1 {
		t.Fatalf("got %d qualified facts", len(q))
	}
	qualified := q[0].Body.GetQualified()
	if qualified.HandoffId != identity.Handoff(ana, 1) || qualified.Rule != "matrix" || qualified.Epoch != 1 || qualified.AgreementVersion != 1 {
		t.Errorf("got %v", qualified)
	}
	sum := 0.0
	for _, c := range qualified.Score.Contributions {
		if c.Side == "engagement" {
			sum += c.Points
		}
	}
	if qualified.Score.Grade != "a" || qualified.Score.Fit != 80 || sum != qualified.Score.Engagement {
		t.Errorf("got %v", qualified.Score)
	}
	if s := qualified.Lead; s.Email != "ana@initech.example" || s.Title != "VP Engineering" || s.AccountEmployees != 420 || s.Engagements != 3 || len(s.Timeline) != 3 ||
		s.Timeline[0].Type != "event_attended" || s.Entry.Type != "page_viewed" {
		t.Errorf("got %v", s)
	}

	ho := qualified.HandoffId
	w.routing(ana, routed(ho, "kim"))
	if owner := w.lead(ana).Owner(); owner != "kim" {
		t.Errorf("owner is %s", owner)
	}
	w.routing(ana, answered(ho, "accepted", "accepted", time.Time{}))
	w.routing(ana, answered(ho, "contacted", "accepted", time.Time{}))
	w.routing(ana, answered(ho, "sql", "sql", time.Time{}))
	w.sees(ana, "deal_opened")
	w.sees(ana, "deal_won", func(e *journalv1.Event) {
		e.Payload = &journalv1.Event_DealWon{DealWon: &journalv1.Deal{DealId: "d1", Amount: &journalv1.Money{Amount: "12000.50", Currency: "EUR"}}}
	})
	w.wantStages(ana, "inquiry", "mql", "routed", "accepted", "sql", "opportunity", "won")
	moves := w.Facts("stage_changed")
	if won := moves[len(moves)-1].Body.GetStageChanged(); won.Amount != "12000.50" || won.Currency != "EUR" || won.DealId != "d1" || won.From != "opportunity" || won.Highest != "won" || won.FirstAt == nil {
		t.Errorf("got %v", won)
	}
	w.sees(ana, "demo_requested")
	if len(w.Facts("qualified")) != 1 {
		t.Error("a customer qualified again")
	}
}

// Who is identified before doing anything has no source yet: it is stated as soon as it is known, and again only where an
// earlier touch says otherwise.
func TestHowALeadCameIsStatedOnceItIsKnown(t *testing.T) {
	from := func(channel, campaign string) func(*journalv1.Event) {
		return func(e *journalv1.Event) { e.Touch = &journalv1.Touch{Channel: channel, Campaign: campaign} }
	}
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "identified")
	w.wantStages(ana, "inquiry")
	w.Now = w.Now.Add(hour)
	w.sees(ana, "page_viewed", from("email", "q4"))
	w.sees(ana, "page_viewed", from("paid_search", "brand")) // later: it does not say how she came
	w.wantStages(ana, "inquiry", "inquiry")
	moves := w.Facts("stage_changed")
	if m := moves[1].Body.GetStageChanged(); m.From != "inquiry" || m.Channel != "email" || m.Campaign != "q4" || m.Source == "" || m.FirstAt == nil || m.Epoch != 1 {
		t.Errorf("got %v", m)
	}
	w.sees(ana, "page_viewed", from("social", ""), func(e *journalv1.Event) { e.OccurredAt = timestamppb.New(w.Now.Add(-3 * hour)) })
	w.wantStages(ana, "inquiry", "inquiry", "inquiry")
	if m := w.Facts("stage_changed")[2].Body.GetStageChanged(); m.Channel != "social" {
		t.Errorf("got %v", m)
	}
	if l := w.lead(ana); l.Run.Epoch != 1 || len(l.History) != 0 {
		t.Errorf("stating it again moved her: %+v", l.Run)
	}
}

func TestFastTrackAndTheRulesItWaitsFor(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "demo_requested") // grade d: nothing is known of her
	w.wantStages(ana, "inquiry")
	w.sees(ana, "identified", vpOfBigCompany) // not a demo
	w.wantStages(ana, "inquiry")
	w.sees(ana, "demo_requested", func(e *journalv1.Event) { e.Automated = true })
	w.wantStages(ana, "inquiry")
	w.sees(ana, "demo_requested")
	w.wantStages(ana, "inquiry", "mql")
	if r := w.Facts("qualified")[0].Body.GetQualified().Rule; r != "fast-track" {
		t.Errorf("rule %s", r)
	}
}

func TestADeviceIsNobodyToHandOver(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(device, "demo_requested", vpOfBigCompany)
	w.wantStages(device, "inquiry")
	w.link(device, ana)
	w.wantStages(ana, "inquiry") // the demo was asked for before anybody knew her
	w.sees(ana, "meeting_booked")
	w.wantStages(ana, "inquiry", "mql")
}

func TestCapsAreShown(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	for range 3 {
		w.sees(ana, "page_viewed", url("https://initech.example/pricing"))
	}
	w.wantEngagement(ana, 16)
	s := w.score(ana)
	if len(s.Lines) != 3 || s.Lines[2].LimitedBy != core.LimitedByCap || s.Lines[2].Points != 0 || s.Lines[2].Raw != 8*core.Point || s.Lines[2].Events[0] != "e0003" {
		t.Errorf("got %+v", s.Lines)
	}
	// One that happened earlier arrives late: the earliest two count.
	w.sees(ana, "page_viewed", url("https://initech.example/pricing"), at(start.Add(-hour)))
	if s := w.score(ana); s.Lines[0].LimitedBy != "" || s.Lines[2].LimitedBy != core.LimitedByCap || s.Lines[3].LimitedBy != core.LimitedByCap {
		t.Errorf("got %+v", s.Lines)
	}
	// Tomorrow is another bucket.
	w.Now = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	w.sees(ana, "page_viewed", url("https://initech.example/pricing"))
	if s := w.score(ana); s.Lines[4].LimitedBy != "" {
		t.Errorf("got %+v", s.Lines[4])
	}
}

func TestTheClampIsALineOfTheSum(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "event_attended")
	w.sees(ana, "event_attended")
	s := w.score(ana)
	if s.Engagement != 100*core.Point || s.Lines[2].LimitedBy != core.LimitedByClamp || s.Lines[2].Points != -20*core.Point {
		t.Errorf("got %+v", s)
	}
	w.sees(bo, "email_unsubscribed")
	if s := w.score(bo); s.Engagement != 0 || s.Lines[0].Points != -25*core.Point || s.Lines[1].Points != 25*core.Point {
		t.Errorf("got %+v", s)
	}
}

func TestHalfLifeNoneDoesNotDecay(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "event_attended")
	w.sees(ana, "email_unsubscribed")
	w.Now = w.Now.Add(14 * day)
	w.wantEngagement(ana, 5)
}

func TestWhatIsAbsentDoesNotFireAndIsCounted(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "page_viewed")
	w.sees(ana, "page_viewed")
	s := w.score(ana)
	got := map[string]core.Missed{}
	for _, m := range s.Missed {
		got[m.Rule] = m
	}
	if got["pricing"].Times != 2 || got["pricing"].Reason != "url is not known" || got["senior"].Reason != "lead.title is not known" || got["size"].Reason != "account.employees is not known" {
		t.Errorf("got %+v", s.Missed)
	}
	if s.Engagement != 0 || s.Fit != 0 || s.Grade != "d" {
		t.Errorf("got %+v", s)
	}
}

func TestAutomatedEventsAreKeptAndNeverScored(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "event_attended", func(e *journalv1.Event) { e.Automated = true })
	l := w.lead(ana)
	if l.Engagement(w.Now.UnixNano()) != 0 || len(l.Timeline) != 1 || !l.Timeline[0].Touch().Automated || l.Entry != nil || l.Seen.Engagements() != 0 {
		t.Errorf("got %+v", l)
	}
}

func TestAnEventKeepsThePointsOfItsVersion(t *testing.T) {
	w := newWorld(t, "agreement: one\nengagement: [{id: ebook, on: asset_downloaded, points: 10, because: first}]\nfit: [{id: all, when: 'true', points: 10}]")
	w.sees(ana, "asset_downloaded")
	w.agree(2, "agreement: two\nengagement: [{id: ebook, on: asset_downloaded, points: 3, because: second}]\nfit: [{id: all, when: 'true', points: 90}]")
	if s := w.score(ana); s.Version != 1 || s.Fit != 10*core.Point {
		t.Errorf("before the next event it is seen with version %d", s.Version)
	}
	w.sees(ana, "asset_downloaded")
	s := w.score(ana)
	if s.Engagement != 13*core.Point || s.Fit != 90*core.Point || s.Grade != "a" || s.Version != 2 {
		t.Errorf("got %+v", s)
	}
	if s.Lines[0].Because != "first" || s.Lines[0].Version != 1 || s.Lines[1].Because != "second" || s.Lines[1].Version != 2 {
		t.Errorf("got %+v", s.Lines)
	}
}

func TestWithoutAgreementEventsStillFold(t *testing.T) {
	w := newWorld(t, "")
	w.sees(ana, "page_viewed", vpOfBigCompany)
	w.wantStages(ana, "inquiry")
	if l := w.lead(ana); len(l.Timeline) != 1 || l.Profile.Text("title") != "VP Engineering" {
		t.Errorf("got %+v", l)
	}
	w.wantEngagement(ana, 0)
}

func TestARepeatChangesNothing(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	e := w.sees(ana, "event_attended", vpOfBigCompany)
	before := w.Entity(fold.Service, ana).Save(&leadstore.Mutation{})
	facts := len(w.Sim.Log)
	w.Now = w.Now.Add(34 * day)
	w.Append(proto.CloneOf(e))
	if after := w.Entity(fold.Service, ana).Save(&leadstore.Mutation{}); !bytes.Equal(before, after) {
		t.Error("a repeat changed the lead")
	}
	if len(w.Sim.Log) != facts+1 {
		t.Error("a repeat gave facts")
	}
	if applied, duplicates := w.Outcomes(fold.Service); applied != 1 || duplicates != 1 {
		t.Errorf("applied %d, duplicates %d", applied, duplicates)
	}
	other := proto.CloneOf(e)
	other.Source = "app"
	w.Append(other)
	if _, duplicates := w.Outcomes(fold.Service); duplicates != 1 {
		t.Error("another source's event of the same id is no repeat")
	}
}

func TestObjectionStopsScoringAtOnce(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "event_attended")
	w.sees(ana, "consent_changed", consent("profiling", "objected"))
	s := w.score(ana)
	if s.Engagement != 0 || s.Lines[0].LimitedBy != core.LimitedByConsent || s.Lines[0].Raw != 60*core.Point {
		t.Errorf("got %+v", s)
	}
	w.sees(ana, "demo_requested", vpOfBigCompany)
	w.wantStages(ana, "inquiry")
	if s := w.score(ana); s.Fit != 0 || s.Grade != "d" {
		t.Errorf("got %+v", s)
	}
	w.Now = w.Now.Add(hour)
	w.sees(ana, "consent_changed", consent("profiling", "granted"))
	w.wantStages(ana, "inquiry", "mql")
}
