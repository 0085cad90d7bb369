package calendar

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Worked is what somebody counts who looks at the clock every minute, and turns Add round.
func TestWorkedAgainstAMinuteByMinuteWalker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, start := genCalendar(t)
		minutes, want := rapid.IntRange(-10, 6000).Draw(t, "minutes"), time.Duration(0)
		for m := range max(0, minutes) {
			if c.At(start.Add(time.Duration(m)*time.Minute)) == Open {
				want += time.Minute
			}
		}
		end := start.Add(time.Duration(minutes) * time.Minute)
		if got := c.Worked(start, end); got != want {
			t.Fatalf("from %s to %s: %s, the walker counts %s", start, end, got, want)
		}
		d := time.Duration(rapid.Int64Range(1, int64(60*time.Hour)).Draw(t, "work"))
		if at, ok := c.Add(start, d); ok && c.Worked(start, at) != d {
			t.Fatalf("%s of work from %s end on %s, and %s are worked till then", d, start, at, c.Worked(start, at))
		}
	})
}
