package fold_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// TestTheEngineFollowsTheDefinition draws agreements, 10,000 of them with the real engines and fewer without, and for each a
// sequence of events, and compares to the last micro-point what the engine and the definition make of them.
func TestTheEngineFollowsTheDefinition(t *testing.T) {
	const share = 100
	var wg sync.WaitGroup
	seeds := make(chan uint64)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for first := range seeds {
				library, err := book.NewLibrary() // of its own: it keeps what it compiles
				if err != nil {
					t.Error(err)
				}
				for seed := first; seed < first+share && !t.Failed(); seed++ {
					compare(t, library, seed)
				}
			}
		})
	}
	for seed := uint64(0); seed < pairs; seed += share {
		seeds <- seed
	}
	close(seeds)
	wg.Wait()
}

func compare(t *testing.T, library *book.Library, seed uint64) {
	c := chance{rand.New(rand.NewPCG(seed, 1))}
	against := c.one(2)
	w := &world{TB: t, Sim: journaltest.NewSim(start, fold.NewLogic(library, key), &puppet{says: map[string]*journalv1.Event{}})}
	l := &defLead{versions: map[int]*definition{}}
	texts := ""
	version := 0
	agree := func() {
		version++
		l.versions[version] = c.definition(version, against)
		text := l.versions[version].text()
		texts += text
		w.agree(int32(version), text)
		if w.book().Active().Version != int32(version) {
			t.Errorf("seed %d: this is no agreement:\n%s", seed, text)
		}
	}
	agree()
	fail := func(format string, args ...any) {
		t.Errorf("seed %d at %v: %s\n%s\n%s", seed, w.Now.Format(time.RFC3339Nano), fmt.Sprintf(format, args...), texts, told(l))
	}
	qualified := ""
	for n := range 1 + c.IntN(20) {
		if t.Failed() {
			return
		}
		if version < 3 && c.one(15) {
			agree()
		}
		w.Now = w.Now.Add(time.Duration(c.Int64N(int64(4 * day)))).Truncate(time.Millisecond)
		e := c.story(n, w.Now, l.events)
		e.version = version
		seen := len(l.events)
		w.Append(e.input())
		l.read(e)
		facts := w.Facts("qualified")
		if qualified == "" && len(l.events) > seen { // it is handed over once
			qualified = l.qualifies(e, w.Now)
		}
		if got := ruleOf(facts); got != qualified {
			fail("it qualified by %q, by definition by %q", got, qualified)
		}
	}
	at := w.Now.Add(time.Duration(c.Int64N(int64(30 * day))))
	lead, names := w.lead(ana), w.book()
	score := lead.Explain(names, at.UnixNano())
	if int64(score.Engagement) != l.engagement("", at) || int64(lead.Engagement(at.UnixNano())) != l.engagement("", at) {
		fail("engagement at %v is %d and %d, by definition %d\n%+v", at, score.Engagement, lead.Engagement(at.UnixNano()), l.engagement("", at), score.Lines)
	}
	if int64(score.Fit) != l.fit() || score.Grade != l.grade() || int(score.Version) != l.active.version {
		fail("fit %d, grade %s, version %d, by definition %d, %s, %d", score.Fit, score.Grade, score.Version, l.fit(), l.grade(), l.active.version)
	}
	named := map[string]core.Micros{}
	for _, n := range score.Named {
		named[n.ID] = n.Engagement
	}
	for _, id := range []string{"payroll", "hiring"} {
		if int64(named[id]) != l.engagement(id, at) {
			fail("score %s at %v is %d, by definition %d", id, at, named[id], l.engagement(id, at))
		}
	}
	sums := map[string]core.Micros{}
	for _, line := range score.Lines {
		sums[line.Side] += line.Points
	}
	if sums[core.SideEngagement] != score.Engagement || sums[core.SideFit] != score.Fit {
		fail("the lines sum to %v, the score is %d, %d", sums, score.Engagement, score.Fit)
	}
}

func ruleOf(qualified []*journal.Event) string {
	if len(qualified) == 0 {
		return ""
	}
	return qualified[0].Body.GetQualified().GetRule()
}

func told(l *defLead) (out string) {
	for _, e := range l.events {
		out += fmt.Sprintf("%+v\n", *e)
	}
	return out
}
