package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
)

// The ladder of TestCrashLadder, step by step in the order in which its steps come due. -1 is the breach itself.
type rung struct {
	number int
	after  time.Duration
	notify string
}

var (
	acceptRungs = []rung{
		{0, 2 * time.Second, "rep"}, {1, 4 * time.Second, "manager"}, {2, 6 * time.Second, "reassign"}, {-1, 8 * time.Second, "breach"}, {3, 10 * time.Second, "overflow"},
	}
	contactRungs = []rung{{0, 2 * time.Second, "rep"}, {1, 4 * time.Second, "manager"}, {-1, 6 * time.Second, "breach"}}
)

const ladderReassigns = 1

const ladderAgreement = `agreement: ladder
half_life: 14d
engagement: [ {id: demo, on: demo_requested, points: 30, half_life: none} ]
fit: [ {id: anybody, when: 'lead.country != ""', points: 80} ]
grades: { a: 75, b: 40, c: 20 }
qualify: [ {id: asked, on: [demo_requested], when: 'grade != "d"'} ]
sla:
  accept_within: 8s
  contact_within: 6s
  clock: elapsed
  ladder: [ {at: 2s, notify: rep}, {at: 4s, notify: manager}, {at: 6s, reassign: true}, {at: 10s, overflow: true} ]
  contact_ladder: [ {at: 2s, notify: rep}, {at: 4s, notify: manager} ]
  max_reassigns: 1
reject_reasons: [ {id: bad-data, fixable_by: marketing} ]
recycle_reasons: [ {id: timing, wake_after: 90d} ]
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

const ladderDirectory = `teams: [ {id: emea, manager: kim} ]
reps:
  - { id: ana, email: ana@sales.example, team: emea }
  - { id: bo, email: bo@sales.example, team: emea }
  - { id: cy, email: cy@sales.example, team: emea }
