package rows

import (
	"fmt"
	"math"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

func qualityFigures(r *metrics.Quality) figures {
	f := figures{}
	f.leftOut(r.Head)
	for i, g := range append(r.Groups, r.Total) {
		key := "all"
		if i < len(r.Groups) {
			key = groupOf(g.Key)
		}
		f[key+" leads"] = float64(g.Leads)
		for what, s := range map[string]metrics.Share{"mql": g.MQL, "sql": g.SQL, "opportunity": g.Opportunity, "won": g.Won, "rejected": g.Rejected} {
			f.share(key+" "+what, s)
		}
		for what, m := range map[string]metrics.Money{
			"amount": g.Amount, "cost": g.Cost, "a lead": g.CostPerLead, "an mql": g.CostPerMQL, "an sql": g.CostPerSQL, "a win": g.CostPerWin,
		} {
			f.money(key+" "+what, m)
		}
	}
	return f
}

func sources(q metrics.Query) number {
	return number{
		name: "sources", query: q,
		count: func(tab *table.Table, _ []metrics.Spend, conv metrics.Converter) (figures, any, error) {
			r, err := metrics.Sources(tab, q, conv)
			if err != nil {
				return nil, nil, err
			}
			return qualityFigures(r), r, nil
		},
		reference: func(w *world) figures {
			q := q
			if len(q.By) == 0 {
				q.By = []metrics.Dimension{metrics.BySource}
			}
			f, _ := w.quality(&q)
			return f
		},
	}
}

func campaigns(t *rapid.T, dims []metrics.Dimension) number {
	q := drawNumbersQuery(t, 2, dims...)
	q.Cohort = metrics.First
	return number{
		name: "campaigns", query: q,
		count: func(tab *table.Table, spends []metrics.Spend, conv metrics.Converter) (figures, any, error) {
			r, err := metrics.Campaigns(tab, q, spends, conv)
			if err != nil {
				return nil, nil, err
			}
			return qualityFigures(r), r, nil
		},
		reference: func(w *world) figures {
			q := q
			if len(q.By) == 0 {
				q.By = []metrics.Dimension{metrics.ByCampaign}
			}
			f, counts := w.quality(&q)
			spent := w.spent(&q, 0)
			if n := spent["all"].missing; n > 0 {
				f["left out: missing_rate of cost in "+q.Currency] = float64(n)
			}
			delete(spent, "all marketing")
			delete(spent, "all sales")
			for g, p := range spent {
				f.pot(g+" cost", *p, 1)
				for what, n := range map[string]int{"a lead": counts[g+" leads"], "an mql": counts[g+" mql"], "an sql": counts[g+" sql"], "a win": counts[g+" won"]} {
					f.pot(g+" "+what, *p, n)
				}
			}
			return f
		},
	}
}

// quality: how many of a cohort entered each stage or a later one, and what the deals won of these leads brought.
func (w *world) quality(q *metrics.Query) (figures, map[string]int) {
	f, counts, amounts := figures{}, map[string]int{}, map[string]*pot{"all": {}}
	in := map[string]passing{} // by lead, and epoch where epochs are counted
	name := func(lead string, epoch int32) string {
		if stageOf(q.Cohort) < 0 {
			return lead
		}
		return fmt.Sprint(lead, " ", epoch)
	}
	for _, p := range w.cohort(q) {
		if !within(q, p.at) {
			if p.at == 0 {
				f["left out: unknown_time of the window"]++
			}
			continue
		}
		in[name(p.lead, p.Epoch)] = p
		for _, g := range groups(q, &p.namedRow, p.at) {
			counts[g+" leads"]++
			for what, s := range map[string]table.Stage{"mql": table.MQL, "sql": table.SQL, "opportunity": table.Opportunity, "won": table.Won} {
				if _, ok := p.came(s); ok {
					counts[g+" "+what]++
				}
			}
			if p.Flags&table.Rejected != 0 {
				counts[g+" rejected"]++
			}
			if amounts[g] == nil {
				amounts[g] = &pot{}
			}
		}
	}
	for _, d := range w.Deals {
		p, ok := in[name(d.Lead, int32(d.Epoch))]
		switch {
		case d.Status != table.DealWon || !ok:
		case !d.HasAmount:
			f["left out: no_amount of amount"]++
		default:
			for _, g := range groups(q, &p.namedRow, p.at) {
				w.put(amounts[g], d.Amount, d.Currency, q.Currency, d.Closed)
			}
		}
	}
	if n := amounts["all"].missing; n > 0 {
		f["left out: missing_rate of amount in "+q.Currency] = float64(n)
	}
	for g, p := range amounts {
		f.pot(g+" amount", *p, 1)
		f[g+" leads"] = float64(counts[g+" leads"])
		for _, what := range []string{"mql", "sql", "opportunity", "won", "rejected"} {
			f.of(g+" "+what, counts[g+" "+what], counts[g+" leads"])
		}
	}
	return f, counts
}

// goals is every metric of a goal with a window that goes on, one that is over by a hair, or all times.
func goals(t *rapid.T) []number {
	currency := rapid.SampledFrom([]string{"", "EUR", "SEK"}).Draw(t, "goals in")
	var list []number
	for _, metric := range metrics.GoalMetrics() {
		g := metrics.Goal{
			ID: "g", Metric: metric, Target: rapid.SampledFrom([]float64{0, 0.25, 3, 500}).Draw(t, "target"),
			Since:  numbersStart.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "since")) * 25 * time.Hour).UnixMilli(),
			Window: rapid.SampledFrom([]table.Time{0, 30 * dayMillis, 90 * dayMillis, 400 * dayMillis}).Draw(t, "goal's window"),
		}
		list = append(list, number{
			name: "goal " + metric,
			count: func(tab *table.Table, spends []metrics.Spend, conv metrics.Converter) (figures, any, error) {
				all, err := metrics.Track(tab, []metrics.Goal{g}, numbersNow.UnixMilli(), spends, currency, conv)
				if err != nil {
					return nil, nil, err
				}
				p := all[0]
				f := figures{"value": p.Value, "of": float64(p.Of), "pace": p.Pace, "elapsed": p.Elapsed, "projection": p.Projection}
				for _, c := range p.Contributions {
					key := string(c.By) + " " + c.Name
					f[key], f[key+" against target"] = c.Value, c.AgainstTarget
				}
				if p.Status == "" || p.Status == "reached" && p.Value < p.Target && metric != metrics.GoalCAC {
					return nil, nil, fmt.Errorf("status %q: %+v", p.Status, p)
				}
				return f, p, nil
			},
			reference: func(w *world) figures { return w.goal(&g, currency) },
		})
	}
	return list
}

