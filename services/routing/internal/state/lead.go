// Package state turns what the routing service remembers into the blobs of its lead store, and back. Equal states give
// equal bytes.
package state

import (
	"cmp"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/core/outreach"
)

// Lead is one lead as routing sees it.
type Lead struct {
	// MergedInto is the stronger lead that absorbed this one, "" where none did.
	MergedInto string
	// LeftFrom is the lead that this one was absorbed into before it was split off again, "" where it was not: handoffs that
	// were passed are that one's.
	LeftFrom string
	// Handoffs, oldest first.
	Handoffs []*handoff.Handoff
	Book     Book
	Seen     []Seen
	Held     []handoff.Held
	// The latest of each kind: what the lead did, what marketing sent it, how sales turned to it.
	Touch, Mail, Outreach outreach.Contact
	// Refs are of deliveries that were about the lead and no handoff.
	Refs Refs
	// Deals with an owner, by id.
	Deals []Deal
}

// Seen is a request that was taken, by the hash of its source and id.
type Seen struct {
	Hash uint64
	At   time.Time
}

// Handoff gives a handoff by id, nil where the lead has none such. An empty id means the latest that is open, or else the
// latest.
func (l *Lead) Handoff(id string) *handoff.Handoff {
	for i := len(l.Handoffs) - 1; i >= 0; i-- {
		h := l.Handoffs[i]
		if h.ID == id || id == "" && h.Open() {
			return h
		}
	}
	if n := len(l.Handoffs); n > 0 && id == "" {
		return l.Handoffs[n-1]
	}
	return nil
}

// WentOn gives the lead that goes on with the handoffs that this one passed, "" for none.
func (l *Lead) WentOn() string { return cmp.Or(l.MergedInto, l.LeftFrom) }

// EncodeLead gives a lead's blob.
func EncodeLead(l *Lead) []byte {
	out := &routingv1.LeadState{MergedInto: l.MergedInto, LeftFrom: l.LeftFrom, Stated: l.Book.Stated, Deliveries: l.Book.encode(), Refs: encodeRefs(l.Refs)}
	out.Touch, out.Mail, out.Outreach = encodeContact(l.Touch), encodeContact(l.Mail), encodeContact(l.Outreach)
	for _, h := range l.Handoffs {
		out.Handoffs = append(out.Handoffs, encodeHandoff(h))
	}
	for _, s := range l.Seen {
		out.Seen = append(out.Seen, &routingv1.SeenRequest{Hash: s.Hash, At: nanos(s.At)})
	}
	for _, r := range l.Held {
		out.Held = append(out.Held, &routingv1.HeldRequest{
			Id: r.ID, Type: r.Do, HandoffId: r.Handoff, Rep: r.Rep, Reason: r.Reason, Note: r.Note, At: nanos(r.At),
			Until: nanos(r.Until), By: r.By,
			Assignment: int32(r.Assignment), To: r.To, Force: r.Force, Role: r.Role, Source: r.Source,
		})
	}
	out.Deals = encodeDeals(l.Deals)
	return marshal(out)
}

// DecodeLead reads a lead's blob; nil is a lead that nothing is known of.
func DecodeLead(blob []byte) (*Lead, error) {
	if len(blob) == 0 { // most leads are never handed over
		return &Lead{Book: decodeBook(nil, 0)}, nil
	}
	var in routingv1.LeadState
	if err := proto.Unmarshal(blob, &in); err != nil {
		return nil, fmt.Errorf("read a lead's routing state: %w", err)
	}
	l := &Lead{MergedInto: in.MergedInto, LeftFrom: in.LeftFrom, Book: decodeBook(in.Deliveries, in.Stated), Refs: decodeRefs(in.Refs)}
	l.Touch, l.Mail, l.Outreach = decodeContact(in.Touch), decodeContact(in.Mail), decodeContact(in.Outreach)
	for _, h := range in.Handoffs {
		l.Handoffs = append(l.Handoffs, decodeHandoff(h))
	}
	l.Deals = decodeDeals(in.Deals)
	for _, s := range in.Seen {
		l.Seen = append(l.Seen, Seen{Hash: s.Hash, At: instant(s.At)})
	}
	for _, r := range in.Held {
		l.Held = append(l.Held, handoff.Held{Handoff: r.HandoffId, Source: r.Source, Request: handoff.Request{
			ID: r.Id, Do: r.Type, Rep: r.Rep, Reason: r.Reason, Note: r.Note, At: instant(r.At),
			Until: instant(r.Until), By: r.By,
			Assignment: int(r.Assignment), To: r.To, Force: r.Force, Role: r.Role,
		}})
	}
	return l, nil
}

