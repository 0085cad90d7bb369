// Package agreement reads the agreement: the definition of a good lead that marketing and sales share and sign. It gives
// the text's meaning as plain values, checked field by field. Expressions are kept as text: whoever evaluates them
// compiles them.
package agreement

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Limits of one agreement. They are far beyond what people can agree on and keep a hostile text cheap to refuse.
const (
	// MaxBytes is the largest text that is looked at.
	MaxBytes = 1 << 20
	// MaxRules is the most entries of any one list.
	MaxRules = 1000
	// MaxExpression is the longest expression, in bytes.
	MaxExpression = 4096
	// MaxConditions is how long all expressions may be together, in bytes. Compiling the worst takes some 25 microseconds a
	// byte; what people write is a tenth of this.
	MaxConditions = 64 << 10
	// MaxPoints bounds a rule's points, both ways.
	MaxPoints = 1000
	// MaxScores is how many scores there may be beside the main one.
	MaxScores = 20
	// MaxDuration is the longest span any field may state.
	MaxDuration = 3660 * 24 * time.Hour
)

// Roles that must both have signed before an agreement may be in force.
const (
	RoleMarketing = "marketing"
	RoleSales     = "sales"
)

// WakeOnEngagement wakes a recycled lead with the next thing it does.
const WakeOnEngagement = "engagement"

// Micros are points in millionths: what scores are added up in, exactly.
type Micros int64

// Point is one point in micro-points.
const Point Micros = 1_000_000

// Agreement is one text's meaning. All fields are checked and all defaults filled in.
type Agreement struct {
	Name string
	// HalfLife of rules that state none of their own; 0 is no decay.
	HalfLife time.Duration
	// Timeframe of rules that state none of their own; 0 is none: events count however old they are.
	Timeframe time.Duration
	// Groups and Scores that rules may name, in the order of the text.
	Groups     []Group
	Scores     []Score
	Engagement []EngagementRule
	Fit        []FitRule
	Grades     Grades
	Qualify    []QualifyRule
	Disqualify []DisqualifyRule
	SLA        SLA
	Handover   Handover
	Outreach   Outreach
	// RejectReasons and RecycleReasons are what sales may answer with, in the order of the text.
	RejectReasons  []RejectReason
	RecycleReasons []RecycleReason
	Goals          []Goal
	Signatures     []Signature
}

// EngagementRule gives points for what a lead does.
type EngagementRule struct {
	ID string
	// On lists the event types that it looks at, at least one.
	On []string
	// When is an expression, "" for always.
	When   string
	Points Micros
	// HalfLife in force for the rule: its own, or else the agreement's. 0 is no decay.
	HalfLife time.Duration
	// Cap limits how many events count in one UTC bucket; the zero Cap is none.
	Cap Cap
	// Timeframe in force for the rule: its own, or else the agreement's. An event counts until it is that old; 0 is for good.
	Timeframe time.Duration
	// Limit bounds what the rule's events give together, after decay and both ways; 0 is none.
	Limit Micros
	// Group whose limit the rule counts under, and Score that it counts for; "" is none, and the main one.
	Group, Score string
	Because      string
	// Line of the text on which the rule starts, for errors found later.
	Line int
}

// Cap counts the earliest Count events of each bucket of length Per. Buckets are UTC and start at multiples of Per since
// 1970-01-01.
type Cap struct {
	Count int
	Per   time.Duration
}

// Group bounds what its rules give together, after the limit of each and both ways. All of them count for one score.
type Group struct {
	ID    string
	Limit Micros
	Line  int
}

// Score is one beside the main one, such as a product line's: 0 to 100 points, from the rules that name it. Expressions know
// it as scores.ID.
type Score struct {
	ID   string
	Line int
}

// FitRule gives points for what a lead is.
type FitRule struct {
	ID      string
	When    string
	Points  Micros
	Because string
	Line    int
}

