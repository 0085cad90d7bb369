package fold

import (
	"testing"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/lists"
)

// accounts puts rules of matching in force and, unless it is empty, a list of accounts.
func (s *story) accounts(rules int32, list ...*journalv1.ListedAccount) {
	c := &journalv1.AccountsChanged{Rules: rules}
	if len(list) > 0 {
		packed, err := lists.Pack(list)
		if err != nil {
			s.t.Fatal(err)
		}
		s.n++
		c.Revision, c.Chunks, c.Accounts = itoa(s.n), 1, packed
	}
	s.AppendGlobal(KindAccounts, &journalv1.Event{Type: TypeAccountsChanged, Payload: &journalv1.Event_AccountsChanged{AccountsChanged: c}})
}

// qualifyAs qualifies somebody at a free address who states a company and a country.
func (s *story) qualifyAs(email, company, country string) (lead, handoffID string) {
	lead = leadOf(email)
	handoffID = "ho_" + lead[3:] + "_1"
	s.scoring(lead, typeQualified, &journalv1.Event{Payload: &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
		Epoch: 1, HandoffId: handoffID, Rule: "matrix", Lead: &journalv1.LeadSnapshot{Id: lead, Email: email, AccountName: company, Country: country},
	}}})
	return lead, handoffID
}

const nordic = `
reps: [ {id: ana}, {id: bo} ]
pools: [ {id: all, reps: [bo]} ]
routes:
  - { id: named, when: 'account.owner != ""', to: {owner: account} }
  - { id: default, to: {pool: all} }
accounts:
  - { id: ac-1, name: Vandelay Nordic, country: SE, owner: ana }
  - { id: ac-2, name: Initech, owner: ana }
  - { id: ac-3, name: Initech Denmark, parent: ac-2, contacts: [dorte@gmail.com] }
`

func TestACloseNameDecidesWithSupportAndProposesWithout(t *testing.T) {
	s := newStory(t)
	s.directory(nordic)
	s.accounts(core.RulesIndexed)
	sure, id := s.qualifyAs("x@gmail.com", "Vandelay Nordics", "SE")
	if h := s.lead(sure).Handoff(id); h.Account.ID != "ac-1" || h.Account.By != core.ByCloseName || h.Owner() != "ana" || len(h.Account.Support) != 1 {
		t.Errorf("with the country: %+v %+v, owner %s", h.Account, h.Account.Proposed, h.Owner())
	}
	likely, id := s.qualifyAs("y@gmail.com", "Vandelay Nordics", "")
	h := s.lead(likely).Handoff(id)
	if h.Account.ID != "" || h.Account.By != core.ByNone || h.Account.Proposed == nil || h.Account.Proposed.ID != "ac-1" || h.Owner() != "bo" {
		t.Errorf("without it: %+v, owner %s", h.Account, h.Owner())
	}
	var matched *journalv1.Matched
	for _, e := range s.Log {
		if m := e.Body.GetMatched(); m.GetLead() == likely {
			matched = m
		}
	}
	if matched.GetProposed().GetAccount() != "ac-1" || matched.GetProposed().GetConfidence() < 0.6 {
		t.Errorf("the journal says %v", matched)
	}
}

func TestAContactIsTheirsAndTheParentsOwnerHasThem(t *testing.T) {
	s := newStory(t)
	s.directory(nordic)
	s.accounts(core.RulesIndexed)
	lead, id := s.qualifyAs("dorte@gmail.com", "Initech", "")
	h := s.lead(lead).Handoff(id)
	if h.Account.ID != "ac-3" || h.Account.By != core.ByContact || h.Owner() != "ana" || h.Account.Second == nil || h.Account.Second.ID != "ac-2" {
		t.Errorf("%+v, owner %s", h.Account, h.Owner())
	}
}

func TestAListBesideTheDirectory(t *testing.T) {
	s := newStory(t)
	s.directory(nordic)
	s.accounts(core.RulesIndexed,
		&journalv1.ListedAccount{Id: "li-1", Name: "Hooli", Domain: "hooli.example", Owner: "ana"},
		&journalv1.ListedAccount{Id: "li-2", Name: "Globex", Owner: "nobody", Parent: "ac-2"},
		&journalv1.ListedAccount{Id: "ac-1", Name: "Another", Owner: "ana"})
	for _, tc := range []struct{ email, company, account, owner string }{
		{"a@hooli.example", "", "li-1", "ana"},
		{"b@gmail.com", "Globex", "li-2", "ana"}, // nobody has left: the owner of the parent, which stands in the directory
		{"c@gmail.com", "Another", "", "bo"},     // the directory's own ac-1 hides it
	} {
		lead, id := s.qualifyAs(tc.email, tc.company, "")
		if h := s.lead(lead).Handoff(id); h.Account.ID != tc.account || h.Owner() != tc.owner {
			t.Errorf("%s of %s: %+v, owner %s", tc.email, tc.company, h.Account, h.Owner())
		}
	}
	s.accounts(core.RulesIndexed, &journalv1.ListedAccount{Id: "li-9", Name: "Umbrella"})
	lead, id := s.qualifyAs("d@hooli.example", "", "")
	if h := s.lead(lead).Handoff(id); h.Account.ID != key.Account("hooli.example") {
		t.Errorf("what the new list does not have: %+v", h.Account)
	}
}

// What was decided before the rules changed is decided so in every replay: the check of each story folds the journal again.
func TestOldJournalsMatchAsTheyDid(t *testing.T) {
	s := newStory(t)
	s.directory(nordic)
	before, first := s.qualifyAs("dorte@gmail.com", "Vandelay Nordics", "SE")
	s.accounts(core.RulesIndexed)
	after, second := s.qualifyAs("x@gmail.com", "Vandelay Nordics", "SE")
	if h := s.lead(before).Handoff(first); h.Account.By != core.ByNone || h.Account.Proposed != nil {
		t.Errorf("before: %+v", h.Account)
	}
	if h := s.lead(after).Handoff(second); h.Account.ID != "ac-1" {
		t.Errorf("after: %+v", h.Account)
	}
}
