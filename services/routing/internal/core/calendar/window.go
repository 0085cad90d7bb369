package calendar

import "time"

// Capacity limits how many handoffs somebody gets in one window. The zero Capacity is no limit.
type Capacity struct {
	Handoffs int
	Per      Per
}

// Per is the length of a window. Windows do not slide: days and weeks are the rep's own local ones, weeks begin on Monday,
// hours are those of UTC.
type Per int

// The windows.
const (
	Hour Per = iota + 1
	Day
	Week
)

// Window gives the bounds of the window that t falls in.
func (p Per) Window(t time.Time, loc *time.Location) (from, to time.Time) {
	switch p {
	case Hour:
		from = t.UTC().Truncate(time.Hour)
		return from, from.Add(time.Hour)
	case Week:
		local := t.In(loc)
		y, m, d := local.Date()
		d -= (int(local.Weekday()) + 6) % 7
		return time.Date(y, m, d, 0, 0, 0, 0, loc), time.Date(y, m, d+7, 0, 0, 0, 0, loc)
	default:
		y, m, d := t.In(loc).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, loc), time.Date(y, m, d+1, 0, 0, 0, 0, loc)
	}
}
