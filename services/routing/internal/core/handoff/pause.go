package handoff

import (
	"fmt"
	"time"
)

// What a rep or a manager asks about a handoff's clocks; they are answered like dispositions.
const (
	DoPause  = "paused"
	DoResume = "resumed"
)

// Codes of refusals to pause and to resume.
const (
	NoClock    = "no_clock"
	NotAllowed = "not_allowed"
	TooLong    = "too_long"
	NotFuture  = "not_future"
	NotPaused  = "not_paused"
)

// maxPause is how long anybody may pause a handoff; who wants it to rest for longer recycles it.
const maxPause = 366 * 24 * time.Hour

// DecidePause says what becomes of a request about the clock, and changes nothing. A request without a rep is a manager's. atMost is how long the agreement lets its
// owner pause a handoff, all pauses together; 0: only managers may.
func (h *Handoff) DecidePause(r Request, atMost time.Duration) Answer {
	refuse := func(code, why string) Answer { return Answer{Refused: Refuse(code, why), Stage: h.Stage} }
	owner := h.Owner()
	switch {
	case h.ClosedBy == ByMerge && !h.ClosedAt.IsZero():
		return refuse(Superseded, "the lead merged into another, whose own handoff goes on")
	case !h.ClosedAt.IsZero():
		return refuse(AlreadyClosed, "the handoff is over: "+h.ClosedBy)
	case owner == "":
		return refuse(StillWaiting, "nobody has it yet, and no clock runs")
	case !h.isOwner(r.Rep) && h.had(r.Rep):
		return refuse(TakenOver, "it went to "+owner)
	case !h.isOwner(r.Rep):
		return refuse(NotOwner, owner+" has it")
	}
	paused := !h.Pause.Until.IsZero()
	switch r.Do {
	case DoResume:
		if !paused {
			return refuse(NotPaused, "its clock is not paused")
		}
		return Answer{OK: true, Stage: h.Stage}
	case DoPause:
	default:
		return refuse(NotUnderstood, "no such request")
	}
	since, length := r.At, r.Until.Sub(r.At)
	if paused {
		since = h.Pause.Since
	}
	total := h.Pause.For + r.Until.Sub(since)
	switch {
	case len(h.Steps) == 0:
		return refuse(NoClock, "no clock runs")
	case length <= 0:
		return refuse(NotFuture, "until must lie in the future")
	case length > maxPause:
		return refuse(TooLong, "nobody may pause it for longer than a year: recycle it")
	case r.Rep != "" && atMost == 0:
		return refuse(NotAllowed, "the agreement lets only managers pause a handoff")
	case r.Rep != "" && total > atMost:
		return refuse(TooLong, fmt.Sprintf("the agreement lets its owner pause it for %.4g hours in all, and this would make %.4g", atMost.Hours(), total.Hours()))
	}
	return Answer{OK: true, Repeat: paused && h.Pause.Until.Equal(r.Until), Stage: h.Stage}
}
