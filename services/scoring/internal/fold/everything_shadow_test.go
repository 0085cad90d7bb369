package fold_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// Shadows change nothing live, whatever else happens.
func TestShadowsChangeNothingOfEverything(t *testing.T) {
	shadowsChangeNothing(t, seeded{t, 2698}, 98, drawnDeeds(2698, deedKinds, 35)) // a shadow's look moved a band's timer
	for seed := range uint64(100) {
		shadowsChangeNothing(t, seeded{t, seed}, seed, drawnDeeds(seed, deedKinds, 35))
	}
	rapid.Check(t, func(rt *rapid.T) {
		shadowsChangeNothing(t, rt, rapid.Uint64Range(0, 300).Draw(rt, "agreements"), drawDeeds(rt, deedKinds, 40))
	})
}

// fatal is a test that can fail, drawn or not.
type fatal interface {
	Fatalf(format string, args ...any)
}

func shadowsChangeNothing(t *testing.T, rt fatal, agreements uint64, deeds []deed) {
	play := func(shadows bool) (*everything, string) {
		x := newEverything(t, agreements, shadows, true)
		for _, d := range deeds {
			x.do(d)
		}
		var b strings.Builder
		for _, e := range x.Sim.Log {
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
		return x, b.String()
	}
	with, facts := play(true)
	without, want := play(false)
	if facts != want {
		rt.Fatalf("with shadows:\n%s\nwithout:\n%s", facts, want)
	}
	live := func(l *core.Lead) []byte {
		l.Shadow, l.Looked, l.Seen = nil, 0, core.Seen{} // a shadow's timers look, too; ids are made of sequences
		return state.Append(nil, l, state.Beside{})
	}
	for _, id := range everybody {
		if with.Entity(fold.Service, id) != nil && !bytes.Equal(live(with.lead(id)), live(without.lead(id))) {
			rt.Fatalf("%s is another lead:\n%+v\n%+v", id, with.lead(id), without.lead(id))
		}
	}
}

// The shadow is what its version would be in force, with history, releases, merges, objections and limits, too. Accounts are
// left out: what an account says follows from what is live. So are, of qualifying, leads with history: it is no reason to
// look, so that they qualify with the next that is, and a band's timer of the live score is none in force.
func TestTheShadowOfEverythingIsWhatItWouldBeInForce(t *testing.T) {
	kinds := strings.Fields("event event event event loaded loaded release link link joined object grant wait long deal mail")
	for seed := range uint64(100) {
		shadowIsForce(t, seeded{t, seed}, seed, drawnDeeds(seed, kinds, 30), int(seed%17))
	}
	rapid.Check(t, func(rt *rapid.T) {
		agreements := rapid.Uint64Range(0, 300).Draw(rt, "agreements")
		deeds := drawDeeds(rt, kinds, 30)
		shadowIsForce(t, rt, agreements, deeds, rapid.IntRange(0, len(deeds)-1).Draw(rt, "from"))
	})
}

func shadowIsForce(t *testing.T, rt fatal, agreements uint64, deeds []deed, from int) {
	play := func(begin func(x *everything)) *everything {
		x := newEverything(t, agreements, true, false)
		for i, d := range deeds {
			if i == from {
				begin(x)
			}
			x.do(d)
		}
		return x
	}
	shadow := play(func(x *everything) { x.changes(2, book.Shadowed, x.texts[2]) })
	force := play(func(x *everything) { x.agree(2, x.texts[2]) })
	for _, id := range everybody {
		if shadow.Entity(fold.Service, id) == nil {
			continue
		}
		s, f := shadow.lead(id), force.lead(id)
		if s.Held != f.Held || s.Parent != f.Parent {
			rt.Fatalf("%s is held %v and %v, of %q and %q", id, s.Held, f.Held, s.Parent, f.Parent)
		}
		now := shadow.Now.UnixNano()
		if is := s.InShadow(shadow.book().Rules(), now); is != nil {
			if got, want := is.Engagement, f.Engagement(now); got != want {
				rt.Fatalf("%s: %v in the shadow, %v in force", id, got, want)
			}
			if f.Fit.Version == 2 && is.Fit != f.FitScore() {
				rt.Fatalf("%s: fit %v in the shadow, %v in force", id, is.Fit, f.FitScore())
			}
		}
		if got, want := shadow.first(id, "shadow_qualified"), force.first(id, "qualified"); got != want && !shadow.loadedOf(id) {
			rt.Fatalf("%s qualified %q in the shadow, %q in force\n%s\n%s", id, got, want, shadow.texts[1], shadow.texts[2])
		}
	}
}

// first gives by which rule and when a lead first qualified under version 2, in the shadow or in force.
func (x *everything) first(id, kind string) string {
	for _, q := range x.Facts(kind) {
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

// loadedOf reports whether anything loaded from history has become part of a lead.
func (x *everything) loadedOf(id string) bool {
	return slices.ContainsFunc(x.Sim.Log, func(ev *journal.Event) bool {
		return ev.Body.GetHistory() && strings.HasPrefix(ev.Entity, "ld_") && x.root(ev.Entity) == x.root(id)
	})
}
