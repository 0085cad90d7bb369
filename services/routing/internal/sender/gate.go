package sender

import (
	"time"

	"github.com/batonhq/baton/services/routing/internal/outbound"
)

// gate says whether a destination may be told something now. It is closed while an operator has paused it, while it asked to
// be left alone, while it needs an operator, while it does not answer, and while its limit is reached.
type gate struct {
	// most is how many deliveries may be in flight.
	most    int
	limiter *outbound.Limiter
	// pause is an operator's; until unknown is cleared nobody knows whether there is one.
	pause   Pause
	unknown bool
	quiet   spell
	held    spell
	circuit circuit
}

// Pause is an operator's word that nothing be sent; the zero Pause is none.
type Pause struct {
	Since       time.Time
	By, Because string
}

// spell is a time in which a destination is left alone, but for one delivery now and then that finds out whether it is over.
type spell struct {
	reason string
	// since is when it began, zero while there is none; tried when the last attempt was answered; until when the next may go.
	since, tried, until time.Time
	n                   int
}

// lengthen takes in another answer of the same kind, to an attempt that began at a moment. Several attempts in flight at once say
// it once: only the time that was asked for counts of the others.
func (s *spell) lengthen(reason string, began, now time.Time, asked time.Duration) (fresh bool) {
	if fresh = s.since.IsZero(); fresh {
		s.since = now
	}
	s.reason = reason
	if fresh || !began.Before(s.tried) {
		pause := maxPause
		if s.n < 6 {
			pause = firstPause << s.n
		}
		s.n++
		s.tried = now
		if asked <= 0 {
			asked = pause
		}
	}
	if until := now.Add(min(asked, maxAsked)); asked > 0 && until.After(s.until) {
		s.until = until
	}
	return fresh
}

// maxAsked bounds how long a destination can ask to be left alone.
const maxAsked = 24 * time.Hour

// limit says how many deliveries may be in flight, and where that is none until when.
func (g *gate) limit(now time.Time) (most int, until time.Time) {
	if g.unknown || !g.pause.Since.IsZero() {
		return 0, time.Time{}
	}
	most = g.circuit.limit(now, g.most)
	if most == 0 {
		until = g.circuit.until
	}
	for _, s := range []*spell{&g.quiet, &g.held} {
		switch {
		case s.since.IsZero():
		case s.until.After(now):
			most = 0
			if s.until.After(until) {
				until = s.until
			}
		default:
			most = min(most, 1)
		}
	}
	return most, until
}

// opened takes in that the receiver answered a delivery for what it is, well or not: it is there and lets us in.
func (g *gate) opened() { g.quiet, g.held = spell{}, spell{} }

// describe tells the state of a queue's gate.
func (q *queue) describe(now time.Time, st *Status) {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := &q.gate
	st.InFlight, st.State = q.flying, StateOK
	switch {
	case !g.pause.Since.IsZero():
		st.State, st.Since, st.PausedBy, st.Reason = StatePaused, g.pause.Since, g.pause.By, g.pause.Because
	case !g.held.since.IsZero():
		st.State, st.Reason, st.Since, st.Until = StateOperator, g.held.reason, g.held.since, g.held.until
	case g.quiet.until.After(now):
		st.State, st.Reason, st.Since, st.Until = StateWaiting, g.quiet.reason, g.quiet.since, g.quiet.until
	case g.circuit.until.After(now):
		st.State, st.Reason, st.Since, st.Until = StateWaiting, g.circuit.reason, g.circuit.opened, g.circuit.until
	case g.unknown:
		st.State, st.Reason = StateWaiting, "it is not known yet whether an operator has paused it"
	}
}
