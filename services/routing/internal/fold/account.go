package fold

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/brief"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// maxAtAccount is how many handoffs of an account are told of a colleague's: the latest.
const maxAtAccount = 20

// account knows which handoffs at one company reps have, so that each rep hears of the others'.
type account struct {
	state.Account
	id string
	// came is the handoff that the event just applied was about, "" for none.
	came, lead string
}

func isAccount(entity string) bool { return strings.HasPrefix(entity, "ac_") }

// accountOf gives the entity of a handoff's account, "" where it has none. An account that the directory lists is one, however
// many domains it has.
func accountOf(key identity.Key, h *handoff.Handoff) string {
	id := cmp.Or(h.Account.ID, h.Account.Domain)
	if id == "" || isAccount(id) {
		return id
	}
	return key.Account(id)
}

func loadAccount(id string, blob []byte) (journal.Entity, error) {
	a, err := state.DecodeAccount(blob)
	if err != nil {
		return nil, err
	}
	return &account{Account: *a, id: id}, nil
}

// Apply takes a handoff that a rep got, or one that is over.
func (a *account) Apply(_ journal.Globals, ev *journal.Event) journal.Outcome {
	a.came = ""
	c := ev.Body.GetBriefChanged()
	if c.GetHandoffId() == "" || c.GetLead() == "" {
		return journal.Applied
	}
	i := slices.IndexFunc(a.Handoffs, func(h state.AccountHandoff) bool { return h.Handoff == c.GetHandoffId() })
	switch {
	case c.GetVersion() == 0 && i >= 0:
		a.Handoffs = slices.Delete(a.Handoffs, i, i+1)
	case c.GetVersion() > 0 && i < 0:
		a.came, a.lead = c.GetHandoffId(), c.GetLead()
		if a.Handoffs = append(a.Handoffs, state.AccountHandoff{Lead: c.GetLead(), Handoff: c.GetHandoffId()}); len(a.Handoffs) > maxAtAccount {
			a.Handoffs = slices.Delete(a.Handoffs, 0, 1)
		}
	}
	return journal.Applied
}

// Decide tells the others.
func (a *account) Decide(_ journal.Globals, ev *journal.Event, d *journal.Decision) {
	if a.came == "" {
		return
	}
	for _, h := range a.Handoffs {
		if h.Handoff != a.came && h.Lead != a.lead {
			d.Fact(h.Lead, &journalv1.Event{Type: typeBriefChanged, Payload: &journalv1.Event_BriefChanged{BriefChanged: &journalv1.BriefChanged{
				HandoffId: h.Handoff, Account: a.id,
				Because: []*journalv1.BriefChange{{What: brief.ColleagueRouted, Event: a.came, At: stamp(ev.Time()), Lead: a.lead}},
			}}})
		}
	}
}

// Deadlines: an account has none.
func (*account) Deadlines(journal.Globals) map[string]time.Time { return nil }

// Save gives the blob.
func (a *account) Save(*leadstore.Mutation) []byte { return state.EncodeAccount(&a.Account) }
