package fold_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

func TestBandsAreCrossedUpAndDown(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(bo, "event_attended") // 60: warm
	w.sees(bo, "event_attended") // 100: hot
	// 120 raw points fall below 70 after 14d * log2(120/70), below 40 after 14d * log2(120/40).
	w.Advance(start.Add(30 * day))
	var got []string
	for _, f := range w.Facts("score_band_changed") {
		got = append(got, f.Body.GetScoreBandChanged().From+">"+f.Body.GetScoreBandChanged().To+"@"+f.Body.ReceivedAt.AsTime().Sub(start).Round(time.Minute).String())
	}
	want := "[cold>warm@0s warm>hot@0s hot>warm@261h17m0s warm>cold@532h33m0s]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	// To the millisecond: just before, it is still above.
	l := w.lead(bo)
	for _, f := range w.Facts("score_band_changed")[2:] {
		moment := f.Body.ReceivedAt.AsTime()
		if core.BandOf(l.Engagement(moment.Add(-time.Millisecond).UnixNano())) != f.Body.GetScoreBandChanged().From {
			t.Error("the band was left earlier than stated")
		}
	}
}

func TestRecycledWakesAndQualifiesAgain(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "demo_requested", vpOfBigCompany)
	ho := identity.Handoff(ana, 1)
	w.routing(ana, routed(ho, "kim"))
	w.routing(ana, answered(ho, "recycled", "recycled", start.Add(90*day)))
	if l := w.lead(ana); l.Owner() != core.Marketing || l.History[0].Rep != "kim" || l.History[0].Ended != "recycled" || l.History[0].Handoff != ho {
		t.Errorf("got %+v", l.Run)
	}
	w.sees(ana, "demo_requested") // asleep
	w.wantStages(ana, "inquiry", "mql", "routed", "recycled")
	w.Advance(start.Add(91 * day))
	w.wantStages(ana, "inquiry", "mql", "routed", "recycled", "inquiry")
	if l := w.lead(ana); l.Run.Epoch != 2 || l.Highest != "routed" {
		t.Errorf("got %+v", l.Run)
	}
	w.sees(ana, "demo_requested")
	w.wantStages(ana, "inquiry", "mql", "routed", "recycled", "inquiry", "mql")
	q := w.Facts("qualified")
	if len(q) != 2 || q[1].Body.GetQualified().HandoffId != identity.Handoff(ana, 2) || len(q[1].Body.GetQualified().Lead.EarlierEpochs) != 1 {
		t.Errorf("got %v", q)
	}
}

func TestRecycledWakesOnEngagement(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "demo_requested", vpOfBigCompany)
	ho := identity.Handoff(ana, 1)
	w.routing(ana, routed(ho, "kim"))
	w.Now = w.Now.Add(hour)
	recycled := answered(ho, "rejected", "recycled", time.Time{})
	recycled.GetAnswered().WakeOn = "engagement"
	w.routing(ana, recycled)
	w.sees(ana, "identified")
	w.sees(ana, "page_viewed", at(start)) // happened before
	w.Now = w.Now.Add(hour)
	w.sees(ana, "page_viewed", func(e *journalv1.Event) { e.Automated = true })
	w.wantStages(ana, "inquiry", "mql", "routed", "recycled")
	w.sees(ana, "demo_requested") // wakes her, and qualifies her
	w.wantStages(ana, "inquiry", "mql", "routed", "recycled", "inquiry", "mql")
}

func TestDisqualifiedIsTerminalButForDeals(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "demo_requested", vpOfBigCompany)
	ho := identity.Handoff(ana, 1)
	w.routing(ana, routed(ho, "kim"))
	w.routing(ana, answered(ho, "rejected", "disqualified", time.Time{}))
	w.sees(ana, "demo_requested")
	w.routing(ana, answered(ho, "accepted", "accepted", time.Time{}))
	w.wantStages(ana, "inquiry", "mql", "routed", "disqualified")
	w.sees(ana, "deal_won")
	w.wantStages(ana, "inquiry", "mql", "routed", "disqualified", "won")
}

func TestAnswersToOtherHandoffsAreHistory(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "demo_requested", vpOfBigCompany)
	w.routing(ana, routed(identity.Handoff(ana, 7), "kim"))
	w.routing(ana, answered(identity.Handoff(bo, 1), "accepted", "accepted", time.Time{}))
	refused := answered(identity.Handoff(ana, 1), "accepted", "accepted", time.Time{})
	refused.GetAnswered().Ok = false
	w.routing(ana, refused)
	w.wantStages(ana, "inquiry", "mql")
}

func TestDealsSkipNoStageIntoBeing(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "deal_won")
	w.wantStages(ana, "won")
	w.sees(ana, "deal_lost", at(start.Add(-hour))) // superseded before it arrived
	w.sees(ana, "deal_stage_changed")
	w.sees(ana, "renewed")
	w.wantStages(ana, "won")
	w.Now = w.Now.Add(hour)
	w.sees(ana, "deal_reopened")
	w.sees(ana, "page_viewed") // how she came is stated; it moves her nowhere
	w.wantStages(ana, "won", "opportunity", "opportunity")
	if l := w.lead(ana); l.Highest != "won" {
		t.Errorf("highest %s", l.Highest)
	}
}

