package metrics

import "github.com/batonhq/baton/services/feedback/internal/core/table"

// Rate is how many of a cohort came to an outcome, and how long it took.
type Rate struct {
	Head
	Total  RateOf
	Groups []RateOf
}

// RateOf is the rate of one group; Key is empty for all together.
type RateOf struct {
	Key []string
	Share
	Maturity Maturity
	// Days to the outcome, of those that came to it. Within30 and Within90 are shares of those.
	Days               Percentiles
	Within30, Within90 float64
	// Skipped came to a later stage without the outcome itself having been stated.
	Skipped int
}

// The places of a rate's tally.
const (
	rateAll = iota
	rateDone
	rateSkipped
	rateBefore
	rateZero
	rateUnknown
	rate30
	rate90
)

const (
	windowWords   = "the cohort's moment lies in [from, to), in UTC; without both, all times"
	intervalWords = "Wilson score interval of the share, 95 %; of the median by order statistics, at least 95 %"
	maturityWords = "a cohort is immature while more than 10 % of it is younger than the time in which 9 of 10 outcomes come (p90 over all rows that the " +
		"filter keeps, in whole days)"
)

// LeadConversion counts how many leads became customers, by the cohort of when they were first seen (or of another moment).
func LeadConversion(t *table.Table, q Query) (*Rate, error) {
	f, err := leadConversion(t, q)
	if err != nil {
		return nil, err
	}
	scan(t, &f.job)
	return f.rate(), nil
}

// MQLToSQL counts how many of the leads that marketing passed on sales confirmed, by the cohort of when they qualified.
func MQLToSQL(t *table.Table, q Query) (*Rate, error) {
	f, err := mqlToSQL(t, q)
	if err != nil {
		return nil, err
	}
	scan(t, &f.job)
	return f.rate(), nil
}

// Conversions gives LeadConversion and MQLToSQL, with one look at the table.
func Conversions(t *table.Table, q Query) (won, confirmed *Rate, err error) {
	f, err := leadConversion(t, q)
	if err != nil {
		return nil, nil, err
	}
	g, err := mqlToSQL(t, q)
	if err != nil {
		return nil, nil, err
	}
	scan(t, &f.job, &g.job)
	return f.rate(), g.rate(), nil
}

// rateJob is a rate that is being counted.
type rateJob struct {
	job
	head Head
}

func leadConversion(t *table.Table, q Query) (*rateJob, error) {
	if q.Cohort == "" {
		q.Cohort = First
	}
	h := q.head("lead_conversion_rate")
	h.Definition = "of the leads of a cohort, how many became customers, whenever that was"
	h.Numerator = "leads of the cohort with a deal won"
	h.Denominator, h.Population = "leads first seen in the window", "each lead once, all its epochs together"
	if q.Cohort != First {
		h.Denominator, h.Population = "epochs that entered "+string(q.Cohort)+" in the window", "each epoch of a lead once"
		h.Numerator = "those of them with a deal won"
	}
	return newRateJob(t, &q, h, table.Won)
}

func mqlToSQL(t *table.Table, q Query) (*rateJob, error) {
	q.Cohort = FromMQL
	h := q.head("mql_to_sql_rate")
	h.Definition = "of the qualifications (MQL) of a cohort, how many sales confirmed (SQL), whenever that was"
	h.Numerator = "those that entered sql, or a later stage without it (skipped)"
	h.Denominator, h.Population = "epochs that entered mql in the window", "each epoch of a lead once: a lead that qualifies again counts again"
	return newRateJob(t, &q, h, table.SQL)
}

// newRateJob makes a job of a query, whose cohort is set.
func newRateJob(t *table.Table, q *Query, h Head, outcome table.Stage) (*rateJob, error) {
	if err := q.check(Cohorts(), nil); err != nil {
		return nil, err
	}
	p, err := newPlan(t, q)
	if err != nil {
		return nil, err
	}
	h.Window, h.Interval, h.Maturity = windowWords, intervalWords, maturityWords
	return &rateJob{job: job{plan: p, count: rateCount(q.Cohort, outcome)}, head: h}, nil
}

