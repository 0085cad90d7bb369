package dryrun

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// The directory in force, played over a journal from its beginning, gives what happened there: the same reps at the same times,
// those who took over, and the same desk in the end.
func TestASimulationOfTheDirectoryInForceIsWhatHappened(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, drawDirectory(t))
		w.live(t, rapid.IntRange(1, 40).Draw(t, "steps"), nil)
		opt := Options{Logic: w.logic, Scan: w.scan, InForce: w.version(w.text), Proposed: w.version(w.text), From: start, To: w.Now.Add(time.Nanosecond), Answers: true}
		s := newSide(&opt, opt.InForce)
		for _, ev := range w.Log {
			if relevant(w.logic, &ev.Head) {
				if err := s.take(ev); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.end(); err != nil {
			t.Fatal(err)
		}
		reassigned := 0
		for _, ev := range w.Facts("reassigned") {
			reassigned += min(1, len(ev.Body.GetReassigned().GetHandoffId()))
		}
		passes := 0
		for _, n := range s.passes {
			passes += n
		}
		if passes != reassigned {
			t.Fatalf("%d took over, really %d", passes, reassigned)
		}
		for _, r := range s.order {
			h := fold.LeadOf(w.Entity(fold.Service, r.lead)).Handoff(r.handoff)
			if (r.first == nil) != (len(h.Assignments) == 0) {
				t.Fatalf("%s: %+v, really %+v", r.handoff, r.first, h.Assignments)
			}
			if r.first != nil {
				if a := h.Assignments[0]; a.Rep != r.first.Rep || a.Route != r.first.Route || a.Pool != r.first.Pool || !a.At.Equal(r.first.At) {
					t.Fatalf("%s: %+v, really %+v", r.handoff, r.first, a)
				}
			}
		}
		got, really := fold.DeskOf(s.members[identity.Desk].entity), fold.DeskOf(w.Entity(fold.Service, identity.Desk))
		if !reflect.DeepEqual(got.Pools, really.Pools) || !reflect.DeepEqual(got.Hands, really.Hands) || len(got.Queue) != len(really.Queue) {
			t.Fatalf("the desk ends as\n%+v\nreally\n%+v", got, really)
		}
	})
}

// From a later moment on it comes close: what came before is taken in as it was recorded.
func TestASimulationBeginsWhereThePastEnds(t *testing.T) {
	really, reproduced := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, drawDirectory(t))
		w.live(t, rapid.IntRange(5, 25).Draw(t, "before"), nil)
		from := w.Now.Add(time.Nanosecond)
		w.Advance(from.Add(time.Minute))
		w.live(t, rapid.IntRange(1, 25).Draw(t, "steps"), nil)
		r := w.simulate(w.text, from, w.Now.Add(time.Nanosecond), true)
		if r.InForce != r.Proposed && !reflect.DeepEqual(r.InForce, r.Proposed) || len(r.Differences)+len(r.Moves) > 0 {
			t.Fatalf("a directory differs from itself: %+v", r)
		}
		if r.InForce.Assigned+r.InForce.NeverAssigned+r.InForce.Withdrawn != r.Handoffs {
			t.Fatalf("somebody is missing: %+v", r.InForce)
		}
		really, reproduced = really+r.Really, reproduced+r.Reproduced
	})
	// Handoffs that were open when the stretch began are followed as they were recorded, which is not in all cases the same.
	t.Logf("%d of %d are as they really were", reproduced, really)
	if reproduced*100 < really*97 {
		t.Errorf("%d of %d are as they really were", reproduced, really)
	}
}

func TestTwoSimulationsAreEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, drawDirectory(t))
		w.live(t, rapid.IntRange(1, 30).Draw(t, "steps"), nil)
		other, answers := drawDirectory(t), rapid.Bool().Draw(t, "answers")
		from, to := start.Add(time.Hour), w.Now
		if !from.Before(to) {
			return
		}
		if a, b := w.simulate(other, from, to, answers), w.simulate(other, from, to, answers); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
}
