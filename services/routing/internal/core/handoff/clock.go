package handoff

import (
	"cmp"
	"slices"
	"time"
)

// Clock says how time passes for a rep: as they work, or as it elapses.
type Clock interface {
	// Later gives the moment at which d has passed since start.
	Later(start time.Time, d time.Duration) time.Time
	// Passed gives how much has passed between two moments; 0 where the second is not after the first.
	Passed(from, to time.Time) time.Duration
}

// Elapsed is the clock on the wall.
type Elapsed struct{}

// Later gives the sum.
func (Elapsed) Later(start time.Time, d time.Duration) time.Time { return start.Add(d) }

// Passed gives the difference.
func (Elapsed) Passed(from, to time.Time) time.Duration { return max(0, to.Sub(from)) }

// Pinned is what a running clock keeps of the agreement under which it began. A later agreement changes nothing of it; the
// owner's calendar may, see Plan.
type Pinned struct {
	// Version of the agreement; 0: nothing is pinned, as it was before clocks were. The steps' moments then stand as they are.
	Version int32
	// Working: in the owner's working time.
	Working bool
	// Within is what was promised, and MaxReassigns how often the ladder may reassign.
	Within       time.Duration
	MaxReassigns int
	// Spent had passed at SpentAt; before that moment the clock stands still.
	Spent   time.Duration
	SpentAt time.Time
	// Look is when to plan anew at the latest, zero for only when a step is due.
	Look time.Time
}

// Pause is a stretch in which a handoff's clock stands still.
type Pause struct {
	// Since and Until bound it; a zero Until is no pause.
	Since, Until time.Time
	Reason, By   string
	// For is how long the pauses of this owner before it were, together.
	For time.Duration
}

// lookAtLeast is how far apart two looks at a calendar are at least. A holiday that is entered is seen whenever a step would
// be due; a moment that moves earlier, because a holiday is struck out, is seen at the next look.
const lookAtLeast = 4 * time.Hour

// Plan lets the clock run up to now, by the calendar as it stands, and sets the moment of each step that is left from what
// it still needs: a holiday entered since then counts, and what has passed stays passed. A step whose time has come is due,
// and none that is off the list comes back. It does nothing where no pinned clock runs.
func (h *Handoff) Plan(now time.Time, clock Clock) {
	if h.Pinned.Version == 0 || len(h.Steps) == 0 || !h.Open() {
		return
	}
	p := &h.Pinned
	if now.After(p.SpentAt) {
		p.Spent += clock.Passed(p.SpentAt, now)
		p.SpentAt = now
	}
	h.Steps = slices.Clone(h.Steps)
	for i := range h.Steps {
		s := &h.Steps[i]
		if left := s.After - p.Spent; left > 0 {
			s.At = clock.Later(p.SpentAt, left)
		} else if s.At.After(p.SpentAt) {
			s.At = p.SpentAt
		}
	}
	sortSteps(h.Steps)
	if by := h.dueBy(clock); !by.IsZero() {
		if h.Stage == Routed {
			h.AcceptBy = by
		} else {
			h.ContactBy = by
		}
	}
	p.Look = time.Time{}
	if p.Working {
		// Working time passes no faster than time does: nothing can be due before that.
		if look := p.SpentAt.Add(max(lookAtLeast, h.Steps[0].After-p.Spent)); look.Before(h.Steps[0].At) {
			p.Look = look
		}
	}
}

// dueBy gives the moment of the promise, zero once it has passed.
func (h *Handoff) dueBy(clock Clock) time.Time {
	if left := h.Pinned.Within - h.Pinned.Spent; left > 0 {
		return clock.Later(h.Pinned.SpentAt, left)
	}
	return time.Time{}
}

// Start pins a clock that begins with steps.
func (h *Handoff) Start(p Pinned, at time.Time, steps []Step, clock Clock) {
	p.Spent, p.SpentAt = 0, at
	h.Pinned, h.Steps, h.Pause = p, steps, Pause{}
	h.Plan(at, clock)
}

// adopt pins a clock that began before clocks were pinned: it has what its steps' moments leave of it.
func (h *Handoff) adopt(p Pinned, now time.Time, clock Clock) {
	if h.Pinned.Version != 0 {
		return
	}
	p.Spent, p.SpentAt = 0, now
	h.Steps = slices.Clone(h.Steps)
	for i := range h.Steps {
		s := &h.Steps[i]
		s.After = clock.Passed(now, s.At)
		if s.Action == Breach {
			p.Within = s.After
		}
	}
	h.Pinned = p
}

// Pausing makes the clock stand still from at until a moment. p is what a clock that is not pinned yet is pinned to.
func (h *Handoff) Pausing(at, until time.Time, reason, by string, p Pinned, clock Clock) {
	h.adopt(p, at, clock)
	if h.Ended(at) {
		h.Resuming(at, clock)
	}
	if h.Pause.Until.IsZero() {
		h.Plan(at, clock)
		h.Pause.Since = at
	}
	h.Pause.Until, h.Pause.Reason, h.Pause.By = until, reason, by
	h.Pinned.SpentAt = until
	h.Plan(at, clock)
	h.Record(DoPause, at, h.Owner(), reason)
}

// Resuming lets the clock go on.
func (h *Handoff) Resuming(at time.Time, clock Clock) {
	if h.Pause.Until.IsZero() {
		return
	}
	end := h.Pause.Until
	if at.Before(end) {
		end = at
	}
	h.Pause = Pause{For: h.Pause.For + max(0, end.Sub(h.Pause.Since))}
	if end.Before(h.Pinned.SpentAt) {
		h.Pinned.SpentAt = end
	}
	h.Plan(at, clock)
	h.Record(DoResume, at, h.Owner(), "")
}

// Ended reports whether a pause has come to its end.
func (h *Handoff) Ended(now time.Time) bool {
	return h.Open() && !h.Pause.Until.IsZero() && !h.Pause.Until.After(now)
}

// Next gives the moment at which the handoff's clock must be looked at, zero for never.
func (h *Handoff) Next() time.Time {
	next := h.NextStep()
	if next.IsZero() {
		return next
	}
	for _, t := range []time.Time{h.Pinned.Look, h.Pause.Until} {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	return next
}

// Release takes the handoff from its owner: it is the desk's again. A wish that is not answered yet was for while the owner had
// it: should it be declined, the desk has to look for somebody all the same.
func (h *Handoff) Release() {
	if h.Wish != nil && !h.Wish.Answered && !h.Wish.Displaced {
		w := *h.Wish
		w.Displaced, w.DisplacedBecause = true, Overflow
		h.Wish = &w
	}
	h.Released, h.Stage, h.Steps, h.Pinned, h.Pause = true, Waiting, nil, Pinned{}, Pause{}
	h.AcceptBy, h.ContactBy = time.Time{}, time.Time{}
}

// sortSteps puts steps in order of time, and of what must have run before them. At the same moment the breach comes first,
// then the ladder's own order.
func sortSteps(steps []Step) {
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.After, b.After))
	})
}
