package metrics

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

func date(s string) table.Time {
	at, err := time.Parse("2006-01-02", s)
	if err != nil {
		panic(err)
	}
	return at.UnixMilli()
}

// deal puts a deal on a lead of its own.
func deal(t *table.Table, id, account, campaign, opened, closed string, status table.DealStatus, euros int64) *table.Deal {
	d := table.Deal{
		ID: t.Names.Sym("crm/" + id), Lead: t.Lead("ld_" + id), Epoch: 1, Leads: 1, Status: status, Amount: euros * 1e6, HasAmount: true,
		Currency: t.Names.Sym("EUR"), Account: t.Names.Sym(account), Campaign: t.Names.Sym(campaign), Opened: date(opened),
	}
	if closed != "" {
		d.Closed = date(closed)
	}
	r := table.Row{Epoch: 1, First: d.Opened - 10*day, Stage: table.Opportunity, Campaign: d.Campaign}
	r.Entered[table.Opportunity] = d.Opened
	t.Replace(d.Lead, []table.Row{r})
	t.PutDeal(d)
	return &d
}

func TestVelocityIsOneMultiplication(t *testing.T) {
	tab := table.New()
	deal(tab, "a", "ac_1", "c", "2026-01-01", "2026-01-11", table.DealWon, 1000)
	deal(tab, "b", "ac_2", "c", "2026-01-01", "2026-01-31", table.DealWon, 3000)
	deal(tab, "c", "ac_3", "c", "2026-01-05", "2026-02-01", table.DealLost, 500)
	deal(tab, "d", "ac_4", "c", "2026-01-05", "", table.DealOpen, 700)
	late := *deal(tab, "e", "ac_5", "c", "2026-02-05", "2026-02-01", table.DealWon, 700) // closed before it was opened
	late.HasAmount = true
	tab.PutDeal(late)
	silent := *deal(tab, "f", "ac_6", "c", "2026-01-05", "2026-02-01", table.DealWon, 0)
	silent.HasAmount = false
	tab.PutDeal(silent)
	r, err := PipelineVelocity(tab, Query{Now: date("2026-03-01")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := r.Total
	want := float64(g.Opportunities) * g.Won.Value * float64(g.AverageValue.Sum.Micros) / g.CycleDays
	if g.Opportunities != 3 || g.Won.Count != 2 || g.CycleDays != 20 || g.PerDay.Sum.Micros != 200_000_000 || math.Abs(want-2e8) > 1 {
		t.Errorf("%+v", g)
	}
	left := map[string]int{}
	for _, l := range r.LeftOut {
		left[l.Reason] = l.Count
	}
	if left[leftNegative] != 1 || left[leftNoAmount] != 1 || left[leftOpen] != 1 {
		t.Error(left)
	}
}

// noRates knows one rate.
type noRates struct{}

func (noRates) Convert(amount int64, from, to string, _ table.Time) (int64, bool) {
	return amount / 10, from == "SEK" && to == "EUR"
}

func TestAmountsWithoutARateStayApart(t *testing.T) {
	tab := table.New()
	deal(tab, "a", "ac_1", "c", "2026-01-01", "2026-01-11", table.DealWon, 1000)
	for id, currency := range map[string]string{"b": "SEK", "c": "JPY"} {
		d := *deal(tab, id, "ac_"+id, "c", "2026-01-01", "2026-01-11", table.DealWon, 500)
		d.Currency = tab.Names.Sym(currency)
		tab.PutDeal(d)
	}
	r, err := Sources(tab, Query{Now: date("2026-03-01"), Currency: "EUR"}, noRates{})
	if err != nil {
		t.Fatal(err)
	}
	m := r.Total.Amount
	if m.Sum != (Amount{1050 * 1e6, "EUR"}) || len(m.Apart) != 1 || m.Apart[0] != (Amount{500 * 1e6, "JPY"}) {
		t.Errorf("%+v", m)
	}
	if len(r.LeftOut) != 1 || r.LeftOut[0].Reason != leftNoRate || r.LeftOut[0].Count != 1 {
		t.Error(r.LeftOut)
	}
}

func TestRetention(t *testing.T) {
	tab := table.New()
	stays := deal(tab, "a", "ac_1", "", "2025-01-01", "2025-02-01", table.DealWon, 100)
	more := deal(tab, "a2", "ac_1", "", "2026-01-01", "2026-02-01", table.DealWon, 50) // the same customer buys on top
	gone := *deal(tab, "b", "ac_2", "", "2025-01-01", "2025-02-01", table.DealWon, 100)
	gone.Churned = date("2026-03-01")
	tab.PutDeal(gone)
	renewed := *deal(tab, "c", "ac_3", "", "2025-01-01", "2025-02-01", table.DealWon, 100)
	renewed.Churned, renewed.Renewed, renewed.Renewals = date("2026-03-01"), date("2026-04-01"), 1
	tab.PutDeal(renewed)
	deal(tab, "d", "ac_4", "", "2026-01-01", "2026-05-01", table.DealWon, 70)
	flash := *deal(tab, "e", "ac_5", "", "2026-01-01", "2026-02-01", table.DealWon, 70)
	flash.Churned = date("2026-03-01")
	tab.PutDeal(flash)
	_, _ = stays, more
	r, err := CustomerRetention(tab, Query{From: date("2026-01-01"), To: date("2026-12-31"), Now: date("2026-12-31")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := r.Total
	if g.Start != 3 || g.End != 3 || g.New != 1 || g.Churned != 1 || g.NewAndLost != 1 || g.Renewed != 1 || g.Retained.Count != 2 || g.Retained.Of != 3 {
		t.Errorf("%+v", g)
	}
	if !g.HasAmountRetained || math.Abs(g.AmountRetained-250./300) > 1e-12 {
		t.Errorf("%g of the amount stayed", g.AmountRetained)
	}
}

func TestCACNowAndLagged(t *testing.T) {
	tab := table.New()
	deal(tab, "a", "ac_1", "fair", "2026-02-01", "2026-03-21", table.DealWon, 1000) // first seen 58 days before
	deal(tab, "b", "ac_2", "fair", "2026-02-01", "2026-03-21", table.DealWon, 1000)
	deal(tab, "b2", "ac_2", "ads", "2026-02-01", "2026-03-25", table.DealWon, 1000) // a customer already
	spends := []Spend{
		{Month: date("2026-01-01"), Campaign: "fair", Kind: "marketing", Amount: 310e6, Currency: "EUR"},
		{Month: date("2026-03-01"), Campaign: "ads", Kind: "marketing", Amount: 62e6, Currency: "EUR"},
		{Month: date("2026-03-01"), Team: "emea", Kind: "sales", Amount: 100e6, Currency: "EUR"},
	}
	q := Query{From: date("2026-03-01"), To: date("2026-04-01"), Now: date("2026-04-01"), By: []Dimension{ByCampaign}}
	r, err := AcquisitionCost(tab, q, spends, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Total.Customers != 2 || r.Total.Spend.Sum.Micros != 162e6 || r.Total.PerCustomer.Sum.Micros != 81e6 || r.Total.Sales.Sum.Micros != 100e6 || r.LagDays != 58 {
		t.Errorf("%+v, %g days", r.Total, r.LagDays)
	}
	// March less 58 days is 2 January to 2 February: 30 of the 31 days of January.
	if r.Total.Lagged.Sum.Micros != 300e6 {
		t.Errorf("lagged %+v", r.Total.Lagged)
	}
	got := map[string]int{}
	for _, g := range r.Groups {
		got[strings.Join(g.Key, "")] = g.Customers
	}
	if got["fair"] != 2 || got["ads"] != 0 || len(got) != 3 {
		t.Error(got)
	}
	if _, err := AcquisitionCost(tab, Query{By: []Dimension{ByCountry}}, spends, nil); err == nil {
		t.Error("spend is not known by country")
	}
}

// TestSpendAddsUp: whatever the lag and however time is cut, the pieces are the whole.
func TestSpendAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := []Spend{{Month: date("2026-01-01"), Amount: rapid.Int64Range(0, 1e15).Draw(t, "amount"), Currency: "EUR"}}
		lag := rapid.Int64Range(0, 100*day).Draw(t, "lag")
		cut := date("2026-01-01") + rapid.Int64Range(0, 200*day).Draw(t, "cut")
		a := spentBy(&Query{To: cut}, s, lag, nil).total.money("")
		b := spentBy(&Query{From: cut, By: []Dimension{ByMonth}}, s, lag, nil)
		rest := int64(0)
		for _, p := range b.groups {
			rest += p.money("").Sum.Micros
		}
		if a.Sum.Micros+rest != s[0].Amount {
			t.Fatalf("%d and %d of %d", a.Sum.Micros, rest, s[0].Amount)
		}
	})
}

// TestFewGoodBeatManyPoor: a campaign is judged by what became of its leads, and one lucky lead is no proof.
func TestFewGoodBeatManyPoor(t *testing.T) {
	tab := table.New()
	for campaign, c := range map[string][2]int{"few-good": {20, 8}, "many-poor": {1000, 50}, "lucky": {1, 1}} {
		for i := range c[0] {
			r := table.Row{Epoch: 1, First: testNow - 300*day, Campaign: tab.Names.Sym(campaign)}
			if i < c[1] {
				r.Entered[table.Won], r.Stage = testNow-290*day, table.Won
			}
			tab.Replace(tab.Lead(campaign+string(rune('0'+i%10))+string(rune('a'+i/10))), []table.Row{r})
		}
	}
	r, err := Campaigns(tab, Query{Now: testNow}, []Spend{{Month: testNow, Campaign: "nobody-came", Amount: 5e6, Currency: "EUR"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, g := range r.Groups {
		order = append(order, g.Key[0])
	}
	if strings.Join(order, " ") != "few-good lucky many-poor nobody-came" || r.Groups[3].Cost.Sum.Micros != 5e6 {
		t.Error(order)
	}
}

// TestGoalContributionsAddUp: to the value, and against the target to how far it is away from it; volume alone counts against it.
func TestGoalContributionsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab := drawTable(t)
		goals := []Goal{
			{ID: "g", Metric: rapid.SampledFrom(GoalMetrics()).Draw(t, "metric"), Target: 0.3, Since: testNow - 150*day, Window: 100 * day},
			{ID: "all", Metric: GoalMQLToSQL, Target: 0.3},
		}
		list, err := Track(tab, goals, testNow, nil, "EUR", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			if p.Window > 0 && (p.From != testNow-50*day || p.To != testNow+50*day || p.Elapsed != 0.5) {
				t.Fatalf("window %d to %d, %g", p.From, p.To, p.Elapsed)
			}
			sums, against := map[Dimension]float64{}, map[Dimension]float64{}
			for _, c := range p.Contributions {
				sums[c.By] += c.Value
				against[c.By] += c.AgainstTarget
			}
			for d, sum := range sums {
				if !close2(sum, p.Value) || p.HasInterval && !close2(against[d], p.Value-p.Target) {
					t.Fatalf("%s by %s: %g of %g, against the target %g", p.Metric, d, sum, p.Value, against[d])
				}
			}
			if p.HasProjectionInterval && (p.ProjectionLow > p.Projection+1e-12 || p.ProjectionHigh < p.Projection-1e-12) {
				t.Fatalf("%+v", p)
			}
		}
	})
}

func TestGoalOfAMetricNobodyKnows(t *testing.T) {
	list, err := Track(table.New(), []Goal{{ID: "x", Metric: "happiness"}}, testNow, nil, "", nil)
	if err != nil || list[0].Status != "unknown" || !strings.Contains(list[0].Problem, GoalMQLToSQL) {
		t.Error(list, err)
	}
}

func TestMonth(t *testing.T) {
	for at := time.Date(1970, 1, 1, 0, 0, 0, 1e6, time.UTC); at.Year() < 2101; at = at.Add(36*time.Hour + 7*time.Minute) {
		if got := monthText(month(at.UnixMilli())); got != at.Format("2006-01") {
			t.Fatalf("%s is in %s", at, got)
		}
	}
}

func TestBadQueries(t *testing.T) {
	for name, c := range map[string]struct {
		q     Query
		field string
	}{
		"window":    {Query{From: 2, To: 1}, "to"},
		"dimension": {Query{By: []Dimension{"colour"}}, "by"},
		"three":     {Query{By: []Dimension{BySource, ByRep, ByTeam}}, "by"},
		"twice":     {Query{By: []Dimension{BySource, BySource}}, "by"},
		"members":   {Query{By: []Dimension{ByMember}}, "by"},
		"filter":    {Query{Filter: map[Dimension][]string{"colour": {"red"}}}, "where"},
		"grade":     {Query{Filter: map[Dimension][]string{ByGrade: {"z"}}}, "where"},
		"month":     {Query{Filter: map[Dimension][]string{ByMonth: {"2026"}}}, "where"},
		"cohort":    {Query{Cohort: "yesterday"}, "cohort"},
	} {
		_, err := LeadConversion(table.New(), c.q)
		bad, ok := err.(*BadQuery)
		if !ok || bad.Problems[0].Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}
