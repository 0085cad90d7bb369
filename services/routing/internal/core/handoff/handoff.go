// Package handoff holds the rules of one handoff's life: what sales may answer and when, who wins when an answer races with
// a reassignment, and the steps of the service level.
package handoff

import "time"

// Stage of a handoff.
type Stage string

// The stages. Waiting: the desk is accountable; Routed, Accepted and SQL: the rep; the others: it is over.
const (
	Waiting      Stage = "waiting"
	Routed       Stage = "routed"
	Accepted     Stage = "accepted"
	SQL          Stage = "sql"
	Recycled     Stage = "recycled"
	Disqualified Stage = "disqualified"
	Recalled     Stage = "recalled"
	Won          Stage = "won"
	Lost         Stage = "lost"
)

// What closed a handoff, where no answer of sales did.
const (
	ByMerge     = "merged"
	BySuccessor = "superseded"
	ByScoring   = "withdrawn"
)

// Considered is a rep who was passed over, and why.
type Considered struct{ Rep, Skipped string }

// Assignment is one rep's having the handoff.
type Assignment struct {
	Attempt             int
	Rep, Route, Pool    string
	At                  time.Time
	AcceptBy, ContactBy time.Time
	Considered          []Considered
	// Reason of a reassignment.
	Reason string
}

// Moment is one line of a handoff's history.
type Moment struct {
	What        string
	At          time.Time
	Rep, Reason string
}

// Handoff is one pass of one lead's epoch to sales.
type Handoff struct {
	ID          string
	Epoch       int
	Stage       Stage
	Rule, Email string
	QualifiedAt time.Time

	Account Account
	// Persona of the lead when it qualified, "" where the directory named none.
	Persona string
	// Route is the first route that matched, Fallback the one whose pool takes over where Route names a rep.
	Route, Fallback, Rep, Pool string
	Chosen

	// Attempt is the last that the desk was asked for; Asked: it has not assigned it yet.
	Attempt int
	Asked   bool
	// AskedBecause is why it was asked again.
	AskedBecause string
	// AskedPool is the pool that somebody asked for, "" for the handoff's own.
	AskedPool string
	// Wish is the request that the desk was asked for, until it was answered or somebody has the handoff; nil without one.
	Wish *Wish
	// Wishes is how many of the attempts were asked for by requests.
	Wishes int
	// Assignments, the one in force last.
	Assignments  []Assignment
	WaitingFor   []Considered
	WaitingUntil time.Time

	AcceptBy, ContactBy                      time.Time
	AcceptedAt, ContactedAt, SQLAt, ClosedAt time.Time
	// ClosedBy is the disposition that closed it, or why nobody's answer did: won, lost, merged, …
	ClosedBy, Reason, Note string
	// Steps of the service level still to come, soonest first.
	Steps   []Step
	History []Moment
	// Pinned is the running clock's, Pause what makes it stand still.
	Pinned Pinned
	Pause  Pause
	// Released: the ladder took it from the owner that it was last assigned to.
	Released bool
	// HeldUntil: it is not offered to anybody before that, and HeldBecause why; zero where it is not held.
	HeldUntil   time.Time
	HeldBecause string

	// Versions of the brief behind the first, and what will make the next.
	Versions []Version
	Pending  Version

	// Passed: it went on with its lead to the one that this lead merged into, which decides about it now.
	Passed bool
	// Adopted: it came from a lead that merged into this one.
	Adopted bool
	// Refs are what destinations call what they made of it: by destination and what it is. Copies share them: they are replaced, never
	// changed.
	Refs map[string]map[string]string
}

// Account that the lead was matched to.
type Account struct {
	ID, Name, Domain, By string
	Confidence           float64
	// Support says what else agreed. Second came second, Proposed was likely but not sure enough; nil for nobody.
	Support          []string
	Second, Proposed *Candidate
}

// Candidate is an account that the lead may belong to.
type Candidate struct {
	ID, By     string
	Confidence float64
	Support    []string
}

// Open reports whether somebody is accountable for the handoff here: a rep, or the desk.
func (h *Handoff) Open() bool { return h.ClosedAt.IsZero() && !h.Passed }

