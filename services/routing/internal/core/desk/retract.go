package desk

import (
	"maps"
	"slices"
)

// mostAttempts is how many attempts of a handoff are forgotten; ladders have far fewer.
const mostAttempts = 64

// Retract forgets that a handoff was ever asked for: it neither waits nor is in anybody's hand, and may be asked for again. What
// it counted in turns and windows stays counted.
func (s *State) Retract(handoff string) {
	s.leave(handoff)
	for rep := range maps.Clone(s.Hands) {
		s.drop(rep, handoff)
	}
	known := map[uint64]bool{}
	for attempt := range mostAttempts {
		known[assignment(handoff, attempt)] = true
	}
	s.Recent = slices.DeleteFunc(s.Recent, func(h uint64) bool { return known[h] })
}
