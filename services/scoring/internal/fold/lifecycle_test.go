package fold_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// way writes a lead's epochs with hours since the start.
func (w *world) way(id string) string {
	var b strings.Builder
	hours := func(ns int64) string {
		if ns == 0 {
			return "now"
		}
		return fmt.Sprint(time.Unix(0, ns).Sub(start).Hours())
	}
	for i, e := range w.lead(id).Epochs() {
		if i > 0 {
			b.WriteString(" | ")
		}
		fmt.Fprintf(&b, "%d", e.Number)
		for _, s := range e.Stages {
			fmt.Fprintf(&b, " %s %s-%s", s.Stage, hours(s.Entered), hours(s.Left))
		}
	}
	return b.String()
}

func (w *world) wantWay(id, want string) {
	w.Helper()
	if got := w.way(id); got != want {
		w.Errorf("the way through the stages:\ngot  %s\nwant %s", got, want)
	}
}

func TestTheWayThroughTheStages(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "page_viewed")
	w.wantWay(ana, "1 inquiry 0-now")
	w.Now = start.Add(2 * hour)
	w.sees(ana, "demo_requested", vpOfBigCompany, at(start.Add(-day))) // from when it is known
	ho := identity.Handoff(ana, 1)
	w.Now = start.Add(3 * hour)
	w.routing(ana, routed(ho, "kim"))
	w.Now = start.Add(5 * hour)
	w.routing(ana, answered(ho, "recycled", "recycled", start.Add(48*hour)))
	w.wantWay(ana, "1 inquiry 0-2 mql 2-3 routed 3-5 recycled 5-now")
	w.Advance(start.Add(72 * hour))
	w.wantWay(ana, "1 inquiry 0-2 mql 2-3 routed 3-5 recycled 5-48 | 2 inquiry 48-now")
	w.sees(ana, "deal_opened")
	w.Now = start.Add(80 * hour)
	w.sees(ana, "deal_won")
	w.sees(ana, "page_viewed")
	w.wantWay(ana, "1 inquiry 0-2 mql 2-3 routed 3-5 recycled 5-48 | 2 inquiry 48-72 opportunity 72-80 won 80-now")
	if l := w.lead(ana); l.Stage() != core.Won || l.Highest != core.Won || len(l.History) != 1 {
		t.Errorf("stage %s, highest %s", l.Stage(), l.Highest)
	}
}

func TestADealThatCameFirstIsTheFirstStage(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(ana, "deal_lost")
	w.wantWay(ana, "1 lost 0-now")
}

func TestAMergedRunIsKeptBesideTheOneThatGoesOn(t *testing.T) {
	strong, weak := ana, bo
	if identity.Stronger(bo, ana) {
		strong, weak = bo, ana
	}
	w := newWorld(t, exampleAgreement)
	w.sees(weak, "demo_requested", vpOfBigCompany)
	w.Now = start.Add(hour)
	w.sees(strong, "demo_requested", vpOfBigCompany)
	w.Now = start.Add(2 * hour)
	w.routing(strong, routed(identity.Handoff(strong, 1), "lee"))
	w.Now = start.Add(4 * hour)
	w.link(weak, strong)
	w.wantWay(strong, "1 inquiry 0-0 mql 0-4 | 1 inquiry 1-1 mql 1-2 routed 2-now")
	if l := w.lead(strong); l.Highest != core.Routed || l.Stage() != core.Routed {
		t.Errorf("stage %s, highest %s", l.Stage(), l.Highest)
	}
}

func TestARunThatIsTakenOverKeepsItsTimes(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(anaCRM, "demo_requested", vpOfBigCompany)
	w.Now = start.Add(hour)
	w.routing(anaCRM, routed(identity.Handoff(anaCRM, 1), "kim"))
	w.Now = start.Add(2 * hour)
	w.sees(ana, "form_submitted")
	w.link(anaCRM, ana)
	w.wantWay(ana, "1 inquiry 0-0 mql 0-1 routed 1-now")
	w.Now = start.Add(3 * hour)
	w.routing(ana, answered(identity.Handoff(anaCRM, 1), "recycled", "recycled", start.Add(9*hour)))
	w.wantWay(ana, "1 inquiry 0-0 mql 0-1 routed 1-3 recycled 3-now")
}

// A recycled run that is taken over stays as it ended: for the same reason, at the same time, and once in the history.
func TestARecycledRunThatIsTakenOverEndedOnce(t *testing.T) {
	w := newWorld(t, exampleAgreement)
	w.sees(anaCRM, "demo_requested", vpOfBigCompany)
	ho := identity.Handoff(anaCRM, 1)
	w.routing(anaCRM, routed(ho, "kim"))
	w.Now = start.Add(hour)
	w.routing(anaCRM, answered(ho, "recycled", "recycled", start.Add(90*day)))
	was := w.lead(anaCRM).Run
	w.Now = start.Add(5 * hour)
	w.sees(ana, "identified")
	w.link(anaCRM, ana)
	l := w.lead(ana)
	if len(l.History) != 1 || l.Run.Reason != "timing" || l.Run.RecycledAt != was.RecycledAt || l.Run.WakeAt != was.WakeAt || l.Highest != core.Routed {
		t.Errorf("got %+v, history %+v, highest %s", l.Run, l.History, l.Highest)
	}
	w.wantWay(ana, "1 inquiry 0-0 mql 0-0 routed 0-1 recycled 1-now")
	w.Advance(start.Add(91 * day))
	w.wantWay(ana, "1 inquiry 0-0 mql 0-0 routed 0-1 recycled 1-2160 | 2 inquiry 2160-now")
}

// Whatever happens, a lead's last span is the stage at which it stands, and no stated move is one that the table lacks.
func TestEveryStatedMoveIsLegal(t *testing.T) {
	moves := strings.Fields(`>inquiry inquiry>mql mql>routed mql>accepted mql>sql mql>recycled mql>disqualified routed>accepted routed>sql
		routed>recycled routed>disqualified accepted>sql accepted>recycled accepted>disqualified sql>recycled sql>disqualified recycled>inquiry`)
	deals := []string{core.Opportunity, core.Won, core.Lost}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, exampleAgreement)
		for _, s := range rapid.SliceOfN(rapid.IntRange(0, 11), 1, 30).Draw(rt, "steps") {
			playStep(w, s)
		}
		for _, f := range w.Facts("stage_changed") {
			m := f.Body.GetStageChanged()
			if m.From != m.To && m.Reason != "merged" && !slices.Contains(deals, m.To) && !slices.Contains(moves, m.From+">"+m.To) {
				rt.Fatalf("stated %s>%s", m.From, m.To)
			}
		}
		for _, id := range []string{ana, bo, anaCRM, device} {
			if w.Entity(fold.Service, id) == nil || !w.lead(id).Known() {
				continue
			}
			epochs := w.lead(id).Epochs()
			var at int64
			last := epochs[len(epochs)-1].Stages
			for i, s := range last {
				if s.Entered < at || s.Left != 0 && s.Left < s.Entered || (s.Left == 0) != (i == len(last)-1) {
					rt.Fatalf("times out of order: %s", w.way(id))
				}
				at = s.Entered
			}
			if got := last[len(last)-1].Stage; got != w.lead(id).Stage() {
				rt.Fatalf("stands at %s, the last span is %s: %s", w.lead(id).Stage(), got, w.way(id))
			}
		}
	})
}
