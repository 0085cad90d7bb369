package fold

import (
	"github.com/batonhq/baton/pkg/directory"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// typeDirectoryChanged is the type of the global fact that replaces the directory.
const typeDirectoryChanged = "directory_changed"

// Globals is what is in force for every lead at a place of the log: the agreement, and the catalogue of assets.
type Globals struct{ *book.Book }

// NewGlobals gives the state before the first global fact.
func (l *Logic) NewGlobals() journal.Globals {
	names := Names()
	names.Account = l.key.Account
	return &Globals{book.New(l.library, names)}
}

// Apply folds a global fact. No entity has to be shown a change: it counts from the next event on.
func (g *Globals) Apply(ev *journal.Event) (show []string) {
	if catalogue, ok := CatalogueOf(ev); ok {
		g.Rules().Catalogue = catalogue
		return nil
	}
	return g.Book.Apply(ev)
}

// CatalogueOf gives the catalogue that a global fact brings into force; ok is false where it brings none. A directory that
// cannot be read brings none: none is ever appended before routing has read and checked it.
func CatalogueOf(ev *journal.Event) (c core.Catalogue, ok bool) {
	if ev.Type != typeDirectoryChanged {
		return nil, false
	}
	assets, err := directory.Assets(ev.Body.GetDirectoryChanged().GetYaml())
	if err != nil {
		return nil, false
	}
	c = make(core.Catalogue, len(assets))
	for _, a := range assets {
		c[a.ID] = core.Asset{Kind: a.Kind, Topic: a.Topic, Stage: a.Stage, Persona: a.Persona}
	}
	return c, true
}
