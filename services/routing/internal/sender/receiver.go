package sender

import (
	"context"
	"sync"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/outbound"
)

// Destination is somebody who is told.
type Destination struct {
	Name, Type string
	Events     []string
	To         destination.Destination
	// Limiter keeps the limit that To's client is under, nil for none: no delivery is begun while no request may be.
	Limiter *outbound.Limiter
	// Concurrency is how many deliveries may be in flight, BacklogAlarm how long one may be due before an operator is told.
	Concurrency  int
	BacklogAlarm time.Duration
	// Plain destinations need the body alone, not what was left by earlier deliveries: it costs a read.
	Plain bool
}

// receiver is a destination with its queue. The destination may be replaced by one of the same name while it works; the
// queue, and what is known of how the other side does, stay.
type receiver struct {
	name  string
	queue *queue

	mu    sync.Mutex
	now   Destination
	check Check
	// Counted since the process began.
	delivered, failed, dead int
	lastSuccess             time.Time
	// alarmed: the backlog's age has been told.
	alarmed bool
	// stop ends the loop, nil while there is none.
	stop context.CancelFunc
}

// Check is what was found when the receiver was last looked at; the zero Check is none.
type Check struct {
	At       time.Time
	Problems []string
	// Err says that it could not be found out.
	Err string
	// Unsupported: there is nothing to look at.
	Unsupported bool
}

func (r *receiver) destination() Destination {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *receiver) replace(d Destination) {
	r.mu.Lock()
	r.now = d
	r.mu.Unlock()
	r.queue.limits(d.Concurrency, d.Limiter)
}

// count takes in what an attempt came to.
func (r *receiver) count(result string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch result {
	case resultDelivered:
		r.delivered++
		r.lastSuccess = at
	case resultFailed:
		r.failed++
	case resultDead:
		r.dead++
	}
}

// Names of what an attempt came to, as metrics have them.
const (
	resultDelivered = "delivered"
	resultFailed    = "failed"
	resultDead      = "dead"
	resultLater     = "later"
	resultOperator  = "operator"
	resultPutOff    = "put_off"
)

// checkWithin bounds a look at a receiver.
const checkWithin = 30 * time.Second

// look asks a receiver what it has, and keeps what was found.
func (s *Sender) look(ctx context.Context, r *receiver) Check {
	checker, ok := r.destination().To.(destination.Checker)
	c := Check{Unsupported: !ok, At: s.opt.Now()}
	if ok {
		ctx, cancel := context.WithTimeout(ctx, checkWithin)
		defer cancel()
		problems, err := checker.Check(ctx)
		c.At, c.Problems = s.opt.Now(), problems
		if err != nil {
			c.Err = err.Error()
			s.opt.Log.WarnContext(ctx, "a destination cannot be checked", "destination", r.name, "error", err)
		}
		for _, p := range problems {
			s.opt.Log.ErrorContext(ctx, "a destination is not as it must be", "destination", r.name, "problem", p)
		}
	}
	r.mu.Lock()
	r.check = c
	r.mu.Unlock()
	return c
}

// Check looks at a receiver now, and lets a destination that waits for an operator, or does not answer, be tried at once; ok is
// false where no destination has that name.
func (s *Sender) Check(ctx context.Context, name string) (found Check, ok bool) {
	r := s.receiver(name)
	if r == nil {
		return Check{}, false
	}
	found = s.look(ctx, r)
	if len(found.Problems) == 0 && found.Err == "" {
		r.queue.nudge()
	}
	return found, true
}

// States of a destination.
const (
	StateOK       = "ok"
	StateWaiting  = "waiting"
	StateOperator = "needs_operator"
	StatePaused   = "paused"
	StateUnknown  = "unknown"
)

// Status is how a destination does, as this process sees it.
type Status struct {
	Name, Type string
	Events     []string
	State      string
	// Reason, Since and Until of a state that is not StateOK, where they are known.
	Reason       string
	Since, Until time.Time
	PausedBy     string
	Backlog      int
	// Oldest is since when the oldest of them waits, zero where there is none, or none that is not put off; PutOff is how many are.
	Oldest time.Time
	PutOff int
	// Alarm: what is oldest is older than it may be.
	Alarm                   bool
	InFlight                int
	LastSuccess             time.Time
	Delivered, Failed, Dead int
	Check                   Check
}

// Statuses gives every destination that is configured, and those that something is due to, by name.
func (s *Sender) Statuses() []Status {
	now := s.opt.Now()
	var out []Status
	for _, r := range s.all() {
		out = append(out, r.status(now))
	}
	for name, n := range s.orphaned() {
		out = append(out, Status{Name: name, State: StateUnknown, Reason: "it is not configured; what is due to it waits", Backlog: n})
	}
	sortStatuses(out)
	return out
}

func (r *receiver) status(now time.Time) Status {
	n, oldest, _ := r.queue.size(now)
	st := Status{Name: r.name, Backlog: n, Oldest: oldest, PutOff: r.queue.waiting(now)}
	r.queue.describe(now, &st)
	r.mu.Lock()
	defer r.mu.Unlock()
	st.Type, st.Events, st.Check = r.now.Type, r.now.Events, r.check
	st.Delivered, st.Failed, st.Dead, st.LastSuccess = r.delivered, r.failed, r.dead, r.lastSuccess
	st.Alarm = late(n, oldest, now, r.now.BacklogAlarm)
	return st
}

func late(n int, oldest, now time.Time, after time.Duration) bool {
	return n > 0 && after > 0 && !oldest.IsZero() && now.Sub(oldest) > after
}
