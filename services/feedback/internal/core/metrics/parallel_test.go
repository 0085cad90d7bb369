package metrics

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// askAll asks a table everything, and gives the answers by name. A query that a number refuses is an answer, too.
func askAll(t *table.Table, q Query, spends []Spend, goals []Goal) map[string]any {
	out := map[string]any{}
	put := func(name string, answer any, err error) {
		if out[name] = answer; err != nil {
			out[name] = err.Error()
		}
	}
	won, confirmed, err := Conversions(t, q)
	put("conversions", [2]*Rate{won, confirmed}, err)
	r, err := LeadConversion(t, q)
	put("conversion", r, err)
	r, err = MQLToSQL(t, q)
	put("mql to sql", r, err)
	speed, err := SpeedToLead(t, q)
	put("speed", speed, err)
	sla, err := SLAKept(t, q)
	put("sla", sla, err)
	reasons, err := GivenBack(t, q)
	put("reasons", reasons, err)
	leaks, err := Leaks(t, q)
	put("leakage", leaks, err)
	matrix, err := CohortMatrix(t, q)
	put("cohorts", matrix, err)
	quality, err := Sources(t, q, noRates{})
	put("sources", quality, err)
	quality, err = Campaigns(t, q, spends, noRates{})
	put("campaigns", quality, err)
	quality, err = Bands(t, q, noRates{})
	put("bands", quality, err)
	velocity, err := PipelineVelocity(t, q, noRates{})
	put("velocity", velocity, err)
	cac, err := AcquisitionCost(t, q, spends, noRates{})
	put("cac", cac, err)
	kept, err := CustomerRetention(t, q, noRates{})
	put("retention", kept, err)
	progress, err := track(t, goals, Query{Now: q.Now, Currency: q.Currency, side: q.side}, spends, noRates{})
	put("goals", progress, err)
	return out
}

// TestAnyWayOfScanningIsTheSame: how many workers scan, and in how small pieces, changes no answer in any bit.
func TestAnyWayOfScanningIsTheSame(t *testing.T) {
	goals := make([]Goal, 0, len(GoalMetrics()))
	for _, m := range GoalMetrics() {
		goals = append(goals, Goal{ID: m, Metric: m, Target: 0.3, Since: testNow - 300*day, Window: 90 * day})
	}
	spends := []Spend{{Month: testNow - 60*day, Campaign: "campaign-1", Channel: "channel-1", Kind: "marketing", Amount: 1e9, Currency: "EUR"}}
	check := func(t interface{ Fatalf(string, ...any) }, tab *table.Table, q Query, other side) {
		q.side = side{workers: 1}
		want := askAll(tab, q, spends, goals)
		q.side = other
		for name, got := range askAll(tab, q, spends, goals) {
			if !reflect.DeepEqual(got, want[name]) {
				t.Fatalf("%s of %+v: in one piece\n%+v\notherwise\n%+v", name, q, want[name], got)
			}
		}
	}
	t.Run("anything", rapid.MakeCheck(func(t *rapid.T) {
		tab := drawTable(t)
		drawDeals(t, tab)
		q := drawQuery(t, 2)
		q.Currency = rapid.SampledFrom([]string{"", "EUR"}).Draw(t, "currency")
		check(t, tab, q, side{workers: rapid.IntRange(1, 5).Draw(t, "workers"), piece: rapid.IntRange(1, 9).Draw(t, "piece")})
	}))
	t.Run("wide", rapid.MakeCheck(func(t *rapid.T) {
		tab := drawTable(t)
		drawDeals(t, tab)
		q := drawQuery(t, 2)
		q.side = side{workers: 1, wide: math.MaxInt, shown: rapid.IntRange(1, 4).Draw(t, "shown")}
		want := askAll(tab, q, spends, goals)
		q.side.workers, q.side.piece, q.side.wide = rapid.IntRange(1, 3).Draw(t, "workers"), rapid.IntRange(1, 9).Draw(t, "piece"), rapid.SampledFrom([]int{-1, 1, 2}).Draw(t, "wide")
		for name, got := range askAll(tab, q, spends, goals) {
			if !reflect.DeepEqual(got, want[name]) {
				t.Fatalf("%s of %+v: of all groups told apart\n%+v\nof those shown\n%+v", name, q, want[name], got)
			}
		}
	}))
	t.Run("wide by its size", func(t *testing.T) {
		tab := world(40_000, 5)
		for _, by := range [][]Dimension{{ByAccount}, {ByCampaign, ByAccount}, {ByAccount, BySource}} {
			q := Query{Now: testNow, From: testNow - 300*day, To: testNow - 20*day, By: by, side: side{wide: math.MaxInt}}
			want := askAll(tab, q, spends, goals)
			q.side.wide = 0
			for name, got := range askAll(tab, q, spends, goals) {
				if !reflect.DeepEqual(got, want[name]) {
					t.Fatalf("%s by %v differs where only what is shown is told apart", name, by)
				}
			}
		}
	})
	t.Run("many", func(t *testing.T) {
		tab := world(30_000, 3)
		for _, by := range [][]Dimension{nil, {ByAccount}, {ByMonth}, {ByRep, ByMonth}} {
			check(t, tab, Query{Now: testNow, From: testNow - 300*day, To: testNow - 20*day, By: by}, side{workers: 4, piece: 100})
		}
	})
}