// rate gives the rate once the table has been scanned.
func (f *rateJob) rate() *Rate {
	r, p, c := &Rate{Head: f.head}, f.plan, f.counted()
	after := matureAfter(c.all())
	young, all := c.young(after)
	r.Total = rateOf(&c.total, all, after, c.inside()...)
	r.leave(leftUnknownTime, "the window", c.unknown)
	r.leave(leftUnknownTime, "durations", int(c.total[rateUnknown]))
	r.leave(leftBefore, "durations", int(c.total[rateBefore]))
	r.leave(leftWonBefore, "nothing: counted as won after 0 days", int(c.total[rateZero]))
	if !c.grouped() {
		return r
	}
	groups, more := c.order(func(g int) int { return int(c.tallies[g][rateAll]) })
	r.MoreGroups = more
	spans := c.spread(groups)
	r.Groups = each(p, groups, func(i, g int) RateOf {
		of := rateOf(&c.tallies[g], young[g], after, spans[i])
		of.Key = p.texts(c.keys[g])
		return of
	})
	return r
}

func rateOf(c *tally, young uint32, after int, spans ...[]table.Time) RateOf {
	of := RateOf{Share: share(c[rateDone], c[rateAll]), Skipped: int(c[rateSkipped])}
	of.Maturity = maturity(after, young, of.Of)
	of.Days = percentiles(inDays, spans...)
	if n := of.Days.Count; n > 0 {
		of.Within30, of.Within90 = float64(c[rate30])/float64(n), float64(c[rate90])/float64(n)
	}
	return of
}

// cameTo tells whether an epoch came to a stage or a later one; see reached.
func cameTo(r *table.Row, s table.Stage) bool {
	for _, e := range r.Entered[s:] {
		if e != 0 {
			return true
		}
	}
	return r.Stage >= s && r.Stage <= table.Won
}

// reached tells whether an epoch came to a stage or a later one, and when first; 0 where it is not known.
func reached(r *table.Row, s table.Stage) (at table.Time, ok bool) {
	for _, e := range r.Entered[s:] {
		if e != 0 && (at == 0 || e < at) {
			at = e
		}
	}
	return at, at != 0 || r.Stage >= s && r.Stage <= table.Won
}

func rateCount(cohort Cohort, outcome table.Stage) *count {
	// A win from before the lead was first seen is one after no time: it is at the fast end of every percentile, where it bends none, and its
	// negative days are nobody's. Any other outcome that precedes its start has no duration.
	unseen := func(r *table.Row, at, done table.Time) bool {
		return cohort == First && outcome == table.Won && (done < at || r.Flags&table.WonBeforeSeen != 0)
	}
	span := func(r *table.Row, at, done table.Time, ok bool) table.Time {
		switch {
		case !ok || done == 0 || at == 0:
			return none
		case unseen(r, at, done):
			return 0
		case done < at:
			return none
		}
		return done - at
	}
	return &count{
		cohort: cohort, spans: true, ages: true,
		span: func(r *table.Row, at table.Time) table.Time {
			done, ok := reached(r, outcome)
			return span(r, at, done, ok)
		},
		add: func(c *tally, r *table.Row, at table.Time) table.Time {
			c[rateAll]++
			done, ok := reached(r, outcome)
			if !ok {
				return none
			}
			c[rateDone]++
			if r.Entered[outcome] == 0 && r.Stage != outcome {
				c[rateSkipped]++
			}
			d := span(r, at, done, true)
			switch {
			case done == 0 || at == 0:
				c[rateUnknown]++
			case d == none:
				c[rateBefore]++
			case d <= 90*dayMillis:
				c[rate90]++
				if d <= 30*dayMillis {
					c[rate30]++
				}
				if unseen(r, at, done) {
					c[rateZero]++
				}
			}
			return d
		},
	}
}
