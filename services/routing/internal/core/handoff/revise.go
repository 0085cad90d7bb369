package handoff

import (
	"slices"
	"time"
)

// Settle is how long a change waits for others before the brief is told again: several in a row are one telling.
const Settle = 15 * time.Minute

// Bounds of what is kept of a handoff's brief.
const (
	maxVersions = 50
	maxChanges  = 20
)

// Change is one thing that changed what sales was told of the lead. It names people by id alone.
type Change struct {
	What, Event, Detail, Lead string
	At                        time.Time
}

// Version is a version of the brief behind the first: when it was told, and what made it one.
type Version struct {
	Number  int
	At      time.Time
	Because []Change
}

// Version gives the number of the brief's latest version; the first is 1.
func (h *Handoff) Version() int {
	if n := len(h.Versions); n > 0 {
		return h.Versions[n-1].Number
	}
	return 1
}

// NoteChange takes a change that is to be told by a moment at the latest. The same change is noted once; of more changes than are
// kept the oldest are.
func (h *Handoff) NoteChange(c Change, by time.Time) {
	p := &h.Pending
	for _, v := range h.Versions {
		if c.Event != "" && slices.ContainsFunc(v.Because, func(o Change) bool { return o.What == c.What && o.Event == c.Event }) {
			return // told already
		}
	}
	if slices.ContainsFunc(p.Because, func(o Change) bool { return o.What == c.What && o.Event == c.Event && o.Lead == c.Lead }) {
		return
	}
	if p.At.IsZero() || by.Before(p.At) {
		p.At = by
	}
	if len(p.Because) < maxChanges {
		p.Because = append(slices.Clip(p.Because), c)
	}
}

// Tells gives when what is noted must be told to the rep, zero where there is nothing to tell or nobody to be told: what is
// noted before somebody has the handoff is in the brief that they get.
func (h *Handoff) Tells() time.Time {
	if !h.Open() || h.Owner() == "" || len(h.Pending.Because) == 0 {
		return time.Time{}
	}
	return h.Pending.At
}

// Revise puts a version in place of what was noted. Of more versions than are kept the oldest go.
func (h *Handoff) Revise(v Version) {
	h.Pending = Version{}
	h.Versions = append(slices.Clip(h.Versions), v)
	if len(h.Versions) > maxVersions {
		h.Versions = slices.Delete(h.Versions, 0, 1)
	}
}
