package sender

import (
	"math/rand/v2"
	"time"
)

// retries is how long after each failed attempt the next one follows: the schedule of Standard Webhooks, ten attempts over
// three days.
var retries = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// retryAfter gives the delay behind the failed attempt number n (from 1), a tenth of it left to chance so that what failed
// together does not come back together; ok is false when there is no further attempt.
func retryAfter(n int) (d time.Duration, ok bool) {
	if n < 1 || n > len(retries) {
		return 0, false
	}
	d = retries[n-1]
	return d - d/20 + rand.N(d/10+1), true //nolint:gosec // chance, not a secret
}

// circuit keeps a destination that does not answer from being asked for every delivery that waits: after some failures in a
// row it is left alone for a while, and then tried with one. Deliveries that wait use up no attempts.
type circuit struct {
	failures int
	reason   string
	until    time.Time
	// opened is when the last pause for failures began.
	opened time.Time
}

const (
	openAfter  = 5
	firstPause = 5 * time.Second
	maxPause   = 5 * time.Minute
)

// succeeded closes the circuit.
func (c *circuit) succeeded() { *c = circuit{} }

// failed counts a failure that speaks of the destination rather than of the delivery. An attempt that was on its way
// when the pause began says nothing new: many fail at once, and each would double the pause.
func (c *circuit) failed(reason string, began, now time.Time) {
	c.reason = reason
	if began.Before(c.opened) {
		return
	}
	c.failures++
	if c.failures >= openAfter {
		c.opened = now
		pause := maxPause
		if n := c.failures - openAfter; n < 6 {
			pause = firstPause << n
		}
		c.pause(now.Add(pause))
	}
}

// pause leaves the destination alone until a moment.
func (c *circuit) pause(until time.Time) {
	if until.After(c.until) {
		c.until = until
	}
}

// limit says how many deliveries may be in flight.
func (c *circuit) limit(now time.Time, most int) int {
	switch {
	case c.until.After(now):
		return 0
	case c.failures >= openAfter:
		return 1
	}
	return most
}
