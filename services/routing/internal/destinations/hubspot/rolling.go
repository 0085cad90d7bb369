package hubspot

import (
	"sync"
	"time"
)

// mostRolling bounds how often waitRolling is waited at a time, as HubSpot's own client does, which tries six times.
const mostRolling = 6

// rolling is how the account's limit of ten seconds holds: the wait after the nth refusal in a row is n times ten seconds, as HubSpot's
// own client waits, for others who share the account's limit wait as well. The zero value has not been refused yet.
type rolling struct {
	mu    sync.Mutex
	times int
	until time.Time
}

// refused gives how long to wait now. Requests that were on their way together are one refusal; one that comes more than the limit's
// own time after the last wait is the first of its row again.
func (r *rolling) refused(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.times > 0 && now.Before(r.until):
	case r.times > 0 && now.Sub(r.until) <= waitRolling:
		r.times = min(r.times+1, mostRolling)
	default:
		r.times = 1
	}
	wait := time.Duration(r.times) * waitRolling
	r.until = now.Add(wait)
	return wait
}
