package metrics

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// A reference in plain steps: it walks leads one by one, looks each thing up by name in maps, and sorts every list whole.

const day = table.Time(dayMillis)

// drawTable gives a small table of anything: unknown times, skipped stages, several epochs, contradictions.
func drawTable(t *rapid.T) *table.Table {
	tab := table.New()
	when := rapid.OneOf(rapid.Just(table.Time(0)), rapid.Custom(func(t *rapid.T) table.Time {
		return testNow - rapid.Int64Range(0, 400).Draw(t, "days")*day + rapid.SampledFrom([]table.Time{0, 1, 60_000, day / 2}).Draw(t, "more")
	}))
	name := func(of string, n int) table.Sym {
		i := rapid.IntRange(0, n).Draw(t, of)
		if i == 0 {
			return tab.Names.Sym(rapid.SampledFrom([]string{"", "unknown"}).Draw(t, of+" unknown"))
		}
		return tab.Names.Sym(fmt.Sprintf("%s-%d", of, i))
	}
	for i := range rapid.IntRange(0, 25).Draw(t, "leads") {
		first, source, channel, campaign := when.Draw(t, "first"), name("source", 3), name("channel", 2), name("campaign", 3)
		rows := make([]table.Row, rapid.IntRange(1, 3).Draw(t, "epochs"))
		for e := range rows {
			r := &rows[e]
			r.Epoch, r.First, r.Source, r.Channel, r.Campaign = uint16(e+1), first, source, channel, campaign
			r.Stage = table.Stage(rapid.IntRange(0, 9).Draw(t, "stage"))
			for s := range r.Entered {
				if rapid.Bool().Draw(t, "entered") {
					r.Entered[s] = when.Draw(t, "at")
				}
			}
			r.Contacted, r.Ended = when.Draw(t, "contacted"), when.Draw(t, "ended")
			r.Rep, r.Team, r.Rule, r.Reason, r.Country = name("rep", 3), name("team", 2), name("rule", 2), name("reason", 3), name("country", 2)
			r.Rules = tab.Names.Set(rapid.SampledFrom([][]string{nil, {"x"}, {"x", "y"}}).Draw(t, "rules"))
			r.Grade, r.Size = uint8(rapid.IntRange(0, 4).Draw(t, "grade")), table.SizeBand(rapid.IntRange(0, 6).Draw(t, "size"))
			r.Flags = table.Flags(rapid.IntRange(0, 511).Draw(t, "flags"))
		}
		tab.Replace(tab.Lead(fmt.Sprint("ld_", i)), rows)
	}
	// Some leads are gone again, and leave places behind.
	if rapid.Bool().Draw(t, "gone") && tab.Leads() > 0 {
		tab.Replace(0, nil)
	}
	return tab
}

func drawQuery(t *rapid.T, most int) Query {
	q := Query{Now: testNow, Cohort: rapid.SampledFrom(append(Cohorts(), "")).Draw(t, "cohort")}
	if rapid.Bool().Draw(t, "window") {
		q.From = testNow - rapid.Int64Range(0, 400).Draw(t, "from")*day
		q.To = q.From + rapid.Int64Range(1, 200).Draw(t, "length")*day
	}
	dims := []Dimension{BySource, ByChannel, ByCampaign, ByRep, ByTeam, ByRule, ByReason, ByCountry, ByGrade, BySize, ByStage, ByMonth}
	q.By = rapid.Permutation(dims).Draw(t, "by")[:rapid.IntRange(0, most).Draw(t, "dimensions")]
	if rapid.Bool().Draw(t, "filter") {
		q.Filter = map[Dimension][]string{BySource: rapid.SampledFrom([][]string{{"source-1"}, {"source-2", None}, {"nobody"}}).Draw(t, "sources")}
		if rapid.Bool().Draw(t, "second filter") {
			q.Filter[ByMember] = []string{rapid.SampledFrom([]string{"x", "y"}).Draw(t, "rule")}
		}
	}
	return q
}

// unit is what the reference counts: one lead, or one epoch.
type unit struct {
	table.Row
	at  table.Time
	key string
}

// units gives everything in a query's cohort and filter, in the window and (all) in any.
func units(tab *table.Table, q *Query, cohort Cohort) (in, all []unit) {
	for lead := range tab.Leads() {
		epochs := tab.Rows(uint32(lead))
		if cohort == First && len(epochs) > 0 {
			epochs = []table.Row{together(epochs)}
		}
		for _, r := range epochs {
			u := unit{Row: r, at: r.First}
			if s := cohort.stage(); s >= 0 {
				if u.at = r.Entered[s]; u.at == 0 {
					continue
				}
			}
			if !kept(tab, q, &u) {
				continue
			}
			var key []string
			for _, d := range q.By {
				key = append(key, valueOf(tab, &u, d))
			}
			u.key = strings.Join(key, "|")
			windowless := q.From == 0 && q.To == 0
			switch {
			case windowless || u.at != 0 && u.at >= q.From && (q.To == 0 || u.at < q.To):
				in, all = append(in, u), append(all, u)
			case u.at != 0:
				all = append(all, u)
			}
		}
	}
	return in, all
}

// together is the reference's whole: epochs from the last to the first, each filling in what is not known.
func together(epochs []table.Row) table.Row {
	slices.SortFunc(epochs, func(a, b table.Row) int { return int(b.Epoch) - int(a.Epoch) })
	out := epochs[0]
	for _, e := range epochs[1:] {
		for s := range e.Entered {
			out.Entered[s] = least(out.Entered[s], e.Entered[s])
		}
		out.Contacted = least(out.Contacted, e.Contacted)
		out.Flags |= e.Flags
		fill := func(into *table.Sym, from table.Sym) {
			if *into == 0 {
				*into = from
			}
		}
		fill(&out.Rep, e.Rep)
		fill(&out.Team, e.Team)
		fill(&out.Rule, e.Rule)
		fill(&out.Rules, e.Rules)
		fill(&out.Reason, e.Reason)
		fill(&out.Country, e.Country)
		if out.Grade == 0 {
			out.Grade = e.Grade
		}
		if out.Size == 0 {
			out.Size = e.Size
		}
	}
	return out
}

