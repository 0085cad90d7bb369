package core

import "testing"

func testDirectory() *Directory {
	d := &Directory{
		Pools:  []Pool{{ID: "emea", Reps: []string{"ana"}}, {ID: "rest", Reps: []string{"bo"}}},
		Routes: []Route{{ID: "named", When: always(true), Prefer: []Named{{As: AsAccount}}}, {ID: "se", When: inCountry("SE"), Pool: "emea"}, {ID: "default", Pool: "rest"}},
		Accounts: []Account{
			{ID: "ac-1", Name: "Initech", Domain: "initech.example", Aliases: []string{"Initech Labs, LLC", "initrode.example"}, Owner: "ana"},
			{ID: "ac-2", Name: "Müller & Söhne GmbH", Domain: "mueller.example"},
		},
	}
	d.Index()
	return d
}

type always bool

func (a always) Holds(Facts) bool { return bool(a) }

type inCountry string

func (c inCountry) Holds(f Facts) bool { return f.Lead.Country == string(c) }

func TestMatchAccount(t *testing.T) {
	newID := func(domain string) string { return "new:" + domain }
	for _, tc := range []struct {
		name, email, company, companyDomain string
		id, by                              string
		confidence                          float64
	}{
		{"its domain", "ana@initech.example", "", "", "ac-1", ByEmailDomain, 1},
		{"a domain below it", "ana@mail.eu.initech.example", "", "", "ac-1", ByEmailDomain, 1},
		{"a domain that only ends like it", "ana@notinitech.example", "", "", "new:notinitech.example", ByEmailDomain, 1},
		{"an alias that is a domain", "ana@initrode.example", "", "", "ac-1", ByEmailDomain, 1},
		{"the stated domain behind a free address", "ana@gmail.com", "", "initech.example", "ac-1", ByAccountDomain, 0.95},
		{"the name behind a free address", "ana@gmail.com", "INITECH, Inc.", "", "ac-1", ByAccountName, 0.9},
		{"an alias of the name", "ana@web.de", "initech labs", "", "ac-1", ByAccountName, 0.9},
		{"umlauts and ampersands", "x@gmx.de", "Müller and Söhne", "", "ac-2", ByAccountName, 0.9},
		{"the address outweighs the name", "x@mueller.example", "Initech", "", "ac-2", ByEmailDomain, 1},
		{"a company nobody listed", "x@hooli.example", "Hooli", "", "new:hooli.example", ByEmailDomain, 1},
		{"a free address and nothing else", "x@gmail.com", "", "", "", ByNone, 0},
		{"a free address with an unknown company", "x@gmail.com", "Hooli", "", "", ByNone, 0},
		{"no address", "", "", "", "", ByNone, 0},
		{"a name that is only a legal form", "x@gmail.com", "Inc.", "gmail.com", "", ByNone, 0},
	} {
		got := testDirectory().MatchAccount(tc.email, tc.company, tc.companyDomain, newID)
		if got.ID != tc.id || got.By != tc.by || got.Confidence != tc.confidence {
			t.Errorf("%s: got %s by %s (%v), want %s by %s (%v)", tc.name, got.ID, got.By, got.Confidence, tc.id, tc.by, tc.confidence)
		}
	}
	var none *Directory
	if got := none.MatchAccount("x@hooli.example", "", "", newID); got.ID != "new:hooli.example" {
		t.Errorf("without a directory: %+v", got)
	}
}

func TestRouteTo(t *testing.T) {
	d := testDirectory()
	for _, tc := range []struct {
		name           string
		owner, country string
		want           Target
	}{
		{"an owner, then the next matching pool", "ana", "SE", Target{Route: "named", Rep: "ana", Fallback: "se", Pool: "emea"}},
		{"an owner, then the default", "ana", "US", Target{Route: "named", Rep: "ana", Fallback: "default", Pool: "rest"}},
		{"no owner: the owner's route does not match", "", "SE", Target{Route: "se", Pool: "emea"}},
		{"nothing matches but the default", "", "", Target{Route: "default", Pool: "rest"}},
	} {
		f := Facts{Lead: LeadFacts{Country: tc.country}, Account: AccountFacts{Owner: tc.owner}}
		got := d.RouteTo(f)
		if got.Route != tc.want.Route || got.Rep != tc.want.Rep || got.Pool != tc.want.Pool || got.Fallback != tc.want.Fallback || !got.Plain() {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
		}
	}
	var none *Directory
	if got := none.RouteTo(Facts{}); got.Route != "" || got.Pool != "" {
		t.Errorf("without a directory: %+v", got)
	}
}

func TestPoolOrDefault(t *testing.T) {
	d := testDirectory()
	if p := d.PoolOrDefault("emea"); p == nil || p.ID != "emea" {
		t.Errorf("a pool that exists: %+v", p)
	}
	if p := d.PoolOrDefault("gone"); p == nil || p.ID != "rest" {
		t.Errorf("a pool that is gone: %+v, want the default route's", p)
	}
}
