package directory

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/batonhq/baton/pkg/strictyaml"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

const example = `teams: [ {id: emea, manager: kim} ]
reps:
  - { id: ana, name: Ana, email: ana@us.example, team: emea, time_zone: Europe/Stockholm,
      hours: {mon-fri: ["09:00-12:00", "13:00-17:30"]}, holidays: [2026-12-25], away: [], capacity: {per: 1d, handoffs: 20}, weight: 1, active: true }
  - { id: bo, weight: 0.5, away: [2026-12-24, {from: 2026-12-27, to: 2026-12-28}, {from: "2027-01-01T10:00:00Z", to: "2027-01-01T12:00:00Z"}] }
pools: [ {id: emea-smb, reps: [ana, bo]} ]
routes:
  - { id: named,   when: 'account.owner != ""', to: {owner: account} }
  - { id: emea,    when: 'lead.country in ["SE","DE"]', to: {pool: emea-smb} }
  - { id: default, to: {pool: emea-smb} }
accounts:  [ {id: ac-1, name: Initech, domain: Initech.example, aliases: ["Initech LLC"], owner: ana, target: true} ]
assets:    [ {id: pricing-guide, kind: white-paper, topic: pricing, stage: decision, persona: economic-buyer, url: "…"} ]
campaigns: [ {id: q4-launch, name: Q4 launch, channel: email, brief: "What we promise and to whom…", spend: [{month: 2026-11, amount: "12000", currency: EUR}]} ]
personas:  [ {id: economic-buyer, when: 'lead.title.matches("(?i)(vp|chief)")'} ]
`

func parse(t testing.TB, text string) (*core.Directory, error) {
	t.Helper()
	p, err := NewParser()
	if err != nil {
		t.Fatal(err)
	}
	return p.Parse([]byte(text))
}

func TestParseTheExample(t *testing.T) {
	d, err := parse(t, strings.Replace(example, `aliases: ["Initech LLC"]`, `aliases: ["Initrode LLC"]`, 1))
	if err != nil {
		t.Fatal(err)
	}
	ana := d.Rep("ana")
	if ana == nil || ana.Team != "emea" || ana.Weight != 1000 || !ana.Active || !slices.Equal(ana.Capacities, []calendar.Capacity{{Handoffs: 20, Per: calendar.Day}}) {
		t.Errorf("ana: %+v", ana)
	}
	if ana.Calendar.Location.String() != "Europe/Stockholm" || len(ana.Calendar.Week[time.Wednesday]) != 2 || len(ana.Calendar.Week[time.Sunday]) != 0 {
		t.Errorf("ana's calendar: %+v", ana.Calendar)
	}
	bo := d.Rep("bo")
	if bo == nil || bo.Weight != 500 || bo.Name != "bo" || !bo.Active || !bo.Calendar.Always || len(bo.Calendar.Away) != 3 {
		t.Fatalf("bo: %+v", bo)
	}
	for at, want := range map[string]calendar.State{
		"2026-12-23T23:59:59Z": calendar.Open, "2026-12-24T12:00:00Z": calendar.Away, "2026-12-25T00:00:00Z": calendar.Open,
		"2026-12-28T23:59:59Z": calendar.Away, "2026-12-29T00:00:00Z": calendar.Open, "2027-01-01T11:00:00Z": calendar.Away,
	} {
		when, _ := time.Parse(time.RFC3339, at)
		if got := bo.Calendar.At(when); got != want {
			t.Errorf("bo at %s: %v, want %v", at, got, want)
		}
	}
	if got := d.RouteTo(core.Facts{Account: core.AccountFacts{Owner: "ana"}}); got.Rep != "ana" || got.Pool != "emea-smb" || got.Fallback != "default" {
		t.Errorf("route of an owned account: %+v", got)
	}
	if got := d.Persona(core.Facts{Lead: core.LeadFacts{Title: "Chief of Staff"}}); got != "economic-buyer" {
		t.Errorf("persona %q", got)
	}
	if m := d.MatchAccount("x@initech.example", "", "", nil); m.ID != "ac-1" {
		t.Errorf("match %+v", m)
	}
}

