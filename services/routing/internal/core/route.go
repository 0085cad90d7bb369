package core

import (
	"cmp"
	"slices"
)

// What a rep is whom a route names.
const (
	AsAccount     = "account"
	AsOpportunity = "opportunity"
	AsPrevious    = "previous"
	// AsPreviousAtAccount is who last had somebody of the account.
	AsPreviousAtAccount = "previous-account"
	AsRep               = "rep"
	AsTerritory         = "territory"
)

// Route sends the leads that its condition holds for to reps whom it names and to a pool.
type Route struct {
	ID string
	// When is nil for always.
	When Condition
	// Prefer are tried first, in order.
	Prefer []Named
	// Territory: then the rep of the lead's territory, and its pool, unless the route has one of its own. A name asks for that
	// territory alone.
	Territory     bool
	TerritoryName string
	// Pool's id, or "" where the next matching route's is meant.
	Pool  string
	Needs Needs
}

// Named is somebody whom a route names: a rep, or who has a part in the lead.
type Named struct {
	As string
	// Rep where As is AsRep.
	Rep string
}

// CampaignFacts are the campaigns that a lead came by, oldest first where there are several.
type CampaignFacts struct {
	Entry, Last, EntryChannel, LastChannel string
	All                                    []string
}

// HandoffFacts are what is known of the handoff itself.
type HandoffFacts struct {
	Rule  string
	Epoch int64
}

// Preference is a rep whom a route names for a lead. Rep is "" as long as the account was not asked who it is.
type Preference struct {
	Rep, Route, As string
	Needs          Needs
}

// Target is where the route rules send a lead.
type Target struct {
	// Route is the first route that matches.
	Route string
	// Rep is the first of Prefer, "" for none.
	Rep string
	// Pool that takes it if nobody of Prefer can.
	Pool string
	// Fallback is the route of Pool, where somebody is preferred.
	Fallback string
	// Prefer are the reps to be tried before the pool, in order.
	Prefer []Preference
	Wants
}

// Wants is what a handoff asks of whoever gets it.
type Wants struct {
	// Needs of the pool's route.
	Needs Needs
	// Language of the lead, where some rule asks for it.
	Language  string
	Conflicts []Conflict
}

// What became of a route, as Explain tells it.
const (
	RouteMatched    = "matched"
	RouteNotReached = "not reached"
	RouteNoMatch    = "condition does not hold"
	RouteNobody     = "names nobody for this lead"
)

// Tried is a route that was looked at, and what became of it.
type Tried struct{ Route, Outcome string }

// RouteTo finds the routes for a lead. The first route that matches wins; one that names somebody matches only where there is
// somebody (the account's owner, the territory), and if nobody of them turns out to be eligible the next matching route goes
// on, until one has a pool. A checked directory ends in a route without a condition, so that there is always a pool. Without a
// directory the target is empty, and the desk keeps the lead until there is one.
func (d *Directory) RouteTo(f Facts) Target { return d.walk(f, func(string, string) {}) }

// Explain is RouteTo, and what became of each route.
func (d *Directory) Explain(f Facts) (Target, []Tried) {
	var tried []Tried
	t := d.walk(f, func(route, outcome string) { tried = append(tried, Tried{route, outcome}) })
	return t, tried
}

func (d *Directory) walk(f Facts, tell func(route, outcome string)) Target {
	var t Target
	if d == nil {
		return t
	}
	if d.routing.language {
		t.Language = d.LanguageOf(f.Lead)
	}
	t.Conflicts = d.conflicts(f)
	last := ""
	for i := range d.Routes {
		r := &d.Routes[i]
		if last != "" {
			tell(r.ID, RouteNotReached)
			continue
		}
		if r.When != nil && !r.When.Holds(f) {
			tell(r.ID, RouteNoMatch)
			continue
		}
		named, pool := d.named(r, f)
		if len(named) == 0 && pool == "" {
			tell(r.ID, RouteNobody)
			continue
		}
		tell(r.ID, RouteMatched)
		t.Prefer = append(t.Prefer, named...)
		if pool != "" {
			last, t.Pool, t.Needs = r.ID, pool, r.Needs
		}
	}
	t.settle(last)
	return t
}

// named gives whom a route names for a lead, and its pool.
func (d *Directory) named(r *Route, f Facts) (list []Preference, pool string) {
	add := func(rep, as string, later bool) {
		if rep != "" || later {
			list = append(list, Preference{Rep: rep, Route: r.ID, As: as, Needs: r.Needs})
		}
	}
	atAccount := f.Account.ID != ""
	for _, n := range r.Prefer {
		switch n.As {
		case AsAccount:
			add(f.Account.Owner, n.As, false)
		case AsOpportunity:
			add(f.Opportunity, n.As, atAccount)
		case AsPrevious:
			add(f.Previous, n.As, false)
		case AsPreviousAtAccount:
			add("", n.As, atAccount)
		default:
			add(n.Rep, n.As, false)
		}
	}
	pool = r.Pool
	if r.Territory {
		if t := d.TerritoryOf(f, r.TerritoryName); t != nil {
			add(t.Rep, AsTerritory, false)
			pool = cmp.Or(pool, t.Pool)
		}
	}
	return list, pool
}

// Unresolved reports whether the account must be asked who somebody is before the desk is.
func (t *Target) Unresolved() bool {
	return slices.ContainsFunc(t.Prefer, func(p Preference) bool { return p.Rep == "" })
}

// Resolve takes the account's answer: the owner of an open deal, and who last had somebody of it; "" for nobody.
func (t *Target) Resolve(opportunity, previous string) {
	for i := range t.Prefer {
		switch p := &t.Prefer[i]; {
		case p.Rep != "":
		case p.As == AsOpportunity:
			p.Rep = opportunity
		case p.As == AsPreviousAtAccount:
			p.Rep = previous
		}
	}
	t.Prefer = slices.DeleteFunc(t.Prefer, func(p Preference) bool { return p.Rep == "" })
	t.settle(cmp.Or(t.Fallback, t.Route))
}

// settle says which route is the first, given that of the pool. Whoever is named twice is tried once.
func (t *Target) settle(poolRoute string) {
	seen := map[string]struct{}{}
	t.Prefer = slices.DeleteFunc(t.Prefer, func(p Preference) bool {
		_, twice := seen[p.Rep]
		if p.Rep != "" {
			seen[p.Rep] = struct{}{}
		}
		return twice
	})
	t.Route, t.Rep, t.Fallback = poolRoute, "", ""
	if len(t.Prefer) > 0 {
		t.Route, t.Rep, t.Fallback = t.Prefer[0].Route, t.Prefer[0].Rep, poolRoute
	}
}

// Plain reports whether Route, Rep and Pool say it all: an account's owner or nobody is preferred, and nothing is needed.
func (t *Target) Plain() bool {
	return len(t.Prefer) == 0 || len(t.Prefer) == 1 && t.Prefer[0].As == AsAccount && t.Prefer[0].Needs.IsZero()
}
