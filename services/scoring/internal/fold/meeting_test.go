package fold_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// atGlobex says that the person works elsewhere.
func atGlobex(e *journalv1.Event) {
	e.Account = &journalv1.Account{Domain: proto.String("globex.example")}
}

// A timer of the shadow tells a lead's account nothing, and leaves what it was told as it is.
func TestAShadowsTimerTellsNoAccount(t *testing.T) {
	const fading = "agreement: a\nengagement: [{ id: ebook, on: asset_downloaded, points: 30, half_life: 2d }]\n"
	play := func(shadow bool) *world {
		w := newWorld(t, fading)
		if shadow {
			w.shades(2, "agreement: b\nengagement: [{ id: late, on: meeting_canceled, points: -20, half_life: 12d }]\n"+
				"qualify: [ {id: enough, when: engagement >= 25} ]\n")
		}
		w.sees(bo, "asset_downloaded", atInitech("Engineer"))
		w.sees(bo, "meeting_canceled")
		w.Advance(start.Add(10 * day))
		return w
	}
	with, without := play(true), play(false)
	fired := 0
	for _, e := range with.Sim.Log {
		if e.Body.GetTimerFired().GetTimer() == "scoring-shadow" {
			fired++
		}
	}
	if fired == 0 {
		t.Fatal("the shadow did not look")
	}
	if a, b := with.lead(bo).Telling, without.lead(bo).Telling; a != b || with.told() != without.told() {
		t.Errorf("with a shadow it told %+v, %s\nwithout %+v, %s", a, with.told(), b, without.told())
	}
}

// History of colleagues is known to whoever is live, and hands nobody over before somebody does something.
func TestHistoryOfColleaguesHandsNobodyOver(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	w.sees(ana, "page_viewed", atInitech("VP"))
	for range 3 {
		w.sees(bo, "asset_downloaded", loaded, atInitech("Engineer"))
		w.sees(cy, "asset_downloaded", loaded, atInitech("Engineer"))
	}
	if r := w.lead(ana).Rated; r.Micros < 40*core.Point {
		t.Fatalf("rated %+v", r)
	}
	if q := w.Facts("qualified"); len(q) != 0 {
		t.Fatalf("loaded history handed over %s", q[0].Entity)
	}
	for _, f := range append(w.Facts("account_engaged")[1:], w.Facts("account_rated")...) {
		if !f.Body.History {
			t.Errorf("%s of %s is somebody's news", f.Type, f.Origin.Entity)
		}
	}
	w.sees(ana, "page_viewed")
	w.wantStages(ana, "inquiry", "mql")
}

// What an account or routing says is looked at with the fit of the version in force, not of the last one.
func TestAnAccountsWordIsLookedAtUnderTheVersionInForce(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	w.sees(ana, "page_viewed", atInitech("VP"))
	w.agree(2, strings.Replace(committeeAgreement, `lead.title == "VP"`, `lead.title == "CEO"`, 1))
	for range 3 {
		w.sees(bo, "asset_downloaded", atInitech("Engineer"))
		w.sees(cy, "asset_downloaded", atInitech("Engineer"))
	}
	if r := w.lead(ana).Rated; r.Micros < 40*core.Point {
		t.Fatalf("rated %+v", r)
	}
	w.wantStages(ana, "inquiry") // a VP is nobody any more
	if v := w.lead(ana).Fit.Version; v != 2 {
		t.Errorf("looked at under version %d", v)
	}
}

// Of an absorbed lead, the word of its account counts only where the other is at the same one.
func TestTheRatingOfAnotherAccountIsNotTakenOver(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	for range 3 {
		w.sees(bo, "asset_downloaded", atInitech("Engineer"))
		w.sees(anaCRM, "asset_downloaded", atInitech("VP"))
	}
	if r := w.lead(anaCRM).Rated; r.Account != initech {
		t.Fatalf("rated %+v", r)
	}
	w.Now = w.Now.Add(hour)
	w.sees(ana, "asset_downloaded", atGlobex) // the latest word on where she works
	w.link(anaCRM, ana)
	if l := w.lead(ana); l.Telling.Account != key.Account("globex.example") || l.Rated != (core.Rating{}) {
		t.Errorf("counts for %s, rated %+v", l.Telling.Account, l.Rated)
	}
}

// Where the first that is known of a lead is that history says it is one with another, it is held like any of history.
func TestALeadThatHistoryNamesFirstIsHeld(t *testing.T) {
	for _, history := range []bool{true, false} {
		t.Run(fmt.Sprint("by history ", history), func(t *testing.T) {
			w := newWorld(t, exampleAgreement)
			w.joined(anaCRM, ana, history)
			w.wantHeld(ana, history)
			w.sees(ana, "event_attended", loaded, vpOfBigCompany)
			w.wantHeld(ana, history)
			if identity.Stronger(anaCRM, ana) {
				t.Error("the record outranks the address")
			}
		})
	}
}

// An account's word is scoring's own: it is not among what leads remember to have seen, and by no id of it is it a repeat.
func TestAnAccountsWordIsNeverARepeat(t *testing.T) {
	w := newWorld(t, committeeAgreement)
	w.sees(bo, "asset_downloaded", atInitech("Engineer"))
	w.sees(cy, "asset_downloaded", atInitech("Engineer"))
	if len(w.Facts("account_rated")) == 0 {
		t.Fatal("nobody was told")
	}
	n := 0
	l := w.lead(bo)
	for piece := range l.Seen.Segments {
		n += len(piece) / 20
	}
	if n != 1 {
		t.Errorf("he remembers %d events", n)
	}
}
