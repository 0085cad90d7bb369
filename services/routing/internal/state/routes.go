package state

import (
	"time"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
)

// Preferences gives whom routes name as the journal states them.
func Preferences(list []core.Preference) []*journalv1.Preference {
	var out []*journalv1.Preference
	for _, p := range list {
		out = append(out, &journalv1.Preference{Rep: p.Rep, Route: p.Route, As: p.As, Needs: Needs(p.Needs)})
	}
	return out
}

// ParsePreferences reads what the journal states of whom routes name.
func ParsePreferences(list []*journalv1.Preference) []core.Preference {
	var out []core.Preference
	for _, p := range list {
		out = append(out, core.Preference{Rep: p.GetRep(), Route: p.GetRoute(), As: p.GetAs(), Needs: parseNeeds(p.GetNeeds())})
	}
	return out
}

// Needs gives what a rep must bring as the journal states it, nil for nothing.
func Needs(n core.Needs) *journalv1.Needs {
	if n.IsZero() {
		return nil
	}
	return &journalv1.Needs{Skills: n.Skills, Languages: n.Languages, LeadLanguage: n.LeadLanguage, Fallback: n.Fallback}
}

func parseNeeds(n *journalv1.Needs) core.Needs {
	return core.Needs{Skills: n.GetSkills(), Languages: n.GetLanguages(), LeadLanguage: n.GetLeadLanguage(), Fallback: n.GetFallback()}
}

// Conflicts gives who may not have a handoff as the journal states it.
func Conflicts(list []core.Conflict) []*journalv1.Conflict {
	var out []*journalv1.Conflict
	for _, c := range list {
		out = append(out, &journalv1.Conflict{Rep: c.Rep, Pool: c.Pool})
	}
	return out
}

// ParseWants reads what a handoff asks of whoever gets it.
func ParseWants(needs *journalv1.Needs, language string, conflicts []*journalv1.Conflict) core.Wants {
	w := core.Wants{Needs: parseNeeds(needs), Language: language}
	for _, c := range conflicts {
		w.Conflicts = append(w.Conflicts, core.Conflict{Rep: c.GetRep(), Pool: c.GetPool()})
	}
	return w
}

// Deal is a deal as far as it says whose it is.
type Deal struct {
	ID string
	// Lead that it stands on; of an account's deals alone.
	Lead string
	// Owner as the source said it; of an account's deals a rep's id, or SYSTEM:ID of a CRM's user.
	Owner string
	Open  bool
	// At is when it last moved, as the source said.
	At time.Time
	// Told is the account entity that was told as it stands; of a lead's deals alone.
	Told string
}
