package fold_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// Two agreements on downloads: the first hands over from 30 points on, the second gives more points and asks for more.
const (
	liveYAML = `agreement: live
engagement: [{ id: ebook, on: asset_downloaded, points: 10, half_life: none }]
qualify: [{ id: thirty, when: engagement >= 30 }]
`
	shadowYAML = `agreement: tried
engagement: [{ id: ebook, on: asset_downloaded, points: 40, half_life: none }]
qualify: [{ id: sixty, when: engagement >= 60 }]
`
)

func (w *world) changes(version int32, what, yaml string) {
	w.AppendGlobal(book.Kind, &journalv1.Event{Type: book.TypeOfAgreement, Payload: &journalv1.Event_AgreementChanged{AgreementChanged: &journalv1.AgreementChanged{
		Version: version, Change: what, Yaml: []byte(yaml), Hash: agreement.Hash([]byte(yaml)),
	}}})
}

// shades proposes a version, signed by nobody, and runs it in the shadow.
func (w *world) shades(version int32, yaml string) {
	w.changes(version, book.Proposed, yaml)
	w.changes(version, book.Shadowed, yaml)
}

// inShadow gives how leads qualified in the shadow: the version, epoch and rule of each fact about a lead.
func (w *world) inShadow(lead string) string {
	var out []string
	for _, f := range w.Facts("shadow_qualified") {
		if q := f.Body.GetShadowQualified(); f.Entity == lead {
			out = append(out, fmt.Sprintf("%d/%d %s", q.AgreementVersion, q.Epoch, q.Rule))
		}
	}
	return strings.Join(out, ", ")
}

func (w *world) wantShadow(lead, want string, points float64) {
	w.Helper()
	if got := w.inShadow(lead); got != want {
		w.Errorf("qualified in the shadow: %q, want %q", got, want)
	}
	s := w.lead(lead).InShadow(w.book().Rules(), w.Now.UnixNano())
	if s == nil || s.Engagement.Points() != points {
		w.Errorf("in the shadow: %+v, want %v points", s, points)
	}
}

func TestAShadowThatStartsMidWay(t *testing.T) {
	w := newWorld(t, liveYAML)
	w.sees(ana, "asset_downloaded")
	w.shades(2, shadowYAML)
	w.wantShadow(ana, "", 10) // what was scored until then stays as it is
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "", 50)
	w.sees(ana, "asset_downloaded") // both at once
	w.wantShadow(ana, "2/1 sixty", 90)
	w.wantStages(ana, "inquiry", "mql")
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "2/1 sixty", 100)
	q := w.Facts("shadow_qualified")[0].Body.GetShadowQualified()
	if q.Engagement != 90 || q.Grade != "d" || q.Fit != 0 {
		t.Errorf("got %v", q)
	}
	if s := w.lead(ana).InShadow(w.book().Rules(), w.Now.UnixNano()); s.QualifiedBy != "sixty" || s.QualifiedAt != start.UnixNano() || s.Version != 2 {
		t.Errorf("got %+v", s)
	}
	w.wantEngagement(ana, 40)
}

func TestWhoeverIsFirst(t *testing.T) {
	w := newWorld(t, liveYAML)
	w.shades(2, shadowYAML)
	w.sees(ana, "asset_downloaded")
	w.sees(ana, "asset_downloaded") // the shadow first: 80 points against 20
	w.wantShadow(ana, "2/1 sixty", 80)
	w.wantStages(ana, "inquiry")
	w.sees(ana, "asset_downloaded")
	w.wantStages(ana, "inquiry", "mql")
	w.wantShadow(ana, "2/1 sixty", 100)

	// Live first: 3 webinars are nothing in the shadow, which follows when the lead has been with sales for long.
	w = newWorld(t, strings.Replace(liveYAML, "engagement: [", "engagement: [{ id: talk, on: event_attended, points: 30 },", 1))
	w.shades(2, shadowYAML)
	w.sees(bo, "event_attended")
	w.routing(bo, routed(identity.Handoff(bo, 1), "kim"))
	w.routing(bo, answered(identity.Handoff(bo, 1), "accepted", "accepted", time.Time{}))
	w.wantShadow(bo, "", 0)
	w.sees(bo, "asset_downloaded")
	w.sees(bo, "asset_downloaded")
	w.wantShadow(bo, "2/1 sixty", 80)
	w.wantStages(bo, "inquiry", "mql", "routed", "accepted")

	// Never: a deal stands.
	w.sees(ana, "deal_won")
	w.sees(ana, "asset_downloaded")
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "", 80)
}

