package fold_test

import (
	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// puppet stands in for the routing service: it states what a test tells it to.
type puppet struct {
	journaltest.Stateless
	says map[string]*journalv1.Event
}

func (p *puppet) Service() string                             { return "routing" }
func (p *puppet) Wants(h journal.Head) bool                   { return h.Type == "say" }
func (p *puppet) NewGlobals() journal.Globals                 { return journaltest.NoGlobals{} }
func (p *puppet) Load(string, []byte) (journal.Entity, error) { return p, nil }

func (p *puppet) Decide(_ journal.Globals, ev *journal.Event, d *journal.Decision) {
	if fact := p.says[ev.Body.Id]; ev.Type == "say" && fact != nil {
		d.Fact(fact.Entity, proto.CloneOf(fact))
	}
}
