package fold

import (
	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/accounts"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// KindAccounts is the kind of the global facts that hold lists of accounts and the rules of matching.
const KindAccounts = "accounts"

// TypeAccountsChanged is the type of such a fact.
const TypeAccountsChanged = "accounts_changed"

// compose puts the directory in force together with the rules of matching and the list beside it. The list's index is built
// when a lead is first matched with it.
func (g *Globals) compose() {
	revision, lists := g.accounts.InForce, g.parser.Lists()
	g.Directory = g.parsed.With(g.accounts.Rules, func() *accounts.Index { return lists.Index(revision) })
}

// AccountQuery gives what is known of a lead's company when it qualified.
func AccountQuery(p *journalv1.LeadSnapshot) accounts.Query {
	return accounts.Query{
		Email: p.GetEmail(), Company: p.GetAccountName(), Domain: p.GetAccountDomain(), Phone: p.GetPhone(),
		Address: accounts.Address{Street: p.GetStreet(), City: p.GetCity(), PostalCode: p.GetPostalCode(), Country: p.GetCountry()},
	}
}

// MatchFacts finds the account of a lead that qualified, and gives what conditions look at.
func MatchFacts(dir *core.Directory, key identity.Key, q *journalv1.Qualified) (core.Facts, core.Match) {
	p := q.GetLead()
	m := dir.FindAccount(AccountQuery(p), key.Account)
	f := core.Facts{
		Lead: core.LeadFacts{
			ID: p.GetId(), Email: p.GetEmail(), FirstName: p.GetFirstName(), LastName: p.GetLastName(), Title: p.GetTitle(),
			Country: p.GetCountry(), Phone: p.GetPhone(), Language: p.GetLanguage(), ExternalIDs: p.GetExternalIds(), Consent: p.GetConsent(),
		},
		Account: core.AccountFacts{
			ID: m.ID, Name: m.Name, Domain: m.Domain, Industry: p.GetAccountIndustry(), Employees: int64(p.GetAccountEmployees()),
		},
		Engagement: q.GetScore().GetEngagement(), Fit: q.GetScore().GetFit(), Grade: q.GetScore().GetGrade(),
		Campaign: came(p), Handoff: core.HandoffFacts{Rule: q.GetRule(), Epoch: int64(q.GetEpoch())},
	}
	if m.Listed != nil {
		f.Account.Owner, f.Account.Parent, f.Account.Listed, f.Account.Target = dir.OwnerOf(m.Listed), m.Listed.Parent, true, m.Listed.Target
	}
	return f, m
}

// MatchedAccount gives what a handoff keeps of a match.
func MatchedAccount(m core.Match) handoff.Account {
	return handoff.Account{
		ID: m.ID, Name: m.Name, Domain: m.Domain, By: m.By, Confidence: m.Confidence, Support: m.Support,
		Second: candidate(m.Second), Proposed: candidate(m.Proposed),
	}
}

func candidate(c *accounts.Candidate) *handoff.Candidate {
	if c == nil {
		return nil
	}
	return &handoff.Candidate{ID: c.Account.ID, By: c.By, Confidence: c.Confidence, Support: c.Support}
}
