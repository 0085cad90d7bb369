package fold_test

import (
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

func loaded(e *journalv1.Event) { e.History = true }

// release asks for a lead's release, as the API does.
func (w *world) release(lead string) {
	w.Append(&journalv1.Event{Id: "release:" + lead, Source: "api", Entity: lead, Type: "history_released", OccurredAt: timestamppb.New(w.Now),
		Payload: &journalv1.Event_HistoryReleased{HistoryReleased: &journalv1.HistoryReleased{By: "kim"}}})
}

func (w *world) wantHeld(lead string, want bool) {
	w.Helper()
	if got := w.lead(lead).Held; got != want {
		w.Errorf("%s: held is %v, want %v", lead, got, want)
	}
}

// Who is known from loaded history alone is scored and measured, and not handed over, whatever the agreement says of it.
func TestLoadedHistoryIsNotHandedOver(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	long := w.Now.Add(-2 * 365 * day)
	w.sees(ana, "identified", loaded, vpOfBigCompany, at(long))
	w.sees(ana, "event_attended", loaded, at(w.Now.Add(-hour)))
	w.sees(ana, "demo_requested", loaded, at(w.Now.Add(-hour)))
	w.Advance(w.Now.Add(300 * day)) // no timer qualifies it
	w.wantStages(ana, "inquiry", "inquiry")
	w.wantHeld(ana, true)
	for _, f := range w.Facts("stage_changed") {
		if !f.Body.GetStageChanged().History {
			t.Errorf("%v is somebody's news", f.Body)
		}
	}
	bands := w.Facts("score_band_changed")
	if len(bands) != 2 {
		t.Errorf("%d changes of band, want up to warm and back", len(bands))
	}
	for _, f := range bands {
		if !f.Body.GetScoreBandChanged().History {
			t.Errorf("%v is somebody's news", f.Body)
		}
	}
	if first := w.Facts("stage_changed")[0].Body.GetStageChanged(); !first.At.AsTime().Equal(long) {
		t.Errorf("entered %v, want %v", first.At.AsTime(), long)
	}
	// Deals move it as always, at the time when they happened.
	w.sees(ana, "deal_won", loaded, at(long.Add(day)))
	w.wantStages(ana, "inquiry", "inquiry", "won")
}

// What it does now is looked at like anybody's.
func TestALiveEventEndsTheHold(t *testing.T) {
	for _, tc := range []struct {
		name, event string
		change      []func(*journalv1.Event)
		held        bool
		stages      []string
	}{
		{"a demo", "demo_requested", nil, false, []string{"inquiry", "mql"}},
		{"a page", "page_viewed", nil, false, []string{"inquiry", "inquiry"}},
		{"a deal", "deal_opened", nil, false, []string{"inquiry", "opportunity"}},
		{"a scanner", "page_viewed", []func(*journalv1.Event){func(e *journalv1.Event) { e.Automated = true }}, true, []string{"inquiry"}},
		{"more history", "demo_requested", []func(*journalv1.Event){loaded}, true, []string{"inquiry", "inquiry"}},
		{"a mailing to all who were loaded", "email_sent", nil, true, []string{"inquiry"}},
		{"who it is, told once more", "identified", nil, true, []string{"inquiry"}},
		{"what sales says of no handoff", "accepted", nil, true, []string{"inquiry"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, exampleAgreement)
			w.sees(ana, "identified", loaded, vpOfBigCompany)
			w.sees(ana, tc.event, tc.change...)
			w.wantHeld(ana, tc.held)
			w.wantStages(ana, tc.stages...)
			if n := len(tc.stages); !tc.held && w.Facts("stage_changed")[n-1].Body.GetStageChanged().History {
				t.Error("what happens now is nobody's news")
			}
		})
	}
}

// History never qualifies or wakes a lead that is not held either.
func TestHistoryOfALiveLead(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "identified", vpOfBigCompany)
	w.sees(ana, "demo_requested", loaded)
	w.sees(ana, "event_attended", loaded)
	w.wantHeld(ana, false)
	w.wantStages(ana, "inquiry", "inquiry")
	w.sees(ana, "page_viewed") // the matrix holds, now that it does something
	w.wantStages(ana, "inquiry", "inquiry", "mql")

	ho := identity.Handoff(ana, 1)
	w.routing(ana, routed(ho, "kim"))
	w.routing(ana, answered(ho, "recycled", "recycled", time.Time{}))
	w.Now = w.Now.Add(hour)
	w.sees(ana, "page_viewed", loaded)
	if got := w.stages(ana); got[len(got)-1] != "recycled" {
		t.Errorf("history woke it: %v", got)
	}
	w.sees(ana, "page_viewed")
	if got := w.stages(ana); !slices.Contains(got[4:], "inquiry") {
		t.Errorf("it does not wake: %v", got)
	}
}