func TestAnAliasMayRepeatItsOwnAccount(t *testing.T) {
	// "Initech LLC" is what "Initech" normalises to: harmless on one account, ambiguous on two.
	if _, err := parse(t, example); err != nil {
		t.Errorf("an alias that says what the name says: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"an unknown key", "team: emea", "taem: emea", `line 3: unknown field "taem"`},
		{"a key given twice", "id: ana,", "id: ana, id: ana,", `line 3: mapping key "id" already defined`},
		{"a rep given twice", "id: bo,", "id: ana,", `line 5: reps[1].id: "ana" is given twice`},
		{"an id that is none", "id: bo,", "id: b o,", "line 5: reps[1].id: must be a name"},
		{"an unknown team", "team: emea,", "team: apac,", `line 3: reps[0].team: there is no team "apac"`},
		{"an unknown rep in a pool", "reps: [ana, bo]", "reps: [ana, cy]", `line 6: pools[0].reps[1]: there is no rep "cy"`},
		{"a rep twice in a pool", "reps: [ana, bo]", "reps: [ana, ana]", `line 6: pools[0].reps[1]: "ana" is in the pool twice`},
		{"an empty pool", "reps: [ana, bo]", "reps: []", "line 6: pools[0].reps: is empty"},
		{"an unknown zone", "Europe/Stockholm", "Europe/Stokholm", "line 3: reps[0].time_zone: must be an IANA"},
		{"the machine's own zone", "Europe/Stockholm", "Local", "line 3: reps[0].time_zone: must be an IANA"},
		{"no weekday", "mon-fri", "mon-frx", `reps[0].hours: "mon-frx" is no weekday`},
		{"an overnight span", "13:00-17:30", "22:00-06:00", `reps[0].hours: "22:00-06:00" is no span`},
		{"no span", "13:00-17:30", "13-17", `"13-17" is no span`},
		{"overlapping spans", "13:00-17:30", "11:00-17:30", "overlap"},
		{"no date", "[2026-12-25]", "[2026-13-25]", "reps[0].holidays[0]: must be a date"},
		{"away for no time", "from: 2026-12-27", "from: 2026-12-29", "line 5: reps[1].away[1]: ends before it begins"},
		{"away without shape", "to: 2026-12-28", "until: 2026-12-28", "reps[1].away[1]: must be a date"},
		{"an odd window", "per: 1d", "per: 3h", "reps[0].capacity.per: must be 1h, 1d or 7d"},
		{"no capacity at all", "handoffs: 20", "handoffs: 0", "reps[0].capacity.handoffs: must be from 1"},
		{"no weight at all", "weight: 0.5", "weight: 0", "reps[1].weight: must be from 0.001"},
		{"too fine a weight", "weight: 0.5", "weight: 0.0005", "reps[1].weight: must be from 0.001"},
		{"a weight that is none", "weight: 0.5", "weight: [1]", "line 5"},
		{"no default", "  - { id: default, to: {pool: emea-smb} }\n", "", "line 8: routes: needs a default"},
		{"a default that is not last", "id: emea,    when: 'lead.country in [\"SE\",\"DE\"]',", "id: emea,", "line 9: routes[1]: has no when"},
		{"an owner as the default", "id: default, to: {pool: emea-smb}", "id: default, to: {owner: account}", "line 10: routes[2].to: the default must send to a pool"},
		{"a route to nowhere", "id: default, to: {pool: emea-smb}", "id: default", "routes[2].to: must be {pool: ID}"},
		{"a route to both", "to: {owner: account}", "to: {owner: account, pool: emea-smb}", "routes[0].to: must be {pool: ID}"},
		{"another owner", "to: {owner: account}", "to: {owner: ana}", "routes[0].to.owner: must be account"},
		{"an unknown pool", "id: default, to: {pool: emea-smb}", "id: default, to: {pool: apac}", `routes[2].to.pool: there is no pool "apac"`},
		{"an expression that does not compile", `account.owner != ""`, `account.owner !=`, "line 8: routes[0].when: 1:17: Syntax error"},
		{"an unknown field", `account.owner != ""`, `account.ownr != ""`, "line 8: routes[0].when: account.ownr is not known"},
		{"an empty expression", `'account.owner != ""'`, `''`, "routes[0].when: is empty"},
		{"an unknown owner", "owner: ana, target", "owner: cy, target", `accounts[0].owner: there is no rep "cy"`},
		{"a free-mail domain", "domain: Initech.example", "domain: gmail.com", "accounts[0].domain: must be a company's own"},
		{"no domain", "domain: Initech.example", "domain: initech", "accounts[0].domain: must be a company's own"},
		{"a domain taken twice", "accounts:  [", "accounts:  [ {id: ac-0, domain: initech.example},", "leads to accounts[0] already"},
		{"an unknown persona", "persona: economic-buyer", "persona: user", `assets[0].persona: there is no persona "user"`},
		{"no month", "month: 2026-11", "month: 2026-13", "campaigns[0].spend[0].month: must be a month"},
		{"no amount", `amount: "12000"`, `amount: "12,000"`, "campaigns[0].spend[0].amount: must be a decimal"},
		{"no currency", "currency: EUR", "currency: Euro", "campaigns[0].spend[0].currency: must be an ISO"},
		{"a persona without a condition", `{id: economic-buyer, when: 'lead.title.matches("(?i)(vp|chief)")'}`, "{id: economic-buyer}", "personas[0]: needs when"},
		{"an anchor", "id: bo", "id: &a bo", "line 5: anchors"},
		{"a second document", "personas:", "---\npersonas:", "more than one document"},
		{"no YAML", "teams: [", "teams: {[", "line 1"},
	} {
		text := strings.Replace(example, tc.old, tc.new, 1)
		if text == example {
			t.Fatalf("%s: the text did not change", tc.name)
		}
		_, err := parse(t, text)
		var errs Errors
		if !errors.As(err, &errs) {
			t.Errorf("%s: %v, want Errors", tc.name, err)
		} else if !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v\n  want %s", tc.name, err, tc.want)
		}
	}
	for _, text := range []string{"", "# nothing", "[]", "x", strings.Repeat("[", 1_000_000), strings.Repeat("- ", 100_000), "a: " + strings.Repeat("x", MaxBytes), "\xff", "a: \x00"} {
		if _, err := parse(t, text); err == nil {
			t.Errorf("%.20q is taken for a directory", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("reps: [{id: a, hours: {mon-sun: [\"00:00-24:00\"]}, away: [{from: x, to: y}]}]\npools: [{id: p, reps: [a]}]\nroutes: [{id: d, to: {pool: p}}]\n"))
	f.Add([]byte("routes: [{id: d, when: 'lead.x', to: {pool: p}}]"))
	f.Add([]byte("{\"a\": [}"))
	p, err := NewParser()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := p.Parse(text)
		if err != nil {
			var errs Errors
			if !errors.As(err, &errs) || len(errs) == 0 || len(errs) > strictyaml.MaxErrors {
				t.Fatalf("an error without reasons: %v", err)
			}
			return
		}
		// Whatever is accepted sends every lead somewhere.
		if target := d.RouteTo(core.Facts{}); target.Pool == "" || d.PoolOrDefault(target.Pool) == nil {
			t.Fatalf("an accepted directory routes to %+v", target)
		}
	})
}
