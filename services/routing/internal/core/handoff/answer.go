package handoff

import (
	"strings"
	"time"
)

// The dispositions: what sales may answer.
const (
	DoAccept     = "accepted"
	DoReject     = "rejected"
	DoContact    = "contacted"
	DoRecycle    = "recycled"
	DoDisqualify = "disqualified"
	DoSQL        = "sql"
)

// Request is one answer of sales. Rep is "" where the sender does not say who: it is then the owner's.
type Request struct {
	ID, Do       string
	Rep          string
	Reason, Note string
	At           time.Time
	// Assignment that it answers, counted from 1; 0 is whichever is in force.
	Assignment int
	// Until is when a pause shall end, By the name of the token that asked for it, or for another owner.
	Until time.Time
	By    string
	// To, Force and Role are those of a request for another owner; see Wish.
	To    string
	Force bool
	Role  string
}

// Reasons are those of the agreement in force.
type Reasons interface {
	// Reject says whether a reject reason is known, and whether marketing can mend what it names.
	Reject(reason string) (fixable, known bool)
	// Recycle says whether a recycle reason is known, and when and on what the lead wakes.
	Recycle(reason string) (wakeAfter time.Duration, wakeOn string, known bool)
}

// Answer is what becomes of a request.
type Answer struct {
	// OK: it took effect, or had already (Repeat).
	OK, Repeat bool
	// Refused says why not: a code, a colon, and the reason for people.
	Refused string
	// Stage of the handoff afterwards.
	Stage  Stage
	WakeAt time.Time
	WakeOn string
}

// Codes of refusals, which others tell apart.
const (
	UnknownHandoff  = "unknown_handoff"
	AlreadyClosed   = "already_closed"
	StillWaiting    = "waiting"
	TakenOver       = "taken_over"
	NotOwner        = "not_owner"
	NotAccepted     = "not_accepted"
	AlreadyAccepted = "already_accepted"
	ReasonRequired  = "reason_required"
	UnknownReason   = "unknown_reason"
	Superseded      = "superseded"
	NotUnderstood   = "not_understood"
	TooManyWait     = "too_many_wait"
)

// Refuse joins a code and a reason.
func Refuse(code, why string) string { return code + ": " + why }

// wakeOnEngagement wakes a lead with the next thing it does.
const wakeOnEngagement = "engagement"

// Decide says what becomes of a request, and changes nothing. A handoff is accepted, rejected and so on by the rep who has
// it at this very point of the journal: whoever is too late learns why.
func (h *Handoff) Decide(r Request, reasons Reasons) Answer {
	refuse := func(code, why string) Answer { return Answer{Refused: Refuse(code, why), Stage: h.Stage} }
	if !h.ClosedAt.IsZero() {
		if r.Do == h.ClosedBy && h.isOwner(r.Rep) && (r.Reason == h.Reason || r.Reason == "") {
			return Answer{OK: true, Repeat: true, Stage: h.Stage}
		}
		if h.ClosedBy == ByMerge {
			return refuse(Superseded, "the lead merged into another, whose own handoff goes on")
		}
		return refuse(AlreadyClosed, "the handoff is over: "+h.ClosedBy)
	}
	owner := h.Owner()
	switch {
	case owner == "":
		return refuse(StillWaiting, "nobody has it yet: it waits at the desk")
	case h.isOwner(r.Rep) && r.Assignment != 0 && r.Assignment != h.Current().Attempt+1:
		return refuse(TakenOver, "it was assigned anew since")
	case h.isOwner(r.Rep):
	case h.had(r.Rep):
		return refuse(TakenOver, "it went to "+owner)
	default:
		return refuse(NotOwner, owner+" has it")
	}
	accepted := h.Stage != Routed
	switch r.Do {
	case DoAccept:
		if accepted {
			return Answer{OK: true, Repeat: true, Stage: h.Stage}
		}
		return Answer{OK: true, Stage: Accepted}
	case DoContact:
		if !accepted {
			return refuse(NotAccepted, "the handoff must be accepted first")
		}
		return Answer{OK: true, Repeat: !h.ContactedAt.IsZero(), Stage: h.Stage}
	case DoSQL:
		if !accepted {
			return refuse(NotAccepted, "the handoff must be accepted first")
		}
		return Answer{OK: true, Repeat: h.Stage == SQL, Stage: SQL}
	case DoReject:
		if accepted {
			return refuse(AlreadyAccepted, "recycle or disqualify it instead")
		}
		fixable, known := reasons.Reject(r.Reason)
		if code, why := checkReason(r.Reason, known); code != "" {
			return refuse(code, why)
		}
		if fixable {
			return Answer{OK: true, Stage: Recycled, WakeOn: wakeOnEngagement}
		}
		return Answer{OK: true, Stage: Disqualified}
	case DoRecycle:
		if !accepted {
			return refuse(NotAccepted, "accept the handoff first, or reject it")
		}
		after, on, known := reasons.Recycle(r.Reason)
		if code, why := checkReason(r.Reason, known); code != "" {
			return refuse(code, why)
		}
		a := Answer{OK: true, Stage: Recycled, WakeOn: on}
		if after > 0 {
			a.WakeAt = r.At.Add(after)
		}
		return a
	case DoDisqualify:
		_, known := reasons.Reject(r.Reason)
		if code, why := checkReason(r.Reason, known); code != "" {
			return refuse(code, why)
		}
		return Answer{OK: true, Stage: Disqualified}
	}
	return refuse(NotUnderstood, "no such disposition")
}

