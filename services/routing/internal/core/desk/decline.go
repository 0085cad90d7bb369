package desk

import "slices"

// Decline ends a question that nobody can take: it leaves the queue, and is known if it comes again.
func (s *State) Decline(handoff string, attempt int) {
	s.leave(handoff)
	if s.Recent = append(s.Recent, assignment(handoff, attempt)); len(s.Recent) > maxRecent {
		s.Recent = slices.Delete(s.Recent, 0, len(s.Recent)-maxRecent)
	}
}
