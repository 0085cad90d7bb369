package sender

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// script is a destination that answers as it is told.
type script struct {
	mu     sync.Mutex
	answer func(n int, job *destination.Job) destination.Outcome
	jobs   []destination.Job
	at     []time.Time
	// found is what Check answers.
	found []string
	err   error
	looks int
}

func (s *script) Deliver(_ context.Context, job *destination.Job) destination.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs, s.at = append(s.jobs, *job), append(s.at, time.Now())
	return s.answer(len(s.jobs), job)
}

func (s *script) Check(context.Context) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return s.found, s.err
}

func (s *script) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.jobs)
}

func (s *script) answers(o destination.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = func(int, *destination.Job) destination.Outcome { return o }
}

func always(o destination.Outcome) *script {
	s := &script{}
	s.answers(o)
	return s
}

func scripted(t *testing.T, s *script, test func(w *world)) {
	t.Helper()
	bubbleWith(t, map[string]http.HandlerFunc{"crm": nil}, map[string]setup{"crm": {to: s, backlogAlarm: 15 * time.Minute}}, test)
}

func (w *world) status(name string) Status {
	for _, st := range w.sender.Statuses() {
		if st.Name == name {
			return st
		}
	}
	w.t.Fatalf("no destination %s", name)
	return Status{}
}

// A rate limit is no attempt, nothing of it is in the journal, and everybody waits for as long as was asked.
func TestLater(t *testing.T) {
	s := always(destination.Outcome{Verdict: destination.Later, After: 10 * time.Minute, Reason: "status 429"})
	scripted(t, s, func(w *world) {
		ids := []string{}
		for n := range 20 {
			ids = append(ids, w.due(lead(n), "crm", 1)...)
		}
		advance(time.Second)
		if n := s.calls(); n > 4 {
			t.Errorf("%d calls, want no more than were in flight", n)
		}
		before := s.calls()
		if st := w.status("crm"); st.State != StateWaiting || st.Reason != "status 429" || st.Backlog != 20 || st.Until.Before(time.Now().Add(9*time.Minute)) {
			t.Errorf("%+v", st)
		}
		advance(9 * time.Minute)
		if n := s.calls(); n != before {
			t.Errorf("%d calls while it asked to be left alone", n-before)
		}
		// A replay does not override what the receiver asked for.
		w.fold(&journalv1.Event{Entity: lead(1), Type: "replay_requested", Payload: &journalv1.Event_ReplayRequested{
			ReplayRequested: &journalv1.ReplayRequested{WebhookId: ids[1], Destination: "crm"},
		}})
		advance(30 * time.Second)
		if n := s.calls(); n != before {
			t.Errorf("%d calls after a replay", n-before)
		}
		advance(31 * time.Second)
		if n := s.calls(); n != before+1 {
			t.Errorf("%d calls once the time is over, want one that finds out", n-before)
		}
		if len(w.appended) != 0 || w.delivery(ids[0]).Attempts != 0 {
			t.Errorf("%d entries in the journal, %+v", len(w.appended), w.delivery(ids[0]))
		}
		advance(6 * time.Minute)
		if st := w.status("crm"); !st.Alarm || strings.Count(w.log.String(), "backlog is too old") != 1 {
			t.Errorf("no alarm, or several: %+v\n%s", st, w.log)
		}
		s.answers(destination.Outcome{Verdict: destination.Done, Status: 200})
		advance(11 * time.Minute)
		for _, id := range ids {
			if d := w.delivery(id); d.State != state.Delivered || d.Attempts != 1 {
				t.Errorf("%+v", d)
			}
		}
		if st := w.status("crm"); st.State != StateOK || st.Alarm || st.Delivered != 20 || st.Backlog != 0 || !strings.Contains(w.log.String(), "worked off") {
			t.Errorf("%+v", st)
		}
	})
}

// Where nobody says for how long, the pauses grow.
func TestLaterWithoutATime(t *testing.T) {
	s := always(destination.Outcome{Verdict: destination.Later, Reason: "limit"})
	scripted(t, s, func(w *world) {
		w.due(lead(1), "crm", 1)
		advance(time.Hour)
		if n := s.calls(); n < 12 || n > 20 {
			t.Errorf("%d calls in an hour", n)
		}
		for i := 1; i < len(s.at); i++ {
			if gap := s.at[i].Sub(s.at[i-1]); gap < firstPause || gap > maxPause+time.Second {
				t.Errorf("call %d comes after %s", i, gap)
			}
		}
	})
}