func checkReason(reason string, known bool) (code, why string) {
	switch {
	case strings.TrimSpace(reason) == "":
		return ReasonRequired, "a reason is required: one of the agreement's"
	case !known:
		return UnknownReason, "the agreement has no such reason"
	}
	return "", ""
}

func (h *Handoff) isOwner(rep string) bool { return rep == "" || rep == h.Owner() }

func (h *Handoff) had(rep string) bool {
	for i := range h.Assignments {
		if h.Assignments[i].Rep == rep {
			return true
		}
	}
	return false
}

// Effect is what an answer that took effect does; it comes from the journal, so it is done as it was decided.
type Effect struct {
	Do     string
	Stage  Stage
	Rep    string
	Reason string
	Note   string
	At     time.Time
}

// Apply lets an answer take effect. started says that the handoff was accepted with it: the contact clock begins.
func (h *Handoff) Apply(e Effect) (started bool) {
	if !h.ClosedAt.IsZero() {
		return false
	}
	if e.Note != "" {
		h.Note = e.Note
	}
	switch e.Stage {
	case Recycled, Disqualified:
		h.Close(e.Stage, e.Do, e.Reason, e.At)
		return false
	}
	switch e.Do {
	case DoAccept:
		if h.Stage != Routed {
			return false
		}
		// Accepting withdraws a question for another rep, too.
		h.Asked, h.AskedBecause, h.AskedPool, h.Wish = false, "", "", nil
		h.WaitingFor, h.WaitingUntil = nil, time.Time{}
		h.Stage, h.AcceptedAt, h.Steps = Accepted, e.At, nil
		h.Pinned, h.Pause = Pinned{}, Pause{}
		started = true
	case DoContact:
		if !h.ContactedAt.IsZero() {
			return false
		}
		h.ContactedAt, h.Steps = e.At, nil
		h.Pinned, h.Pause = Pinned{}, Pause{}
	case DoSQL:
		if h.Stage == SQL {
			return false
		}
		h.Stage, h.SQLAt, h.Steps = SQL, e.At, nil
		h.Pinned, h.Pause = Pinned{}, Pause{}
	}
	h.Record(e.Do, e.At, e.Rep, e.Reason)
	return started
}

// GivesBack reports whether a rejection for a reason says that the lead should not have been handed over at all, so that the
// rep's turn is given back. Reasons may be followed by a finer one behind a slash.
func GivesBack(reason string) bool {
	id, _, _ := strings.Cut(reason, "/")
	switch id {
	case "bad-data", "bad-fit", "no-fit", "duplicate":
		return true
	}
	return false
}

// Held is a request about a handoff that its lead has not passed on to this one yet.
type Held struct {
	Handoff string
	// Source that it came from.
	Source string
	Request
}
