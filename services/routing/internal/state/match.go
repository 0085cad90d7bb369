package state

import (
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// AccountRef gives the account of a handoff as it is stored and shown.
func AccountRef(a handoff.Account) *routingv1.AccountRef {
	return &routingv1.AccountRef{
		Id: a.ID, Name: a.Name, Domain: a.Domain,
		Match: &routingv1.AccountMatch{By: a.By, Confidence: a.Confidence, Support: a.Support, Second: Candidate(a.Second), Proposed: Candidate(a.Proposed)},
	}
}

// Candidate gives an account that was not chosen, nil for nobody.
func Candidate(c *handoff.Candidate) *journalv1.AccountCandidate {
	if c == nil {
		return nil
	}
	return &journalv1.AccountCandidate{Account: c.ID, By: c.By, Confidence: c.Confidence, Support: c.Support}
}

func parseAccount(in *routingv1.AccountRef) handoff.Account {
	m := in.GetMatch()
	return handoff.Account{
		ID: in.GetId(), Name: in.GetName(), Domain: in.GetDomain(), By: m.GetBy(), Confidence: m.GetConfidence(),
		Support: m.GetSupport(), Second: parseCandidate(m.GetSecond()), Proposed: parseCandidate(m.GetProposed()),
	}
}

func parseCandidate(c *journalv1.AccountCandidate) *handoff.Candidate {
	if c == nil {
		return nil
	}
	return &handoff.Candidate{ID: c.GetAccount(), By: c.GetBy(), Confidence: c.GetConfidence(), Support: c.GetSupport()}
}