// drawDeals puts deals of any kind on a table's leads.
func drawDeals(t *rapid.T, tab *table.Table) {
	if tab.Leads() == 0 {
		return
	}
	when := rapid.OneOf(rapid.Just(table.Time(0)), rapid.Map(rapid.Int64Range(0, 400), func(days int64) table.Time { return testNow - days*day }))
	name := func(of string) table.Sym {
		return tab.Names.Sym(rapid.SampledFrom([]string{"", of + "-1", of + "-2"}).Draw(t, of))
	}
	for i := range rapid.IntRange(0, 15).Draw(t, "deals") {
		tab.PutDeal(table.Deal{
			ID: tab.Names.Sym(fmt.Sprint("crm/", i)), Lead: uint32(rapid.IntRange(0, tab.Leads()-1).Draw(t, "lead")), Epoch: uint16(rapid.IntRange(0, 3).Draw(t, "epoch")),
			Status: rapid.SampledFrom([]table.DealStatus{table.DealOpen, table.DealWon, table.DealWon, table.DealLost}).Draw(t, "status"),
			Opened: when.Draw(t, "opened"), Closed: when.Draw(t, "closed"), Churned: when.Draw(t, "churned"), Renewed: when.Draw(t, "renewed"),
			Amount: rapid.Int64Range(0, 1e12).Draw(t, "amount"), HasAmount: rapid.Bool().Draw(t, "has amount"),
			Currency: tab.Names.Sym(rapid.SampledFrom([]string{"EUR", "USD", "CHF"}).Draw(t, "currency")),
			Owner:    name("rep"), Team: name("team"), Account: name("account"), Source: name("source"), Channel: name("channel"), Campaign: name("campaign"),
			Persona: name("persona"), Reason: name("reason"),
		})
	}
	if rapid.Bool().Draw(t, "a deal is gone") {
		if id, ok := tab.Names.Find("crm/0"); ok {
			tab.RemoveDeal(id)
		}
	}
}

// TestFirstIsTheSortedHead: what is chosen by a heap is what sorting everything and cutting gives.
func TestFirstIsTheSortedHead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(0, 9), 0, 50).Draw(t, "values")
		most := rapid.IntRange(1, 20).Draw(t, "most")
		compare := func(a, b int) int {
			if values[a] != values[b] {
				return values[b] - values[a]
			}
			return a - b
		}
		want := make([]int, len(values))
		for i := range want {
			want[i] = i
		}
		slices.SortFunc(want, compare)
		got, more := first(len(values), most, compare)
		if want = want[:min(most, len(want))]; !slices.Equal(got, want) || more != len(values)-len(want) {
			t.Fatalf("%v and %d more, want %v", got, more, want)
		}
	})
}

// TestChooseIsSorting: ranks of many values, in pieces, are those of the sorted list.
func TestChooseIsSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int64{3, 1000, 1e9, 1 << 62}).Draw(t, "most")
		seeds := rapid.SliceOfN(rapid.Int64Range(0, most), 1, 40).Draw(t, "seeds")
		all := make([]table.Time, sortBelow+rapid.IntRange(-10, 300).Draw(t, "more"))
		for i := range all {
			all[i] = seeds[i%len(seeds)] / int64(1+i/len(seeds)%7)
		}
		ranks := rapid.SliceOfN(rapid.IntRange(0, len(all)-1), 1, 12).Draw(t, "ranks")
		cut := rapid.IntRange(0, len(all)).Draw(t, "cut")
		got := choose([][]table.Time{all[:cut], all[cut:]}, ranks)
		sorted := slices.Sorted(slices.Values(all))
		for i, r := range ranks {
			if got[i] != sorted[r] {
				t.Fatalf("rank %d is %d, want %d", r, got[i], sorted[r])
			}
		}
	})
}
