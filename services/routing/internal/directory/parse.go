// Package directory reads the directory's YAML text: teams, reps, pools, routes, accounts, assets, campaigns and personas,
// checked as a whole and field by field, with the line of each fault.
package directory

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/batonhq/baton/pkg/directory"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/strictyaml"
	"github.com/batonhq/baton/services/routing/internal/celrules"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/accounts"
	"github.com/batonhq/baton/services/routing/internal/domains"
	"github.com/batonhq/baton/services/routing/internal/lists"
)

// Errors is what was found wrong with a text.
type Errors = directory.Errors

// MaxBytes is the largest text that is looked at.
const MaxBytes = directory.MaxBytes

// TurnsExact is what is stated with a directory under which pools take turns by the exact share of each handoff.
const TurnsExact = 1

type text struct {
	Teams     []teamText        `yaml:"teams"`
	Reps      []repText         `yaml:"reps"`
	Pools     []poolText        `yaml:"pools"`
	Routes    []routeText       `yaml:"routes"`
	Accounts  []accountText     `yaml:"accounts"`
	Assets    []directory.Asset `yaml:"assets"`
	Campaigns []campaignText    `yaml:"campaigns"`
	Personas  []personaText     `yaml:"personas"`
	Costs     []directory.Cost  `yaml:"costs"`
	Matching  matchingText      `yaml:"matching"`

	Calendars   []calendarText  `yaml:"calendars"`
	Territories []territoryText `yaml:"territories"`
	Exclude     []exclusionText `yaml:"exclude"`
	Languages   *languagesText  `yaml:"languages"`
}

type teamText struct {
	ID      string `yaml:"id"`
	Name    string `yaml:"name"`
	Manager string `yaml:"manager"`
}

type accountText struct {
	ID      string   `yaml:"id"`
	Name    string   `yaml:"name"`
	Domain  string   `yaml:"domain"`
	Aliases []string `yaml:"aliases"`
	Owner   string   `yaml:"owner"`
	Target  bool     `yaml:"target"`

	AccountDetails `yaml:",inline"`
}

type campaignText struct {
	ID      string `yaml:"id"`
	Name    string `yaml:"name"`
	Channel string `yaml:"channel"`
	Brief   string `yaml:"brief"`
	Spend   []struct {
		Month    string `yaml:"month"`
		Amount   string `yaml:"amount"`
		Currency string `yaml:"currency"`
	} `yaml:"spend"`
}

type personaText struct {
	ID   string  `yaml:"id"`
	When *string `yaml:"when"`
}

// Parser reads directories. It is safe for use by several goroutines.
type Parser struct {
	rules   *celrules.Compiler
	domains accounts.Domains
	lists   *lists.Cache
}

// NewParser makes a parser.
func NewParser() (*Parser, error) {
	rules, err := celrules.NewCompiler()
	if err != nil {
		return nil, err
	}
	d := domains.New()
	return &Parser{rules: rules, domains: d, lists: lists.NewCache(d)}, nil
}

// Parse reads and checks a text. The error wraps an Errors: what is wrong, where, and what would be right.
func (p *Parser) Parse(yamlText []byte) (*core.Directory, error) {
	var t text
	doc, err := directory.Read(yamlText, &t)
	if err != nil {
		return nil, err
	}
	b := &builder{Document: doc, rules: p.rules, dir: &core.Directory{Domains: p.domains, Matching: core.DefaultMatching()}}
	b.teams(t.Teams)
	b.calendars(t.Calendars)
	b.languages(t.Languages)
	b.reps(t.Reps)
	b.pools(t.Pools)
	b.personas(t.Personas)
	b.territories(t.Territories)
	b.routes(t.Routes)
	b.dir.Exclude = b.exclusions("exclude", t.Exclude)
	b.accounts(t.Accounts)
	b.parents(t.Accounts)
	b.matching(t.Matching)
	b.assets(t.Assets)
	b.campaigns(t.Campaigns)
	directory.CheckCosts(doc, t.Costs, b.teamIDs.has)
	if err := b.Err(); err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	b.dir.Index()
	return b.dir, nil
}

// builder checks each part and adds it to the directory. Ids of earlier parts are known to the later ones.
type builder struct {
	*strictyaml.Document
	rules *celrules.Compiler
	dir   *core.Directory

	teamIDs, repIDs, poolIDs, personaIDs ids
	// shared calendars, by id.
	shared map[string]calendarText
}

type ids map[string]struct{}

func (i ids) has(id string) bool { _, ok := i[id]; return ok }

// take checks an id and that it is not taken.
func (b *builder) take(taken ids, path, id string) {
	switch {
	case id == "":
		b.Fail(path, "is missing: a name of letters, digits, - and _")
	case !identity.Safe(id):
		b.Fail(path+".id", "must be a name of letters, digits, - and _, at most 64 long")
	case taken.has(id):
		b.Fail(path+".id", "%q is given twice", id)
	default:
		taken[id] = struct{}{}
	}
}

