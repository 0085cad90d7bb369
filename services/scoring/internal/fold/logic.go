package fold

import (
	"strings"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// Service is the producer of scoring's facts.
const Service = "scoring"

// Indexes of the store. Members are leads, but for IndexQuarantine.
const (
	// IndexScore has every lead by its engagement at its last event, in points.
	IndexScore = "score"
	// IndexOwnerless has the leads that are sales' to work on and that no rep has.
	IndexOwnerless = "ownerless"
	// IndexQuarantine has the entities on whose subject quarantine records stand, by the time of the newest, in Unix milliseconds.
	IndexQuarantine = "quarantine"
)

// IndexHeld has the leads that are known from loaded history alone, each at a place of its own: it is read page by page.
const IndexHeld = "held"

// IndexStage has the leads of a stage by their last activity, in Unix milliseconds.
func IndexStage(stage string) string { return "stage:" + stage }

// IndexAccount has the leads of an account by their engagement.
func IndexAccount(account string) string { return "account:" + account }

// Logic is scoring's part of the journal.
type Logic struct {
	library *book.Library
	key     identity.Key
}

// NewLogic gives the logic over a journal whose identity key is key.
func NewLogic(library *book.Library, key identity.Key) *Logic {
	return &Logic{library: library, key: key}
}

// Names gives what rules know leads and handoffs by.
func Names() core.Rules {
	return core.Rules{Handoff: identity.Handoff, Lasting: func(lead string) bool { return identity.RankOf(lead).Lasting() }, Peers: peers}
}

// peers reports whether two leads are made from identifiers of one rank. Addresses have no peers: without proof, two of them are
// two people.
func peers(a, b string) bool {
	rank := identity.RankOf(a)
	return rank == identity.RankOf(b) && rank != identity.Email
}

// Service names the producer of the facts.
func (l *Logic) Service() string { return Service }

// Version names the stored form.
func (l *Logic) Version() string { return state.Format }

// Wants takes every input, to account for it; what scoring tells leads; and of routing what moves a lead.
func (l *Logic) Wants(h journal.Head) bool {
	if h.Origin == nil || h.Origin.Producer == Service {
		return true
	}
	switch h.Type {
	case "quarantined":
		return true
	case "routed", "reassigned", "recalled", "answered":
		return isLead(h.Entity)
	}
	return false
}

// Load gives a lead, or whatever else inputs are addressed to.
func (l *Logic) Load(entity string, blob []byte) (journal.Entity, error) {
	if !isLead(entity) {
		return loadOther(entity, blob)
	}
	lead, beside, err := DecodeLead(entity, blob)
	if err != nil {
		return nil, err
	}
	return &leadEntity{logic: l, lead: lead, beside: beside, size: len(blob)}, nil
}

// DecodeLead reads a lead's stored state; no bytes give a lead that nothing is known of.
func DecodeLead(id string, blob []byte) (*core.Lead, state.Beside, error) {
	lead, beside, err := state.Decode(blob)
	if err != nil {
		return nil, state.Beside{}, err
	}
	rank := identity.RankOf(id)
	lead.Identify(id, rank == identity.Email, rank.Lasting())
	return lead, beside, nil
}

func isLead(entity string) bool { return strings.HasPrefix(entity, "ld_") }

// RulesOf gives what decisions depend on as of a place in the log.
func RulesOf(g journal.Globals) *core.Rules {
	if b, ok := g.(interface{ Rules() *core.Rules }); ok {
		return b.Rules()
	}
	names := Names()
	names.Book = noBook{}
	return &names
}

type noBook struct{}

func (noBook) Version(int32) *core.Agreement { return nil }
