package metrics

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

const testNow = table.Time(1_800_000_000_000)

// world gives a table of n leads over two years before testNow, as a company's are: most stop early, some come back.
func world(n int, seed uint64) *table.Table {
	rnd := rand.New(rand.NewPCG(seed, 7))
	t := table.New()
	syms := func(prefix string, n int) []table.Sym {
		out := make([]table.Sym, n)
		for i := range out {
			out[i] = t.Names.Sym(fmt.Sprintf("%s-%d", prefix, i))
		}
		return out
	}
	any := func(list []table.Sym) table.Sym { return list[rnd.IntN(len(list))] }
	sources, channels, campaigns := syms("source", 12), syms("channel", 9), syms("campaign", 300)
	countries, industries, personas := syms("country", 40), syms("industry", 20), syms("persona", 6)
	reps, teams, rules, reasons := syms("rep", 120), syms("team", 8), syms("rule", 10), syms("reason", 9)
	accounts, eur := syms("account", max(1, n/8)), t.Names.Sym("EUR")
	for i := range n {
		r := table.Row{
			Epoch: 1, First: testNow - 1 - rnd.Int64N(730*dayMillis), Source: any(sources), Channel: any(channels), Campaign: any(campaigns),
		}
		r.Entered[table.Inquiry] = r.First
		at := r.First
		for s := table.MQL; s <= table.Won; s++ {
			if rnd.Float64() > [...]float64{0, .45, .95, .9, .7, .8, .5}[s] {
				break
			}
			at += rnd.Int64N(10 * dayMillis)
			r.Entered[s], r.Stage, r.Furthest = at, s, s
		}
		if r.Stage >= table.MQL {
			r.Account, r.Country, r.Industry, r.Persona = any(accounts), any(countries), any(industries), any(personas)
			r.Rule, r.Grade, r.Fit, r.Engagement, r.Size, r.Version = any(rules), uint8(1+rnd.IntN(4)), uint8(rnd.IntN(101)), uint8(rnd.IntN(101)), table.SizeBand(rnd.IntN(7)), 1
		}
		if r.Stage >= table.Routed {
			k := rnd.IntN(len(reps))
			r.Rep, r.Team = reps[k], teams[k%len(teams)]
			if rnd.IntN(4) > 0 {
				r.Contacted = r.Entered[table.Routed] + rnd.Int64N(2*dayMillis)
			}
			if r.Stage < table.Opportunity && rnd.IntN(3) == 0 {
				r.Stage, r.Ended, r.Reason, r.Flags = table.Recycled, at+1000, any(reasons), table.Rejected|table.WasRecycled
			}
		}
		rows := []table.Row{r}
		if r.Stage == table.Recycled && rnd.IntN(3) == 0 {
			again := r
			again.Epoch, again.Stage, again.Flags = 2, table.MQL, 0
			again.Entered = [table.WayStages]table.Time{1: r.Ended + dayMillis}
			rows = append(rows, again)
		}
		lead := t.Lead(fmt.Sprintf("ld_%d", i))
		t.Replace(lead, rows)
		if r.Entered[table.Opportunity] != 0 {
			d := table.Deal{
				ID: t.Names.Sym(fmt.Sprintf("crm/%d", i)), Lead: lead, Epoch: 1, Leads: 1, Opened: r.Entered[table.Opportunity], Amount: rnd.Int64N(1e11),
				Currency: eur, HasAmount: true, Owner: r.Rep, Team: r.Team, Account: r.Account, Source: r.Source, Channel: r.Channel, Campaign: r.Campaign,
			}
			if r.Stage == table.Won {
				d.Status, d.Closed = table.DealWon, r.Entered[table.Won]
				if rnd.IntN(5) == 0 {
					d.Churned = d.Closed + rnd.Int64N(300*dayMillis)
				}
			} else if rnd.IntN(2) == 0 {
				d.Status, d.Closed = table.DealLost, at+rnd.Int64N(30*dayMillis)
			}
			t.PutDeal(d)
		}
	}
	return t
}

// BenchmarkMillion asks every number of a table of a million leads, a few hundred times each with -benchtime, and reports percentiles.
func BenchmarkMillion(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const n = 1_000_000
	t := world(n, 1)
	runtime.GC()
	runtime.ReadMemStats(&after)
	perLead := float64(after.HeapAlloc-before.HeapAlloc) / n
	window := Query{From: testNow - 365*dayMillis, To: testNow, Now: testNow}
	for _, c := range benchmarks() {
		for _, q := range []struct {
			name string
			q    Query
		}{{"all", Query{Now: testNow}}, {"year", window}, {"by", with(window, c.by...)}} {
			b.Run(c.name+"/"+q.name, func(b *testing.B) {
				times := make([]float64, 0, b.N)
				for b.Loop() {
					start := time.Now()
					if err := c.run(t, q.q); err != nil {
						b.Fatal(err)
					}
					times = append(times, float64(time.Since(start))/1e6)
				}
				slices.Sort(times)
				b.ReportMetric(times[len(times)/2], "p50-ms")
				b.ReportMetric(times[len(times)*99/100], "p99-ms")
				b.ReportMetric(perLead, "B/lead")
			})
		}
	}
}

func with(q Query, by ...Dimension) Query {
	q.By = by
	return q
}

type bench struct {
	name string
	run  func(*table.Table, Query) error
	by   []Dimension
}

func benchmarks() []bench {
	spends := []Spend{{Month: testNow - 60*dayMillis, Campaign: "campaign-1", Channel: "channel-1", Kind: "marketing", Amount: 1e12, Currency: "EUR"}}
	return []bench{
		{"conversion", func(t *table.Table, q Query) error { _, err := LeadConversion(t, q); return err }, []Dimension{ByCampaign}},
		{"conversion2", func(t *table.Table, q Query) error { _, err := LeadConversion(t, q); return err }, []Dimension{ByCampaign, ByMonth}},
		{"mqltosql", func(t *table.Table, q Query) error { _, err := MQLToSQL(t, q); return err }, []Dimension{ByRep, ByRule}},
		{"speed", func(t *table.Table, q Query) error { _, err := SpeedToLead(t, q); return err }, []Dimension{ByTeam}},
		{"sla", func(t *table.Table, q Query) error { _, err := SLAKept(t, q); return err }, []Dimension{ByRep}},
		{"reasons", func(t *table.Table, q Query) error { _, err := GivenBack(t, q); return err }, []Dimension{ByRule}},
		{"leakage", func(t *table.Table, q Query) error { _, err := Leaks(t, q); return err }, []Dimension{ByChannel}},
		{"cohorts", func(t *table.Table, q Query) error { _, err := CohortMatrix(t, q); return err }, nil},
		{"sources", func(t *table.Table, q Query) error { _, err := Sources(t, q, nil); return err }, []Dimension{BySource}},
		{"campaigns", func(t *table.Table, q Query) error { _, err := Campaigns(t, q, spends, nil); return err }, nil},
		{"velocity", func(t *table.Table, q Query) error { _, err := PipelineVelocity(t, q, nil); return err }, []Dimension{ByTeam}},
		{"cac", func(t *table.Table, q Query) error { _, err := AcquisitionCost(t, q, spends, nil); return err }, []Dimension{ByMonth}},
		{"retention", func(t *table.Table, q Query) error { _, err := CustomerRetention(t, q, nil); return err }, []Dimension{ByCountry}},
	}
}