// Grades are the least fit, in points, of grades a, b and c; below is d.
type Grades struct{ A, B, C Micros }

// QualifyRule says when a lead is ready for sales.
type QualifyRule struct {
	ID string
	// On lists the event types on which it is looked at; empty means any event and any timer.
	On []string
	// When is an expression, "" for always (only with On). Of a rule with a matrix it says what the matrix does.
	When string
	// Matrix as it was written, in the order of the grades; nil where When was.
	Matrix []Cell
	Line   int
}

// Cell of a matrix: a lead of a grade qualifies from this engagement on.
type Cell struct {
	Grade      string
	Engagement Micros
}

// DisqualifyRule keeps a lead from qualifying while its condition holds.
type DisqualifyRule struct {
	ID, When, Because string
	Line              int
}

// Clocks of the SLA.
const (
	// ClockWorking runs in the owner's working hours only.
	ClockWorking = "working"
	// ClockElapsed always runs.
	ClockElapsed = "elapsed"
)

// SLA is what sales promises.
type SLA struct {
	// AcceptWithin and ContactWithin are 0 where nothing is promised.
	AcceptWithin  time.Duration
	ContactWithin time.Duration
	Clock         string
	// Ladder has ascending steps.
	Ladder []Step
	// ContactLadder is the contact clock's own, where OwnContactLadder says so: it may be empty. Without one that clock takes
	// the steps of Ladder that tell somebody.
	ContactLadder    []Step
	OwnContactLadder bool
	MaxReassigns     int
	Pause            Pause
}

// Who a step of the ladder tells.
const (
	NotifyRep     = "rep"
	NotifyManager = "manager"
)

// Step is what happens once part of the time allowed has passed, or a stretch of it.
type Step struct {
	// At in percent, 100 being the moment of the breach; 0 where After is stated.
	At int
	// After a stretch of the clock's time; 0 where At is stated.
	After time.Duration
	// Notify is NotifyRep, NotifyManager or "".
	Notify   string
	Reassign bool
	// Overflow takes it from its owner and puts it back into the desk's queue.
	Overflow bool
}

// RejectReason is an answer of sales to a handoff.
type RejectReason struct {
	ID string
	// FixableBy is the role that can mend it: the lead is recycled. "" means that nobody can: it is disqualified.
	FixableBy string
	// Sub are finer reasons.
	Sub []string
}

// RecycleReason sends a lead back to marketing until its wake condition holds. Where the text states none, the lead's next
// engagement wakes it.
type RecycleReason struct {
	ID string
	// WakeAfter is 0 where no time is stated.
	WakeAfter time.Duration
	// WakeOn is WakeOnEngagement or "".
	WakeOn string
}

// Goal is a shared target.
type Goal struct {
	ID, Metric string
	Target     float64
	Window     time.Duration
}

// Signature says that a role's person has agreed to the text.
type Signature struct{ Role, By string }

// Hash gives the SHA-256 of a text, in hex: what is signed, and what tells one text from another.
func Hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Signed reports whether marketing and sales have both signed in the text itself.
func (a *Agreement) Signed() bool {
	var marketing, sales bool
	for _, s := range a.Signatures {
		marketing = marketing || s.Role == RoleMarketing
		sales = sales || s.Role == RoleSales
	}
	return marketing && sales
}

// RejectReason gives the reject reason with an id. A sub-reason is written id/sub.
func (a *Agreement) RejectReason(id string) (RejectReason, bool) {
	for _, r := range a.RejectReasons {
		if r.ID == id {
			return r, true
		}
		for _, sub := range r.Sub {
			if r.ID+"/"+sub == id {
				return r, true
			}
		}
	}
	return RejectReason{}, false
}

// RecycleReason gives the recycle reason with an id.
func (a *Agreement) RecycleReason(id string) (RecycleReason, bool) {
	for _, r := range a.RecycleReasons {
		if r.ID == id {
			return r, true
		}
	}
	return RecycleReason{}, false
}