// goal: where it stands in the window that now is in, what each rep, source and campaign adds, and what it comes to if it goes on alike.
func (w *world) goal(g *metrics.Goal, currency string) figures {
	q, elapsed := metrics.Query{Now: w.now, Currency: currency}, 1.0
	if g.Window > 0 {
		q.From = g.Since
		for q.From+g.Window <= w.now {
			q.From += g.Window
		}
		q.To = q.From + g.Window
		elapsed = max(0, float64(w.now-q.From)/float64(g.Window))
	}
	f := figures{"elapsed": elapsed, "pace": g.Target}
	// counted gives figures of which name, and name+" of", are what the goal is about.
	var counted func(metrics.Query) figures
	name, isShare := "", true
	rate := func(cohort metrics.Cohort, outcome table.Stage) {
		counted = func(q metrics.Query) figures {
			q.Cohort = cohort
			return w.rate(&q, outcome)
		}
	}
	switch g.Metric {
	case metrics.GoalConversion:
		rate(metrics.First, table.Won)
	case metrics.GoalMQLToSQL:
		rate(metrics.FromMQL, table.SQL)
	case metrics.GoalLeads, metrics.GoalMQLs, metrics.GoalSQLs, metrics.GoalOpportunity:
		isShare = false
		rate(map[string]metrics.Cohort{
			metrics.GoalLeads: metrics.First, metrics.GoalMQLs: metrics.FromMQL, metrics.GoalSQLs: metrics.FromSQL, metrics.GoalOpportunity: metrics.FromOpportunity,
		}[g.Metric], table.Won)
	case metrics.GoalAccept, metrics.GoalContact:
		name = map[string]string{metrics.GoalAccept: " accept", metrics.GoalContact: " contact"}[g.Metric]
		counted = func(q metrics.Query) figures {
			q.Cohort = metrics.FromRouted
			return promises(q).reference(w)
		}
	case metrics.GoalCustomers:
		isShare, name = false, " customers"
		counted = func(q metrics.Query) figures {
			f := w.cac(&q)
			for k, v := range f {
				if strings.HasSuffix(k, name) {
					f[k+" of"] = v
				}
			}
			return f
		}
	default:
		return w.goalOfMoney(g, q, f)
	}
	all := counted(q)
	k, n := all["all"+name], all["all"+name+" of"]
	rest := 0.0
	if elapsed > 0 && elapsed < 1 {
		rest = n * (1 - elapsed) / elapsed
	}
	f["of"] = n
	if isShare {
		if n > 0 {
			f["value"], f["projection"] = k/n, (k+rest*(k+0.5)/(n+1))/(n+rest)
		}
	} else {
		f["value"], f["pace"], f["projection"] = n, g.Target*elapsed, n+rest
	}
	if elapsed == 0 {
		f["projection"] = 0
	}
	for _, d := range []metrics.Dimension{metrics.ByRep, metrics.BySource, metrics.ByCampaign} {
		q.By = []metrics.Dimension{d}
		by := counted(q)
		for key, of := range by {
			group, isOf := strings.CutSuffix(key, name+" of")
			group, isGroup := strings.CutPrefix(group, "group ")
			if !isOf || !isGroup {
				continue
			}
			who := string(d) + " " + group
			if !isShare {
				f[who] = of
			} else if of > 0 {
				k := by["group "+group+name]
				f[who], f[who+" against target"] = k/n, (k-g.Target*of)/n
			}
		}
	}
	return f
}

// goalOfMoney: retention, cost and velocity, which are of both teams together, up to now.
func (w *world) goalOfMoney(g *metrics.Goal, q metrics.Query, f figures) figures {
	if q.To > w.now {
		q.To = w.now
	}
	if q.To != 0 && q.From >= q.To {
		return f
	}
	elapsed := f["elapsed"]
	if g.Metric == metrics.GoalRetention {
		all := w.retention(q)
		if n := all["all start"]; n > 0 {
			f["of"], f["value"] = n, (all["all end"]-all["all new"])/n
			f["projection"] = math.Pow(f["value"], 1/elapsed)
		}
		return f
	}
	all, each := w.cac(&q), "all each "
	f["of"] = all["all customers"]
	if g.Metric == metrics.GoalVelocity {
		all, each = w.velocity(&q), "all a day "
		f["of"] = all["all opportunities"]
	}
	var values []float64
	for key, micros := range all {
		if strings.HasPrefix(key, each) {
			if q.Currency != "" && !strings.HasSuffix(key, q.Currency) {
				return f // a part of it could not be converted
			}
			values = append(values, micros/1e6)
		}
	}
	if len(values) != 1 {
		return f
	}
	f["value"], f["projection"] = values[0], values[0]
	if g.Metric == metrics.GoalVelocity {
		f["pace"], f["projection"] = g.Target*elapsed, values[0]/elapsed
	}
	return f
}
