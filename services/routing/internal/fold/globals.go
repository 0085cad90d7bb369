package fold

import (
	"time"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/lists"
)

// Events that destinations may subscribe to.
const (
	EventRouted             = "handoff.routed"
	EventReassigned         = "handoff.reassigned"
	EventRecalled           = "handoff.recalled"
	EventUpdated            = "handoff.updated"
	EventStageChanged       = "lead.stage_changed"
	EventBandChanged        = "lead.score_band_changed"
	EventSLABreached        = "sla.breached"
	EventSLAEscalated       = "sla.escalated"
	EventAgreementActivated = "agreement.activated"
	// EventDeskWaiting and EventDeskCleared: the first began to wait for a pool, and nobody waits for it any more.
	EventDeskWaiting = "desk.waiting"
	EventDeskCleared = "desk.cleared"
	// EventSummary: the summary of a week.
	EventSummary = "summary.weekly"
)

// Globals is what is in force for everybody: the directory, the agreement, and who is told what.
type Globals struct {
	parser *directory.Parser
	// Directory is nil before the first.
	Directory *core.Directory
	// Agreement is nil before the first is activated.
	Agreement *agreement.Agreement
	// Version of the agreement in force.
	Version int32

	// pins: clocks are pinned to the agreement under which they begin. Journals of before say nothing of it.
	pins bool
	// tellsTooLate: the rules of that generation hold; see Decides.
	tellsTooLate bool
	// refuses: so do those of refusing.
	refuses bool
	// parsed is the directory alone, without the accounts beside it.
	parsed   *core.Directory
	accounts lists.Assembler

	proposed     map[int32][]byte
	destinations []*journalv1.Destination
	// briefVersions: briefs have versions from here on.
	briefVersions bool
}

// NewGlobals gives the state before the first global fact.
func (l *Logic) NewGlobals() journal.Globals {
	return &Globals{parser: l.parser, proposed: map[int32][]byte{}}
}

// Apply folds a global fact. A directory or agreement that cannot be read is left out, and what was in force stays: nothing
// of the kind is ever appended without having been read first.
func (g *Globals) Apply(ev *journal.Event) (show []string) {
	switch ev.Type {
	case typeDirectoryChanged:
		d, err := g.parser.Parse(ev.Body.GetDirectoryChanged().GetYaml())
		if err != nil {
			return nil
		}
		d.ExactTurns = ev.Body.GetDirectoryChanged().GetTurns() >= directory.TurnsExact
		g.parsed = d
		g.compose()
		return []string{identity.Desk}
	case TypeAccountsChanged:
		g.accounts.Apply(ev.Seq, ev.Body.GetAccountsChanged())
		g.compose()
	case typeDestinationsChanged:
		g.destinations = ev.Body.GetDestinationsChanged().GetDestinations()
		g.pins = ev.Body.GetDestinationsChanged().GetDecides() >= pinning
		g.tellsTooLate = ev.Body.GetDestinationsChanged().GetDecides() >= tooLate
		g.refuses = ev.Body.GetDestinationsChanged().GetDecides() >= refusing
		g.briefVersions = ev.Body.GetDestinationsChanged().GetBriefVersions() >= BriefVersions
	case typeAgreementChanged:
		return g.agreement(ev.Body.GetAgreementChanged())
	}
	return nil
}

func (g *Globals) agreement(c *journalv1.AgreementChanged) (show []string) {
	if len(c.GetYaml()) > 0 {
		g.proposed[c.GetVersion()] = c.GetYaml()
	}
	if c.GetChange() != "activated" {
		return nil
	}
	a, err := agreement.Parse(g.proposed[c.GetVersion()])
	if err != nil {
		return nil
	}
	g.Agreement, g.Version = a, c.GetVersion()
	if len(g.subscribers(EventAgreementActivated)) > 0 {
		return []string{identity.Desk}
	}
	return nil
}

// subscribers gives the names of the destinations that are told of an event, in the order of the configuration.
func (g *Globals) subscribers(event string) []string {
	var names []string
	for _, d := range g.destinations {
		for _, e := range d.GetEvents() {
			if e == event {
				names = append(names, d.GetName())
				break
			}
		}
	}
	return names
}

// team gives a rep's team, "" for a rep whom the directory does not know, and in journals of before it was stated.
func (g *Globals) team(rep string) string {
	if r := g.Directory.Rep(rep); r != nil && g.pins {
		return r.Team
	}
	return ""
}

// reasons are the agreement's. Without an agreement any reason is one: nothing qualifies then, but what was handed over
// before can still be answered.
type reasons struct{ a *agreement.Agreement }

func (r reasons) Reject(id string) (fixable, known bool) {
	if r.a == nil {
		return true, true
	}
	reason, ok := r.a.RejectReason(id)
	return reason.FixableBy == agreement.RoleMarketing, ok
}

func (r reasons) Recycle(id string) (time.Duration, string, bool) {
	if r.a == nil {
		return 0, agreement.WakeOnEngagement, true
	}
	reason, ok := r.a.RecycleReason(id)
	return reason.WakeAfter, reason.WakeOn, ok
}
