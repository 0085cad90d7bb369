// Package calendar knows when a rep works: hours with breaks in their own time zone, holidays and absences, and the
// windows that a capacity counts in. It computes; a test walks every minute beside it.
package calendar

import (
	"slices"
	"time"
)

// Span is a stretch of one local day by the clock on the wall, in minutes since midnight: From inclusive, To exclusive,
// 0 <= From < To <= 1440.
type Span struct{ From, To int }

// Date is a local calendar day.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf gives the day that t falls on in its own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// Midnight gives the first moment of the day in a location.
func (d Date) Midnight(loc *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, loc)
}

// Absence is a stretch of time, From inclusive, To exclusive.
type Absence struct{ From, To time.Time }

// Calendar says when somebody works. Hours go by the clock on the wall: on the day a clock is put forward a span that holds
// the missing hour is an hour shorter, on the day it is put back one that holds the repeated hour is an hour longer.
type Calendar struct {
	Location *time.Location
	// Always: no hours are kept, every moment outside holidays and absences counts.
	Always bool
	// Week holds each weekday's spans, ascending and apart.
	Week [7][]Span
	// Holidays are whole local days.
	Holidays map[Date]struct{}
	// Away holds absences, ascending by From. They may overlap.
	Away []Absence
}

// horizon is how far ahead a calendar is searched: whoever does not work for that long counts as never working again.
const horizon = 2 * 366 * 24 * time.Hour

var wholeDay = []Span{{0, 24 * 60}}

// State says why a moment is not worked.
type State int

// The states of a moment.
const (
	Open State = iota
	// OutsideHours: not in the hours, or on a holiday.
	OutsideHours
	Away
)

// At gives the state of a moment.
func (c *Calendar) At(t time.Time) State {
	if c.awayUntil(t).After(t) {
		return Away
	}
	local := t.In(c.Location)
	if _, ok := c.Holidays[DateOf(local)]; ok {
		return OutsideHours
	}
	minute := local.Hour()*60 + local.Minute()
	for _, s := range c.spans(local.Weekday()) {
		if minute >= s.From && minute < s.To {
			return Open
		}
	}
	return OutsideHours
}

func (c *Calendar) spans(day time.Weekday) []Span {
	if c.Always {
		return wholeDay
	}
	return c.Week[day]
}

// awayUntil gives the end of the absences that t lies in, or t.
func (c *Calendar) awayUntil(t time.Time) time.Time {
	for _, a := range c.Away {
		if !a.From.After(t) && a.To.After(t) {
			t = a.To
		}
	}
	return t
}

// Next gives the first stretch of working time that ends after t, cut to begin no earlier than t. ok is false where there
// is none within two years.
func (c *Calendar) Next(t time.Time) (open Absence, ok bool) {
	limit := t.Add(horizon)
	for t.Before(limit) {
		if back := c.awayUntil(t); back.After(t) {
			t = back
			continue
		}
		from, to, next := c.inChunk(t)
		if from.Before(to) {
			// An absence may begin inside the stretch.
			for _, a := range c.Away {
				if a.From.After(from) && a.From.Before(to) {
					to = a.From
				}
			}
			if back := c.awayUntil(from); back.After(from) {
				t = back
				continue
			}
			return Absence{From: from, To: to}, true
		}
		t = next
	}
	return Absence{}, false
}

// inChunk looks at the local day of t from t on, as far as the zone's offset stays the same: the first working stretch in
// it, if any, and where to look on.
func (c *Calendar) inChunk(t time.Time) (from, to, next time.Time) {
	local := t.In(c.Location)
	_, offset := local.Zone()
	// Midnight of the local date as it would be at this offset.
	y, m, d := local.Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Add(-time.Duration(offset) * time.Second)
	next = midnight.Add(24 * time.Hour)
	// Beyond a zone's listed transitions ZoneBounds ends a leap year's last stretch a day early, at or before t.
	if _, end := local.ZoneBounds(); end.After(t) && end.Before(next) {
		next = end
	}
	if _, ok := c.Holidays[DateOf(local)]; ok {
		return t, t, next
	}
	for _, s := range c.spans(local.Weekday()) {
		from, to = midnight.Add(time.Duration(s.From)*time.Minute), midnight.Add(time.Duration(s.To)*time.Minute)
		if from.Before(t) {
			from = t
		}
		if to.After(next) {
			to = next
		}
		if from.Before(to) {
			return from, to, to
		}
	}
	return t, t, next
}

// NextOpen gives the first moment from t on that is worked; ok is false where there is none within two years.
func (c *Calendar) NextOpen(t time.Time) (at time.Time, ok bool) {
	open, ok := c.Next(t)
	return open.From, ok
}

// Add gives the moment at which d of working time has passed since t; ok is false where that is more than two years of
// nothing away.
func (c *Calendar) Add(t time.Time, d time.Duration) (at time.Time, ok bool) {
	for d > 0 {
		open, ok := c.Next(t)
		if !ok {
			return time.Time{}, false
		}
		if length := open.To.Sub(open.From); length >= d {
			return open.From.Add(d), true
		} else {
			d -= length
		}
		t = open.To
	}
	return t, true
}

// Normalize sorts what must be sorted, and says whether spans overlap.
func (c *Calendar) Normalize() (overlap bool) {
	for i := range c.Week {
		slices.SortFunc(c.Week[i], func(a, b Span) int { return a.From - b.From })
		for k := 1; k < len(c.Week[i]); k++ {
			overlap = overlap || c.Week[i][k].From < c.Week[i][k-1].To
		}
	}
	slices.SortFunc(c.Away, func(a, b Absence) int { return a.From.Compare(b.From) })
	return overlap
}
