package handoff

import (
	"slices"
	"time"
)

// Clocks of the service level.
const (
	AcceptClock  = "accept"
	ContactClock = "contact"
)

// What a step does.
const (
	NotifyRep     = "rep"
	NotifyManager = "manager"
	Reassign      = "reassign"
	Overflow      = "overflow"
	Breach        = "breach"
)

// Step is a moment at which something must be done unless the rep answers before it.
type Step struct {
	At     time.Time
	Clock  string
	Action string
	// Number of the step in the ladder, from 0; -1 for the breach itself.
	Number int
	// After is how much of the clock must have run; 0 where only the moment is known.
	After time.Duration
}

// Rung is one step of the agreement's ladder: at Percent of the time allowed, or, where that is 0, After a stretch of it.
type Rung struct {
	Percent  int
	After    time.Duration
	Notify   string
	Reassign bool
	Overflow bool
}

func (r Rung) of(within time.Duration) time.Duration {
	if r.Percent == 0 {
		return r.After
	}
	return within/100*time.Duration(r.Percent) + within%100*time.Duration(r.Percent)/100
}

// Promise is what the agreement promises about a handoff; a zero duration is no promise.
type Promise struct {
	Accept, Contact time.Duration
	Ladder          []Rung
	// ContactLadder is the contact clock's own, if OwnContactLadder; without one it takes those of Ladder that tell somebody.
	ContactLadder    []Rung
	OwnContactLadder bool
	MaxReassigns     int
}

// Later gives the moment at which a duration of the promise's clock has passed since a start: the owner's working time, or
// elapsed time.
type Later func(start time.Time, d time.Duration) time.Time

// AcceptSteps begins the accept clock. The ladder's steps and the breach come in order of time; at the same moment the
// breach comes first.
func (p Promise) AcceptSteps(start time.Time, later Later) (by time.Time, steps []Step) {
	return plan(AcceptClock, p.Accept, p.Ladder, start, later)
}

// ContactSteps begins the contact clock, which reassigns nothing: who has accepted keeps it.
func (p Promise) ContactSteps(start time.Time, later Later) (by time.Time, steps []Step) {
	ladder := p.Ladder
	if p.OwnContactLadder {
		ladder = p.ContactLadder
	}
	return plan(ContactClock, p.Contact, ladder, start, later)
}

func plan(clock string, within time.Duration, ladder []Rung, start time.Time, later Later) (by time.Time, steps []Step) {
	if within <= 0 {
		return time.Time{}, nil
	}
	by = later(start, within)
	steps = append(steps, Step{At: by, Clock: clock, Action: Breach, Number: -1, After: within})
	for i, r := range ladder {
		after := r.of(within)
		at := later(start, after)
		if r.Notify != "" {
			steps = append(steps, Step{At: at, Clock: clock, Action: r.Notify, Number: i, After: after})
		}
		if r.Reassign && clock == AcceptClock {
			steps = append(steps, Step{At: at, Clock: clock, Action: Reassign, Number: i, After: after})
		}
		if r.Overflow && clock == AcceptClock {
			steps = append(steps, Step{At: at, Clock: clock, Action: Overflow, Number: i, After: after})
		}
	}
	sortSteps(steps)
	return by, steps
}

// Due gives the steps that are due at a moment, soonest first.
func (h *Handoff) Due(now time.Time) []Step {
	if !h.Open() {
		return nil
	}
	for i, s := range h.Steps {
		if s.At.After(now) {
			return h.Steps[:i]
		}
	}
	return h.Steps
}

// Done takes a step off the list.
func (h *Handoff) Done(clock, action string, number int) {
	h.Steps = slices.DeleteFunc(slices.Clone(h.Steps), func(s Step) bool {
		return s.Clock == clock && s.Action == action && s.Number == number
	})
}

// NextStep gives the moment of the next step, zero if there is none.
func (h *Handoff) NextStep() time.Time {
	if !h.Open() || len(h.Steps) == 0 {
		return time.Time{}
	}
	return h.Steps[0].At
}
