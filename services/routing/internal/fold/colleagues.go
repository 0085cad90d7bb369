package fold

import (
	"cmp"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/brief"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// maxAtAccount is how many handoffs of an account are told of a colleague's: the latest.
const maxAtAccount = 20

// colleagues is what the event just applied asks an account to tell: the handoff that a rep got, and its lead; "" for none.
type colleagues struct{ came, lead string }

// companyOf gives the entity that a handoff's colleagues hear of it through, "" where its company is not known. An account that
// the directory lists is one, however many domains it has.
func companyOf(key identity.Key, h *handoff.Handoff) string {
	id := cmp.Or(h.Account.ID, h.Account.Domain)
	if id == "" || strings.HasPrefix(id, accountPrefix) {
		return id
	}
	return key.Account(id)
}

// handed takes a handoff that a rep got, or one that is over.
func (e *accountEntity) handed(ev *journal.Event) {
	c := ev.Body.GetBriefChanged()
	if c.GetHandoffId() == "" || c.GetLead() == "" {
		return
	}
	i := slices.IndexFunc(e.Handoffs, func(h state.AccountHandoff) bool { return h.Handoff == c.GetHandoffId() })
	switch {
	case c.GetVersion() == 0 && i >= 0:
		e.Handoffs = slices.Delete(e.Handoffs, i, i+1)
	case c.GetVersion() > 0 && i < 0:
		e.colleagues = colleagues{came: c.GetHandoffId(), lead: c.GetLead()}
		if e.Handoffs = append(e.Handoffs, state.AccountHandoff{Lead: c.GetLead(), Handoff: c.GetHandoffId()}); len(e.Handoffs) > maxAtAccount {
			e.Handoffs = slices.Delete(e.Handoffs, 0, 1)
		}
	}
}

// tellColleagues tells the reps who have others of the account.
func (e *accountEntity) tellColleagues(ev *journal.Event, d *journal.Decision) {
	if e.came == "" {
		return
	}
	for _, h := range e.Handoffs {
		if h.Handoff != e.came && h.Lead != e.lead {
			d.Fact(h.Lead, &journalv1.Event{Type: typeBriefChanged, Payload: &journalv1.Event_BriefChanged{BriefChanged: &journalv1.BriefChanged{
				HandoffId: h.Handoff, Account: e.id,
				Because: []*journalv1.BriefChange{{What: brief.ColleagueRouted, Event: e.came, At: stamp(ev.Time()), Lead: e.lead}},
			}}})
		}
	}
}