// Credentials that are not accepted hold everything, with an alarm; one delivery probes; nothing counts as an attempt.
func TestOperator(t *testing.T) {
	s := always(destination.Outcome{Verdict: destination.Operator, Status: 401, Reason: "status 401: invalid_grant"})
	scripted(t, s, func(w *world) {
		var ids []string
		for n := range 50 {
			ids = append(ids, w.due(lead(n), "crm", 1)...)
		}
		advance(time.Hour)
		if n := s.calls(); n < 12 || n > 25 {
			t.Errorf("%d calls in an hour, want one that probes at most every five minutes", n)
		}
		st := w.status("crm")
		if st.State != StateOperator || st.Reason != "status 401: invalid_grant" || st.Since.Sub(w.start) > time.Second || !st.Until.After(time.Now()) || st.Backlog != 50 {
			t.Errorf("%+v", st)
		}
		if n := strings.Count(w.log.String(), "needs an operator"); n != 1 || len(w.appended) != 0 {
			t.Errorf("told %d times, %d entries in the journal", n, len(w.appended))
		}
		// It does not go away by a failure that says nothing of it.
		s.answers(destination.Outcome{Verdict: destination.Again, Sick: true, Reason: "no connection"})
		advance(5 * time.Minute)
		if st := w.status("crm"); st.State != StateOperator {
			t.Errorf("%+v", st)
		}
		s.answers(destination.Outcome{Verdict: destination.Done, Status: 200})
		if _, ok := w.sender.Check(w.t.Context(), "crm"); !ok {
			t.Error("no such destination")
		}
		advance(10 * time.Second)
		for _, id := range ids {
			if d := w.delivery(id); d.State != state.Delivered {
				t.Errorf("%+v", d)
			}
		}
		if !strings.Contains(w.log.String(), "takes deliveries again") {
			t.Errorf("nobody is told that it is mended:\n%s", w.log)
		}
	})
}

