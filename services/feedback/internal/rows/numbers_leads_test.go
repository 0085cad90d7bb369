package rows

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// passing is what a number of leads counts: a lead with all its epochs, or one epoch; at is the cohort's moment.
type passing struct {
	namedRow
	lead string
	at   int64
}

// came tells when somebody first came to a stage or a later one.
func (p *passing) came(s table.Stage) (at int64, ok bool) {
	for k := s; k <= table.Won; k++ {
		if e := p.Entered[k]; e != 0 && (at == 0 || e < at) {
			at = e
		}
		ok = ok || p.Entered[k] != 0 || p.Stage == k
	}
	return at, ok
}

// together gives what a lead's epochs come to: the first moment of each stage, and of the rest what the latest epoch has that has it.
func together(rows []namedRow) namedRow {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b namedRow) int { return int(b.Epoch - a.Epoch) })
	out := rows[0]
	for _, r := range rows[1:] {
		for s, at := range r.Entered {
			if at != 0 && (out.Entered[s] == 0 || at < out.Entered[s]) {
				out.Entered[s] = at
			}
		}
		if r.Contacted != 0 && (out.Contacted == 0 || r.Contacted < out.Contacted) {
			out.Contacted = r.Contacted
		}
		out.Flags |= r.Flags
		for _, f := range [][2]*string{
			{&out.Account, &r.Account}, {&out.Persona, &r.Persona}, {&out.Rep, &r.Rep}, {&out.Team, &r.Team}, {&out.Rule, &r.Rule}, {&out.Rules, &r.Rules},
			{&out.Reason, &r.Reason},
		} {
			if *f[0] == "" {
				*f[0] = *f[1]
			}
		}
		if out.Grade == 0 {
			out.Grade = r.Grade
		}
	}
	return out
}

func stageOf(c metrics.Cohort) int {
	return map[metrics.Cohort]int{
		metrics.First: -1, metrics.FromMQL: 1, metrics.FromRouted: 2, metrics.FromAccepted: 3, metrics.FromSQL: 4, metrics.FromOpportunity: 5,
	}[c]
}

// cohort gives who is in a query's cohort and filter, in whichever window.
func (w *world) cohort(q *metrics.Query) (out []passing) {
	for lead, rows := range w.Rows {
		if stageOf(q.Cohort) < 0 {
			rows = []namedRow{together(rows)}
		}
		for _, r := range rows {
			p := passing{r, lead, r.First}
			if s := stageOf(q.Cohort); s >= 0 {
				if p.at = r.Entered[s]; p.at == 0 {
					continue
				}
			}
			if keeps(q, &p.namedRow, p.at) {
				out = append(out, p)
			}
		}
	}
	return out
}

// leadNumbers are the shares and what explains them.
func leadNumbers(t *rapid.T, dims []metrics.Dimension) []number {
	cohort := func(q metrics.Query, of ...metrics.Cohort) metrics.Query {
		q.Cohort = rapid.SampledFrom(of).Draw(t, "cohort")
		return q
	}
	rate := func(name string, q metrics.Query, outcome table.Stage, count func(*table.Table, metrics.Query) (*metrics.Rate, error)) number {
		return number{
			name: name, query: q,
			count: func(tab *table.Table, _ []metrics.Spend, _ metrics.Converter) (figures, any, error) {
				r, err := count(tab, q)
				if err != nil {
					return nil, nil, err
				}
				f := figures{}
				for i, g := range append(r.Groups, r.Total) {
					key := "all"
					if i < len(r.Groups) {
						key = groupOf(g.Key)
					}
					f.share(key, g.Share)
					f.percentiles(key+" days", g.Days)
				}
				return f, r, nil
			},
			reference: func(w *world) figures { return w.rate(&q, outcome) },
		}
	}
	q := cohort(drawNumbersQuery(t, 2, dims...), metrics.Cohorts()...)
	sql := cohort(drawNumbersQuery(t, 2, dims...), metrics.FromMQL)
	return []number{
		rate("conversion", q, table.Won, metrics.LeadConversion), rate("mql to sql", sql, table.SQL, metrics.MQLToSQL),
		promises(cohort(drawNumbersQuery(t, 1, dims...), metrics.FromRouted)),
		speed(cohort(drawNumbersQuery(t, 1, dims...), metrics.First, metrics.FromMQL, metrics.FromRouted)),
		sources(cohort(drawNumbersQuery(t, 2, dims...), metrics.Cohorts()...)),
		bands(cohort(drawNumbersQuery(t, 2, dims...), metrics.FromMQL, metrics.FromRouted)),
		reasons(cohort(drawNumbersQuery(t, 1, metrics.BySource, metrics.ByRep, metrics.ByMonth), metrics.Cohorts()...)),
		leakage(cohort(drawNumbersQuery(t, 1, metrics.BySource, metrics.ByRep, metrics.ByMonth), metrics.Cohorts()...)),
		cohorts(cohort(drawNumbersQuery(t, 0, metrics.BySource, metrics.ByRep), metrics.Cohorts()...)),
	}
}

