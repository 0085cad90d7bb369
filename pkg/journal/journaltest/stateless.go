package journaltest

import (
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
)

// Stateless is an entity that keeps nothing: a logic that only decides embeds it in its own, and adds Decide.
type Stateless struct{}

// Apply keeps nothing.
func (Stateless) Apply(journal.Globals, *journal.Event) journal.Outcome { return journal.Applied }

// Deadlines gives none.
func (Stateless) Deadlines(journal.Globals) map[string]time.Time { return nil }

// Save gives a blob without content.
func (Stateless) Save(*leadstore.Mutation) []byte { return []byte{0} }

// NoGlobals is what a logic that no global fact matters to makes of them.
type NoGlobals struct{}

// Apply keeps nothing.
func (NoGlobals) Apply(*journal.Event) []string { return nil }
