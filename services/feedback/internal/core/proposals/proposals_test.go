package proposals

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

func keys(list []Proposal) (out []string) {
	for _, p := range list {
		out = append(out, p.Key)
	}
	return out
}

func find(list []Proposal, key string) *Proposal {
	for i := range list {
		if list[i].Key == key {
			return &list[i]
		}
	}
	return nil
}

// TestPlantedRuleIsFound: of twelve rules one lets bad leads through, and one good ones; both are found, in the right direction.
func TestPlantedRuleIsFound(t *testing.T) {
	w := plain(6000, 8)
	w.rules[3].factor, w.rules[5].factor = 0.25, 2.2
	found := 0
	for seed := range uint64(10) {
		list := Find(w.table(seed), w.agreement(), Options{Now: now})
		bad, good := find(list, "points/r3"), find(list, "points/r5")
		if bad == nil || good == nil {
			continue
		}
		found++
		if bad.Change != (Change{Op: ChangeValue, Part: "engagement", ID: "r3", Field: "points", From: "10", To: "5"}) || bad.Evidence.High >= 1 {
			t.Errorf("seed %d: %+v", seed, bad)
		}
		if good.Change.To <= "10" || good.Evidence.Low <= 1 {
			t.Errorf("seed %d: %+v", seed, good)
		}
		if bad.Evidence.Tests < 8 || bad.Evidence.Q > MaxQ || bad.Evidence.Immature == 0 || !strings.Contains(bad.Sentence, "10 → 5 points") {
			t.Errorf("seed %d: %+v", seed, bad)
		}
	}
	if found < 9 {
		t.Errorf("found in %d of 10 worlds", found)
	}
}

// TestNothingIsProposedOfNothing: in worlds in which nothing has an effect, at most one in ten gives any proposal (with the room that 200 worlds
// leave to chance: three standard deviations).
func TestNothingIsProposedOfNothing(t *testing.T) {
	w := plain(1500, 8)
	w.reject = func(r *rand.Rand, _ *lead) string {
		if r.Float64() < 0.2 {
			return "no-fit/size"
		}
		return ""
	}
	worlds, some := 200, 0
	for seed := range uint64(worlds) {
		if list := Find(w.table(seed+1000), w.agreement(), Options{Now: now}); len(list) > 0 {
			some++
			t.Logf("seed %d: %v", seed, keys(list))
		}
	}
	most := MaxQ*float64(worlds) + 3*math.Sqrt(MaxQ*(1-MaxQ)*float64(worlds))
	t.Logf("%d of %d worlds", some, worlds)
	if float64(some) > most {
		t.Errorf("%d of %d worlds without effect give proposals", some, worlds)
	}
}

// TestTooLittle: the same planted rule among few leads gives nothing, and so does an empty table.
func TestTooLittle(t *testing.T) {
	w := plain(59, 6)
	w.rules[2].factor = 0.1
	for seed := range uint64(50) {
		if list := Find(w.table(seed), w.agreement(), Options{Now: now}); len(list) > 0 {
			t.Errorf("seed %d: %v", seed, keys(list))
		}
	}
	if list := Find(table.New(), w.agreement(), Options{Now: now}); list != nil {
		t.Errorf("of nothing: %v", keys(list))
	}
}

// TestChannelIsNotBlamedOnARule: leads of the poor source have the rule, those of the good one do not; the rule does nothing. All leads
// together it looks bad.
func TestChannelIsNotBlamedOnARule(t *testing.T) {
	w := world{leads: 4000, sources: []source{{"poor", 0.5, 0.01}, {"good", 0.5, 0.15}}, rules: []rule{{"ebook", func(s string) float64 {
		if s == "poor" {
			return 0.9
		}
		return 0.1
	}, 1}}}
	blamed := 0
	for seed := range uint64(30) {
		tab := w.table(seed)
		var pooled stats.Table
		for _, row := range collect(tab, w.agreement(), now).rows {
			had := wonAt(row) != 0
			n, k := &pooled.BN, &pooled.B
			if slices.Contains(tab.Names.Members(row.Rules), "ebook") {
				n, k = &pooled.AN, &pooled.A
			}
			*n++
			if had {
				*k++
			}
		}
		if stats.Fisher(pooled) > 1e-6 {
			t.Fatal("the world is not what it is to be")
		}
		if find(Find(tab, w.agreement(), Options{Now: now}), "points/ebook") != nil {
			blamed++
		}
	}
	if blamed > 3 {
		t.Errorf("blamed in %d of 30 worlds", blamed)
	}
	// Where only one source has the rule at all, nobody can tell the two apart.
	w.rules[0].has = func(s string) float64 { return map[string]float64{"poor": 1}[s] }
	if p := find(Find(w.table(1), w.agreement(), Options{Now: now}), "points/ebook"); p != nil {
		t.Errorf("%+v", p)
	}
}

