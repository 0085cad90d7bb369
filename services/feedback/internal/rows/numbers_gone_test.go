package rows

import (
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// theWay gives the stages on the way to won, as answers name them.
func theWay() []string {
	return []string{"inquiry", "mql", "routed", "accepted", "sql", "opportunity", "won"}
}

// reasons: of what entered the cohort, how much came back, and for which reason: the last that was given.
func reasons(q metrics.Query) number {
	return number{
		name: "reasons", query: q,
		count: func(tab *table.Table, _ []metrics.Spend, _ metrics.Converter) (figures, any, error) {
			r, err := metrics.GivenBack(tab, q)
			if err != nil {
				return nil, nil, err
			}
			f := figures{}
			f.leftOut(r.Head)
			for i, g := range append(r.Groups, r.Total) {
				key := "all"
				if i < len(r.Groups) {
					key = groupOf(g.Key)
				}
				f[key+" handed"] = float64(g.Handed)
				for what, s := range map[string]metrics.Share{"rejected": g.Rejected, "fixable": g.Fixable, "recycled": g.Recycled, "disqualified": g.Disqualified} {
					f.share(key+" "+what, s)
				}
				for _, x := range g.Reasons {
					name := key + " for " + x.Reason
					f.share(name, x.Share)
					f[name+" rejected"], f[name+" recycled"], f[name+" disqualified"] = float64(x.Rejected), float64(x.Recycled), float64(x.Disqualified)
				}
			}
			return f, r, nil
		},
		reference: func(w *world) figures { return w.reasons(q) },
	}
}

func (w *world) reasons(q metrics.Query) figures {
	if len(q.By) == 0 {
		q.By = []metrics.Dimension{metrics.BySource}
	}
	f, n, back, all := figures{}, map[string]map[string]int{"all": {}}, map[string]map[string]int{}, map[string]int{}
	for _, p := range w.cohort(&q) {
		if !within(&q, p.at) {
			if p.at == 0 {
				f["left out: unknown_time of the window"]++
			}
			continue
		}
		rejected := p.Flags&table.Rejected != 0
		is := map[string]bool{
			"handed": true, "rejected": rejected, "fixable": rejected && p.Flags&table.Fixable != 0,
			"recycled":     p.Flags&table.WasRecycled != 0 || p.Stage == table.Recycled,
			"disqualified": p.Flags&table.WasDisqualified != 0 || p.Stage == table.Disqualified,
		}
		for _, g := range groups(&q, &p.namedRow, p.at) {
			if n[g] == nil {
				n[g] = map[string]int{}
			}
			name := g + " for " + orNone(p.Reason)
			if back[name] == nil {
				back[name] = map[string]int{}
			}
			for what, yes := range is {
				if yes {
					n[g][what]++
					back[name][what]++
				}
			}
			if is["rejected"] || is["recycled"] || is["disqualified"] {
				all[g]++
				back[name]["back"]++
			}
		}
	}
	for g, c := range n {
		f[g+" handed"] = float64(c["handed"])
		f.of(g+" fixable", c["fixable"], c["rejected"])
		for _, what := range []string{"rejected", "recycled", "disqualified"} {
			f.of(g+" "+what, c[what], c["handed"])
		}
		for name, c := range back {
			reason, mine := strings.CutPrefix(name, g+" for ")
			if !mine || c["back"] == 0 {
				continue
			}
			name = g + " for " + reason
			f.of(name, c["back"], all[g])
			for _, what := range []string{"rejected", "recycled", "disqualified"} {
				f[name+" "+what] = float64(c[what])
			}
		}
	}
	return f
}

// leakage: how far those of a cohort came, where those are now that came no further, and for how long.
func leakage(q metrics.Query) number {
	return number{
		name: "leakage", query: q,
		count: func(tab *table.Table, _ []metrics.Spend, _ metrics.Converter) (figures, any, error) {
			r, err := metrics.Leaks(tab, q)
			if err != nil {
				return nil, nil, err
			}
			f := figures{}
			f.leftOut(r.Head)
			for i, g := range append(r.Groups, r.Total) {
				key := "all"
				if i < len(r.Groups) {
					key = groupOf(g.Key)
				}
				f[key+" leads"] = float64(g.Leads)
				for _, x := range g.Stages {
					name := key + " at " + x.Stage
					f.share(name+" reached", x.Reached)
					f.share(name+" stopped", x.Stopped)
					f[name+" here"], f[name+" lost"], f[name+" recycled"], f[name+" disqualified"] = float64(x.Here), float64(x.Lost), float64(x.Recycled), float64(x.Disqualified)
					f.percentiles(name+" days", x.Days)
					f[name+" over 30"], f[name+" over 90"] = float64(x.Over30), float64(x.Over90)
				}
			}
			return f, r, nil
		},
		reference: func(w *world) figures { return w.leakage(q) },
	}
}

func (w *world) leakage(q metrics.Query) figures {
	f, leads, counts, days := figures{}, map[string]int{"all": 0}, map[string]map[string]int{}, map[string][]float64{}
	for _, p := range w.cohort(&q) {
		if !within(&q, p.at) {
			if p.at == 0 {
				f["left out: unknown_time of the window"]++
			}
			continue
		}
		furthest := table.Inquiry
		for s := table.Inquiry; s <= table.Won; s++ {
			if p.Entered[s] != 0 || p.Stage == s {
				furthest = s
			}
		}
		for _, g := range groups(&q, &p.namedRow, p.at) {
			leads[g]++
			note := func(s table.Stage, what string) {
				name := g + " at " + theWay()[s]
				if counts[name] == nil {
					counts[name] = map[string]int{}
				}
				counts[name][what]++
			}
			for s := table.Inquiry; s <= furthest; s++ {
				note(s, "reached")
			}
			note(furthest, "stopped")
			switch p.Stage {
			case furthest:
				note(furthest, "here")
			case table.Lost:
				note(furthest, "lost")
			case table.Recycled:
				note(furthest, "recycled")
			case table.Disqualified:
				note(furthest, "disqualified")
			}
			if p.Stage > table.Won || p.Entered[p.Stage] == 0 {
				continue
			}
			d := float64(w.now-p.Entered[p.Stage]) / dayMillis
			name := g + " at " + theWay()[p.Stage]
			days[name] = append(days[name], d)
			if d > 30 {
				note(p.Stage, "over 30")
			}
			if d > 90 {
				note(p.Stage, "over 90")
			}
		}
	}
	for g, n := range leads {
		f[g+" leads"] = float64(n)
		for _, stage := range theWay() {
			name := g + " at " + stage
			c := counts[name]
			f.of(name+" reached", c["reached"], n)
			f.of(name+" stopped", c["stopped"], n)
			for _, what := range []string{"here", "lost", "recycled", "disqualified", "over 30", "over 90"} {
				f[name+" "+what] = float64(c[what])
			}
			f.spans(name+" days", days[name])
		}
	}
	return f
}

// cohorts: of each month's leads, how many were won by the age of 30, 60, 90, … days; complete once the whole month is that old.
func cohorts(q metrics.Query) number {
	return number{
		name: "cohorts", query: q,
		count: func(tab *table.Table, _ []metrics.Spend, _ metrics.Converter) (figures, any, error) {
			r, err := metrics.CohortMatrix(tab, q)
			if err != nil {
				return nil, nil, err
			}
			f := figures{}
			f.leftOut(r.Head)
			for _, m := range r.Cohorts {
				f[m.Month+" leads"] = float64(m.Leads)
				f.share(m.Month+" won", m.Won)
				for _, c := range m.Cells {
					name := m.Month + " by day " + time.Duration(c.Days).String()
					f.share(name, c.Won)
					f[name+" complete"] = 0
					if c.Complete {
						f[name+" complete"] = 1
					}
				}
			}
			return f, r, nil
		},
		reference: func(w *world) figures { return w.cohorts(q) },
	}
}

func (w *world) cohorts(q metrics.Query) figures {
	f, months := figures{}, map[string][]passing{}
	for _, p := range w.cohort(&q) {
		switch {
		case p.at == 0 && !within(&q, p.at):
			f["left out: unknown_time of the window"]++
		case p.at == 0:
			f["left out: unknown_time of months"]++
		case within(&q, p.at):
			m := time.UnixMilli(p.at).UTC().Format("2006-01")
			months[m] = append(months[m], p)
		}
	}
	for m, list := range months {
		start, _ := time.Parse("2006-01", m)
		var ages []float64 // in days
		won := 0
		for i := range list {
			at, ok := list[i].came(table.Won)
			if !ok {
				continue
			}
			won++
			if at == 0 {
				f["left out: unknown_time of ages of "+m]++
				continue
			}
			ages = append(ages, max(0, float64(at-list[i].at)/dayMillis))
			if q.Cohort == metrics.First && list[i].Flags&table.WonBeforeSeen != 0 {
				ages[len(ages)-1] = 0
			}
		}
		f[m+" leads"] = float64(len(list))
		f.of(m+" won", won, len(list))
		for days := 30; days <= 720 && start.AddDate(0, 0, days-30).Before(time.UnixMilli(w.now)); days += 30 {
			name := m + " by day " + time.Duration(days).String()
			f.of(name, len(slices.DeleteFunc(slices.Clone(ages), func(d float64) bool { return d > float64(days) })), len(list))
			if !start.AddDate(0, 1, days).After(time.UnixMilli(w.now)) {
				f[name+" complete"] = 1
			}
		}
	}
	return f
}

// bands: what became of leads by how they were scored.
func bands(q metrics.Query) number {
	return number{
		name: "bands", query: q,
		count: func(tab *table.Table, _ []metrics.Spend, conv metrics.Converter) (figures, any, error) {
			r, err := metrics.Bands(tab, q, conv)
			if err != nil {
				return nil, nil, err
			}
			return qualityFigures(r), r, nil
		},
		reference: func(w *world) figures {
			q := q
			if len(q.By) == 0 {
				q.By = []metrics.Dimension{metrics.ByGrade}
			}
			f, _ := w.quality(&q)
			return f
		},
	}
}
