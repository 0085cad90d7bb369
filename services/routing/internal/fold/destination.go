package fold

import (
	"strings"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// Bounds of what the desk remembers of pauses.
const (
	maxPaused  = 256
	maxBecause = 500
)

// pause keeps an operator's word that nothing be sent to a destination, or that it be sent again. It stands at the desk because every
// process reads it there. Saying it again changes nothing: the first pause's time and reason stay.
func (e *deskEntity) pause(ev *journal.Event) journal.Outcome {
	p := ev.Body.GetDestinationPaused()
	name := p.GetDestination()
	_, paused := e.Paused[name]
	switch {
	case !identity.Safe(name), p.GetPaused() && len(e.Paused) >= maxPaused && !paused:
	case p.GetPaused() == paused:
		return journal.Duplicate
	case paused:
		delete(e.Paused, name)
	default:
		if e.Paused == nil {
			e.Paused = map[string]state.Paused{}
		}
		because := p.GetBecause()
		if len(because) > maxBecause {
			because = strings.ToValidUTF8(because[:maxBecause], "")
		}
		e.Paused[name] = state.Paused{Since: ev.Time(), By: p.GetBy(), Because: because}
	}
	return journal.Applied
}
