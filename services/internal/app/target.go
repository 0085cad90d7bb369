// Package app puts Baton together: it is the one place that knows every service, opens the engines, and starts and stops
// everything in order.
package app

// Target is what a process runs.
type Target string

// The targets. Up is everything in one process; the others are one service each.
const (
	Up       Target = "up"
	Ingest   Target = "ingest"
	Scoring  Target = "scoring"
	Routing  Target = "routing"
	Feedback Target = "feedback"
)

// Targets lists them.
func Targets() []Target { return []Target{Up, Ingest, Scoring, Routing, Feedback} }

// runs reports whether the target includes a service.
func (t Target) runs(service Target) bool { return t == Up || t == service }