func TestRecalledHandoffGoesBackToMarketing(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "demo_requested", vpOfBigCompany)
	ho := identity.Handoff(ana, 1)
	w.routing(ana, routed(ho, "kim"))
	w.routing(ana, &journalv1.Event{Type: "reassigned", Payload: &journalv1.Event_Reassigned{Reassigned: &journalv1.Reassigned{HandoffId: ho, From: "kim", To: "bo"}}})
	if o := w.lead(ana).Owner(); o != "bo" {
		t.Errorf("owner %s", o)
	}
	w.routing(ana, &journalv1.Event{Type: "recalled", Payload: &journalv1.Event_Recalled{Recalled: &journalv1.Recalled{HandoffId: ho}}})
	w.wantStages(ana, "inquiry", "mql", "routed", "recycled")
	if l := w.lead(ana); l.Owner() != core.Marketing || l.Ownerless() {
		t.Errorf("owner %s", l.Owner())
	}
}

// Points against a lead fade, and with them what kept it from qualifying: nothing happens but time.
func TestWhatFadesAwayLetsALeadQualify(t *testing.T) {
	w := newWorld(t, `agreement: a
engagement:
  - { id: talk, on: event_attended, points: 30, half_life: none }
  - { id: late, on: meeting_canceled, points: -20, half_life: 2d }
qualify: [ {id: enough, when: engagement >= 25} ]
`)
	w.sees(ana, "meeting_canceled")
	w.sees(ana, "event_attended")
	w.wantStages(ana, "inquiry")
	w.Advance(start.Add(10 * day))
	w.wantStages(ana, "inquiry", "mql") // 20 * 2^(-t/2d) <= 5 after 4 days
	if at := w.Facts("qualified")[0].Body.ReceivedAt.AsTime().Sub(start); at < 4*day || at > 4*day+12*hour {
		t.Errorf("qualified after %v", at)
	}
}

func TestIndexEntriesFollowTheLead(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "event_attended", vpOfBigCompany) // qualifies: 60 points, grade a
	e := w.Entity(fold.Service, ana)
	var first leadstore.Mutation
	e.Save(&first)
	account := fold.IndexAccount(key.Account("initech.example"))
	if first.ZAdds[fold.IndexStage("mql")][ana] != float64(start.UnixMilli()) || first.ZAdds[fold.IndexScore][ana] != 60 || first.ZAdds[account][ana] != 60 {
		t.Errorf("got %+v", first.ZAdds)
	}
	var again leadstore.Mutation
	if e.Save(&again); !again.Empty() {
		t.Errorf("nothing changed, but %+v", again)
	}
	w.routing(ana, routed(identity.Handoff(ana, 1), "kim"))
	var second leadstore.Mutation
	e.Save(&second)
	if _, ok := second.ZRems[fold.IndexStage("mql")][ana]; !ok || second.ZAdds[fold.IndexStage("routed")][ana] == 0 {
		t.Errorf("got %+v", second)
	}
	w.link(ana, key.Lead(identity.Email, "", "zoe@initech.example")) // whichever is stronger
	w.link(anaCRM, ana)
	_ = w.lead(anaCRM)
	if l := w.lead(anaCRM); l.Parent == "" || l.Known() {
		t.Errorf("got %+v", l)
	}
}

func TestLogicWantsEveryInput(t *testing.T) {
	l := fold.NewLogic(sharedLibrary(t), key)
	from := func(producer string) *journal.Origin { return &journal.Origin{Producer: producer, Entity: "desk"} }
	for _, c := range []struct {
		head journal.Head
		want bool
	}{
		{journal.Head{Entity: ana, Type: "page_viewed"}, true},
		{journal.Head{Entity: "in_x", Type: "quarantined"}, true},
		{journal.Head{Entity: "desk", Type: "timer_fired"}, true},
		{journal.Head{Entity: "ac_x", Type: "whatever"}, true},
		{journal.Head{Entity: ana, Type: "absorbed", Origin: from("scoring")}, true},
		{journal.Head{Entity: ana, Type: "answered", Origin: from("routing")}, true},
		{journal.Head{Entity: ana, Type: "assigned", Origin: from("routing")}, false},
		{journal.Head{Entity: "desk", Type: "matched", Origin: from("routing")}, false},
		{journal.Head{Entity: ana, Type: "quarantined", Origin: from("feedback")}, true},
	} {
		if got := l.Wants(c.head); got != c.want {
			t.Errorf("%+v: got %v", c.head, got)
		}
	}
}

func TestOtherEntitiesAreAccountedFor(t *testing.T) {
	w := newWorld(t, "")
	q := &journalv1.Event{Id: "q1", Source: "site", Entity: "in_abc", Type: "quarantined", Payload: &journalv1.Event_Quarantined{Quarantined: &journalv1.Quarantined{QuarantineId: "q1"}}}
	w.Append(q, proto.CloneOf(q), &journalv1.Event{Id: "r", Source: "site", Entity: "desk", Type: "replay_requested"})
	if applied, duplicates := w.Outcomes(fold.Service); applied != 2 || duplicates != 1 {
		t.Errorf("applied %d, duplicates %d", applied, duplicates)
	}
	e := w.Entity(fold.Service, "in_abc")
	var m leadstore.Mutation
	blob := e.Save(&m)
	if m.ZAdds[fold.IndexQuarantine]["in_abc"] != float64(start.UnixMilli()) {
		t.Errorf("got %+v", m.ZAdds)
	}
	again, err := fold.NewLogic(sharedLibrary(t), key).Load("in_abc", blob)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Save(&leadstore.Mutation{}), blob) {
		t.Error("stored again it gives other bytes")
	}
}