func least(a, b table.Time) table.Time {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func kept(tab *table.Table, q *Query, u *unit) bool {
	for d, values := range q.Filter {
		if d == ByMember {
			if !slices.ContainsFunc(tab.Names.Members(u.Rules), func(m string) bool { return slices.Contains(values, m) }) {
				return false
			}
		} else if !slices.Contains(values, valueOf(tab, u, d)) {
			return false
		}
	}
	return true
}

func valueOf(tab *table.Table, u *unit, d Dimension) string {
	name := map[Dimension]table.Sym{
		BySource: u.Source, ByChannel: u.Channel, ByCampaign: u.Campaign, ByRep: u.Rep, ByTeam: u.Team, ByRule: u.Rule, ByReason: u.Reason, ByCountry: u.Country,
	}
	switch d {
	case ByGrade:
		return gradeNames()[u.Grade]
	case BySize:
		return sizeNames()[u.Size]
	case ByStage:
		return stageNames()[u.Stage+1]
	case ByMonth:
		if u.at == 0 {
			return None
		}
		return time.UnixMilli(u.at).UTC().Format("2006-01")
	}
	if s := tab.Names.Name(name[d]); s != "" {
		return s
	}
	return None
}

// came tells when a unit first came to a stage or a later one.
func came(u *unit, s table.Stage) (at table.Time, ok bool) {
	for k := s; k <= table.Won; k++ {
		at = least(at, u.Entered[k])
		ok = ok || u.Entered[k] != 0 || u.Stage == k
	}
	return at, ok
}

// byKey splits units into groups.
func byKey(list []unit) map[string][]unit {
	out := map[string][]unit{}
	for _, u := range list {
		out[u.key] = append(out[u.key], u)
	}
	return out
}

// rateDays gives the days to an outcome as the reference counts them.
func rateDays(list []unit, cohort Cohort, outcome table.Stage) (days []float64) {
	for i := range list {
		u := &list[i]
		done, ok := came(u, outcome)
		if !ok || done == 0 || u.at == 0 {
			continue
		}
		d := float64(done-u.at) / float64(day)
		if cohort == First && outcome == table.Won && (d < 0 || u.Flags&table.WonBeforeSeen != 0) {
			d = 0
		}
		if d >= 0 {
			days = append(days, d)
		}
	}
	slices.Sort(days)
	return days
}

func sortedFloats(list []float64) []float64 {
	slices.Sort(list)
	return list
}

func close2(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

func samePercentiles(t *rapid.T, what string, got Percentiles, want []float64) {
	if got.Count != len(want) {
		t.Fatalf("%s: %d durations, want %d", what, got.Count, len(want))
	}
	if len(want) == 0 {
		return
	}
	for q, v := range map[float64]float64{0.25: got.P25, 0.5: got.Median, 0.75: got.P75, 0.9: got.P90, 0.95: got.P95} {
		if w := stats.Quantile(want, q); !close2(v, w) {
			t.Fatalf("%s: the %g quantile is %g, want %g", what, q, v, w)
		}
	}
	low, high, ok := stats.QuantileInterval(want, 0.5, 0.95)
	if ok != got.HasInterval || ok && (!close2(low, got.MedianLow) || !close2(high, got.MedianHigh)) {
		t.Fatalf("%s: the median's interval is %g to %g, want %g to %g", what, got.MedianLow, got.MedianHigh, low, high)
	}
}

// TestRatesAgainstTheReference: both rates, for any cohort, window, filter and grouping.
func TestRatesAgainstTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, q := drawTable(t), drawQuery(t, 2)
		count, cohort, outcome := LeadConversion, q.Cohort, table.Won
		if cohort == "" {
			cohort = First
		}
		if rapid.Bool().Draw(t, "to sql") {
			count, cohort, outcome = MQLToSQL, FromMQL, table.SQL
		}
		r, err := count(tab, q)
		if err != nil {
			t.Fatal(err)
		}
		in, all := units(tab, &q, cohort)
		after := 0
		if days := rateDays(all, cohort, outcome); len(days) > 0 {
			after = int(math.Ceil(stats.Quantile(days, 0.9)))
		}
		check := func(what string, got *RateOf, list []unit) {
			won, young := 0, 0
			for i := range list {
				if _, ok := came(&list[i], outcome); ok {
					won++
				}
				if list[i].at != 0 && int(max(0, testNow-list[i].at)/day) < after {
					young++
				}
			}
			if got.Of != len(list) || got.Count != won || got.Maturity.Young != young || got.Maturity.AfterDays != after {
				t.Fatalf("%s: %+v, want %d of %d, %d younger than %d", what, got, won, len(list), young, after)
			}
			low, high := stats.Wilson(won, len(list), stats.Z95)
			if !close2(low, got.Low) || !close2(high, got.High) {
				t.Fatalf("%s: interval %g to %g", what, got.Low, got.High)
			}
			samePercentiles(t, what, got.Days, rateDays(list, cohort, outcome))
		}
		check("total", &r.Total, in)
		if len(q.By) == 0 {
			return
		}
		groups := byKey(in)
		if len(r.Groups) != len(groups) {
			t.Fatalf("%d groups, want %d", len(r.Groups), len(groups))
		}
		for i := range r.Groups {
			key := strings.Join(r.Groups[i].Key, "|")
			check(key, &r.Groups[i], groups[key])
		}
	})
}
