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
// exactly. Limits are part of that: BeforeClamp is within them, and Decayed compares what the earlier events alone would be
// worth now within them with what they were worth then. What limits take from the later events, or take less because of them,
// are lines of Added: one for each rule or group, the correction that it has now less the one that it would have had without
// the later events. An event belongs to the time at which it happened, not to that at which Baton heard of it: what was then is what
// is known of it today. Which of the earlier events a cap lets count does not change by later ones. Where the person objects
// to profiling there is no score, neither then nor now, and all points are 0. Of a lead with so many contributions that old
// ones are folded together, a folded one counts as the first of its events.
func (l *Lead) Changes(book Book, since, at int64) Changes {
	c := Changes{Since: since}
	earlier, _ := slices.BinarySearchFunc(l.Items, since, func(it Item, since int64) int {
		if it.At <= since {
			return -1
		}
		return 1
	})
	then := Lead{Items: l.Items[:earlier], Consent: l.Consent}
	c.Added = addedLines(l.engagementLines(book, "", at), then.engagementLines(book, "", at), since)
	if l.Objected() {
		return c
	}
	c.BeforeClamp = then.raw(since)
	c.Before = clamp(c.BeforeClamp)
	c.Decayed = then.raw(at) - c.BeforeClamp
	return c
}

// addedLines gives the lines of later events, and by how much the corrections of limits differ from those without them.
func addedLines(all, earlier []Line, since int64) []Line {
	type limit struct{ by, rule string }
	before := map[limit]Line{}
	for _, line := range earlier {
		if line.isLimit() {
			before[limit{line.LimitedBy, line.Rule}] = line
		}
	}
	var out []Line
	for _, line := range all {
		switch {
		case line.LimitedBy == LimitedByClamp:
		case line.isLimit():
			k := limit{line.LimitedBy, line.Rule}
			line.Points -= before[k].Points
			line.Raw = line.Points
			delete(before, k)
			if line.Points != 0 {
				out = append(out, line)
			}
		case line.At > since:
			out = append(out, line)
		}
	}
	for _, line := range earlier { // limits that no longer hold back anything
		if left, ok := before[limit{line.LimitedBy, line.Rule}]; ok && line.isLimit() {
			left.Points, left.Raw = -left.Points, -left.Points
			out = append(out, left)
		}
	}
	return out
}
