package metrics

import (
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Leakage is where leads stop, and for how long they have been there.
type Leakage struct {
	Head
	Total  LeakageOf
	Groups []LeakageOf
}

// LeakageOf is that of one group.
type LeakageOf struct {
	Key   []string
	Leads int
	// Stages on the way to won, in order.
	Stages []Leak
}

// Leak is one stage on the way to won: those that came so far and no further, and where they are.
type Leak struct {
	Stage string
	// Reached came to this stage or a later one; Stopped came no further, yet; both shares are of all leads.
	Reached, Stopped Share
	// Here are still in it; the others of Stopped ended, or were put elsewhere.
	Here, Lost, Recycled, Disqualified int
	// Days is how long those that are here have been; Over30 and Over90 count those that have been longer.
	Days           Percentiles
	Over30, Over90 int
}

const (
	// The furthest stages come first.
	leakOver30 = table.WayStages + iota
	leakOver90
)

// Leaks counts where the leads of a cohort stopped.
func Leaks(t *table.Table, q Query) (*Leakage, error) {
	if q.Cohort == "" {
		q.Cohort = First
	}
	if err := q.checkOne(Cohorts(), ByStage); err != nil {
		return nil, err
	}
	asked := q.By
	q.By = append(slices.Clone(asked), ByStage)
	p, err := newPlan(t, &q)
	if err != nil {
		return nil, err
	}
	r := &Leakage{Head: q.head("leakage")}
	r.By, p.families = asked, len(asked) > 0
	r.Definition = "how far the leads of a cohort came, where those that came no further are now, and for how long"
	r.Numerator, r.Denominator = "leads that came to a stage and no further", "all of the cohort"
	r.Population, r.Window, r.Interval = "each lead once, all its epochs together", windowWords, intervalWords
	if q.Cohort != First {
		r.Population = "each epoch that entered " + string(q.Cohort)
	}
	r.Maturity = "a lead that is new has not stopped: days tell how long it has been there"
	c := p.run(t, &count{cohort: q.Cohort, spans: true, add: func(c *tally, r *table.Row, _ table.Time) table.Time {
		c[furthest(r)]++
		if r.Stage < 0 || r.Stage > table.Won { // how long they have been there is not told
			return none
		}
		since := r.Entered[r.Stage]
		if since != 0 && q.Now-since > 30*dayMillis {
			c[leakOver30]++
			if q.Now-since > 90*dayMillis {
				c[leakOver90]++
			}
		}
		if since == 0 || since > q.Now {
			return none
		}
		return q.Now - since
	}})
	r.leave(leftUnknownTime, "the window", c.unknown)
	everything := c.everything()
	r.Total = leakageOf(c, everything, c.spread(everything))
	if len(asked) == 0 {
		return r, nil
	}
	families, more := c.families(func(c *tally) (n int) {
		for _, k := range c[:table.WayStages] {
			n += int(k)
		}
		return n
	})
	r.MoreGroups = more
	var groups []int
	for i := range families {
		groups = append(groups, families[i].groups...)
	}
	spans := c.spread(groups)
	for _, f := range families {
		of := leakageOf(c, f.groups, spans[:len(f.groups)])
		of.Key, spans = f.key, spans[len(f.groups):]
		r.Groups = append(r.Groups, of)
	}
	return r, nil
}

// furthest gives the stage on the way to won that lies furthest of those that a row entered.
func furthest(r *table.Row) table.Stage {
	f := table.Inquiry
	if r.Stage <= table.Won {
		f = max(f, r.Stage)
	}
	for s := table.Won; s > f; s-- {
		if r.Entered[s] != 0 {
			return s
		}
	}
	return f
}

// leakageOf adds up groups of a scan by stage, which have these durations.
func leakageOf(c *counted, groups []int, durations [][]table.Time) LeakageOf {
	var of LeakageOf
	var stopped [table.WayStages]Leak
	var counts [table.WayStages]int
	var spans [table.WayStages][][]table.Time
	for i, g := range groups {
		now := table.Stage(value(c.keys[g], len(c.plan.by)-1)) - 1
		for s := table.Inquiry; s <= table.Won; s++ {
			n := int(c.tallies[g][s])
			of.Leads += n
			counts[s] += n
			switch now {
			case s:
				stopped[s].Here += n
			case table.Lost:
				stopped[s].Lost += n
			case table.Recycled:
				stopped[s].Recycled += n
			case table.Disqualified:
				stopped[s].Disqualified += n
			}
		}
		if now >= 0 && now <= table.Won {
			stopped[now].Over30 += int(c.tallies[g][leakOver30])
			stopped[now].Over90 += int(c.tallies[g][leakOver90])
			spans[now] = append(spans[now], durations[i])
		}
	}
	beyond := 0
	for s := table.Won; s >= table.Inquiry; s-- {
		l := &stopped[s]
		beyond += counts[s]
		l.Stage = stageNames()[s+1]
		l.Reached, l.Stopped = share(beyond, of.Leads), share(counts[s], of.Leads)
		l.Days = percentiles(inDays, spans[s]...)
	}
	of.Stages = stopped[:]
	return of
}
