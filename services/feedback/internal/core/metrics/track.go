package metrics

import "github.com/batonhq/baton/services/feedback/internal/core/table"

// Track counts how the goals stand. The table's rows are looked at once for all goals.
func Track(t *table.Table, goals []Goal, now table.Time, spends []Spend, currency string, conv Converter) ([]Progress, error) {
	return track(t, goals, Query{Now: now, Currency: currency}, spends, conv)
}

// track is Track with what is the same in all queries.
func track(t *table.Table, goals []Goal, q Query, spends []Spend, conv Converter) ([]Progress, error) {
	out := make([]Progress, len(goals))
	q.known = &known{}
	var jobs []*job
	var finish []func()
	for i, g := range goals {
		p := &out[i]
		*p = newProgress(g, q.Now)
		q := q
		q.From, q.To = p.From, p.To
		j, done, err := p.job(t, q)
		if err != nil {
			return nil, err
		}
		if j != nil {
			jobs, finish = append(jobs, j), append(finish, done)
			continue
		}
		if err := p.count(t, q, spends, conv); err != nil {
			return nil, err
		}
	}
	scan(t, jobs...)
	for _, done := range finish {
		done()
	}
	return out, nil
}

// job gives what a goal asks of the rows, and what is to be done once they were scanned; nil where it asks nothing of them.
func (p *Progress) job(t *table.Table, q Query) (*job, func(), error) {
	switch p.Metric {
	case GoalConversion:
		return p.rate(t, q, First, table.Won, true)
	case GoalMQLToSQL:
		return p.rate(t, q, FromMQL, table.SQL, true)
	case GoalLeads:
		return p.rate(t, q, First, table.MQL, false)
	case GoalMQLs:
		return p.rate(t, q, FromMQL, table.SQL, false)
	case GoalSQLs:
		return p.rate(t, q, FromSQL, table.Opportunity, false)
	case GoalOpportunity:
		return p.rate(t, q, FromOpportunity, table.Won, false)
	case GoalAccept, GoalContact:
		return p.promise(t, q)
	}
	return nil, nil, nil
}

// count counts a goal that is about deals.
func (p *Progress) count(t *table.Table, q Query, spends []Spend, conv Converter) error {
	switch p.Metric {
	case GoalCustomers:
		return p.customers(t, q)
	case GoalRetention:
		return p.retention(t, q, conv)
	case GoalCAC, GoalVelocity:
		return p.money(t, q, spends, conv)
	}
	p.Problem, p.Status = "no number has this name; there are "+names(GoalMetrics()), "unknown"
	return nil
}

// byContributors makes a plan for each dimension of contributions.
func byContributors(t *table.Table, q Query) ([]*plan, error) {
	out := make([]*plan, 0, len(contributors()))
	for _, d := range contributors() {
		of := q
		of.By = []Dimension{d}
		p, err := newPlan(t, &of)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// rate follows a share, or the size of its population where isShare is false.
func (p *Progress) rate(t *table.Table, q Query, cohort Cohort, outcome table.Stage, isShare bool) (*job, func(), error) {
	q.Cohort = cohort
	f, err := newRateJob(t, &q, Head{}, outcome)
	if err != nil {
		return nil, nil, err
	}
	if f.also, err = byContributors(t, q); err != nil {
		return nil, nil, err
	}
	return &f.job, func() {
		c := f.counted()
		total := share(c.total[rateDone], c.total[rateAll])
		after := matureAfter(c.all())
		_, young := c.young(after)
		p.Immature = maturity(after, young, total.Of).Immature
		p.contributions(c, rateAll, total, isShare, func(n *tally) Share { return share(n[rateDone], n[rateAll]) })
		if isShare {
			p.share(total)
		} else {
			p.add(total.Of)
		}
	}, nil
}

// promise follows one of sales' two promises.
func (p *Progress) promise(t *table.Table, q Query) (*job, func(), error) {
	q.Cohort = FromRouted
	if err := q.check([]Cohort{FromRouted}, nil); err != nil {
		return nil, nil, err
	}
	pl, err := newPlan(t, &q)
	if err != nil {
		return nil, nil, err
	}
	j := &job{plan: pl, count: slaCount()}
	if j.also, err = byContributors(t, q); err != nil {
		return nil, nil, err
	}
	return j, func() {
		pick := func(n *tally) Share {
			s := slaOf(n)
			if p.Metric == GoalAccept {
				return s.Accept
			}
			return s.Contact
		}
		c := j.counted()
		total := pick(&c.total)
		p.contributions(c, slaAll, total, true, pick)
		p.share(total)
	}, nil
}

// contributions lists what each did, of a scan that grouped by all contributors as well.
func (p *Progress) contributions(c *counted, size int, total Share, isShare bool, pick func(*tally) Share) {
	for i, d := range contributors() {
		by := c.also[i]
		groups, _ := by.order(func(g int) int { return int(by.tallies[g][size]) })
		var shares []named
		for _, g := range groups {
			if s := pick(&by.tallies[g]); s.Of > 0 {
				shares = append(shares, named{by.plan.text(0, by.keys[g]), s})
			}
		}
		p.contribute(d, shares, total, isShare)
	}
}

func (p *Progress) customers(t *table.Table, q Query) error {
	all := q.customers(t)
	var total int
	for _, d := range contributors() {
		q.By = []Dimension{d}
		pl, err := newPlan(t, &q)
		if err != nil {
			return err
		}
		groups, _ := newCustomers(t, pl, &CAC{}, all)
		total = 0
		var shares []named
		for name, n := range groups {
			total += n
			shares = append(shares, named{name, share(n, n)})
		}
		p.contribute(d, shares, Share{Count: total, Of: total}, false)
	}
	p.add(total)
	return nil
}
