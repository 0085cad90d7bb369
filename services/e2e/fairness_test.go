package e2e

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
)

// fairnessAgreement qualifies whoever asks for a demo, at once, and presses nobody.
const fairnessAgreement = `agreement: fairness
half_life: 14d
engagement: [ {id: demo, on: demo_requested, points: 30, half_life: none} ]
fit: [ {id: anybody, when: 'lead.country != ""', points: 80} ]
grades: { a: 75, b: 40, c: 20 }
qualify: [ {id: asked, on: [demo_requested], when: 'grade != "d"'} ]
sla: { accept_within: 96h, contact_within: 96h, clock: elapsed, ladder: [ {at: 100%, notify: manager} ], max_reassigns: 1 }
reject_reasons: [ {id: bad-data, fixable_by: marketing}, {id: competitor} ]
recycle_reasons: [ {id: timing, wake_after: 90d} ]
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

// TestCrashFairness hands leads over to 50 reps of mixed weights, hours, capacities and pools, by four routing processes that are
// killed at random, and holds every assignment in the journal against a slow reference. BATON_FAIRNESS_HANDOFFS makes it larger,
// BATON_CHAOS_SEED other.
func TestCrashFairness(t *testing.T) {
	handoffs, seed := envInt("BATON_FAIRNESS_HANDOFFS", 800), uint64(envInt("BATON_CHAOS_SEED", 1))
	c := Start(t, Setup{Split: true, Agreement: fairnessAgreement})
	for i := range 3 {
		c.another("routing", i+2)
	}
	c.Kill("feedback") // nobody asks it
	delete(c.procs, "feedback")
	c.Ready()

	// At some hundred handoffs a second, which only says how long the absences of the directory are.
	lasts := max(8*time.Second, time.Duration(handoffs)*time.Second/200)
	begun := time.Now()
	h := newHouse(handoffs, begun, begun.Add(lasts))
	if r := c.Call(http.MethodPut, "/api/v1/directory", map[string]any{"yaml": h.yaml()}); r.Status != 200 {
		t.Fatalf("the directory: %s", r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer func() {
		cancel()
		wg.Wait()
	}()
	const senders = 3
	for k := range senders {
		wg.Go(func() { sendAsking(ctx, c, h, k, senders, handoffs, lasts*3/4) })
	}
	f := &follower{c: c, j: c.Journal(), h: h, rnd: rand.New(rand.NewPCG(seed, 2)), waits: map[string]time.Time{}, has: map[string]string{}}
	faults := f.wreck(rand.New(rand.NewPCG(seed, 1)), handoffs, max(2*time.Second, lasts/25))
	cancel()
	wg.Wait()

	log := f.log
	a := newAuditor()
	j := newJudge(h)
	for _, p := range []string{"p0", "p1", "p2", "p3"} { // in the others turns are given back
		j.checkShares[p] = true
	}
	for _, ev := range log {
		a.identity(ev)
		a.handoff(ev)
	}
	j.run(log)
	for _, problem := range append(a.problems, j.problems...) {
		t.Error(problem)
	}
	if len(j.assigned)+len(j.queue) != handoffs {
		t.Errorf("%d are assigned and %d wait of %d", len(j.assigned), len(j.queue), handoffs)
	}
	for _, w := range j.queue {
		if full := j.opens(w).IsZero(); w.until.IsZero() != full || !full && !w.until.After(j.now) {
			t.Errorf("%s of %s waits until %s, at %s", w.id, w.pool, w.until, j.now)
		}
	}
	if handoffs <= 2000 {
		negativeControl(t, log, func() *house { return newHouse(handoffs, begun, begun.Add(lasts)) })
	}
	if j.worst > 1+1e-6 {
		t.Errorf("somebody who is always there is %.4f from their share", j.worst)
	}
	t.Logf("seed %d: %d assigned in %s (%d by the account's owner, %d by overflow), %d wait, %d waits told; %d handoffs over; the farthest from a share was %.4f; %d messages at the desk; kills %v",
		seed, len(j.assigned), time.Since(begun).Round(time.Second), j.named, j.overflow, len(j.queue), j.waits, f.closed, j.worst, len(log), faults)
	if len(faults) == 0 || j.waits == 0 || j.overflow == 0 || j.named == 0 || len(j.queue) == 0 || f.closed == 0 {
		t.Error("too little has happened: the test does not test")
	}
}

// negativeControl shows that the judge can object: to the same assignments, had the directory been another one.
func negativeControl(t *testing.T, log []*journal.Event, fresh func() *house) {
	t.Helper()
	for name, change := range map[string]func(*house){
		"another weight":                func(h *house) { h.reps["r00"].weight *= 2 },
		"a capacity that is less":       func(h *house) { h.reps["l1"].limits[0].count-- },
		"another end of an absence":     func(h *house) { h.reps["l1"].away[0][1] = h.reps["l1"].away[0][1].Add(time.Minute) },
		"fewer that may be in hand":     func(h *house) { h.reps["l2"].open-- },
		"no overflow":                   func(h *house) { h.pools["spill"].after = 0 },
		"somebody who lacks a skill":    func(h *house) { h.reps["r01"].core = false },
		"another owner of an account":   func(h *house) { h.reps["r22"].always, h.reps["r22"].from, h.reps["r22"].to = false, 0, 0 },
		"somebody who is not there now": func(h *house) { h.reps["r02"].always, h.reps["r02"].from, h.reps["r02"].to = false, 0, 0 },
	} {
		h := fresh()
		change(h)
		j := newJudge(h)
		if j.run(log); len(j.problems) == 0 {
			t.Errorf("with %s the judge would find nothing wrong: it judges nothing", name)
		}
	}
}

// another runs one more process of a service, known as its name and a number.
func (c *Cluster) another(service string, number int) {
	c.addProcess(fmt.Sprint(service, "-", number), service, c.dir+"/baton.yaml", freeAddr(c.t))
}

// sendAsking sends every so-manieth of the leads, spread over a time, or as fast as they are taken where that is slower.
func sendAsking(ctx context.Context, c *Cluster, h *house, k, of, leads int, over time.Duration) {
	const batch = 10
	rnd := rand.New(rand.NewPCG(uint64(k), 77))
	tick := time.NewTicker(max(time.Millisecond, over*batch*time.Duration(of)/time.Duration(leads)))
	defer tick.Stop()
	var events []Event
	for n := k; n < leads; n += of {
		if events = append(events, asking(rnd, n)); len(events) == batch || n+of >= leads {
			if err := c.SendUntil(ctx, events...); err != nil {
				c.t.Error(err)
				return
			}
			events = events[:0]
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// asking is a lead that asks for somebody; a few are of companies that a rep owns.
func asking(rnd *rand.Rand, n int) Event {
	pool := rnd.IntN(5)
	if k := rnd.IntN(40); k < 2 {
		pool = 5 + k
	}
	e := Event{ID: fmt.Sprint("fair-", n), Type: "demo_requested", Lead: Who{UserID: fmt.Sprint("fair-", n)}, Traits: map[string]any{"country": countries[pool]}}
	if rnd.IntN(10) == 0 {
		e.Traits["title"] = "core"
	}
	if n%20 == 7 && n < 1200 {
		e.Lead = email(fmt.Sprintf("p%d@ac-%s.example", n, []string{"one", "two", "three"}[n%3]))
	}
	return e
}

// follower reads the journal while it grows: what the desk was asked and said, and who is to be let go.
type follower struct {
	c      *Cluster
	j      *journal.Journal
	h      *house
	rnd    *rand.Rand
	last   uint64
	log    []*journal.Event
	waits  map[string]time.Time // until when
	has    map[string]string    // who was assigned what
	closed int
	done   []Event
}

// read reads on, and gives how many handoffs the desk has been asked for.
func (f *follower) read() {
	f.c.t.Helper()
	eventually(f.c.t, "the journal can be read", func() error {
		return f.j.Scan(f.c.t.Context(), f.last+1, func(ev *journal.Event) error {
			f.last = ev.Seq
			if ev.Entity == "desk" {
				f.log = append(f.log, ev)
				f.ruled(ev)
			}
			return nil
		})
	})
	if len(f.done) > 0 {
		if err := f.c.SendUntil(f.c.t.Context(), f.done...); err != nil {
			f.c.t.Fatal(err)
		}
		f.done = nil
	}
}

// ruled notes what the desk says. Reps who can have only so many in hand, and some others, refuse some of what they got.
func (f *follower) ruled(ev *journal.Event) {
	if w := ev.Body.GetWaiting(); w != nil {
		f.waits[w.HandoffId] = time.Time{}
		if w.Until != nil {
			f.waits[w.HandoffId] = w.Until.AsTime()
		}
	}
	s := ev.Body.GetAssigned()
	if s == nil {
		return
	}
	delete(f.waits, s.HandoffId)
	f.has[s.HandoffId] = s.Rep
	reason := "competitor"
	switch r := f.h.reps[s.Rep]; {
	case r == nil:
		return
	case r.open > 0 && f.rnd.IntN(3) > 0:
	case s.Pool == "p4" && f.rnd.IntN(20) == 0:
		reason = "bad-data" // which gives the turn back
	default:
		return
	}
	f.closed++
	f.done = append(f.done, Event{ID: "no-" + s.HandoffId, Type: "rejected",
		Properties: map[string]any{"handoff_id": s.HandoffId, "reason": reason}})
}

// wreck kills routing processes, one or all, at random moments until every handoff has been ruled on, and then lets them go on until
// nobody waits for a moment that has come. It lets them alone for at most so long.
func (f *follower) wreck(rnd *rand.Rand, handoffs int, alone time.Duration) map[string]int {
	c, faults := f.c, map[string]int{}
	names := slices.DeleteFunc(c.Processes(), func(n string) bool { return n != "routing" && (len(n) < 8 || n[:8] != "routing-") })
	pause := func(atMost time.Duration) { time.Sleep(time.Duration(rnd.Int64N(int64(atMost)))) } // nothing waits for it
	for len(f.has)+len(f.waits) < handoffs {
		pause(alone)
		f.read()
		kill := names[rnd.IntN(len(names)):][:1]
		if rnd.IntN(6) == 0 {
			kill = names
		}
		for _, n := range kill {
			c.Kill(n)
			faults[n]++
		}
		pause(time.Second)
		for _, n := range kill {
			c.Restart(n)
		}
		if rnd.IntN(3) == 0 {
			f.ready() // now and then they get far
		}
		f.read()
	}
	f.ready()
	deadline := time.Now().Add(10 * time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		f.read()
		first := slices.MinFunc(append(slices.Collect(maps.Values(f.waits)), time.Time{}), func(a, b time.Time) int {
			return cmp.Or(cmp.Compare(b2i(a.IsZero()), b2i(b.IsZero())), a.Compare(b))
		})
		if f.quiet() && (first.IsZero() || first.After(time.Now().Add(2*time.Second))) {
			return faults
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("somebody waits until %s and it is %s", first, time.Now())
		}
		<-tick.C
	}
}

// ready waits until every process is, with more patience than most tests need: much may be left to be read.
func (f *follower) ready() {
	f.c.t.Helper()
	for _, name := range f.c.Processes() {
		for deadline, err := time.Now().Add(10*time.Minute), error(nil); ; {
			if err = f.c.readyz(name); err == nil {
				break
			}
			if !f.c.procs[name].running() || time.Now().After(deadline) {
				f.c.t.Fatalf("%s does not get ready: %v\n%s", name, err, f.c.procs[name].tail(30))
			}
			time.Sleep(100 * time.Millisecond) // between two questions
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// quiet: nothing has come to the desk for a second, and what was refused is over.
func (f *follower) quiet() bool {
	over := 0
	for _, ev := range f.log {
		if ev.Body.GetClosed() != nil {
			over++
		}
	}
	return over >= f.closed && time.Since(f.log[len(f.log)-1].Logged) > time.Second
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