func TestReleaseHandsOverWhoQualifiesToday(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "identified", loaded, vpOfBigCompany)
	w.sees(ana, "event_attended", loaded)
	w.sees(bo, "demo_requested", loaded, vpOfBigCompany) // by an event alone: that was then
	if rule := w.lead(ana).QualifiesOnRelease(w.book().Rules(), w.Now.UnixNano()); rule != "matrix" {
		t.Errorf("she would qualify by %q", rule)
	}
	if rule := w.lead(bo).QualifiesOnRelease(w.book().Rules(), w.Now.UnixNano()); rule != "" {
		t.Errorf("he would qualify by %q", rule)
	}
	if rule := w.lead(ana).QualifiesOnRelease(w.book().Rules(), w.Now.Add(365*day).UnixNano()); rule != "" {
		t.Errorf("she would qualify in a year by %q", rule)
	}
	for range 3 {
		w.release(ana)
		w.release(bo)
	}
	w.wantHeld(ana, false)
	w.wantHeld(bo, false)
	w.wantStages(bo, "inquiry")
	if q := w.Facts("qualified"); len(q) != 1 || q[0].Entity != ana {
		t.Errorf("%d qualified", len(q))
	}
	if moves := w.Facts("stage_changed"); moves[len(moves)-1].Body.GetStageChanged().History {
		t.Error("the handover is nobody's news")
	}
	w.sees(bo, "page_viewed", loaded)
	w.wantHeld(bo, false) // released is released
}

func TestMergingHeldLeads(t *testing.T) {
	for _, tc := range []struct {
		name       string
		weak, high []func(*journalv1.Event)
		linked     bool // by history
		held, mql  bool
	}{
		{"both from history", []func(*journalv1.Event){loaded}, []func(*journalv1.Event){loaded}, true, true, false},
		{"the stronger is live", []func(*journalv1.Event){loaded}, nil, false, false, true},
		{"the weaker is live", nil, []func(*journalv1.Event){loaded}, false, false, true},
		{"history says that they are one", []func(*journalv1.Event){loaded}, nil, true, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, exampleAgreement)
			w.sees(anaCRM, "event_attended", tc.weak...)
			w.sees(ana, "identified", append(tc.high, vpOfBigCompany)...)
			w.joined(anaCRM, ana, tc.linked)
			w.wantHeld(ana, tc.held)
			if got := len(w.Facts("qualified")) == 1; got != tc.mql {
				t.Errorf("qualified is %v", got)
			}
			// What reaches the absorbed lead goes to its parent: a release, too, and once.
			w.release(anaCRM)
			w.release(anaCRM)
			w.wantHeld(ana, false)
			if n := len(w.Facts("qualified")); n > 1 || n == 0 && tc.held {
				t.Errorf("%d qualified after the release", n)
			}
		})
	}
	t.Run("into one that nothing is known of", func(t *testing.T) {
		w := newWorld(t, exampleAgreement)
		w.sees(anaCRM, "event_attended", loaded, vpOfBigCompany)
		w.joined(anaCRM, ana, true)
		w.wantHeld(ana, true)
		w.sees(anaCRM, "demo_requested")
		w.wantHeld(ana, false)
		if len(w.Facts("qualified")) != 1 {
			t.Error("what it does by its old name is not looked at")
		}
	})
}

func (w *world) joined(lead, to string, history bool) {
	w.n++
	w.Append(&journalv1.Event{Id: "join", Source: "site", Entity: lead, Type: "linked", OccurredAt: timestamppb.New(w.Now), History: history,
		Payload: &journalv1.Event_Linked{Linked: &journalv1.Linked{To: to, Rank: int32(identity.RankOf(lead)), ToRank: int32(identity.RankOf(to))}}})
}

// Held leads, and they alone, are in their index.
func TestHeldLeadsAreIndexed(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "identified", loaded)
	w.sees(bo, "identified")
	m := &leadstore.Mutation{}
	w.Entity(fold.Service, ana).Save(m)
	w.Entity(fold.Service, bo).Save(m)
	if got := m.ZAdds[fold.IndexHeld]; len(got) != 1 || got[ana] == 0 {
		t.Errorf("indexed: %v", got)
	}
	w.release(ana)
	m = &leadstore.Mutation{}
	w.Entity(fold.Service, ana).Save(m)
	if _, gone := m.ZRems[fold.IndexHeld][ana]; !gone {
		t.Errorf("still indexed: %v", m)
	}
}
