package core

import (
	"fmt"
	"strings"
	"unicode"
)

// Disposition is what sales answers to a handoff: a request, until routing has decided whether it takes effect. Its values
// are the types of the journal's events.
type Disposition string

// The dispositions; Qualify confirms a lead after contact, which makes it an SQL.
const (
	Accept     Disposition = "accepted"
	Reject     Disposition = "rejected"
	Contact    Disposition = "contacted"
	Recycle    Disposition = "recycled"
	Disqualify Disposition = "disqualified"
	Qualify    Disposition = "sql"
	// Reassign asks for another owner.
	Reassign Disposition = "reassign_requested"
)

// NeedsReason reports whether the disposition ends a handoff early, which marketing must be able to learn from.
func (d Disposition) NeedsReason() bool { return d == Reject || d == Recycle || d == Disqualify }

// Limits of what a request may carry, in bytes.
const (
	MaxReason    = 100
	MaxNote      = 4000
	MaxRequestID = 100
	MaxRep       = 100
)

// Request is a disposition as it was sent.
type Request struct {
	Disposition Disposition
	Reason      string
	Note        string
	RequestID   string
	Rep         string
}

// Problem is what is wrong with one field of a request.
type Problem struct{ Field, Reason string }

// Check gives everything that is wrong with a request, nil if nothing is. Whether the agreement knows the reason is
// routing's to say: it knows which version of the agreement the handoff is under.
func (r *Request) Check() []Problem {
	var ps []Problem
	if r.Disposition.NeedsReason() && strings.TrimSpace(r.Reason) == "" {
		ps = append(ps, Problem{"reason", "is required: one of the agreement's reasons"})
	}
	for _, f := range []struct {
		name, value string
		limit       int
	}{{"reason", r.Reason, MaxReason}, {"request_id", r.RequestID, MaxRequestID}, {"rep", r.Rep, MaxRep}} {
		if len(f.value) > f.limit {
			ps = append(ps, Problem{f.name, fmt.Sprintf("is longer than %d bytes", f.limit)})
		} else if strings.ContainsFunc(f.value, unicode.IsControl) {
			ps = append(ps, Problem{f.name, "contains control characters"})
		}
	}
	if len(r.Note) > MaxNote {
		ps = append(ps, Problem{"note", fmt.Sprintf("is longer than %d bytes", MaxNote)})
	}
	return ps
}

// Refusal is why a request did not take effect.
type Refusal struct {
	// Code is routing's short code; Detail is what it adds for a human, possibly nothing.
	Code, Detail string
}

// The refusals that are told apart; others may come and are conflicts.
const (
	UnknownHandoff = "unknown_handoff"
	NotOwner       = "not_owner"
	AlreadyClosed  = "already_closed"
	ReasonRequired = "reason_required"
	UnknownReason  = "unknown_reason"
	NotAccepted    = "not_accepted"
	Superseded     = "superseded"
	UnknownTarget  = "unknown_target"
	NotYourTeam    = "not_your_team"
	NobodyEligible = "nobody_eligible"
)

// ParseRefusal reads `code` or `code: detail`.
func ParseRefusal(s string) Refusal {
	code, detail, _ := strings.Cut(s, ":")
	return Refusal{Code: strings.TrimSpace(code), Detail: strings.TrimSpace(detail)}
}

// Says gives the refusal in words, for the rep who is told no.
func (r Refusal) Says() string {
	if r.Detail != "" {
		return r.Detail
	}
	switch r.Code {
	case UnknownHandoff:
		return "there is no such handoff"
	case NotOwner:
		return "the handoff belongs to another rep"
	case AlreadyClosed:
		return "the handoff is over"
	case ReasonRequired:
		return "a reason is required"
	case UnknownReason:
		return "the agreement has no such reason"
	case NotAccepted:
		return "the handoff must be accepted first"
	case UnknownTarget:
		return "the directory has no such rep or pool"
	case NotYourTeam:
		return "it is not your team's"
	case NobodyEligible:
		return "nobody can take it"
	case Superseded:
		return "the lead merged into another, whose own handoff goes on"
	}
	return "the request did not take effect"
}

// CheckWord gives what is wrong with a name or short text of a request, nil if nothing is.
func CheckWord(field, value string) *Problem {
	if len(value) > MaxReason {
		return &Problem{field, fmt.Sprintf("is longer than %d bytes", MaxReason)}
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return &Problem{field, "contains control characters"}
	}
	return nil
}
