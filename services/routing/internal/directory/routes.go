package directory

import (
	"fmt"
	"strings"

	"github.com/batonhq/baton/pkg/strictyaml"
	"github.com/batonhq/baton/services/routing/internal/core"
)

type routeText struct {
	ID   string  `yaml:"id"`
	When *string `yaml:"when"`
	// One place, or a list of them in the order in which they are tried.
	To         any        `yaml:"to"`
	PreviousAt string     `yaml:"previous_at"`
	Needs      *needsText `yaml:"needs"`
}

type territoryText struct {
	ID         string   `yaml:"id"`
	When       *string  `yaml:"when"`
	Countries  []string `yaml:"countries"`
	Industries []string `yaml:"industries"`
	Domains    []string `yaml:"domains"`
	Employees  *struct {
		From int64 `yaml:"from"`
		To   int64 `yaml:"to"`
	} `yaml:"employees"`
	Pool     string `yaml:"pool"`
	Rep      string `yaml:"rep"`
	Priority int    `yaml:"priority"`
}

func (b *builder) territories(list []territoryText) {
	taken := ids{}
	for i, t := range list {
		path := at("territories", i)
		b.take(taken, path, t.ID)
		out := core.Territory{
			ID: t.ID, When: b.condition(path+".when", t.When), Countries: t.Countries, Industries: t.Industries,
			Pool: t.Pool, Rep: t.Rep, Priority: t.Priority,
		}
		for k, c := range t.Countries {
			if !countryShape.MatchString(c) {
				b.Fail(at(path+".countries", k), countryReason)
			}
		}
		for k, s := range t.Domains {
			s = strings.ToLower(s)
			if !domainShape.MatchString("x." + strings.TrimPrefix(s, ".")) {
				b.Fail(at(path+".domains", k), "must be a domain or the end of one such as .se")
			}
			out.Domains = append(out.Domains, s)
		}
		if e := t.Employees; e != nil {
			out.EmployeesFrom, out.EmployeesTo = e.From, e.To
			if e.From < 0 || e.To < 0 || e.From == 0 && e.To == 0 || e.To > 0 && e.To < e.From {
				b.Fail(path+".employees", "must be {from, to}: head counts, both included, or one of them")
			}
		}
		if t.When == nil && len(t.Countries)+len(t.Industries)+len(t.Domains) == 0 && t.Employees == nil {
			b.Fail(path, "needs when, countries, industries, domains or employees: it would hold the whole world")
		}
		if t.Pool == "" && t.Rep == "" {
			b.Fail(path, "needs a pool or a rep")
		}
		b.known(b.poolIDs, path+".pool", t.Pool, "pool")
		b.known(b.repIDs, path+".rep", t.Rep, "rep")
		b.dir.Territories = append(b.dir.Territories, out)
	}
}

const toShape = "must be {pool: ID}, {owner: account}, {owner: opportunity}, {owner: previous}, {rep: ID} or {territory: true}, or a list of these that ends in at most one pool"

func (b *builder) routes(list []routeText) {
	taken := ids{}
	for i, r := range list {
		path := at("routes", i)
		b.take(taken, path, r.ID)
		route := core.Route{ID: r.ID, When: b.condition(path+".when", r.When), Needs: b.needs(path+".needs", r.Needs)}
		switch r.PreviousAt {
		case "", "lead", "account":
		default:
			b.Fail(path+".previous_at", "must be lead or account")
		}
		b.to(path+".to", r, &route)
		if r.When == nil && route.Pool != "" && i < len(list)-1 {
			b.Fail(path, "has no when, so no lead ever comes to the routes behind it: the default must be the last")
		}
		b.dir.Routes = append(b.dir.Routes, route)
	}
	if len(list) == 0 || list[len(list)-1].When != nil {
		b.Fail("routes", "needs a default as its last entry, one without when: a lead that no route matches would go nowhere")
	} else if last := len(list) - 1; b.dir.Routes[last].Pool == "" && list[last].To != nil {
		b.Fail(at("routes", last)+".to", "the default must send to a pool: there may be nobody else")
	}
}

// to reads where a route sends.
func (b *builder) to(path string, r routeText, route *core.Route) {
	list, many := r.To.([]any)
	if !many {
		list = []any{r.To}
	}
	if len(list) == 0 {
		b.Fail(path, toShape)
	}
	previous := false
	for i, item := range list {
		where := path
		if many {
			where = at(path, i)
		}
		m, ok := item.(map[string]any)
		if !ok || len(m) != 1 {
			b.Fail(where, toShape)
			continue
		}
		if route.Pool != "" {
			b.Fail(where, "comes behind a pool: nobody behind it is ever tried")
		}
		for kind, v := range m {
			if err := b.place(where, kind, v, r.PreviousAt == "account", route); err != nil {
				b.Fail(where, "%v", err)
			}
			previous = previous || kind == "owner" && v == "previous"
		}
	}
	if r.PreviousAt != "" && !previous {
		b.Fail(strings.TrimSuffix(path, ".to")+".previous_at", "is nothing without to: {owner: previous}")
	}
}

func (b *builder) place(where, kind string, v any, atAccount bool, route *core.Route) error {
	text := scalar(v)
	switch kind {
	case "pool":
		if text == "" {
			return fmt.Errorf("%s", toShape)
		}
		b.known(b.poolIDs, where+".pool", text, "pool")
		route.Pool = text
	case "rep":
		if text == "" {
			return fmt.Errorf("%s", toShape)
		}
		b.known(b.repIDs, where+".rep", text, "rep")
		route.Prefer = append(route.Prefer, core.Named{As: core.AsRep, Rep: text})
	case "owner":
		named := core.Named{As: text}
		switch text {
		case core.AsAccount, core.AsOpportunity:
		case core.AsPrevious:
			if atAccount {
				named.As = core.AsPreviousAtAccount
			}
		default:
			b.Fail(where+".owner", "must be account, opportunity or previous")
		}
		route.Prefer = append(route.Prefer, named)
	case "territory":
		if route.Territory {
			return fmt.Errorf("names a territory twice")
		}
		route.Territory = true
		switch {
		case v == true || text == "true":
		case b.hasTerritory(text):
			route.TerritoryName = text
		default:
			b.Fail(where+".territory", "must be true, for the lead's own, or the id of a territory in this directory")
		}
		if len(b.dir.Territories) == 0 {
			b.Fail(where+".territory", "there are no territories in this directory")
		}
	default:
		return fmt.Errorf("%q is no place to send to: it %s", strictyaml.Clip(kind), toShape)
	}
	return nil
}

func (b *builder) hasTerritory(id string) bool {
	for i := range b.dir.Territories {
		if b.dir.Territories[i].ID == id {
			return true
		}
	}
	return false
}