// Who was handed over before the run began is not handed over again by it, and neither would be by a version put in force.
func TestTheNextEpochCountsForTheShadow(t *testing.T) {
	w := newWorld(t, liveYAML)
	for range 3 {
		w.sees(ana, "asset_downloaded")
	}
	w.shades(2, shadowYAML)
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "", 70)
	w.routing(ana, answered(identity.Handoff(ana, 1), "recycled", "recycled", w.Now.Add(day)))
	w.wantShadow(ana, "", 70)
	w.Advance(w.Now.Add(2 * day)) // wakes, and meets both agreements
	w.wantShadow(ana, "2/2 sixty", 70)
	w.wantStages(ana, "inquiry", "mql", "recycled", "inquiry", "mql")
	w.routing(ana, answered(identity.Handoff(ana, 2), "disqualified", "disqualified", time.Time{}))
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "2/2 sixty", 100)
}

func TestOneShadowTakesThePlaceOfAnother(t *testing.T) {
	w := newWorld(t, liveYAML)
	w.shades(2, shadowYAML)
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "", 40)
	w.shades(3, strings.Replace(shadowYAML, "points: 40", "points: 51", 1))
	w.wantShadow(ana, "", 10)
	w.changes(2, book.Unshadowed, shadowYAML) // it does not run any more
	w.changes(3, book.Shadowed, shadowYAML)   // and this one does
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "3/1 sixty", 61)
	v := w.book().Find(2)
	if v.ShadowUntil == nil || w.book().Find(3).ShadowUntil != nil || w.book().Running().Version != 3 {
		t.Errorf("got %v", w.book().Versions())
	}
}

func TestAStoppedShadowLeavesNothing(t *testing.T) {
	play := func(shadow bool) *world {
		w := newWorld(t, liveYAML)
		if shadow {
			w.shades(2, shadowYAML)
		}
		w.sees(ana, "asset_downloaded")
		if shadow {
			w.changes(2, book.Unshadowed, shadowYAML)
		}
		w.sees(ana, "asset_downloaded")
		return w
	}
	with, without := play(true), play(false)
	a, b := with.Entity(fold.Service, ana).Save(&leadstore.Mutation{}), without.Entity(fold.Service, ana).Save(&leadstore.Mutation{})
	if !bytes.Equal(a, b) {
		t.Error("the shadow left something behind")
	}
	// The same version again is another run: it stands on what the lead has live.
	with.changes(2, book.Shadowed, shadowYAML)
	with.wantShadow(ana, "", 20)
	with.sees(ana, "asset_downloaded")
	with.wantShadow(ana, "2/1 sixty", 60)
}

// Stopped and started again between two events of a lead: nothing of the first run is left.
func TestTwoRunsOfAVersionAreTwo(t *testing.T) {
	w := newWorld(t, liveYAML)
	w.shades(2, shadowYAML)
	w.sees(ana, "asset_downloaded")
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "2/1 sixty", 80)
	w.changes(2, book.Unshadowed, shadowYAML)
	w.changes(2, book.Shadowed, shadowYAML)
	w.wantShadow(ana, "2/1 sixty", 20)
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "2/1 sixty, 2/1 sixty", 60)
}

func TestAShadowThatComesIntoForceIsNone(t *testing.T) {
	w := newWorld(t, liveYAML)
	w.shades(2, shadowYAML)
	w.sees(ana, "asset_downloaded")
	w.agree(2, shadowYAML)
	w.changes(2, book.Shadowed, shadowYAML) // it is in force
	w.sees(ana, "asset_downloaded")
	if l := w.lead(ana); l.Shadow != nil || w.book().Running() != nil || w.book().Find(2).ShadowUntil == nil {
		t.Errorf("got %+v", l.Shadow)
	}
	w.wantEngagement(ana, 50)
}

