package core

import (
	"cmp"
	"slices"
	"strings"
)

// Territory is a part of the market that a pool or a rep works. All that it states must hold.
type Territory struct {
	ID   string
	When Condition
	// Countries and Industries are compared without case; Domains are an account's domain or an ending of it.
	Countries, Industries, Domains []string
	// EmployeesFrom and EmployeesTo bound the head count, both inclusive; 0 is no bound. An unknown head count is in no bounds.
	EmployeesFrom, EmployeesTo int64
	// Pool or Rep, or both: the rep first.
	Pool, Rep string
	// Priority: of several that hold, the highest wins, and of equal ones the first.
	Priority int
}

// Holds reports whether a lead is in the territory.
func (t *Territory) Holds(f Facts) bool {
	among := func(list []string, v string) bool {
		return len(list) == 0 || v != "" && slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, v) })
	}
	if !among(t.Countries, f.Lead.Country) || !among(t.Industries, f.Account.Industry) || !t.domain(f.Account.Domain) {
		return false
	}
	n := f.Account.Employees
	if (t.EmployeesFrom > 0 || t.EmployeesTo > 0) && (n == 0 || n < t.EmployeesFrom || t.EmployeesTo > 0 && n > t.EmployeesTo) {
		return false
	}
	return t.When == nil || t.When.Holds(f)
}

func (t *Territory) domain(domain string) bool {
	return len(t.Domains) == 0 || domain != "" && slices.ContainsFunc(t.Domains, func(s string) bool {
		s = strings.TrimPrefix(s, ".")
		return domain == s || strings.HasSuffix(domain, "."+s)
	})
}

// TerritoryOf gives the territory of a lead, nil where it is in none. A name asks for that one alone.
func (d *Directory) TerritoryOf(f Facts, name string) *Territory {
	if d == nil {
		return nil
	}
	for _, t := range d.routing.territories {
		if (name == "" || t.ID == name) && t.Holds(f) {
			return t
		}
	}
	return nil
}

// routingIndex is what Index prepares for routes.
type routingIndex struct {
	// territories in the order in which they are tried.
	territories []*Territory
	// owners has e-mail addresses and external ids, in lower case; "" where one is several reps'.
	owners map[string]string
	// systems in which some rep has an external id, in lower case.
	systems map[string]bool
	// language: some rule asks for the lead's.
	language bool
	// assignments, open: see TellsAssignments and CountsOpen.
	assignments, open bool
}

func (d *Directory) indexRouting() {
	x := routingIndex{owners: map[string]string{}, systems: map[string]bool{}}
	for i := range d.Territories {
		x.territories = append(x.territories, &d.Territories[i])
	}
	slices.SortStableFunc(x.territories, func(a, b *Territory) int { return cmp.Compare(b.Priority, a.Priority) })
	claim := func(name, rep string) {
		name = strings.ToLower(name)
		if old, taken := x.owners[name]; taken && old != rep {
			rep = ""
		}
		x.owners[name] = rep
	}
	for i := range d.Reps {
		r := &d.Reps[i]
		x.open = x.open || r.Open > 0
		if r.Email != "" {
			claim(r.Email, r.ID)
		}
		for system, id := range r.ExternalIDs {
			x.systems[strings.ToLower(system)] = true
			claim(system+":"+id, r.ID)
			claim(id, r.ID)
		}
	}
	for i := range d.Pools {
		x.language = x.language || d.Pools[i].Needs.LeadLanguage
		d.Pools[i].members = make(map[string]struct{}, len(d.Pools[i].Reps))
		for _, rep := range d.Pools[i].Reps {
			d.Pools[i].members[rep] = struct{}{}
		}
	}
	for i := range d.Routes {
		r := &d.Routes[i]
		x.language = x.language || r.Needs.LeadLanguage
		for _, n := range r.Prefer {
			x.assignments = x.assignments || n.As == AsPreviousAtAccount
		}
	}
	d.routing = x
}

// TellsAssignments reports whether some route asks who last had somebody of an account, so that accounts must be told.
func (d *Directory) TellsAssignments() bool { return d != nil && d.routing.assignments }

// CountsOpen reports whether some rep has a limit on what they have in hand, so that the desk must be told of every end.
func (d *Directory) CountsOpen() bool { return d != nil && d.routing.open }
