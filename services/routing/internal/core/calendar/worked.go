package calendar

import "time"

// Worked gives how much of the time from one moment to another is worked: Add turned round. It is 0 where to is not after
// from.
func (c *Calendar) Worked(from, to time.Time) (worked time.Duration) {
	for from.Before(to) {
		open, ok := c.Next(from)
		if !ok || !open.From.Before(to) {
			return worked
		}
		end := open.To
		if to.Before(end) {
			end = to
		}
		worked += end.Sub(open.From)
		from = open.To
	}
	return worked
}