// Current gives the assignment in force, nil before the first.
func (h *Handoff) Current() *Assignment {
	if len(h.Assignments) == 0 {
		return nil
	}
	return &h.Assignments[len(h.Assignments)-1]
}

// Owner gives the rep who has the handoff, "" while it waits at the desk.
func (h *Handoff) Owner() string {
	if a := h.Current(); a != nil && !h.Released {
		return a.Rep
	}
	return ""
}

// Had gives everybody who has had the handoff, oldest first.
func (h *Handoff) Had() []string {
	var reps []string
	for i := range h.Assignments {
		reps = append(reps, h.Assignments[i].Rep)
	}
	return reps
}

// Awaits reports whether the desk's answer to an attempt is still wanted: it was asked for, and the handoff is where it was.
// An acceptance by the old owner, or an end of the handoff, withdraws the question; what the desk then assigns is given back.
func (h *Handoff) Awaits(attempt int) bool { return h.Open() && h.Asked && h.Attempt == attempt }

// Ask notes that the desk is asked for the next attempt.
func (h *Handoff) Ask(reason string) {
	h.Attempt++
	h.Asked, h.AskedBecause, h.AskedPool = true, reason, ""
}

// Assign gives the handoff to a rep.
func (h *Handoff) Assign(a Assignment) {
	h.Assignments = append(h.Assignments, a)
	h.boundConsidered()
	h.Asked, h.AskedBecause, h.AskedPool, h.Wish = false, "", "", nil
	// Who takes over accepts, contacts and confirms anew.
	h.AcceptedAt, h.ContactedAt, h.SQLAt = time.Time{}, time.Time{}, time.Time{}
	h.WaitingFor, h.WaitingUntil = nil, time.Time{}
	h.Released, h.Pinned, h.Pause = false, Pinned{}, Pause{}
	h.HeldUntil, h.HeldBecause = time.Time{}, ""
	h.Stage, h.AcceptBy, h.ContactBy = Routed, a.AcceptBy, a.ContactBy
	what := "routed"
	if len(h.Assignments) > 1 {
		what = "reassigned"
	}
	h.Record(what, a.At, a.Rep, a.Reason)
}

// maxConsidered bounds how many reps who were passed over are kept with one handoff's assignments, besides those of the latest: a pool may
// have a thousand, a handoff must fit into one message when its lead merges, and the journal has them all.
const maxConsidered = 4000

// boundConsidered forgets who was passed over for the earliest assignments.
func (h *Handoff) boundConsidered() {
	left := maxConsidered
	for i := len(h.Assignments) - 1; i >= 0; i-- {
		a := &h.Assignments[i]
		if left -= len(a.Considered); left < 0 && i < len(h.Assignments)-1 {
			a.Considered = nil
		}
	}
}

// Wait notes that nobody could take it. An owner who is in force stays so.
func (h *Handoff) Wait(at time.Time, considered []Considered, until time.Time) {
	if len(h.WaitingFor) == 0 && h.WaitingUntil.IsZero() {
		h.Record("waiting", at, "", h.AskedBecause)
	}
	h.WaitingFor, h.WaitingUntil = considered, until
}

// Close ends the handoff in a stage. by is the disposition that did it, or why nobody's did.
func (h *Handoff) Close(stage Stage, by, reason string, at time.Time) {
	h.Stage, h.ClosedBy, h.Reason, h.ClosedAt = stage, by, reason, at
	h.Asked, h.AskedBecause, h.AskedPool, h.Wish, h.Steps = false, "", "", nil, nil
	h.Pinned, h.Pause, h.HeldUntil, h.HeldBecause = Pinned{}, Pause{}, time.Time{}, ""
	h.WaitingFor, h.WaitingUntil = nil, time.Time{}
	h.Record(by, at, h.Owner(), reason)
}

// maxHistory keeps what is told of one handoff in bounds; the journal has it all.
const maxHistory = 60

// Record adds a line to the history.
func (h *Handoff) Record(what string, at time.Time, rep, reason string) {
	if len(h.History) == maxHistory {
		h.History = append(h.History[:1], h.History[2:]...)
	}
	h.History = append(h.History, Moment{What: what, At: at, Rep: rep, Reason: reason})
}