pools: [ {id: all, reps: [ana, bo, cy]} ]
routes: [ {id: default, to: {pool: all}} ]
`

// TestCrashLadder lets handoffs go the whole way of a ladder, from one rep to the next by reassignment, from there by overflow to the
// last, who accepts and does not turn to the lead, while everything is killed after every step, and between a timer's firing and what
// follows from it. Each step happens once, in order and never before its time.
func TestCrashLadder(t *testing.T) {
	crm := NewCRM(t, "crm", "sla.escalated", "sla.breached", "handoff.routed", "handoff.reassigned")
	c := Start(t, Setup{Agreement: ladderAgreement, Directory: ladderDirectory, CRMs: []*CRM{crm}})
	w := &climber{c: c, rnd: rand.New(rand.NewPCG(uint64(envInt("BATON_CHAOS_SEED", 1)), 5))}
	w.qualify()
	w.qualify()
	w.run()
	c.Ready()
	settled(c)
	log := c.Log()
	stories := climbed(log)
	for _, problem := range append(audit(log, crm), wrongSteps(stories)...) {
		t.Error(problem)
	}
	if len(stories) != w.leads || w.between < 8 {
		t.Errorf("%d handoffs of %d, and %d kills between steps: too little has happened", len(stories), w.leads, w.between)
	}
	t.Logf("%d kills of everything, %d of them right after a step, %d with a firing that nobody had read", w.kills, w.between, w.unread)
}

// climber kills everything all the time.
type climber struct {
	c                             *Cluster
	rnd                           *rand.Rand
	leads, kills, between, unread int
}

// qualify sends one more lead.
func (w *climber) qualify() {
	w.leads++
	w.c.Send(Event{
		ID: fmt.Sprint("ladder-", w.leads), Type: "demo_requested", Lead: email(fmt.Sprintf("p%d@ladder.example", w.leads)), Traits: map[string]any{"country": "SE"},
	})
}

// run lets handoffs go their way until all have, and one of them as far as the contact clock's end: where this machine is so slow that
// none was accepted in time, another one goes the way.
func (w *climber) run() {
	c := w.c
	deadline := time.Now().Add(5 * time.Minute)
	for seen := 0; ; {
		if time.Now().After(deadline) {
			c.t.Fatal("the ladders do not come to their end")
		}
		stories := climbed(c.Log())
		over, contacted, steps, accepting := 0, false, 0, false
		for _, s := range stories {
			steps += s.steps()
			if s.over() {
				over++
				contacted = contacted || s.last().contact != nil
			} else if len(s.had) == 3 && s.last().contact == nil {
				accepting = true
				w.accept(s.id, s.last().rep)
			}
		}
		switch {
		case over == w.leads && contacted:
			return
		case over == w.leads:
			w.qualify()
			continue
		case steps > seen && !accepting: // right after a step
			seen = steps
			w.between++
		case w.rnd.IntN(8) > 0 || accepting:
			w.wait(150 * time.Millisecond)
			continue
		}
		w.killAll()
	}
}

// wait lets time pass; nothing depends on how much.
func (w *climber) wait(atMost time.Duration) {
	timer := time.NewTimer(time.Duration(w.rnd.Int64N(int64(atMost))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.c.t.Context().Done():
	}
}

// killAll kills everything at once, and starts it again: at once, or some moments later, and where the engines live on now and then
// only once a timer has fired that nobody reads.
func (w *climber) killAll() {
	c := w.c
	w.kills++
	for _, name := range c.Processes() {
		c.Kill(name)
	}
	switch k := w.rnd.IntN(4); {
	case k == 0 && c.nats != nil:
		c.nats.Kill()
		w.wait(time.Second)
		c.nats.Restart()
	case k <= 1:
		w.wait(2 * time.Second)
	case k == 2 && c.nats != nil:
		w.firing()
	}
	for _, name := range c.Processes() {
		c.Restart(name)
	}
	c.Ready()
}

// firing waits until a timer fires; if none does for some seconds, it gives up.
func (w *climber) firing() {
	j := w.c.Journal()
	last := uint64(0)
	count := func() (n int) {
		_ = j.Scan(w.c.t.Context(), last+1, func(ev *journal.Event) error {
			last = ev.Seq
			if ev.Type == journal.TypeTimerFired {
				n++
			}
			return nil
		})
		return n
	}
	count()
	for range 40 {
		if count() > 0 {
			w.unread++
			return
		}
		w.wait(150 * time.Millisecond)
	}
}

// accept accepts a handoff for the rep who has it. Nobody minds if it does not get through: it is asked again.
func (w *climber) accept(handoff, rep string) {
	body, _ := json.Marshal(map[string]any{"rep": rep})
	_, _ = w.c.do(w.c.t.Context(), http.MethodPost, "/api/v1/handoffs/"+handoff+"/accept", http.Header{"Content-Type": {"application/json"}}, body)
}

// climb is one clock of one assignment: when it began, and the steps that it took.
type climb struct {
	begun time.Time
	took  []taken
}

type taken struct {
	number int
	notify string
	at     time.Time
}

// had is one assignment of a handoff; contact is nil until it was accepted.
type had struct {
	rep             string
	accept, contact *climb
}

// story is what became of one handoff.
type story struct {
	id  string
	had []*had
	bad []string
}

// over: the last clock has come to its end, and nothing will happen any more.
func (s *story) over() bool {
	last := s.last()
	return len(s.had) == 3 && (last.contact != nil && len(last.contact.took) == len(contactRungs) || last.contact == nil && len(last.accept.took) == len(acceptRungs))
}

func (s *story) last() *had { return s.had[len(s.had)-1] }

func (s *story) steps() (n int) {
	for _, h := range s.had {
		if n += len(h.accept.took); h.contact != nil {
			n += len(h.contact.took)
		}
	}
	return n
}

// climbed reads the handoffs' stories from what leads stated about themselves.
func climbed(log []*journal.Event) map[string]*story {
	out := map[string]*story{}
	begin := func(id, rep string, at time.Time) {
		if out[id] == nil {
			out[id] = &story{id: id}
		}
		out[id].had = append(out[id].had, &had{rep: rep, accept: &climb{begun: at}})
	}
	step := func(id, clock, rep string, s taken) {
		h := out[id]
		if h == nil {
			return
		}
		on := h.last().accept
		if clock == "contact" {
			on = h.last().contact
		}
		if on == nil || rep != h.last().rep {
			h.bad = append(h.bad, fmt.Sprintf("%s of the %s clock for %s, and %s has it", s.notify, clock, rep, h.last().rep))
			return
		}
		on.took = append(on.took, s)
	}
	for _, ev := range log {
		if ev.Origin == nil || ev.Origin.Producer != "routing" || ev.Origin.Entity != ev.Entity {
			continue
		}
		if r := ev.Body.GetRouted(); r != nil {
			begin(r.HandoffId, r.Rep, ev.Time())
		}
		if r := ev.Body.GetReassigned(); r != nil {
			begin(r.HandoffId, r.To, ev.Time())
		}
		if e := ev.Body.GetEscalated(); e != nil {
			step(e.HandoffId, e.Clock, e.Rep, taken{int(e.Step), e.Notify, ev.Time()})
		}
		if b := ev.Body.GetSlaBreached(); b != nil {
			step(b.HandoffId, b.Clock, b.Rep, taken{-1, "breach", ev.Time()})
		}
		if a := ev.Body.GetAnswered(); a.GetOk() && a.GetDisposition() == "accepted" && out[a.HandoffId].last().contact == nil {
			out[a.HandoffId].last().contact = &climb{begun: ev.Time()}
		}
	}
	return out
}

// wrongSteps holds stories against the ladders.
func wrongSteps(stories map[string]*story) (problems []string) {
	for _, id := range sortedKeys(stories) {
		s := stories[id]
		bad := func(format string, args ...any) { problems = append(problems, id+": "+fmt.Sprintf(format, args...)) }
		for _, b := range s.bad {
			bad("%s", b)
		}
		var reps []string
		reassigned := 0
		for i, h := range s.had {
			if slices.Contains(reps, h.rep) {
				bad("%s had it before", h.rep)
			}
			reps = append(reps, h.rep)
			last := i == len(s.had)-1
			check := func(clock string, c *climb, rungs []rung) {
				for k, st := range c.took {
					if k >= len(rungs) || st.number != rungs[k].number {
						bad("%s, %s: step %d is %+v of %+v", h.rep, clock, k, st, c.took)
						return
					}
					want := rungs[k].notify
					if want == "reassign" {
						if reassigned < ladderReassigns {
							reassigned++
						} else {
							want = "manager"
						}
					}
					if st.notify != want {
						bad("%s, %s: step %d tells %s, not %s", h.rep, clock, k, st.notify, want)
					}
					if due := c.begun.Add(rungs[k].after); st.at.Before(due) {
						bad("%s, %s: %s comes %s too early", h.rep, clock, want, due.Sub(st.at))
					}
				}
			}
			check("accept", h.accept, acceptRungs)
			if h.contact != nil {
				check("contact", h.contact, contactRungs)
			}
			// Nobody loses it but by a step that takes it.
			takes := func(st taken) bool { return st.notify == "reassign" || st.notify == "overflow" }
			if !last && !slices.ContainsFunc(h.accept.took, takes) {
				bad("%s lost it by no step: %+v", h.rep, h.accept.took)
			}
			if last && !s.over() {
				bad("%s: the clock has not come to its end: %+v, %+v", h.rep, h.accept, h.contact)
			}
			if last && h.contact != nil && slices.ContainsFunc(h.accept.took, takes) {
				bad("%s has accepted what was taken away: %+v", h.rep, h.accept.took)
			}
		}
		if len(s.had) != 3 || reassigned != ladderReassigns {
			bad("%v had it, and it was reassigned %d times", reps, reassigned)
		}
	}
	return problems
}
