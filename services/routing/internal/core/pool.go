package core

import (
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

// Pool is a set of reps who share what comes in.
type Pool struct {
	ID   string
	Reps []string
	// Weights are those of members, in thousandths, that differ from the rep's own.
	Weights map[string]int64
	Needs   Needs
	Exclude []Exclusion
	// Capacities limit what the pool gives out. Days and weeks are those of Hours' time zone.
	Capacities []calendar.Capacity
	// Hours is when it gives out at all; nil is always, by UTC.
	Hours    *calendar.Calendar
	Overflow *Overflow

	members map[string]struct{}
}

// Has reports whether a rep is in the pool, once the directory is indexed.
func (p *Pool) Has(rep string) bool { _, ok := p.members[rep]; return ok }

// Overflow is where a pool's handoffs go that have waited too long. The pool's own reps still come first.
type Overflow struct {
	After time.Duration
	// Pool or Rep, one of them.
	Pool, Rep string
}

// Weight gives a member's weight in the pool, in thousandths, at least 1.
func (p *Pool) Weight(r *Rep) int64 {
	if r == nil {
		return 1
	}
	if w, ok := p.Weights[r.ID]; ok {
		return w
	}
	return r.Weight
}

// Zone gives the time zone that the pool's windows go by.
func (p *Pool) Zone() *time.Location {
	if p.Hours != nil {
		return p.Hours.Location
	}
	return time.UTC
}

// Needs are what a rep must bring to get a handoff. The zero Needs are none.
type Needs struct {
	// Skills, all of them.
	Skills []string
	// Languages, one of them.
	Languages []string
	// LeadLanguage: the lead's own, where it is known.
	LeadLanguage bool
	// Fallback: where no rep in question speaks what is asked for, the first of these that one of them does.
	Fallback []string
}

// IsZero reports whether nothing is needed.
func (n Needs) IsZero() bool {
	return len(n.Skills)+len(n.Languages) == 0 && !n.LeadLanguage
}

// Spoken gives the languages of which one must be spoken: those asked for, or a fallback where none of the reps, as far as they
// are active, speaks any of them. nil: any will do.
func (n Needs) Spoken(d *Directory, reps []string, leadLanguage string) []string {
	asked := n.Languages
	if n.LeadLanguage {
		asked = nil
		if leadLanguage != "" {
			asked = []string{leadLanguage}
		}
	}
	if len(asked) == 0 {
		return nil
	}
	speaks := func(languages []string) bool {
		return slices.ContainsFunc(reps, func(id string) bool {
			r := d.Rep(id)
			return r != nil && r.Active && r.speaks(languages)
		})
	}
	if len(n.Fallback) == 0 || speaks(asked) {
		return asked
	}
	for _, l := range n.Fallback {
		if speaks([]string{l}) {
			return []string{l}
		}
	}
	return asked
}

// Lacks says what a rep does not bring: "" if they bring it all. spoken is as Spoken gave it.
func (n Needs) Lacks(r *Rep, spoken []string) string {
	for _, s := range n.Skills {
		if !slices.Contains(r.Skills, s) {
			return "lacks skill " + s
		}
	}
	if len(spoken) > 0 && !r.speaks(spoken) {
		return "does not speak " + strings.Join(spoken, " or ")
	}
	return ""
}

func (r *Rep) speaks(one []string) bool {
	return slices.ContainsFunc(one, func(l string) bool { return slices.Contains(r.Languages, l) })
}

// Exclusion keeps handoffs from a rep: those of an account, those that a condition holds for, or those of an account for which
// it holds.
type Exclusion struct {
	Rep, Account string
	When         Condition
}

// Conflict is an exclusion whose condition held for a lead.
type Conflict struct {
	Rep string
	// Pool that it holds in, "" for everywhere.
	Pool string
}

// conflicts gives the exclusions that need more than the account to be told, as they hold for a lead.
func (d *Directory) conflicts(f Facts) (out []Conflict) {
	add := func(pool string, list []Exclusion) {
		for _, x := range list {
			if x.When != nil && (x.Account == "" || x.Account == f.Account.ID) && x.When.Holds(f) {
				out = append(out, Conflict{Rep: x.Rep, Pool: pool})
			}
		}
	}
	add("", d.Exclude)
	for i := range d.Pools {
		add(d.Pools[i].ID, d.Pools[i].Exclude)
	}
	return out
}

// Excluded reports whether a rep may not have a handoff of an account in a pool ("" for none), given the lead's conflicts.
func (d *Directory) Excluded(rep, pool, account string, conflicts []Conflict) bool {
	for _, c := range conflicts {
		if c.Rep == rep && (c.Pool == "" || c.Pool == pool) {
			return true
		}
	}
	if account == "" || d == nil {
		return false
	}
	ofAccount := func(x Exclusion) bool { return x.When == nil && x.Rep == rep && x.Account == account }
	if slices.ContainsFunc(d.Exclude, ofAccount) {
		return true
	}
	p := d.pools[pool]
	return p != nil && slices.ContainsFunc(p.Exclude, ofAccount)
}

// Languages say what language a lead speaks where nobody stated it.
type Languages struct {
	// ByCountry, upper case to primary tag.
	ByCountry map[string]string
	Default   string
}

// LanguageOf gives the primary tag of a lead's language in lower case: the stated one, else that of the country, else the
// default; "" where there is none.
func (d *Directory) LanguageOf(f LeadFacts) string {
	tag, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(f.Language)), "_", "-"), "-")
	if tag != "" {
		return tag
	}
	if l, ok := d.Languages.ByCountry[strings.ToUpper(f.Country)]; ok {
		return l
	}
	return d.Languages.Default
}

// RepBy finds the rep that a source means by an owner: a rep's id, an e-mail address, or SYSTEM:ID of an external id. Where no rep
// states an id in that system, one that some rep has elsewhere will do. "" where that is nobody, or more than one.
func (d *Directory) RepBy(owner string) string {
	if d == nil || owner == "" {
		return ""
	}
	if d.reps[owner] != nil {
		return owner
	}
	owner = strings.ToLower(owner)
	rep, known := d.routing.owners[owner]
	if system, id, ok := strings.Cut(owner, ":"); ok && !known && !d.routing.systems[system] {
		rep = d.routing.owners[id]
	}
	return rep
}