func encodeHandoff(h *handoff.Handoff) *routingv1.HandoffState {
	out := &routingv1.HandoffState{
		Id: h.ID, Epoch: int32(h.Epoch), Stage: string(h.Stage), Rule: h.Rule, Email: h.Email, QualifiedAt: nanos(h.QualifiedAt),
		Account: AccountRef(h.Account),
		Route:   h.Route, Fallback: h.Fallback, Rep: h.Rep, Pool: h.Pool,
		Attempt: int32(h.Attempt), Asked: h.Asked, AskedBecause: h.AskedBecause,
		WaitingFor: Considered(h.WaitingFor), WaitingUntil: nanos(h.WaitingUntil),
		AcceptBy: nanos(h.AcceptBy), ContactBy: nanos(h.ContactBy), AcceptedAt: nanos(h.AcceptedAt), ContactedAt: nanos(h.ContactedAt),
		SqlAt: nanos(h.SQLAt), ClosedAt: nanos(h.ClosedAt), ClosedBy: h.ClosedBy, Reason: h.Reason, Note: h.Note,
		Passed: h.Passed, Adopted: h.Adopted, Released: h.Released, HeldUntil: nanos(h.HeldUntil), HeldBecause: h.HeldBecause,
		Refs:   encodeRefs(h.Refs),
		Prefer: Preferences(h.Prefer), Needs: Needs(h.Wants.Needs), Language: h.Wants.Language, Conflicts: Conflicts(h.Wants.Conflicts), OwnerAsked: h.OwnerAsked,
		Wish: encodeWish(h.Wish), Wishes: int32(h.Wishes),
		Persona:   h.Persona,
		AskedPool: h.AskedPool,
	}
	encodeClock(out, h)
	for _, a := range h.Assignments {
		out.Assignments = append(out.Assignments, &routingv1.AssignmentState{
			Attempt: int32(a.Attempt), Rep: a.Rep, Route: a.Route, Pool: a.Pool, At: nanos(a.At),
			AcceptBy: nanos(a.AcceptBy), ContactBy: nanos(a.ContactBy), Considered: Considered(a.Considered), Reason: a.Reason,
		})
	}
	for _, s := range h.Steps {
		out.Steps = append(out.Steps, &routingv1.StepState{At: nanos(s.At), Clock: s.Clock, Action: s.Action, Number: int32(s.Number), After: int64(s.After)})
	}
	for _, m := range h.History {
		out.History = append(out.History, &routingv1.MomentState{What: m.What, At: nanos(m.At), Rep: m.Rep, Reason: m.Reason})
	}
	return encodeVersions(out, h)
}

func decodeHandoff(in *routingv1.HandoffState) *handoff.Handoff {
	h := &handoff.Handoff{
		ID: in.Id, Epoch: int(in.Epoch), Stage: handoff.Stage(in.Stage), Rule: in.Rule, Email: in.Email, QualifiedAt: instant(in.QualifiedAt),
		Account: parseAccount(in.GetAccount()),
		Route:   in.Route, Fallback: in.Fallback, Rep: in.Rep, Pool: in.Pool,
		Attempt: int(in.Attempt), Asked: in.Asked, AskedBecause: in.AskedBecause,
		WaitingFor: ParseConsidered(in.WaitingFor), WaitingUntil: instant(in.WaitingUntil),
		AcceptBy: instant(in.AcceptBy), ContactBy: instant(in.ContactBy), AcceptedAt: instant(in.AcceptedAt), ContactedAt: instant(in.ContactedAt),
		SQLAt: instant(in.SqlAt), ClosedAt: instant(in.ClosedAt), ClosedBy: in.ClosedBy, Reason: in.Reason, Note: in.Note,
		Passed: in.Passed, Adopted: in.Adopted, Released: in.Released, HeldUntil: instant(in.HeldUntil), HeldBecause: in.HeldBecause,
		Refs:   decodeRefs(in.Refs),
		Chosen: handoff.Chosen{Prefer: ParsePreferences(in.Prefer), Wants: ParseWants(in.Needs, in.Language, in.Conflicts), OwnerAsked: in.OwnerAsked},
		Wish:   decodeWish(in.Wish), Wishes: int(in.Wishes),
		Persona:   in.Persona,
		AskedPool: in.AskedPool,
	}
	decodeClock(h, in)
	for _, a := range in.Assignments {
		h.Assignments = append(h.Assignments, handoff.Assignment{
			Attempt: int(a.Attempt), Rep: a.Rep, Route: a.Route, Pool: a.Pool, At: instant(a.At),
			AcceptBy: instant(a.AcceptBy), ContactBy: instant(a.ContactBy), Considered: ParseConsidered(a.Considered), Reason: a.Reason,
		})
	}
	for _, s := range in.Steps {
		h.Steps = append(h.Steps, handoff.Step{At: instant(s.At), Clock: s.Clock, Action: s.Action, Number: int(s.Number), After: time.Duration(s.After)})
	}
	for _, m := range in.History {
		h.History = append(h.History, handoff.Moment{What: m.What, At: instant(m.At), Rep: m.Rep, Reason: m.Reason})
	}
	return decodeVersions(h, in)
}

// Considered gives the reps who were passed over as the journal states them.
func Considered(list []handoff.Considered) []*journalv1.Considered {
	var out []*journalv1.Considered
	for _, c := range list {
		out = append(out, &journalv1.Considered{Rep: c.Rep, Skipped: c.Skipped})
	}
	return out
}

// ParseConsidered reads what the journal states of reps who were passed over.
func ParseConsidered(list []*journalv1.Considered) []handoff.Considered {
	var out []handoff.Considered
	for _, c := range list {
		out = append(out, handoff.Considered{Rep: c.GetRep(), Skipped: c.GetSkipped()})
	}
	return out
}

// marshal is deterministic; messages of our own without extensions or required fields cannot fail to encode.
func marshal(m proto.Message) []byte {
	b, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return b
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