func TestMergedLeadsShareTheirShadow(t *testing.T) {
	w := newWorld(t, liveYAML)
	w.sees(device, "asset_downloaded")
	w.shades(2, shadowYAML)
	w.sees(anaCRM, "asset_downloaded") // 40
	w.sees(ana, "form_submitted")
	w.link(device, ana) // 10 more from before
	w.wantShadow(ana, "", 10)
	w.link(anaCRM, ana)
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "2/1 sixty", 90)
	for _, gone := range []string{device, anaCRM} {
		if l := w.lead(gone); l.Shadow != nil || l.InShadow(w.book().Rules(), 0) != nil {
			t.Errorf("an absorbed lead has a shadow: %+v", l.Shadow)
		}
	}

	// The weaker had qualified there: the stronger does not do so again in that epoch.
	w = newWorld(t, liveYAML)
	w.shades(2, shadowYAML)
	w.sees(anaCRM, "asset_downloaded")
	w.sees(anaCRM, "asset_downloaded")
	w.sees(ana, "form_submitted")
	w.link(anaCRM, ana)
	w.sees(ana, "asset_downloaded")
	w.wantShadow(ana, "", 100)
	w.wantStages(ana, "inquiry", "mql")
	if s := w.lead(ana).InShadow(w.book().Rules(), w.Now.UnixNano()); s.QualifiedBy != "sixty" || w.inShadow(anaCRM) != "2/1 sixty" {
		t.Errorf("got %+v", s)
	}
}

func TestAnObjectionHoldsInTheShadow(t *testing.T) {
	w := newWorld(t, liveYAML)
	w.shades(2, shadowYAML)
	w.sees(ana, "consent_changed", consent("profiling", "objected"))
	w.sees(ana, "asset_downloaded")
	w.sees(ana, "asset_downloaded")
	w.sees(device, "asset_downloaded")
	w.sees(device, "asset_downloaded") // nobody to hand over
	w.wantShadow(ana, "", 0)
	w.wantShadow(device, "", 80)
}

func TestWhatFadesAwayLetsALeadQualifyInTheShadow(t *testing.T) {
	w := newWorld(t, liveYAML)
	w.shades(2, `agreement: a
engagement:
  - { id: talk, on: event_attended, points: 30, half_life: none }
  - { id: late, on: meeting_canceled, points: -20, half_life: 2d }
qualify: [ {id: enough, when: engagement >= 25} ]
`)
	w.sees(ana, "meeting_canceled")
	w.sees(ana, "event_attended")
	w.Advance(start.Add(10 * day))
	w.wantStages(ana, "inquiry")
	if w.inShadow(ana) != "2/1 enough" {
		t.Fatalf("got %q", w.inShadow(ana))
	}
	if at := w.Facts("shadow_qualified")[0].Body.ReceivedAt.AsTime().Sub(start); at < 4*day || at > 4*day+12*hour {
		t.Errorf("qualified after %v", at)
	}
}

func TestABusyLeadsShadowIsFoldedTogether(t *testing.T) {
	w := newWorld(t, strings.Replace(liveYAML, "points: 10", "points: 0.001", 1))
	w.shades(2, strings.Replace(shadowYAML, "points: 40", "points: 0.002", 1))
	for range 2300 {
		w.Now = w.Now.Add(time.Minute)
		w.sees(ana, "asset_downloaded")
	}
	l := w.lead(ana)
	if len(l.Shadow.Items) > 2000 || len(l.Items) > 2000 {
		t.Errorf("%d and %d items", len(l.Items), len(l.Shadow.Items))
	}
	w.wantEngagement(ana, 2.3)
	w.wantShadow(ana, "", 4.6)
}

// tried differs from the example in every part of it.
var tried = strings.NewReplacer("points: 8,", "points: 21,", "points: 10,", "points: 25,", "points: 60 ", "points: 12 ", "points: 40,", "points: 25,",
	`grade in ["a","b"] && engagement >= 20`, `grade != "d" && engagement >= 24`).Replace(exampleAgreement)

// asIt plays steps; from a step on the version is in the shadow, or in force.
func (w *world) asIt(steps []int, from int, begin func(*world)) {
	for i, s := range steps {
		if i == from {
			begin(w)
		}
		playStep(w, s)
	}
}

