package core

import "slices"

// Changes compares an engagement score with what it was.
type Changes struct {
	Since int64
	// Before is the score then, and BeforeClamp the same before the clamp to 0 to 100.
	Before, BeforeClamp Micros
	// Added are the lines of events later than that, as they count now.
	Added []Line
	// Decayed is what the lines of the earlier events are worth now, less what they were worth then. It is 0 or less, but
	// where points against the lead have decayed.
	Decayed Micros
}

// Changes tells what has changed in a lead's engagement from a moment until a time that is not before it:
//
//	engagement before the clamp = BeforeClamp + the points of Added + Decayed
//
// exactly. An event belongs to the time at which it happened, not to that at which Baton heard of it: what was then is what
// is known of it today. Which of the earlier events a cap lets count does not change by later ones. Where the person objects
// to profiling there is no score, neither then nor now, and all points are 0. Of a lead with so many contributions that old
// ones are folded together, a folded one counts as the first of its events.
func (l *Lead) Changes(book Book, since, at int64) Changes {
	c := Changes{Since: since}
	for _, line := range l.engagementLines(book, at) {
		switch {
		case line.LimitedBy == LimitedByClamp:
		case line.At > since:
			c.Added = append(c.Added, line)
		default:
			c.Decayed += line.Points
		}
	}
	if l.Objected() {
		return c
	}
	earlier, _ := slices.BinarySearchFunc(l.Items, since, func(it Item, since int64) int {
		if it.At <= since {
			return -1
		}
		return 1
	})
	then := Lead{Items: l.Items[:earlier]}
	c.BeforeClamp = then.raw(since)
	c.Before = clamp(c.BeforeClamp)
	c.Decayed -= c.BeforeClamp
	return c
}
