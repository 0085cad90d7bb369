package directory

import (
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

const wide = `
calendars: [ {id: se, time_zone: Europe/Stockholm, hours: {mon-fri: ["09:00-17:00"]}, holidays: [2026-12-25]} ]
reps:
  - { id: ana, calendar: se, holidays: [2026-12-24], capacity: [{per: 1h, handoffs: 3}, {per: 1d, handoffs: 20}, {open: 30}], skills: [core], languages: [sv-SE, en] }
  - { id: bo }
pools:
  - { id: nordic, reps: [ana, {rep: bo, weight: 2.5}], needs: {skills: [core], languages: lead, fallback: [en]},
      exclude: [{rep: bo, account: ac-1}, {rep: ana, when: 'campaign.last == "x"'}], capacity: {per: 1d, handoffs: 9}, calendar: se, overflow: {after: 90m, pool: rest} }
  - { id: rest, reps: [bo] }
territories: [ {id: se, countries: [SE], pool: nordic, priority: 2}, {id: big, employees: {from: 1000}, rep: ana, pool: rest} ]
routes:
  - { id: sticky, to: [{owner: opportunity}, {owner: previous}], previous_at: account }
  - { id: land, to: {territory: true} }
  - { id: named, when: 'handoff.rule == "demo"', to: {rep: bo} }
  - { id: default, to: {pool: rest} }
languages: { by_country: {SE: sv}, default: en }
exclude: [ {rep: bo, account: ac-9} ]
`

func TestParseRoutesAndPools(t *testing.T) {
	d, err := parse(t, wide)
	if err != nil {
		t.Fatal(err)
	}
	ana, nordic := d.Rep("ana"), d.Pool("nordic")
	if len(ana.Capacities) != 2 || ana.Open != 30 || len(ana.Calendar.Holidays) != 2 || ana.Calendar.Location.String() != "Europe/Stockholm" || ana.Languages[0] != "sv" {
		t.Errorf("ana: %+v", ana)
	}
	if nordic.Weight(d.Rep("bo")) != 2500 || nordic.Weight(ana) != 1000 || nordic.Overflow.After != 90*time.Minute || nordic.Hours == nil ||
		nordic.Capacities[0] != (calendar.Capacity{Handoffs: 9, Per: calendar.Day}) || !nordic.Needs.LeadLanguage || len(nordic.Exclude) != 2 {
		t.Errorf("nordic: %+v", nordic)
	}
	for _, tc := range []struct {
		name        string
		facts       core.Facts
		route, pool string
		named       int
	}{
		{"in a territory", core.Facts{Lead: core.LeadFacts{Country: "SE"}}, "land", "nordic", 0},
		{"in two: the first by priority", core.Facts{Lead: core.LeadFacts{Country: "SE"}, Account: core.AccountFacts{Employees: 5000}}, "land", "nordic", 0},
		{"a territory's rep first", core.Facts{Account: core.AccountFacts{Employees: 5000}}, "land", "rest", 1},
		{"in none", core.Facts{}, "default", "rest", 0},
		{"named", core.Facts{Handoff: core.HandoffFacts{Rule: "demo"}}, "named", "rest", 1},
		{"an account that must be asked", core.Facts{Account: core.AccountFacts{ID: "ac_1"}}, "sticky", "rest", 2},
	} {
		got, tried := d.Explain(tc.facts)
		if got.Route != tc.route || got.Pool != tc.pool || len(got.Prefer) != tc.named || len(tried) != 4 {
			t.Errorf("%s: %+v, %v", tc.name, got, tried)
		}
		got.Resolve("", "")
		if len(got.Prefer) > 1 || got.Unresolved() {
			t.Errorf("%s, and the account knows nobody: %+v", tc.name, got)
		}
	}
}

func TestParseRefusesRoutesAndPools(t *testing.T) {
	for _, tc := range []struct{ name, from, to, want string }{
		{"an unknown place", "to: {rep: bo}", "to: {queue: x}", "no place to send to"},
		{"two places at once", "to: {rep: bo}", "to: {rep: bo, pool: rest}", "must be {pool: ID}"},
		{"somebody behind a pool", "to: {rep: bo}", "to: [{pool: rest}, {rep: bo}]", "behind a pool"},
		{"an unknown owner", "{owner: opportunity}", "{owner: nobody}", "account, opportunity or previous"},
		{"previous_at without it", "to: {rep: bo}", "to: {rep: bo}, previous_at: account", "is nothing without"},
		{"an unknown territory", "{territory: true}", "{territory: mars}", "id of a territory"},
		{"a loop of overflows", "{ id: rest, reps: [bo] }", "{ id: rest, reps: [bo], overflow: {after: 1h, pool: nordic} }", "comes back to"},
		{"a skill nobody has", "skills: [core], languages: lead", "skills: [juggling], languages: lead", "no rep has skill"},
		{"one window twice", "{per: 1h, handoffs: 3}", "{per: 1d, handoffs: 3}", "a capacity for that window already"},
		{"an unknown calendar", "id: ana, calendar: se", "id: ana, calendar: no", "there is no calendar"},
		{"an exclusion of everything", "exclude: [ {rep: bo, account: ac-9} ]", "exclude: [ {rep: bo} ]", "needs account or when"},
		{"no pool at the end", "id: default, to: {pool: rest}", "id: default, to: {rep: bo}", "must send to a pool"},
		{"a country that is none", "countries: [SE]", "countries: [Sweden]", "two letters"},
	} {
		text := strings.Replace(wide, tc.from, tc.to, 1)
		if text == wide {
			t.Fatalf("%s: nothing to replace", tc.name)
		}
		if _, err := parse(t, text); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}
