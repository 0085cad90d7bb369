package metrics

import (
	"cmp"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Quality is what became of the leads of each group: of a source, a campaign, a band of the score.
type Quality struct {
	Head
	Total  QualityOf
	Groups []QualityOf
	// Ranked tells that the groups are in order of quality: see Campaigns.
	Ranked bool
}

// QualityOf is what became of one group's leads. Each count is of leads that entered the stage or a later one.
type QualityOf struct {
	Key   []string
	Leads int
	// MQL, SQL, Opportunity, Won and Rejected are shares of all leads.
	MQL, SQL, Opportunity, Won Share
	Rejected                   Share
	// Now is where the leads are, by stage.
	Now      []StageCount
	Maturity Maturity
	// Amount won, and what it took; see Money.
	Amount, Cost Money
	// CostPer a lead, MQL, SQL and win.
	CostPerLead, CostPerMQL, CostPerSQL, CostPerWin Money
}

// StageCount is how many leads are in a stage.
type StageCount struct {
	Stage string
	Leads int
}

const (
	qualityAll = iota
	qualityMQL
	qualitySQL
	qualityOpportunity
	qualityWon
	qualityRejected
	qualityNow // and one place for each stage
)

// Sources counts what became of leads by where they came from, or by what q.By names.
func Sources(t *table.Table, q Query, conv Converter) (*Quality, error) {
	if len(q.By) == 0 {
		q.By = []Dimension{BySource}
	}
	r, _, err := quality(t, &q, "sources", conv)
	return r, err
}

// Bands counts what became of leads by the grade they qualified with, or by what q.By names.
func Bands(t *table.Table, q Query, conv Converter) (*Quality, error) {
	if len(q.By) == 0 {
		q.By = []Dimension{ByGrade}
	}
	if q.Cohort == "" {
		q.Cohort = FromMQL
	}
	r, _, err := quality(t, &q, "bands", conv)
	return r, err
}

// Campaigns counts what campaigns cost and what became of their leads, in order of quality: by the lower end of the interval of the share
// that became customers, then of the share that became SQLs. So a few good leads are ahead of many poor ones, and one lucky lead is not.
// Cost is the spend of the window: of all times where there is none.
func Campaigns(t *table.Table, q Query, spends []Spend, conv Converter) (*Quality, error) {
	if len(q.By) == 0 {
		q.By = []Dimension{ByCampaign}
	}
	r, c, err := quality(t, &q, "campaigns", conv)
	if err != nil {
		return nil, err
	}
	r.Numerator += "; what was spent in the window"
	if spendable(&q) {
		costs(r, c, spends, conv)
	} else {
		r.leave("cost_unknown_by_these_dimensions", "cost", len(spends))
	}
	slices.SortStableFunc(r.Groups, func(a, b QualityOf) int {
		return cmp.Or(cmp.Compare(b.Won.Low, a.Won.Low), cmp.Compare(b.SQL.Low, a.SQL.Low), slices.Compare(a.Key, b.Key))
	})
	r.Ranked = true
	return r, nil
}

func quality(t *table.Table, q *Query, name string, conv Converter) (*Quality, *counted, error) {
	if q.Cohort == "" {
		q.Cohort = First
	}
	if err := q.check(Cohorts(), nil); err != nil {
		return nil, nil, err
	}
	p, err := newPlan(t, q)
	if err != nil {
		return nil, nil, err
	}
	r := &Quality{Head: q.head(name)}
	r.Definition = "what became of the leads of a cohort, by group"
	r.Numerator, r.Denominator = "those that entered a stage or a later one; what the deals won of these leads brought", "all of the cohort"
	r.Population, r.Window, r.Interval, r.Maturity = "each lead once, all its epochs together", windowWords, intervalWords, maturityWords
	if q.Cohort != First {
		r.Population = "each epoch that entered " + string(q.Cohort)
	}
	span := rateCount(q.Cohort, table.Won).span
	c := p.run(t, &count{cohort: q.Cohort, spans: true, ages: true, span: span, add: func(c *tally, r *table.Row, at table.Time) table.Time {
		if qualityAdd(c, r) {
			return span(r, at)
		}
		return none
	}})
	after := matureAfter(c.all())
	young, all := c.young(after)
	r.leave(leftUnknownTime, "the window", c.unknown)
	m := amounts(t, p, q, c, conv)
	r.Total = qualityOf(&c.total, all, after)
	r.Total.Amount = m.total.money(q.Currency)
	r.leave(leftNoAmount, "amount", m.unstated)
	r.leave(leftNoRate, "amount in "+q.Currency, r.Total.Amount.apartDeals)
	groups, more := c.order(func(g int) int { return int(c.tallies[g][qualityAll]) })
	r.MoreGroups = more
	for _, g := range groups {
		of := qualityOf(&c.tallies[g], young[g], after)
		of.Key, of.Amount = p.texts(c.keys[g]), m.groups[g].money(q.Currency)
		r.Groups = append(r.Groups, of)
	}
	return r, c, nil
}

func qualityOf(c *tally, young uint32, after int) QualityOf {
	n := c[qualityAll]
	of := QualityOf{
		Leads: int(n), MQL: share(c[qualityMQL], n), SQL: share(c[qualitySQL], n), Opportunity: share(c[qualityOpportunity], n),
		Won: share(c[qualityWon], n), Rejected: share(c[qualityRejected], n),
		Maturity: maturity(after, young, int(n)),
	}
	for i, name := range stageNames()[1:] {
		if leads := c[qualityNow+i]; leads > 0 {
			of.Now = append(of.Now, StageCount{name, int(leads)})
		}
	}
	return of
}

// qualityAdd counts a row, and tells whether it was won.
func qualityAdd(c *tally, r *table.Row) bool {
	c[qualityAll]++
	if r.Stage >= 0 {
		c[qualityNow+int(r.Stage)]++
	}
	if r.Flags&table.Rejected != 0 {
		c[qualityRejected]++
	}
	f := furthest(r) // it came to every stage up to that one, or beyond
	if f < table.MQL {
		return false
	}
	c[qualityMQL]++
	if f < table.SQL {
		return false
	}
	c[qualitySQL]++
	if f < table.Opportunity {
		return false
	}
	c[qualityOpportunity]++
	if f < table.Won {
		return false
	}
	c[qualityWon]++
	return true
}
