package fold

import (
	"strings"

	"github.com/batonhq/baton/pkg/directory"
	"github.com/batonhq/baton/pkg/journal"
)

// KindDirectory is the kind of the global facts that replace the directory.
const (
	KindDirectory        = "directory"
	typeDirectoryChanged = "directory_changed"
)

// Globals is what feedback's fold takes from the global facts: who the reps are.
type Globals struct {
	teams map[string]string
	// known gives a rep's id by everything that they are known by elsewhere: an address, SYSTEM:ID.
	known map[string]string
}

// NewGlobals gives the state before the first global fact: nobody is known.
func (Logic) NewGlobals() journal.Globals { return new(Globals) }

// Apply folds a global fact. A directory that cannot be read is left out, and what was in force stays.
func (g *Globals) Apply(ev *journal.Event) (show []string) {
	if ev.Type != typeDirectoryChanged {
		return nil
	}
	d, err := directory.ReadSales(ev.Body.GetDirectoryChanged().GetYaml())
	if err != nil {
		return nil
	}
	g.teams, g.known = map[string]string{}, map[string]string{}
	for _, r := range d.Reps {
		g.teams[r.ID] = r.Team
		if r.Email != "" {
			g.known[strings.ToLower(r.Email)] = r.ID
		}
		for system, id := range r.ExternalIDs {
			g.known[strings.ToLower(system+":"+id)] = r.ID
		}
	}
	return nil
}

// rep gives who somebody is that was named in any way, and their team; the name itself where the directory does not know it.
func (g *Globals) rep(name string) (id, team string) {
	if g == nil || name == "" {
		return name, ""
	}
	if team, ok := g.teams[name]; ok {
		return name, team
	}
	if id, ok := g.known[strings.ToLower(name)]; ok {
		return id, g.teams[id]
	}
	return name, ""
}
