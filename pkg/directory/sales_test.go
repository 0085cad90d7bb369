package directory_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/directory"
)

const sales = `teams: [ {id: emea} ]
reps: [ {id: ana, team: emea, email: Ana@us.example, weight: 0.5, external_ids: {hubspot: 42}}, {id: bo} ]
campaigns: [ {id: q4, channel: email, spend: [{month: 2026-11, amount: "12000.50", currency: EUR}]} ]
costs: [ {kind: sales, month: 2026-11, amount: "90000", currency: EUR, team: emea} ]
`

func TestReadSales(t *testing.T) {
	got, err := directory.ReadSales([]byte(sales))
	if err != nil {
		t.Fatal(err)
	}
	want := &directory.Sales{
		Reps:      []directory.Rep{{ID: "ana", Team: "emea", Email: "Ana@us.example", ExternalIDs: map[string]string{"hubspot": "42"}}, {ID: "bo"}},
		Campaigns: []directory.Campaign{{ID: "q4", Channel: "email", Spend: []directory.Spend{{Month: "2026-11", Amount: "12000.50", Currency: "EUR"}}}},
		Costs:     []directory.Cost{{Kind: "sales", Month: "2026-11", Amount: "90000", Currency: "EUR", Team: "emea"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestCheckCosts(t *testing.T) {
	for change, want := range map[string]string{
		"kind: sales→kind: rent": "costs[0].kind", "month: 2026-11, amount: \"9→month: 2026-13, amount: \"9": "costs[0].month", "\"90000\"→\"-1\"": "costs[0].amount",
		"\"90000\", currency: EUR→\"90000\", currency: euro": "costs[0].currency", "team: emea} ]\n→team: apac} ]\n": "costs[0].team",
	} {
		from, to, _ := strings.Cut(change, "→")
		i := strings.LastIndex(sales, from)
		text := sales[:i] + to + sales[i+len(from):]
		var t2 struct {
			Teams     any              `yaml:"teams"`
			Reps      any              `yaml:"reps"`
			Campaigns any              `yaml:"campaigns"`
			Costs     []directory.Cost `yaml:"costs"`
		}
		doc, err := directory.Read([]byte(text), &t2)
		if err != nil {
			t.Fatal(err)
		}
		directory.CheckCosts(doc, t2.Costs, func(team string) bool { return team == "emea" })
		if err := doc.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", change, err)
		}
	}
}
