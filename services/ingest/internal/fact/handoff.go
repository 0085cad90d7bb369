package fact

import "github.com/batonhq/baton/pkg/identity"

// Handoff says that the event is about a handoff, whatever the event's type: it goes to the handoff's own lead, and the
// identifiers that it carries are linked to that. false: this is no handoff's id, and nothing is said.
func (b *Builder) Handoff(id string) bool {
	lead, _, ok := identity.LeadOfHandoff(id)
	if !ok {
		return false
	}
	b.lead = lead
	b.Say("handoff_id", id)
	return true
}
