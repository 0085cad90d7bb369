package metrics

import (
	"reflect"
	"slices"
	"testing"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Which of two deals of one moment made the customer does not depend on which of them the table was told of first: a rebuild tells
// it in another order.
func TestFirstDealDoesNotDependOnTheOrderOfArrival(t *testing.T) {
	answers := func(ids ...string) (list []any) {
		tab := table.New()
		for _, id := range ids {
			deal(tab, id, "ac_1", "campaign-"+id, "2026-01-01", "2026-02-01", table.DealWon, 100)
		}
		q := Query{From: date("2026-01-01"), To: date("2026-03-01"), Now: date("2026-03-01"), By: []Dimension{ByCampaign}}
		c, err := AcquisitionCost(tab, q, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := CustomerRetention(tab, q, nil)
		if err != nil {
			t.Fatal(err)
		}
		return []any{c, r}
	}
	forth, back := answers("a", "b", "c"), answers("c", "b", "a")
	if !reflect.DeepEqual(forth, back) {
		t.Errorf("told a to c: %+v\ntold c to a: %+v", forth, back)
	}
	groups := forth[0].(*CAC).Groups
	if i := slices.IndexFunc(groups, func(g CACOf) bool { return g.Key[0] == "campaign-a" }); len(groups) != 1 || i != 0 || groups[0].Customers != 1 {
		t.Errorf("%+v", groups)
	}
}
