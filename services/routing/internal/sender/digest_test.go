package sender

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// gatherer is a script that puts deliveries off in a group until a moment, and tells them together.
type gatherer struct {
	script
	together [][]string
	// say is what is answered of all that come together.
	say func(n int, jobs []*destination.Job) []destination.Outcome
}

func (g *gatherer) DeliverAll(_ context.Context, _ string, jobs []*destination.Job) []destination.Outcome {
	g.mu.Lock()
	defer g.mu.Unlock()
	var ids []string
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	g.together = append(g.together, ids)
	return g.say(len(g.together), jobs)
}

func (g *gatherer) gathered() [][]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.together)
}

func allDone(_ int, jobs []*destination.Job) []destination.Outcome {
	out := make([]destination.Outcome, len(jobs))
	for i := range out {
		out[i] = destination.Outcome{Verdict: destination.Done, Status: 250}
	}
	return out
}

func putOff(until time.Time, group string) destination.Outcome {
	return destination.Outcome{Verdict: destination.Later, For: destination.ForDelivery, After: time.Until(until), Group: group, Reason: "it waits"}
}

// written counts what is in the journal.
func (w *world) written() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.appended)
}

func gathering(t *testing.T, g *gatherer, test func(w *world)) {
	t.Helper()
	bubbleWith(t, map[string]http.HandlerFunc{"mail": nil}, map[string]setup{"mail": {to: g, backlogAlarm: 15 * time.Minute}}, test)
}

// One that is put off is no attempt, raises no alarm, and lets what is urgent of the same lead go past it.
func TestPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		morning := time.Now().Add(9 * time.Hour)
		s := &script{}
		s.answer = func(_ int, job *destination.Job) destination.Outcome {
			if time.Now().Before(morning) && s.jobs[0].ID == job.ID {
				o := putOff(morning, "")
				o.Told = map[string]string{"kim": ""}
				return o
			}
			return destination.Outcome{Verdict: destination.Done, Status: 250}
		}
		w := newWorld(t, map[string]http.HandlerFunc{"mail": nil}, map[string]setup{"mail": {to: s, backlogAlarm: 15 * time.Minute}})
		defer func() { w.stop() }()
		ids := w.due(lead(1), "mail", 2)
		advance(time.Second)
		if first, second := w.delivery(ids[0]), w.delivery(ids[1]); first.State != state.Due || first.Attempts != 0 || second.State != state.Delivered {
			t.Fatalf("%+v\n%+v", first, second)
		}
		advance(8 * time.Hour)
		if st := w.status("mail"); st.State != StateOK || st.Alarm || st.Backlog != 1 || st.PutOff != 1 || !st.Oldest.IsZero() {
			t.Errorf("%+v", st)
		}
		// Seen again in the store it waits on.
		w.live()
		advance(time.Second)
		if s.calls() != 2 {
			t.Errorf("%d calls before the morning", s.calls())
		}
		advance(time.Hour)
		if d := w.delivery(ids[0]); d.State != state.Delivered || d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
		s.mu.Lock()
		told := s.jobs[2].Told
		s.mu.Unlock()
		if _, kim := told["kim"]; !kim {
			t.Errorf("it is forgotten whom it was told to: %v", told)
		}
		if st := w.status("mail"); st.PutOff != 0 || st.Backlog != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// What waits for the same recipient goes in one message, and each delivery is recorded.
func TestGathered(t *testing.T) {
	g := &gatherer{say: allDone}
	gathering(t, g, func(w *world) {
		at := time.Now().Add(time.Hour)
		g.script.answer = func(_ int, job *destination.Job) destination.Outcome {
			if strings.Contains(job.Entity, lead(9)) {
				return putOff(at, "bo")
			}
			return putOff(at, "ana")
		}
		var ids []string
		for n := range 6 {
			ids = append(ids, w.due(lead(n), "mail", 2)...)
			advance(time.Minute)
		}
		other := w.due(lead(9), "mail", 1)
		advance(53 * time.Minute)
		if len(g.gathered()) != 0 || w.written() != 0 {
			t.Fatalf("too early: %v", g.gathered())
		}
		advance(time.Minute + time.Second)
		got := g.gathered()
		if len(got) != 2 || len(got[0])+len(got[1]) != 13 || len(got[0]) != 1 && len(got[1]) != 1 {
			t.Fatalf("%v", got)
		}
		for _, id := range append(ids, other...) {
			if d := w.delivery(id); d.State != state.Delivered || d.Attempts != 1 || d.Status != 200 {
				t.Errorf("%+v", d)
			}
		}
		if n := g.calls(); n != 13 {
			t.Errorf("%d deliveries were looked at one by one, want 13", n)
		}
	})
}

