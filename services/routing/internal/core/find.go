package core

import (
	"slices"

	"github.com/batonhq/baton/services/routing/internal/core/accounts"
)

// Account is a company that somebody listed.
type Account = accounts.Account

// More of what an account was matched by.
const (
	ByContact   = accounts.ByContact
	ByCloseName = accounts.ByCloseName
)

// Rules of matching. A journal says from where on which are in force, so that what was decided before is decided again in
// replay.
const (
	// RulesExact: domains and names of the directory alone, as MatchAccount says.
	RulesExact = 0
	// RulesIndexed: as FindAccount says.
	RulesIndexed = 1
)

// Matching says how sure a match must be.
type Matching struct {
	// Decide is the least confidence that an account is chosen with, Propose the least that it is proposed with.
	Decide, Propose float64
}

// DefaultMatching decides from 0.85 on and proposes from 0.6 on.
func DefaultMatching() Matching { return Matching{Decide: 0.85, Propose: 0.6} }

// With gives the directory with the rules of matching and the list of accounts that are in force beside it. list may be slow
// the first time; nil is no list. nil stays nil.
func (d *Directory) With(rules int32, list func() *accounts.Index) *Directory {
	if d == nil {
		return nil
	}
	with := *d
	with.rules, with.list = rules, list
	return &with
}

func (d *Directory) listed() *accounts.Index {
	if d.list == nil {
		return nil
	}
	return d.list()
}

// Candidates gives the listed accounts that a lead may belong to; see accounts.Find. Those of the directory itself hide those
// of the list that have the same id.
func (d *Directory) Candidates(q accounts.Query, most int) []accounts.Candidate {
	if d == nil {
		return nil
	}
	return accounts.Find(q, d.Matching.Decide, most, d.accounts, d.listed())
}

// FindAccount finds the account of a lead by the rules that are in force. Where no listed account is sure enough, it is the
// company that the lead's own domain (or the stated one) stands for, as in MatchAccount, and the likeliest listed one is
// proposed.
func (d *Directory) FindAccount(q accounts.Query, newID func(domain string) string) Match {
	if d == nil || d.rules < RulesIndexed {
		return d.MatchAccount(q.Email, q.Company, q.Domain, newID)
	}
	list := d.Candidates(q, 2)
	if len(list) > 0 && list[0].Confidence >= d.Matching.Decide {
		c := list[0]
		m := Match{ID: c.Account.ID, Name: c.Account.Name, Domain: c.Account.Domain, By: c.By, Confidence: c.Confidence, Support: c.Support, Listed: &c.Account}
		if len(list) > 1 {
			m.Second = &list[1]
		}
		return m
	}
	m := d.unlisted(q, newID)
	if len(list) > 0 {
		m.Second = &list[0]
		if list[0].Confidence >= d.Matching.Propose {
			m.Proposed, m.Second = &list[0], nil
			if len(list) > 1 {
				m.Second = &list[1]
			}
		}
	}
	return m
}

// unlisted gives the company that a domain stands for although nobody listed it.
func (d *Directory) unlisted(q accounts.Query, newID func(domain string) string) Match {
	for _, by := range []struct {
		domain, by string
		confidence float64
	}{{q.Email[lastAt(q.Email)+1:], ByEmailDomain, 1}, {q.Domain, ByAccountDomain, 0.95}} {
		if top := d.registrable(by.domain); top != "" && !d.Domains.Shared(top) && !d.Domains.Shared(by.domain) {
			return Match{ID: newID(by.domain), Name: q.Company, Domain: by.domain, By: by.by, Confidence: by.confidence}
		}
	}
	return Match{Name: q.Company, By: ByNone}
}

func (d *Directory) registrable(domain string) string {
	if !accounts.IsDomain(domain) {
		return ""
	}
	return d.Domains.Registrable(domain)
}

func lastAt(email string) int {
	for i := len(email) - 1; i >= 0; i-- {
		if email[i] == '@' {
			return i
		}
	}
	return -1
}

// maxParents bounds the way from a subsidiary to whoever owns it, and ends it in a circle.
const maxParents = 8

// OwnerOf gives the rep who owns an account: its own owner or, where it has none that the directory knows, that of the nearest
// account above it.
func (d *Directory) OwnerOf(a *Account) string {
	seen := []string{}
	for a != nil && len(seen) < maxParents && !slices.Contains(seen, a.ID) {
		if d.Rep(a.Owner) != nil {
			return a.Owner
		}
		seen = append(seen, a.ID)
		a = d.Account(a.Parent)
	}
	return ""
}