// The shadow is what the version would have been in force from the same moment on: the same points for every event, the same
// fit, and the same first qualification.
func TestTheShadowIsWhatItWouldBeInForce(t *testing.T) {
	ids := []string{ana, bo, anaCRM, device}
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 6, 9, 10, 11}), 1, 20).Draw(rt, "steps")
		from := rapid.IntRange(0, len(steps)-1).Draw(rt, "from")
		shadow, force := newWorld(t, exampleAgreement), newWorld(t, exampleAgreement)
		shadow.asIt(steps, from, func(w *world) { w.shades(2, tried) })
		force.asIt(steps, from, func(w *world) { w.agree(2, tried) })
		for _, id := range ids {
			if shadow.Entity(fold.Service, id) == nil {
				continue
			}
			s, f := shadow.lead(id), force.lead(id)
			at := shadow.Now.UnixNano()
			if is := s.InShadow(shadow.book().Rules(), at); is != nil {
				if got, want := is.Engagement, f.Engagement(at); got != want {
					rt.Fatalf("%s: %v in the shadow, %v in force", id, got, want)
				}
				if f.Fit.Version == 2 && is.Fit != f.FitScore() {
					rt.Fatalf("%s: fit %v in the shadow, %v in force", id, is.Fit, f.FitScore())
				}
			}
			first := func(w *world, kind string) string {
				for _, q := range w.Facts(kind) {
					version, rule := q.Body.GetShadowQualified().GetAgreementVersion(), q.Body.GetShadowQualified().GetRule()
					if kind == "qualified" {
						version, rule = q.Body.GetQualified().AgreementVersion, q.Body.GetQualified().Rule
					}
					if q.Entity == id && version == 2 {
						return fmt.Sprint(rule, q.Body.ReceivedAt.AsTime())
					}
				}
				return ""
			}
			if got, want := first(shadow, "shadow_qualified"), first(force, "qualified"); got != want {
				rt.Fatalf("%s qualified %q in the shadow, %q in force", id, got, want)
			}
		}
	})
}

// Shadows that come and go change nothing that is live, and whoever folds the log again finds the same.
func TestShadowsChangeNothingLive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 14), 1, 30).Draw(rt, "steps")
		run := func(shadows bool) (*world, string) {
			w := newWorld(t, exampleAgreement)
			w.changes(2, book.Proposed, tried)
			w.changes(3, book.Proposed, shadowYAML)
			for _, s := range steps {
				switch {
				case s < 12:
					playStep(w, s)
				case !shadows:
				case s == 12:
					w.changes(2, book.Shadowed, tried)
				case s == 13:
					w.changes(3, book.Shadowed, shadowYAML)
				case w.book().Running() != nil:
					w.changes(w.book().Running().Version, book.Unshadowed, "")
				}
			}
			var b strings.Builder
			for _, e := range w.Sim.Log {
				if e.Origin == nil || e.Type == "shadow_qualified" {
					continue
				}
				body := proto.CloneOf(e.Body)
				if strings.HasPrefix(body.Id, "scoring.") || strings.HasPrefix(body.Id, "routing.") {
					body.Id = "" // made of the sequence
				}
				if a := body.GetAbsorbed(); a != nil {
					a.Items = nil
				}
				fmt.Fprintf(&b, "%s %v\n", e.Origin.Entity, body)
			}
			return w, b.String()
		}
		with, facts := run(true)
		again, _ := run(true)
		without, want := run(false)
		if facts != want {
			rt.Fatalf("with shadows:\n%s\nwithout:\n%s", facts, want)
		}
		for _, id := range []string{ana, bo, anaCRM, device} {
			e := with.Entity(fold.Service, id)
			if e == nil {
				continue
			}
			blob := e.Save(&leadstore.Mutation{})
			if !bytes.Equal(blob, again.Entity(fold.Service, id).Save(&leadstore.Mutation{})) {
				rt.Fatal("the same inputs gave another lead")
			}
			live := func(l *core.Lead) []byte {
				l.Shadow, l.Looked, l.Seen = nil, 0, core.Seen{} // a shadow's timers look, too; ids are made of sequences
				return state.Append(nil, l, state.Beside{})
			}
			if !bytes.Equal(live(with.lead(id)), live(without.lead(id))) {
				rt.Fatalf("%s is another lead:\n%+v\n%+v", id, with.lead(id), without.lead(id))
			}
			if l, beside, err := fold.DecodeLead(id, blob); err != nil || !bytes.Equal(state.Append(nil, l, beside), blob) {
				rt.Fatalf("stored and read back it is another lead: %v", err)
			}
		}
		if got, err := journaltest.Check(with.Sim.Log, fold.NewLogic(sharedLibrary(t), key)); err != nil || !got.Ok() {
			rt.Fatalf("folded again: %+v, %v", got, err)
		}
	})
}