// TestEvidenceIsNotUsedTwice: leads that qualified before a rule had its points, or before an earlier proposal came into force, do not
// count.
func TestEvidenceIsNotUsedTwice(t *testing.T) {
	w := plain(8000, 4)
	w.rules[1].factor = 0.2
	tab, a := w.table(1), w.agreement()
	if find(Find(tab, a, Options{Now: now}), "points/r1") == nil {
		t.Fatal("it is not found at all")
	}
	if p := find(Find(tab, a, Options{Now: now, Since: map[string]table.Time{"points/r1": now - 30*day}}), "points/r1"); p != nil {
		t.Errorf("since: %+v", p)
	}
	a.Rules[1].Versions = Versions{4}
	if p := find(Find(tab, a, Options{Now: now}), "points/r1"); p != nil {
		t.Errorf("versions: %+v", p)
	}
}

func TestThresholds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		sql    func(int) float64
		from   int
		to     int
		nobody bool
	}{
		{"too low", func(e int) float64 {
			if e < 30 {
				return 0.08
			}
			return 0.45
		}, 30, 30, false},
		{"room below", func(int) float64 { return 0.55 }, 15, 15, false},
		{"right", func(int) float64 { return 0.3 }, 0, 0, true},
		{"hopeless everywhere", func(int) float64 { return 0.1 }, 0, 0, true},
	} {
		w := plain(4000, 0)
		w.sql = tc.sql
		p := find(Find(w.table(5), w.agreement(), Options{Now: now}), "threshold/matrix/a")
		if (p == nil) != tc.nobody {
			t.Errorf("%s: %+v", tc.name, p)
		}
		if p == nil {
			continue
		}
		var to int
		if _, err := fmt.Sscan(p.Change.To, &to); err != nil || to < tc.from || to > tc.to || p.Change.Field != "matrix.a" || p.Change.ID != "matrix" || p.Change.From != "20" {
			t.Errorf("%s: %+v", tc.name, p.Change)
		}
	}
}

