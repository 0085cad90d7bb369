package notify

import (
	"slices"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core/calendar"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// moment says when a recipient is to be told of a delivery. waits: it is not told by itself at once, but goes with what else waits for
// the recipient. What is due within a stretch of a digest goes at its end; then quiet hours come, in which what is
// late waits again.
func (n *Notifier) moment(job *destination.Job, r *Recipient, now time.Time) (at time.Time, waits bool) {
	s := n.Settings
	if s.presses(job, r, now) {
		return now, false
	}
	at = r.open(s, s.window(job.DueAt, r.zone(s)))
	if !at.After(now) {
		if again := r.open(s, now); again.After(now) {
			at = again
		}
	}
	return at, at.After(job.DueAt)
}

// presses reports whether an event can neither wait for a digest nor for the morning: it is one of the urgent, and of handoffs and
// reminders only while a clock runs that does not stand still meanwhile.
func (s *Settings) presses(job *destination.Job, r *Recipient, now time.Time) bool {
	if !slices.Contains(s.urgent, job.Event) {
		return false
	}
	switch job.Event {
	case fold.EventRouted, fold.EventReassigned, fold.EventSLAEscalated:
	default:
		return true
	}
	switch st := job.Standing; {
	case st == nil:
		return true
	case job.Payload.GetSla().GetAcceptBy() == nil && job.Payload.GetSla().GetContactBy() == nil, st.Stage != "" && job.Event != fold.EventSLAEscalated && st.Stage != "routed":
		return false
	case st.Elapsed:
		return true
	default: // a clock that runs in working time runs while the owner works
		return r.calendar() == nil || r.calendar().At(now) == calendar.Open
	}
}

// window gives the end of the stretch that a digest gathers a moment's events in; the moment where there is no digest.
func (s *Settings) window(due time.Time, zone *time.Location) time.Time {
	switch {
	case s.every > 0:
		local := due.In(zone)
		_, offset := local.Zone()
		shift := time.Duration(offset) * time.Second
		end := due.Add(shift).Truncate(s.every).Add(-shift)
		if end.Before(due) {
			end = end.Add(s.every)
		}
		return end
	case s.at >= 0:
		local := due.In(zone)
		y, m, d := local.Date()
		for {
			end := time.Date(y, m, d, s.at/60, s.at%60, 0, 0, zone)
			if !end.Before(due) {
				return end
			}
			d++
		}
	}
	return due
}

// open gives the first moment from one on at which a recipient is to be told something. Who never works again is told at once: it
// is better late at night than never.
func (r *Recipient) open(s *Settings, at time.Time) time.Time {
	c := r.calendar()
	if !s.quiet || c == nil {
		return at
	}
	if next, ok := c.NextOpen(at); ok {
		return next
	}
	return at
}

// calendar is that of the first of a recipient's people who is a rep, nil where there is none.
func (r *Recipient) calendar() *calendar.Calendar {
	for _, p := range r.People {
		if p.Rep != nil {
			return &p.Rep.Calendar
		}
	}
	return nil
}

func (r *Recipient) zone(s *Settings) *time.Location {
	if c := r.calendar(); c != nil && c.Location != nil {
		return c.Location
	}
	return s.zone
}