// rate: of a cohort, how many came to the outcome or further, and after how many days. Who was won before being seen was won after none.
func (w *world) rate(q *metrics.Query, outcome table.Stage) figures {
	f := figures{}
	n, done, days := map[string]int{}, map[string]int{}, map[string][]float64{}
	for _, p := range w.cohort(q) {
		if !within(q, p.at) {
			continue
		}
		at, ok := p.came(outcome)
		for _, g := range groups(q, &p.namedRow, p.at) {
			n[g]++
			if !ok {
				continue
			}
			done[g]++
			d := float64(at-p.at) / dayMillis
			switch won := q.Cohort == metrics.First && outcome == table.Won; {
			case at == 0 || p.at == 0:
			case won && (d < 0 || p.Flags&table.WonBeforeSeen != 0):
				days[g] = append(days[g], 0)
			case d >= 0:
				days[g] = append(days[g], d)
			}
		}
	}
	f.of("all", 0, 0)
	for g := range n {
		f.of(g, done[g], n[g])
		f.spans(g+" days", days[g])
	}
	return f
}

func promises(q metrics.Query) number {
	return number{
		name: "sla", query: q,
		count: func(tab *table.Table, _ []metrics.Spend, _ metrics.Converter) (figures, any, error) {
			s, err := metrics.SLAKept(tab, q)
			if err != nil {
				return nil, nil, err
			}
			f := figures{}
			for i, g := range append(s.Groups, s.Total) {
				key := "all"
				if i < len(s.Groups) {
					key = groupOf(g.Key)
				}
				f[key+" routed"] = float64(g.Routed)
				f.share(key+" accept", g.Accept)
				f.share(key+" contact", g.Contact)
				f[key+" accept open"], f[key+" accept ended"] = float64(g.AcceptOpen), float64(g.AcceptEnded)
				f[key+" contact open"], f[key+" contact ended"] = float64(g.ContactOpen), float64(g.ContactEnded)
			}
			return f, s, nil
		},
		reference: func(w *world) figures {
			f := figures{}
			n := map[string]map[string]int{}
			for _, p := range w.cohort(&q) {
				if !within(&q, p.at) {
					continue
				}
				_, accepted := p.came(table.Accepted)
				for _, g := range groups(&q, &p.namedRow, p.at) {
					if n[g] == nil {
						n[g] = map[string]int{}
					}
					n[g]["routed"]++
					promise := func(name string, broken, done bool) {
						switch {
						case broken:
							n[g][name+" of"]++
						case done:
							n[g][name]++
							n[g][name+" of"]++
						case p.Stage >= table.Won:
							n[g][name+" ended"]++
						default:
							n[g][name+" open"]++
						}
					}
					promise("accept", p.Flags&table.AcceptBreached != 0, accepted || p.Flags&table.Rejected != 0)
					promise("contact", p.Flags&table.ContactBreached != 0, p.Contacted != 0)
				}
			}
			for g, counts := range n {
				for k, v := range counts {
					f[g+" "+k] = float64(v)
				}
				f.of(g+" accept", counts["accept"], counts["accept of"])
				f.of(g+" contact", counts["contact"], counts["contact of"])
			}
			return f
		},
	}
}

func speed(q metrics.Query) number {
	return number{
		name: "speed", query: q,
		count: func(tab *table.Table, _ []metrics.Spend, _ metrics.Converter) (figures, any, error) {
			s, err := metrics.SpeedToLead(tab, q)
			if err != nil {
				return nil, nil, err
			}
			f := figures{}
			for i, g := range append(s.Groups, s.Total) {
				key := "all"
				if i < len(s.Groups) {
					key = groupOf(g.Key)
				}
				f.share(key+" contacted", g.Contacted)
				f.percentiles(key+" hours", g.Hours)
			}
			return f, s, nil
		},
		reference: func(w *world) figures {
			f := figures{}
			n, reached, hours := map[string]int{}, map[string]int{}, map[string][]float64{}
			for _, p := range w.cohort(&q) {
				if !within(&q, p.at) {
					continue
				}
				for _, g := range groups(&q, &p.namedRow, p.at) {
					n[g]++
					if p.Contacted != 0 {
						reached[g]++
						if p.at != 0 && p.Contacted >= p.at {
							hours[g] = append(hours[g], float64(p.Contacted-p.at)/3.6e6)
						}
					}
				}
			}
			for g := range n {
				f.of(g+" contacted", reached[g], n[g])
				f.spans(g+" hours", hours[g])
			}
			return f
		},
	}
}