func TestRejectsThatGather(t *testing.T) {
	base := func(r *rand.Rand, reason string) string {
		if r.Float64() < 0.05 {
			return reason
		}
		return ""
	}
	small := plain(4000, 3)
	small.reject = func(r *rand.Rand, l *lead) string {
		if l.source == "ads" && l.size == table.UpTo10 && r.Float64() < 0.7 {
			return "no-fit/size"
		}
		return base(r, "no-fit/size")
	}
	list := Find(small.table(1), small.agreement(), Options{Now: now})
	want := Change{Op: ChangeAdd, Part: "fit", ID: "not-size-up-to-10", When: "account.employees <= 10", Points: "-25", Because: "sales rejects them for no-fit/size"}
	if n := slices.IndexFunc(list, func(p Proposal) bool { return p.Change == want }); n < 0 {
		t.Fatalf("%v", keys(list))
	}
	n := 0
	for _, p := range list {
		if p.Change.When == want.When {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the same rule is proposed %d times", n)
	}

	data := plain(4000, 3)
	data.reject = func(r *rand.Rand, l *lead) string {
		if l.source == "fairs" && r.Float64() < 0.4 {
			return "bad-data"
		}
		return base(r, "bad-data")
	}
	p := find(Find(data.table(2), data.agreement(), Options{Now: now}), "reject/source:fairs/bad-data")
	if p == nil || p.Change.Op != "" || !strings.Contains(p.Sentence, "by marketing") {
		t.Errorf("%+v", p)
	}

	never := plain(4000, 3)
	never.reject = func(r *rand.Rand, l *lead) string {
		if l.industry == "retail" {
			return "no-fit/industry"
		}
		return base(r, "no-fit/industry")
	}
	p = find(Find(never.table(3), never.agreement(), Options{Now: now}), "reject/industry:retail/no-fit/industry")
	if p == nil || p.Change.Part != "disqualify" || p.Change.When != `account.industry == "retail"` || p.Change.Points != "" {
		t.Errorf("%+v", p)
	}
}

// recycled makes leads that were recycled and qualified again after so many days.
func recycled(days func(r *rand.Rand) float64, again float64) *table.Table {
	r, t := rand.New(rand.NewPCG(1, 2)), table.New()
	for i := range 200 {
		mql := now - 700*day
		ended := mql + 5*day
		first := table.Row{Epoch: 1, Stage: table.Recycled, Flags: table.WasRecycled, Ended: ended, Rule: t.Names.Sym("matrix"), Version: 3, Reason: t.Names.Sym("timing")}
		first.Entered[table.MQL] = mql
		second := table.Row{Epoch: 2, Stage: table.SQL, Rule: t.Names.Sym("matrix"), Version: 3}
		second.Entered[table.MQL] = ended + int64(days(r)*day)
		if r.Float64() < again {
			second.Flags, second.Reason, second.Ended = table.WasRecycled, t.Names.Sym("timing"), second.Entered[table.MQL]+day
		} else {
			second.Entered[table.SQL] = second.Entered[table.MQL] + day
		}
		t.Replace(t.Lead(fmt.Sprintf("ld_%d", i)), []table.Row{second, first})
	}
	return t
}

func TestRecycled(t *testing.T) {
	a := &Agreement{Version: 3, Recycle: []Recycle{{ID: "timing", Wake: 90 * day}}}
	for _, tc := range []struct {
		name  string
		days  func(*rand.Rand) float64
		again float64
		to    string
	}{
		{"ready when it ends", func(r *rand.Rand) float64 { return 90 + 5*r.Float64() }, 0.1, "60d"},
		{"back before it ends", func(r *rand.Rand) float64 { return 50 + 10*r.Float64() }, 0.1, "55d"},
		{"sent back again", func(r *rand.Rand) float64 { return 110 + 100*r.Float64() }, 0.8, "135d"},
		{"fits", func(r *rand.Rand) float64 { return 90 + 100*r.Float64() }, 0.2, ""},
	} {
		list := Find(recycled(tc.days, tc.again), a, Options{Now: now})
		switch {
		case tc.to == "" && len(list) > 0, tc.to != "" && len(list) != 1:
			t.Errorf("%s: %v", tc.name, keys(list))
		case tc.to != "" && list[0].Change != (Change{Op: ChangeValue, Part: "recycle_reasons", ID: "timing", Field: "wake_after", From: "90d", To: tc.to}):
			t.Errorf("%s: %+v", tc.name, list[0].Change)
		}
	}
}

func TestSLA(t *testing.T) {
	for _, tc := range []struct {
		name string
		// hours until accepted, and what late leads do to the chance of an SQL.
		hours func(*rand.Rand) float64
		late  float64
		want  string // what it becomes, "-" for a proposal without an edit, "" for none
	}{
		{"easily kept", func(r *rand.Rand) float64 { return r.Float64() }, 1, "1h"},
		{"rarely kept, no matter", func(r *rand.Rand) float64 { return 2 + 6*r.Float64() }, 1, "7h"},
		{"rarely kept, and it costs", func(r *rand.Rand) float64 { return 2 + 6*r.Float64() }, 0.3, "-"},
		{"fits", func(r *rand.Rand) float64 { return 4.2 * r.Float64() }, 1, ""},
	} {
		r := rand.New(rand.NewPCG(3, 4))
		w := plain(2000, 0)
		tab := w.table(9)
		a := w.agreement()
		a.Thresholds = nil
		for i := range tab.Leads() {
			rows := tab.Rows(uint32(i))
			took := tc.hours(r)
			rows[0].Entered[table.Accepted] = rows[0].Entered[table.Routed] + int64(took*float64(hour))
			rows[0].Entered[table.SQL] = 0
			chance := 0.4
			if took > 4 {
				rows[0].Flags |= table.AcceptBreached
				chance *= tc.late
			}
			if r.Float64() < chance {
				rows[0].Entered[table.SQL] = rows[0].Entered[table.Accepted] + day
			}
			tab.Replace(uint32(i), rows)
		}
		p := find(Find(tab, a, Options{Now: now}), "sla/accept_within")
		got := ""
		if p != nil {
			if got = p.Change.To; got == "" {
				got = "-"
			}
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q (%+v)", tc.name, got, tc.want, p)
		}
	}
}

func TestIdleRules(t *testing.T) {
	w := plain(1000, 3)
	w.rules = append(w.rules, rule{"never", often(0), 1}, rule{"always", often(1), 1}, rule{"small", often(0.5), 1}, rule{"decides", often(0.5), 1})
	a := w.agreement()
	a.Rules = append(a.Rules, Rule{Part: "engagement", ID: "left", Points: -25 * Point})
	for i := range a.Rules {
		switch r := &a.Rules[i]; r.ID {
		case "small": // 80 of fit, 75 needed: 5 points decide nothing
			r.Part, r.Points = "fit", 5*Point
		case "decides":
			r.Part, r.Points = "fit", 6*Point
		}
	}
	var idle []string
	for _, p := range Find(w.table(2), a, Options{Now: now}) {
		if p.Kind == KindIdle {
			idle = append(idle, p.Subject+" "+p.Change.Op)
		}
	}
	slices.Sort(idle)
	if want := []string{"always ", "never remove", "small remove"}; !slices.Equal(idle, want) {
		t.Errorf("%v, want %v", idle, want)
	}
}

func TestNewPoints(t *testing.T) {
	for _, tc := range []struct {
		points  float64
		logOdds float64
		want    string
	}{
		{10, math.Log(0.4), "5"}, {10, math.Log(0.62), "6"}, {10, math.Log(3), "20"}, {10, 0, "10"},
		{-20, math.Log(0.5), "-40"}, {-20, math.Log(2), "-10"}, {3, math.Log(0.7), "2"}, {1, math.Log(0.5), "0.5"}, {0.3, math.Log(0.6), "0.2"},
		{900, math.Log(2), "1000"},
	} {
		if got := points(newPoints(int64(tc.points*Point), tc.logOdds)); got != tc.want {
			t.Errorf("%v by %.2f: %s, want %s", tc.points, math.Exp(tc.logOdds), got, tc.want)
		}
	}
}

// TestLogOdds: the variance of Robins, Breslow and Greenland for one stratum is that of Woolf, and both strata of a known pair agree with a
// computation by hand.
func TestLogOdds(t *testing.T) {
	one := []stats.Table{{A: 10, AN: 40, B: 20, BN: 45}}
	log, v := logOdds(one, 1)
	if want := math.Log(10. * 25 / (30 * 20)); math.Abs(log-want) > 1e-12 {
		t.Errorf("log odds %v, want %v", log, want)
	}
	if want := 1./10 + 1./30 + 1./20 + 1./25; math.Abs(v-want) > 1e-12 {
		t.Errorf("variance %v, want %v", v, want)
	}
	if _, v := logOdds([]stats.Table{{A: 0, AN: 50, B: 8, BN: 50}}, 0); math.IsInf(v, 0) || math.IsNaN(v) || v <= 0 {
		t.Errorf("an empty cell: %v", v)
	}
}

func TestBinomialTail(t *testing.T) {
	for _, tc := range []struct {
		k, n int
		p    float64
		want float64
	}{{0, 10, 0.3, 1}, {10, 10, 0.5, 0.0009765625}, {8, 10, 0.5, 0.0546875}, {3, 5, 0.2, 0.05792}, {1, 3, 0, 0}} {
		if got := binomialTail(tc.k, tc.n, tc.p); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%d of %d at %v: %v, want %v", tc.k, tc.n, tc.p, got, tc.want)
		}
	}
}

// TestFindIsAFunction: the same rows give the same proposals, whatever order maps have, and ids that stay.
func TestFindIsAFunction(t *testing.T) {
	w := plain(4000, 6)
	w.rules[1].factor = 0.2
	w.reject = func(r *rand.Rand, l *lead) string {
		if l.size == table.UpTo10 && r.Float64() < 0.5 {
			return "no-fit/size"
		}
		return ""
	}
	tab := w.table(4)
	first := Find(tab, w.agreement(), Options{Now: now})
	if len(first) < 2 {
		t.Fatalf("%v", keys(first))
	}
	for range 5 {
		if again := Find(tab, w.agreement(), Options{Now: now}); !reflect.DeepEqual(first, again) {
			t.Fatalf("%v, then %v", keys(first), keys(again))
		}
	}
	if ID("points/r1", 3) == ID("points/r1", 4) || ID("points/r1", 3) != find(first, "points/r1").ID {
		t.Error("ids do not follow key and version")
	}
}

func BenchmarkFind(b *testing.B) {
	w := plain(100_000, 20)
	tab, a := w.table(1), w.agreement()
	for b.Loop() {
		Find(tab, a, Options{Now: now})
	}
}
