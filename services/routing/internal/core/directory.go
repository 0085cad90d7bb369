// Package core holds what routing knows and decides, free of formats, networks and clocks: the directory, which account a
// lead belongs to, and where the route rules send it. Its subpackages decide who gets a handoff (desk), what becomes of it
// (handoff), when people work (calendar) and what sales is told (brief).
package core

import (
	"time"

	"github.com/batonhq/baton/services/routing/internal/core/accounts"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

// Directory is who sells, to whom, with what: one version of it, checked as a whole, never changed.
type Directory struct {
	Teams     []Team
	Reps      []Rep
	Pools     []Pool
	Routes    []Route
	Accounts  []Account
	Assets    []Asset
	Campaigns []Campaign
	Personas  []Persona
	Matching  Matching
	// Domains tells where domains were registered; without it only RulesExact can be used.
	Domains accounts.Domains

	rules    int32
	list     func() *accounts.Index
	accounts *accounts.Index

	Territories []Territory
	// Exclude holds everywhere, for pools and for reps whom a route names.
	Exclude   []Exclusion
	Languages Languages
	routing   routingIndex
	// ExactTurns: pools take turns by the exact share of each handoff. A directory that was put in force before there were such
	// turns goes on without them.
	ExactTurns bool

	reps      map[string]*Rep
	teams     map[string]*Team
	pools     map[string]*Pool
	assets    map[string]*Asset
	campaigns map[string]*Campaign
	byID      map[string]*Account
	byDomain  map[string]*Account
	byName    map[string]*Account
}

// Team is a group of reps; its manager is told when a service level is at risk.
type Team struct {
	ID, Name, Manager string
}

// Rep is somebody who takes handoffs.
type Rep struct {
	ID, Name, Email, Team string
	// ExternalIDs say who the rep is elsewhere: a destination's name or type to its id of the user.
	ExternalIDs map[string]string
	// Notify says by which destinations, by name or type, the rep wants to be told of things or not; what is not there tells them.
	Notify   map[string]bool
	Calendar calendar.Calendar
	// Capacities hold all at once, each in windows of its own length.
	Capacities []calendar.Capacity
	// Open is how many handoffs they may have in hand at once, 0 for any number.
	Open int
	// Skills, and languages as primary tags in lower case (sv).
	Skills, Languages []string
	// Weight in thousandths, at least 1: a rep of weight 2000 gets twice what one of 1000 gets.
	Weight int64
	Active bool
}

// Asset is a piece of content.
type Asset struct {
	ID, Kind, Topic, Stage, Persona, URL, Title string
}

// Campaign is what marketing does and promises.
type Campaign struct {
	ID, Name, Channel, Brief string
	Spend                    []Spend
}

// Spend is what a campaign cost in one month (2026-11); the amount is an exact decimal.
type Spend struct{ Month, Amount, Currency string }

// Persona is a kind of buyer.
type Persona struct {
	ID   string
	When Condition
}

// Condition is a rule's expression. It does not hold where it meets a value that is not known.
type Condition interface {
	Holds(Facts) bool
}

// Facts are what conditions look at. Empty strings and zero counts are unknown values.
type Facts struct {
	Lead       LeadFacts
	Account    AccountFacts
	Engagement float64
	Fit        float64
	Grade      string
	Campaign   CampaignFacts
	Handoff    HandoffFacts
	// Previous is the rep who had the lead's last epoch before this one, Opportunity the owner of an open deal of the lead; ""
	// where there is none. Routes send to them; conditions do not see them.
	Previous, Opportunity string
}

// LeadFacts are what is known of a person.
type LeadFacts struct {
	ID, Email, FirstName, LastName, Title, Country, Phone, Language string
	ExternalIDs                                                     map[string]string
	Consent                                                         map[string]string
}

// AccountFacts are what is known of a company.
type AccountFacts struct {
	ID, Name, Domain, Industry, Owner, Parent string
	Employees                                 int64
	// Listed: the directory knows the account; only then is Target known.
	Listed, Target bool
}

// Index makes the directory ready for look-ups; to be called once, before it is shared.
func (d *Directory) Index() {
	d.reps, d.teams, d.pools = index(d.Reps, func(r *Rep) string { return r.ID }), index(d.Teams, func(t *Team) string { return t.ID }), index(d.Pools, func(p *Pool) string { return p.ID })
	d.assets, d.campaigns = index(d.Assets, func(a *Asset) string { return a.ID }), index(d.Campaigns, func(c *Campaign) string { return c.ID })
	d.byID = index(d.Accounts, func(a *Account) string { return a.ID })
	d.indexRouting()
	if d.Domains.Registrable != nil {
		b := accounts.NewBuilder(d.Domains)
		for _, a := range d.Accounts {
			b.Add(a)
		}
		d.accounts = b.Build()
	}
	d.byDomain, d.byName = map[string]*Account{}, map[string]*Account{}
	for i := range d.Accounts {
		a := &d.Accounts[i]
		if a.Domain != "" {
			d.byDomain[a.Domain] = a
		}
		for _, name := range append([]string{a.Name}, a.Aliases...) {
			if isDomain(name) {
				d.byDomain[name] = a
			} else if n := NormalizeName(name); n != "" {
				d.byName[n] = a
			}
		}
	}
}

func index[T any](list []T, id func(*T) string) map[string]*T {
	m := make(map[string]*T, len(list))
	for i := range list {
		m[id(&list[i])] = &list[i]
	}
	return m
}

// Rep gives a rep by id, nil where there is none. All look-ups work on a nil directory, which knows nothing.
func (d *Directory) Rep(id string) *Rep {
	if d == nil {
		return nil
	}
	return d.reps[id]
}

// Team gives a team by id, nil where there is none.
func (d *Directory) Team(id string) *Team {
	if d == nil {
		return nil
	}
	return d.teams[id]
}

// Asset gives an asset by id, nil where there is none.
func (d *Directory) Asset(id string) *Asset {
	if d == nil {
		return nil
	}
	return d.assets[id]
}

// Campaign gives a campaign by id, nil where there is none.
func (d *Directory) Campaign(id string) *Campaign {
	if d == nil {
		return nil
	}
	return d.campaigns[id]
}

// Account gives a listed account by id, of the directory or of the list beside it; nil where there is none.
func (d *Directory) Account(id string) *Account {
	if d == nil {
		return nil
	}
	if a := d.byID[id]; a != nil || id == "" {
		return a
	}
	if a, ok := d.listed().Account(id); ok {
		return &a
	}
	return nil
}

// Pool gives a pool by id, nil where there is none.
func (d *Directory) Pool(id string) *Pool {
	if d == nil {
		return nil
	}
	return d.pools[id]
}

// PoolOrDefault gives a pool by id. A handoff may wait for a pool that a newer directory no longer has; it is then the
// default route's pool that takes it: nobody is left behind. nil without a directory.
func (d *Directory) PoolOrDefault(id string) *Pool {
	if d == nil {
		return nil
	}
	if p := d.pools[id]; p != nil {
		return p
	}
	for i := range d.Routes {
		if d.Routes[i].When == nil && d.Routes[i].Pool != "" {
			return d.pools[d.Routes[i].Pool]
		}
	}
	return nil
}

// Persona gives the first persona whose condition holds, "" where none does.
func (d *Directory) Persona(f Facts) string {
	if d == nil {
		return ""
	}
	for _, p := range d.Personas {
		if p.When != nil && p.When.Holds(f) {
			return p.ID
		}
	}
	return ""
}

// WorkingTime gives the moment at which a rep has worked for d since start. ok is false for an unknown rep, and for one
// who does not work within two years.
func (d *Directory) WorkingTime(rep string, start time.Time, length time.Duration) (at time.Time, ok bool) {
	r := d.Rep(rep)
	if r == nil {
		return time.Time{}, false
	}
	return r.Calendar.Add(start, length)
}