// A message that fails is tried again as a whole, by the schedule; a crash before the record brings it again.
func TestGatheredAgain(t *testing.T) {
	g := &gatherer{}
	g.say = func(n int, jobs []*destination.Job) []destination.Outcome {
		if n > 1 {
			return allDone(n, jobs)
		}
		out := make([]destination.Outcome, len(jobs))
		for i := range out {
			out[i] = destination.Outcome{Verdict: destination.Again, Status: 451, Reason: "message: 451"}
		}
		return out
	}
	gathering(t, g, func(w *world) {
		at := time.Now().Add(time.Hour)
		g.script.answer = func(int, *destination.Job) destination.Outcome { return putOff(at, "ana") }
		var ids []string
		for n := range 5 {
			ids = append(ids, w.due(lead(n), "mail", 1)...)
		}
		advance(time.Hour + time.Second)
		if d := w.delivery(ids[0]); d.State != state.Failing || d.Attempts != 1 {
			t.Fatalf("%+v", d)
		}
		w.mu.Lock()
		w.down = true
		w.mu.Unlock()
		advance(10 * time.Second)
		if got := g.gathered(); len(got) != 2 || len(got[1]) != 5 {
			t.Fatalf("%v", got)
		}
		// The process dies before the journal has it.
		w.stop()
		w.mu.Lock()
		w.down = false
		w.mu.Unlock()
		fresh := &gatherer{say: allDone}
		fresh.script.answer = func(int, *destination.Job) destination.Outcome { return putOff(time.Now().Add(time.Second), "ana") }
		var err error
		if w.sender, err = New(Options{
			Destinations: []Destination{w.destination("mail", nil, setup{to: fresh})}, Journal: w, Store: w, Job: w.job, Paused: w.paused,
			Source: "routing", Now: time.Now, Log: w.sender.opt.Log,
		}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(w.t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = w.sender.Run(ctx) }()
		w.stop = func() { cancel(); <-done }
		w.live()
		advance(time.Minute)
		if got := fresh.gathered(); len(got) != 1 || len(got[0]) != 5 {
			t.Errorf("%v", got)
		}
		for _, id := range ids {
			if d := w.delivery(id); d.State != state.Delivered {
				t.Errorf("%+v", d)
			}
		}
	})
}

// A destination that needs an operator keeps what is gathered; so does one that says too little.
func TestGatheredHeld(t *testing.T) {
	g := &gatherer{}
	g.say = func(n int, jobs []*destination.Job) []destination.Outcome {
		switch n {
		case 1:
			return []destination.Outcome{{Verdict: destination.Operator, Reason: "log in: 535"}, {Verdict: destination.Operator, Reason: "log in: 535"}}
		case 2:
			return allDone(n, jobs)[:1]
		}
		return allDone(n, jobs)
	}
	gathering(t, g, func(w *world) {
		at := time.Now().Add(time.Minute)
		g.script.answer = func(int, *destination.Job) destination.Outcome { return putOff(at, "ana") }
		first, second := w.due(lead(1), "mail", 1)[0], w.due(lead(2), "mail", 1)[0]
		advance(61 * time.Second)
		if st := w.status("mail"); st.State != StateOperator || st.Backlog != 2 || w.written() != 0 {
			t.Fatalf("%+v", st)
		}
		advance(5 * time.Second)
		states := []string{w.delivery(first).State, w.delivery(second).State}
		slices.Sort(states)
		if !slices.Equal(states, []string{state.Delivered, state.Failing}) || w.status("mail").State != StateOK {
			t.Errorf("%v, %+v", states, w.status("mail"))
		}
		advance(time.Minute)
		if w.delivery(first).State != state.Delivered || w.delivery(second).State != state.Delivered {
			t.Errorf("%+v %+v", w.delivery(first), w.delivery(second))
		}
	})
}
