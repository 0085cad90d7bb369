package handoff

import "strings"

// DoReassign is a request for another owner: a manager's, or of a rep who gives the handoff back.
const DoReassign = "reassign_requested"

// The roles in which another owner is asked for.
const (
	// ByAdmin may reassign everything.
	ByAdmin = "admin"
	// ByManager may reassign what is their team's, to their team's reps.
	ByManager = "manager"
	// ByRep gives back what they have.
	ByRep = "rep"
)

// Why the desk is asked for another rep by request.
const (
	BecauseManager  = "manager"
	BecauseReleased = "released"
)

// What became of a request for another owner that was not refused.
const (
	Reassigned = "reassigned"
	Queued     = "queued"
)

// Codes of refusals of requests for another owner.
const (
	NotYourTeam    = "not_your_team"
	UnknownTarget  = "unknown_target"
	NobodyEligible = "nobody_eligible"
	Withdrawn      = "withdrawn"
)

// Wish is a request for another owner while the desk looks for one.
type Wish struct {
	Request, Reason, Note string
	// Displaced: the desk was looking already, for the reason behind it; that question is put again if this one is declined.
	Displaced        bool
	DisplacedBecause string
	DisplacedPool    string
	// Answered: its sender was told that it is queued.
	Answered bool
}

// Target is where a request for another owner points to.
type Target struct {
	// Rep alone, or Pool; both are "" where the handoff's own pool is meant.
	Rep, Pool string
}

// Teams knows who belongs to whom.
type Teams interface {
	// Team gives a rep's team, "" for none.
	Team(rep string) string
	// Manages reports whether one of the names is a team's manager.
	Manages(team string, names ...string) bool
	// Target finds a rep, or else a pool, by id.
	Target(id string) (Target, bool)
	// Members gives the reps of a pool.
	Members(pool string) []string
}

// DecideWish says what becomes of a request for another owner, and changes nothing. ask reports that the desk is to be asked:
// its answer decides then, and a holds nothing.
func (h *Handoff) DecideWish(r Request, teams Teams) (a Answer, to Target, ask bool) {
	refuse := func(code, why string) (Answer, Target, bool) {
		return Answer{Refused: Refuse(code, why), Stage: h.Stage}, Target{}, false
	}
	owner := h.Owner()
	switch {
	case !h.ClosedAt.IsZero() && h.ClosedBy == ByMerge:
		return refuse(Superseded, "the lead merged into another, whose own handoff goes on")
	case !h.ClosedAt.IsZero():
		return refuse(AlreadyClosed, "the handoff is over: "+h.ClosedBy)
	case r.Assignment != 0 && (h.Current() == nil || r.Assignment != h.Current().Attempt+1):
		return refuse(TakenOver, "it was assigned anew since")
	}
	if r.Role == ByRep {
		switch {
		case strings.TrimSpace(r.Reason) == "":
			return refuse(ReasonRequired, "say why it is given back")
		case owner == "":
			return refuse(StillWaiting, "nobody has it yet: it waits at the desk")
		case !h.isOwner(r.Rep) && h.had(r.Rep):
			return refuse(TakenOver, "it went to "+owner)
		case !h.isOwner(r.Rep):
			return refuse(NotOwner, owner+" has it")
		}
		return Answer{}, Target{}, true
	}
	if r.To != "" {
		var known bool
		if to, known = teams.Target(r.To); !known {
			return refuse(UnknownTarget, "the directory has no active rep and no pool of that id")
		}
	}
	if r.Role != ByAdmin {
		if why := h.notTheirs(r, to, teams); why != "" {
			return refuse(NotYourTeam, why)
		}
	}
	switch {
	case to.Rep != "" && to.Rep == owner:
		return Answer{OK: true, Repeat: true, Stage: h.Stage}, to, false
	case to == (Target{}) && owner == "":
		return refuse(StillWaiting, "nobody has it yet: it waits at the desk already")
	}
	return Answer{}, to, true
}

// notTheirs says why a manager may not reassign the handoff there, "" if they may: it must be a rep's of a team of theirs, or
// wait at the desk for one of them, and must go to one of them.
func (h *Handoff) notTheirs(r Request, to Target, teams Teams) string {
	theirs := func(rep string) bool {
		team := teams.Team(rep)
		return team != "" && teams.Manages(team, r.By, r.Rep)
	}
	some := func(pool string) bool {
		for _, rep := range teams.Members(pool) {
			if theirs(rep) {
				return true
			}
		}
		return false
	}
	switch owner := h.Owner(); {
	case owner != "" && !theirs(owner):
		return owner + " has it, who is in no team of yours"
	case owner == "" && !some(h.Pool):
		return "it waits for reps who are in no team of yours"
	case to.Rep != "" && !theirs(to.Rep):
		return to.Rep + " is in no team of yours"
	case to.Pool != "" && !some(to.Pool):
		return "nobody in " + to.Pool + " is in a team of yours"
	}
	return ""
}

// AskFor notes that the desk is asked for a request, in a pool: "" is the handoff's own.
func (h *Handoff) AskFor(r Request, pool string) {
	w := &Wish{Request: r.ID, Reason: r.Reason, Note: r.Note, Displaced: h.Asked, DisplacedBecause: h.AskedBecause, DisplacedPool: h.AskedPool}
	if old := h.Wish; old != nil && !old.Answered {
		// A wish that has not come to its answer keeps nothing waiting, but what it displaced may.
		w.Displaced, w.DisplacedBecause, w.DisplacedPool = old.Displaced, old.DisplacedBecause, old.DisplacedPool
	}
	h.Ask(r.Because())
	h.AskedPool = pool
	h.Wishes++
	h.Wish = w
}

// Because gives the reason of a reassignment by this request: a code, and behind a colon what its sender says, if anything.
func (r Request) Because() string {
	code := BecauseManager
	if r.Role == ByRep {
		code = BecauseReleased
	}
	if r.Reason == "" {
		return code
	}
	return code + ": " + r.Reason
}

// Code gives the code of a reason, without what people said: that stays with the lead and is erased with it.
func Code(because string) string {
	code, _, _ := strings.Cut(because, ":")
	return code
}

// Decline ends the wish that the desk said no to. again reports that the question which it had displaced is to be put anew,
// for the reason given, in the pool given ("" for the handoff's own).
func (h *Handoff) Decline() (again bool, because, pool string) {
	if h.Wish == nil {
		return false, "", ""
	}
	again, because, pool = h.Wish.Displaced, h.Wish.DisplacedBecause, h.Wish.DisplacedPool
	if !again && !h.HeldUntil.IsZero() {
		// The end of the hold asks anew, and the desk has ruled on this attempt.
		h.Attempt++
		h.Wishes++
	}
	h.Asked, h.AskedBecause, h.AskedPool, h.Wish = false, "", "", nil
	return again, because, pool
}

// Reassigns counts the attempts that the service level asked for: what people ask for does not use up its own.
func (h *Handoff) Reassigns() int { return h.Attempt - h.Wishes }

// Skips puts why nobody can take a handoff into words: "bo: outside hours, cy: at capacity".
func Skips(considered []Considered) string {
	const most = 5
	var b strings.Builder
	for i, c := range considered {
		if i == most {
			b.WriteString(", …")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Rep + ": " + c.Skipped)
	}
	return b.String()
}
