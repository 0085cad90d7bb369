package directory

import (
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/accounts"
	"github.com/batonhq/baton/services/routing/internal/lists"
)

// AccountDetails are the members of an account that tell it from others like it.
type AccountDetails struct {
	Contacts []string `yaml:"contacts"`
	Phone    string   `yaml:"phone"`
	Address  struct {
		Street     string `yaml:"street"`
		City       string `yaml:"city"`
		PostalCode string `yaml:"postal_code"`
		Country    string `yaml:"country"`
	} `yaml:"address"`
	Country string `yaml:"country"`
	Parent  string `yaml:"parent"`
}

type matchingText struct {
	Decide  *float64 `yaml:"decide"`
	Propose *float64 `yaml:"propose"`
}

// Domains tells domains apart as the parser's directories do.
func (p *Parser) Domains() accounts.Domains { return p.domains }

// Lists keeps the indexes of the lists of accounts beside the directory.
func (p *Parser) Lists() *lists.Cache { return p.lists }

func (b *builder) details(path string, acc *core.Account, d AccountDetails) {
	if d.Country != "" && d.Address.Country != "" && d.Country != d.Address.Country {
		b.Fail(path+".country", "is not that of the address")
	}
	r := &lists.Record{Contacts: d.Contacts, Phone: d.Phone, Country: d.Country}
	if r.Country == "" {
		r.Country = d.Address.Country
	}
	r.Details(func(field, reason string) { b.Fail(path+"."+field, "%s", reason) })
	acc.Contacts, acc.Phone, acc.Parent = r.Contacts, r.Phone, d.Parent
	acc.Address = accounts.Address{Street: d.Address.Street, City: d.Address.City, PostalCode: d.Address.PostalCode, Country: r.Country}
}

// parents checks who belongs to whom: no circle. A parent may stand in the list beside the directory, which is not known here.
func (b *builder) parents(list []accountText) {
	parent := map[string]string{}
	for _, a := range list {
		parent[a.ID] = a.Parent
	}
	for i, a := range list {
		steps := 0
		for above := a.Parent; above != "" && steps <= len(list); above = parent[above] {
			if steps++; above == a.ID {
				b.Fail(at("accounts", i)+".parent", "%q is above itself", a.ID)
				break
			}
		}
	}
}

func (b *builder) matching(m matchingText) {
	set := func(field string, to *float64, from *float64) {
		if from == nil {
			return
		}
		if !(*from > 0 && *from <= 1) {
			b.Fail("matching."+field, "must be above 0 and at most 1")
		}
		*to = *from
	}
	set("decide", &b.dir.Matching.Decide, m.Decide)
	set("propose", &b.dir.Matching.Propose, m.Propose)
	if b.dir.Matching.Propose > b.dir.Matching.Decide {
		b.Fail("matching.propose", "is above decide (%v): what is sure enough to decide is never proposed", b.dir.Matching.Decide)
	}
}
