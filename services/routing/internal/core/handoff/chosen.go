package handoff

import "github.com/batonhq/baton/services/routing/internal/core"

// Chosen is what the routes say of a handoff beyond Route, Rep and Pool.
type Chosen struct {
	// Prefer are all whom the routes name before the pool, in order, where Rep alone does not say it.
	Prefer []core.Preference
	Wants  core.Wants
	// OwnerAsked: the account was asked who works on it, and the desk is asked once it has answered.
	OwnerAsked bool
}

// Target gives where the routes sent the handoff.
func (h *Handoff) Target() core.Target {
	return core.Target{Route: h.Route, Rep: h.Rep, Pool: h.Pool, Fallback: h.Fallback, Prefer: h.Prefer, Wants: h.Wants}
}

// Send notes where the routes send the handoff. What Route, Rep and Pool say by themselves is not kept twice.
func (h *Handoff) Send(t core.Target) {
	h.Route, h.Rep, h.Pool, h.Fallback, h.Wants = t.Route, t.Rep, t.Pool, t.Fallback, t.Wants
	h.Prefer = t.Prefer
	if t.Plain() {
		h.Prefer = nil
	}
	h.OwnerAsked = t.Unresolved()
}