func (b *builder) known(list ids, path, id, what string) {
	if id != "" && !list.has(id) {
		b.Fail(path, "there is no %s %q in this directory", what, strictyaml.Clip(id))
	}
}

func (b *builder) condition(path string, source *string) core.Condition {
	if source == nil {
		return nil
	}
	if strings.TrimSpace(*source) == "" {
		b.Fail(path, "is empty: leave it out where it always holds")
		return nil
	}
	c, err := b.rules.Compile(*source)
	if err != nil {
		b.Fail(path, "%v", err)
		return nil
	}
	return c
}

func (b *builder) teams(list []teamText) {
	b.teamIDs = ids{}
	for i, t := range list {
		b.take(b.teamIDs, at("teams", i), t.ID)
		b.dir.Teams = append(b.dir.Teams, core.Team{ID: t.ID, Name: t.Name, Manager: t.Manager})
	}
}

func (b *builder) personas(list []personaText) {
	b.personaIDs = ids{}
	for i, p := range list {
		path := at("personas", i)
		b.take(b.personaIDs, path, p.ID)
		if p.When == nil {
			b.Fail(path, "needs when: the condition that makes a lead one of them")
		}
		b.dir.Personas = append(b.dir.Personas, core.Persona{ID: p.ID, When: b.condition(path+".when", p.When)})
	}
}

func (b *builder) accounts(list []accountText) {
	taken, owner := ids{}, map[string]int{}
	claim := func(i int, path, name string) {
		key := strings.ToLower(strings.TrimSpace(name))
		if !strings.Contains(key, ".") || strings.Contains(key, " ") {
			key = core.NormalizeName(name)
		}
		if key == "" {
			b.Fail(path, "holds no letter or digit")
		} else if first, ok := owner[key]; ok && first != i {
			b.Fail(path, "%q leads to %s already", strictyaml.Clip(name), at("accounts", first))
		}
		owner[key] = i
	}
	for i, a := range list {
		path := at("accounts", i)
		b.take(taken, path, a.ID)
		b.known(b.repIDs, path+".owner", a.Owner, "rep")
		acc := core.Account{ID: a.ID, Name: a.Name, Domain: strings.ToLower(a.Domain), Owner: a.Owner, Target: a.Target}
		switch {
		case a.Name == "" && a.Domain == "":
			b.Fail(path, "needs a name or a domain: nothing would ever match it")
		case a.Domain != "" && (!domainShape.MatchString(acc.Domain) || core.FreeMail(acc.Domain)):
			b.Fail(path+".domain", "must be a company's own domain such as initech.example")
		}
		for _, name := range []string{acc.Domain, a.Name} {
			if name != "" {
				claim(i, path, name)
			}
		}
		for k, alias := range a.Aliases {
			if strings.Contains(alias, ".") && !strings.Contains(alias, " ") {
				alias = strings.ToLower(alias)
			}
			claim(i, at(path+".aliases", k), alias)
			acc.Aliases = append(acc.Aliases, alias)
		}
		b.details(path, &acc, a.AccountDetails)
		b.dir.Accounts = append(b.dir.Accounts, acc)
	}
}

var domainShape = regexp.MustCompile(`^([a-z0-9\x{80}-\x{10ffff}]([a-z0-9\x{80}-\x{10ffff}-]*[a-z0-9\x{80}-\x{10ffff}])?\.)+[a-z\x{80}-\x{10ffff}][a-z0-9\x{80}-\x{10ffff}-]*$`)

func (b *builder) assets(list []directory.Asset) {
	taken := ids{}
	for i, a := range list {
		path := at("assets", i)
		b.take(taken, path, a.ID)
		b.known(b.personaIDs, path+".persona", a.Persona, "persona")
		b.dir.Assets = append(b.dir.Assets, core.Asset{
			ID: a.ID, Title: a.Title, Kind: a.Kind, Topic: a.Topic, Stage: a.Stage, Persona: a.Persona, URL: a.URL,
		})
	}
}

var (
	monthShape    = regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`)
	amountShape   = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{1,6})?$`)
	currencyShape = regexp.MustCompile(`^[A-Z]{3}$`)
)

func (b *builder) campaigns(list []campaignText) {
	taken := ids{}
	for i, c := range list {
		path := at("campaigns", i)
		b.take(taken, path, c.ID)
		campaign := core.Campaign{ID: c.ID, Name: c.Name, Channel: c.Channel, Brief: c.Brief}
		for k, s := range c.Spend {
			sp := at(path+".spend", k)
			if !monthShape.MatchString(s.Month) {
				b.Fail(sp+".month", "must be a month such as 2026-11")
			}
			if !amountShape.MatchString(s.Amount) {
				b.Fail(sp+".amount", "must be a decimal number such as 12000.50")
			}
			if !currencyShape.MatchString(s.Currency) {
				b.Fail(sp+".currency", "must be an ISO 4217 code such as EUR")
			}
			campaign.Spend = append(campaign.Spend, core.Spend{Month: s.Month, Amount: s.Amount, Currency: s.Currency})
		}
		b.dir.Campaigns = append(b.dir.Campaigns, campaign)
	}
}

func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