func TestNever(t *testing.T) {
	s := &script{}
	s.answer = func(_ int, job *destination.Job) destination.Outcome {
		if job.Entity == lead(1) {
			return destination.Outcome{Verdict: destination.Never, Status: 400, Reason: "status 400: INVALID_EMAIL"}
		}
		return destination.Outcome{Verdict: destination.Done}
	}
	scripted(t, s, func(w *world) {
		id, next := w.due(lead(1), "crm", 1)[0], w.due(lead(2), "crm", 1)[0]
		advance(time.Second)
		if d := w.delivery(id); d.State != state.Dead || d.Error != "status 400: INVALID_EMAIL" || d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
		if d := w.delivery(next); d.State != state.Delivered {
			t.Errorf("%+v", d)
		}
		if st := w.status("crm"); st.State != StateOK || st.Dead != 1 || st.Delivered != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// What a receiver calls what it made comes back with the next delivery; what is no id is left out.
func TestRefs(t *testing.T) {
	s := always(destination.Outcome{Verdict: destination.Done, Refs: map[string]string{"contact": "123", "empty": "", "long": strings.Repeat("x", 300)}})
	scripted(t, s, func(w *world) {
		w.due(lead(1), "crm", 2)
		advance(time.Second)
		if len(s.jobs) != 2 || len(s.jobs[0].Refs) != 0 || !maps.Equal(s.jobs[1].Refs, map[string]string{"contact": "123"}) {
			t.Errorf("%+v", s.jobs)
		}
		if got := w.appended[0].GetDelivered().GetRefs(); !maps.Equal(got, map[string]string{"contact": "123"}) {
			t.Errorf("in the journal: %v", got)
		}
	})
}

// A destination that hangs for longer than an attempt may take has failed once.
func TestAnAttemptThatTakesTooLong(t *testing.T) {
	bubbleWith(t, map[string]http.HandlerFunc{"crm": nil}, map[string]setup{"crm": {to: hangs{}}}, func(w *world) {
		id := w.due(lead(1), "crm", 1)[0]
		advance(attemptWithin + time.Second)
		if d := w.delivery(id); d.Attempts != 1 || d.State != state.Failing || !strings.Contains(d.Error, "longer than") {
			t.Errorf("%+v", d)
		}
	})
}

type hangs struct{}

func (hangs) Deliver(ctx context.Context, _ *destination.Job) destination.Outcome {
	<-ctx.Done()
	return destination.Outcome{Verdict: destination.Never, Reason: "whatever"}
}

func (w *world) pause(name string, paused bool) {
	w.fold(&journalv1.Event{Entity: "desk", Type: "destination_paused", Payload: &journalv1.Event_DestinationPaused{
		DestinationPaused: &journalv1.DestinationPaused{Destination: name, Paused: paused, By: "kim"},
	}})
}

func TestPauseAndResume(t *testing.T) {
	s := always(destination.Outcome{Verdict: destination.Done})
	scripted(t, s, func(w *world) {
		w.due(lead(1), "crm", 1)
		advance(time.Second)
		w.pause("crm", true)
		advance(time.Millisecond)
		w.due(lead(2), "crm", 1)
		advance(time.Hour)
		if st := w.status("crm"); s.calls() != 1 || st.State != StatePaused || st.PausedBy != "kim" || st.Backlog != 1 {
			t.Errorf("%d calls, %+v", s.calls(), st)
		}
		// Another process folds the desk: this one finds out when it looks.
		w.mu.Lock()
		clear(w.pauses)
		w.mu.Unlock()
		advance(lookEvery + time.Second)
		if s.calls() != 2 || w.status("crm").State != StateOK {
			t.Errorf("%d calls after it was resumed elsewhere", s.calls())
		}
		// What is paused stays so while the desk cannot be read.
		w.pause("crm", true)
		advance(time.Millisecond)
		w.mu.Lock()
		w.pausesUnknown = true
		w.mu.Unlock()
		w.due(lead(3), "crm", 1)
		advance(time.Hour)
		if s.calls() != 2 {
			t.Errorf("%d calls", s.calls())
		}
	})
}

// Before it is known what is paused, nothing is sent.
func TestPausesAreReadFirst(t *testing.T) {
	s := always(destination.Outcome{Verdict: destination.Done})
	scripted(t, s, func(w *world) {
		w.stop()
		w.mu.Lock()
		w.pausesUnknown, w.pauses["crm"] = true, Pause{Since: time.Now(), By: "kim"}
		w.mu.Unlock()
		second, err := New(Options{
			Journal: w, Store: w, Job: w.job, Paused: w.paused, Source: "routing", Now: time.Now, Log: w.sender.opt.Log,
			Destinations: []Destination{w.destination("crm", nil, setup{to: s}), w.destination("free", nil, setup{to: s})},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.sender = second
		ctx, cancel := context.WithCancel(w.t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = second.Run(ctx) }()
		w.stop = func() { cancel(); <-done }
		w.live()
		w.due(lead(1), "crm", 1)
		w.due(lead(2), "free", 1)
		advance(time.Minute)
		if s.calls() != 0 {
			t.Errorf("%d calls before it was known", s.calls())
		}
		w.mu.Lock()
		w.pausesUnknown = false
		w.mu.Unlock()
		advance(time.Minute)
		if s.calls() != 1 || w.status("crm").State != StatePaused {
			t.Errorf("%d calls", s.calls())
		}
	})
}

func TestChecks(t *testing.T) {
	s := always(destination.Outcome{Verdict: destination.Done})
	s.found = []string{"the field Baton_Id__c is missing: create it, as a unique external id"}
	scripted(t, s, func(w *world) {
		advance(time.Second)
		if st := w.status("crm"); !slices.Equal(st.Check.Problems, s.found) || st.Check.At.IsZero() || !strings.Contains(w.log.String(), "Baton_Id__c") {
			t.Errorf("%+v\n%s", st.Check, w.log)
		}
		s.mu.Lock()
		s.found, s.err = nil, errors.New("no connection")
		s.mu.Unlock()
		if c, ok := w.sender.Check(w.t.Context(), "crm"); !ok || c.Err != "no connection" || len(c.Problems) != 0 {
			t.Errorf("%+v", c)
		}
		if _, ok := w.sender.Check(w.t.Context(), "nobody"); ok {
			t.Error("a destination that is not there is checked")
		}
	})
}

// Destinations are replaced while they work: the queue stays, what is in flight ends as it began, what is gone waits.
func TestReplace(t *testing.T) {
	old, fresh := always(destination.Outcome{Verdict: destination.Operator, Reason: "status 401"}), always(destination.Outcome{Verdict: destination.Done})
	scripted(t, old, func(w *world) {
		ids := append(w.due(lead(1), "crm", 2), w.due(lead(2), "other", 1)...)
		advance(time.Minute)
		if st := w.status("other"); st.State != StateUnknown || st.Backlog != 1 {
			t.Errorf("%+v", st)
		}
		w.sender.Replace([]Destination{w.destination("crm", nil, setup{to: fresh}), w.destination("other", nil, setup{to: fresh})})
		advance(maxPause)
		for _, id := range ids {
			if d := w.delivery(id); d.State != state.Delivered {
				t.Errorf("%+v", d)
			}
		}
		if fresh.calls() != 3 {
			t.Errorf("%d calls", fresh.calls())
		}
		w.sender.Replace([]Destination{w.destination("other", nil, setup{to: fresh})})
		late := w.due(lead(3), "crm", 1)[0]
		advance(time.Hour)
		if d := w.delivery(late); d.Attempts != 0 || w.status("crm").State != StateUnknown {
			t.Errorf("%+v", d)
		}
		w.sender.Replace([]Destination{w.destination("crm", nil, setup{to: fresh})})
		advance(time.Second)
		if d := w.delivery(late); d.State != state.Delivered {
			t.Errorf("%+v", d)
		}
	})
}
