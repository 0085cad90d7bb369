package proposals

import (
	"fmt"
	"math/rand/v2"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

const now = table.Time(1_800_000_000_000)

// world makes leads by chance, the same for the same seed.
type world struct {
	leads int
	// sources with their share of the leads and how often their leads are won.
	sources []source
	rules   []rule
	// sql is the chance of an SQL by engagement, nil for 0.3 whatever it is.
	sql func(engagement int) float64
	// reject gives the reason that sales rejects a lead for, "" for none.
	reject func(r *rand.Rand, l *lead) string
}

type source struct {
	name       string
	share, won float64
}

// rule with how often leads of a source have it, and what it does to the chance of being won.
type rule struct {
	id     string
	has    func(source string) float64
	factor float64
}

type lead struct {
	source, country, industry string
	size                      table.SizeBand
}

func often(p float64) func(string) float64 { return func(string) float64 { return p } }

func plain(leads int, rules int) world {
	w := world{leads: leads, sources: []source{{"site", 0.5, 0.06}, {"ads", 0.3, 0.03}, {"fairs", 0.2, 0.12}}}
	for i := range rules {
		w.rules = append(w.rules, rule{fmt.Sprintf("r%d", i), often(0.15 + 0.08*float64(i%8)), 1})
	}
	return w
}

func (w world) agreement() *Agreement {
	a := &Agreement{Version: 3, GradeA: 75 * Point, GradeB: 50 * Point, GradeC: 25 * Point, Goal: 0.3,
		Thresholds: []Threshold{{Rule: "matrix", Grade: "a", At: 20 * Point}}, SLA: SLA{Within: 4 * hour},
		Reasons: []Reason{{ID: "no-fit"}, {ID: "bad-data", FixableBy: "marketing"}}}
	for _, r := range w.rules {
		a.Rules = append(a.Rules, Rule{Part: "engagement", ID: r.id, Points: 10 * Point})
		a.Taken = append(a.Taken, r.id)
	}
	return a
}

func (w world) table(seed uint64) *table.Table {
	r, t := rand.New(rand.NewPCG(seed, 7)), table.New()
	n := t.Names
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	for i := range w.leads {
		at := r.Float64()
		src := w.sources[len(w.sources)-1]
		for _, s := range w.sources {
			if at < s.share {
				src = s
				break
			}
			at -= s.share
		}
		l := lead{src.name, pick("SE", "DE", "US"), pick("software", "finance", "retail"), table.SizeBand(1 + r.IntN(4))}
		won := src.won
		var has []string
		for _, rule := range w.rules {
			if r.Float64() < rule.has(src.name) {
				has = append(has, rule.id)
				won *= rule.factor
			}
		}
		engagement := 20 + int(r.ExpFloat64()*8)
		sql := 0.3
		if w.sql != nil {
			sql = w.sql(engagement)
		}
		mql := now - day - r.Int64N(720*day)
		row := table.Row{Epoch: 1, Stage: table.Accepted, First: mql - 5*day, Source: n.Sym(l.source), Country: n.Sym(l.country), Industry: n.Sym(l.industry),
			Rule: n.Sym("matrix"), Rules: n.Set(has), Version: 3, Size: l.size, Grade: 1, Fit: 80, Engagement: uint8(min(100, engagement))}
		row.Entered[table.Inquiry], row.Entered[table.MQL], row.Entered[table.Routed] = row.First, mql, mql+1000
		took := r.Int64N(4 * hour)
		row.Entered[table.Accepted] = mql + 1000 + took
		if r.Float64() < sql {
			row.Entered[table.SQL] = mql + r.Int64N(20*day)
		}
		if r.Float64() < won {
			row.Entered[table.Won] = mql + 20*day + r.Int64N(60*day)
		}
		if w.reject != nil {
			if reason := w.reject(r, &l); reason != "" {
				row.Flags |= table.Rejected
				row.Reason = n.Sym(reason)
				row.Entered[table.Accepted], row.Entered[table.SQL], row.Entered[table.Won] = 0, 0, 0
			}
		}
		for s, e := range row.Entered {
			if e > now {
				row.Entered[s] = 0
			}
		}
		t.Replace(t.Lead(fmt.Sprintf("ld_%d", i)), []table.Row{row})
	}
	return t
}
