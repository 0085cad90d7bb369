package handoff

import (
	"slices"
	"time"
)

// Holding says how long a lead that qualified is kept before it is offered to anybody.
type Holding struct {
	// AtOnce are the qualify rules whose leads are never held.
	AtOnce []string
	// AfterTouch and AfterMail must have passed since the lead's last touch and marketing's last mail; 0 is no hold.
	AfterTouch, AfterMail time.Duration
	// AtMost bounds both, from the moment at which the lead qualified.
	AtMost time.Duration
}

// Until gives the moment until which a handoff is held, and why in words; not after now where it is not.
func (r Holding) Until(h *Handoff, touch, mail, now time.Time) (until time.Time, because string) {
	if r.Never(h) {
		return time.Time{}, ""
	}
	limit := h.QualifiedAt.Add(r.AtMost)
	for _, f := range []struct {
		what  string
		last  time.Time
		after time.Duration
	}{{"the lead's touch of ", touch, r.AfterTouch}, {"marketing's mail of ", mail, r.AfterMail}} {
		if f.last.IsZero() || f.after == 0 {
			continue
		}
		end := f.last.Add(f.after)
		if end.After(limit) {
			end = limit
		}
		if end.After(now) && end.After(until) {
			until, because = end, "held: "+f.what+clockTime(f.last)+", until "+clockTime(end)
		}
	}
	return until, because
}

// Never reports whether a handoff is held by nothing.
func (r Holding) Never(h *Handoff) bool { return slices.Contains(r.AtOnce, h.Rule) }

// clockTime writes a moment for people who may be anywhere.
func clockTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// OwnerIs says in words that a handoff waits for its account's owner.
func OwnerIs(rep string, from time.Time) string {
	return "held: its owner " + rep + " is back on " + clockTime(from)
}

// Hold keeps the handoff from being offered until a moment.
func (h *Handoff) Hold(at, until time.Time, because string) {
	if h.HeldUntil.IsZero() {
		h.Record("held", at, "", because)
	}
	h.Asked, h.HeldUntil, h.HeldBecause = false, until, because
	h.WaitingFor, h.WaitingUntil = []Considered{{Skipped: because}}, until
}

// Offer ends a hold: the desk is asked.
func (h *Handoff) Offer(at time.Time) {
	h.Asked, h.HeldUntil, h.HeldBecause = true, time.Time{}, ""
	h.WaitingFor, h.WaitingUntil = nil, time.Time{}
	h.Record("offered", at, "", "")
}

// HoldUntil gives the moment at which a hold must be looked at, zero where nothing holds the handoff. While the desk is asked on
// somebody's wish the hold rests: it goes on if the wish is declined.
func (h *Handoff) HoldUntil() time.Time {
	if !h.Open() || h.Asked {
		return time.Time{}
	}
	return h.HeldUntil
}

// HoldEnds reports whether the handoff is held and the hold's end has come.
func (h *Handoff) HoldEnds(now time.Time) bool {
	until := h.HoldUntil()
	return !until.IsZero() && !until.After(now)
}
