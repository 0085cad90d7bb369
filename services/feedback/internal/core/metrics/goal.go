package metrics

import (
	"math"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Goal is a shared goal of the agreement in force.
type Goal struct {
	ID, Metric string
	Target     float64
	// Since is when the goal came into force; its windows follow each other from there. Window 0 is all times.
	Since, Window table.Time
}

// The metrics that a goal can be about.
const (
	GoalConversion  = "lead_conversion_rate"
	GoalMQLToSQL    = "mql_to_sql_rate"
	GoalAccept      = "sla_accept_rate"
	GoalContact     = "sla_contact_rate"
	GoalRetention   = "retention_rate"
	GoalLeads       = "leads"
	GoalMQLs        = "mqls"
	GoalSQLs        = "sqls"
	GoalOpportunity = "opportunities"
	GoalCustomers   = "customers"
	GoalCAC         = "cac"
	GoalVelocity    = "pipeline_velocity"
)

// GoalMetrics gives all of them.
func GoalMetrics() []string {
	return []string{
		GoalConversion, GoalMQLToSQL, GoalAccept, GoalContact, GoalRetention, GoalLeads, GoalMQLs, GoalSQLs, GoalOpportunity, GoalCustomers,
		GoalCAC, GoalVelocity,
	}
}

// Progress is how a goal stands, for both teams together.
type Progress struct {
	Goal
	From, To table.Time
	// Elapsed is the part of the window that has passed.
	Elapsed float64
	// Value is where the goal stands; Low and High its interval where it is a share. Of is the share's population.
	Value, Low, High float64
	Of               int
	HasInterval      bool
	// Pace is what the value would be by now if it came evenly; of a share, and of what does not add up over time, it is the target.
	Pace float64
	// Projection is the value at the window's end, with its interval where there is one, by Method.
	Projection, ProjectionLow, ProjectionHigh float64
	HasProjection, HasProjectionInterval      bool
	Method                                    string
	// Status is reached (the window is over or the value cannot fall any more), on_track, behind, or unknown.
	Status   string
	Immature bool
	// Problem says why a goal cannot be counted.
	Problem       string
	Contributions []Contribution
	Statement     string
}

// Contribution is what one rep, source or campaign did for a goal.
type Contribution struct {
	By   Dimension
	Name string
	// Share is the contributor's own: how many of how many.
	Share Share
	// Value adds up to the goal's value over all contributors of a dimension; AgainstTarget adds up to the value less the target, so that
	// volume without conversion counts against the goal. For a number that is no share, AgainstTarget is 0.
	Value, AgainstTarget float64
}

// contributors are the dimensions of contributions: of both teams.
func contributors() []Dimension { return []Dimension{ByRep, BySource, ByCampaign} }

const (
	shareWords = "Each contribution is what a rep, source or campaign adds to the one number that both teams share. Against the target, leads that come to " +
		"nothing count against whoever sent them and leads left lying against whoever had them: neither volume alone nor a high share of a few moves it. " +
		"The list is in the order of names and ranks nobody."
	countWords = "Each contribution is a count, and beside it stands what share came further: a count that grows while the share falls is no progress, " +
		"because it is the other team's time. The list is in the order of names and ranks nobody."
)

// newProgress finds the window that now is in.
func newProgress(g Goal, now table.Time) Progress {
	p := Progress{Goal: g, Pace: g.Target, Elapsed: 1}
	if g.Window > 0 {
		n := max(0, now-g.Since) / g.Window
		p.From = g.Since + n*g.Window
		p.To = p.From + g.Window
		p.Elapsed = min(1, max(0, float64(now-p.From)/float64(g.Window)))
	}
	return p
}

type named struct {
	name string
	Share
}

// contribute lists what each did, in the order of names. What is not shown because there are too many is one line.
func (p *Progress) contribute(d Dimension, shares []named, total Share, isShare bool) {
	slices.SortFunc(shares, func(a, b named) int { return slices.Compare([]byte(a.name), []byte(b.name)) })
	rest := total
	for _, s := range shares {
		rest.Count, rest.Of = rest.Count-s.Count, rest.Of-s.Of
	}
	if rest.Of > 0 {
		shares = append(shares, named{"others", share(rest.Count, rest.Of)})
	}
	p.Statement = countWords
	for _, s := range shares {
		c := Contribution{By: d, Name: s.name, Share: s.Share, Value: float64(s.Of)}
		if isShare {
			c.Value = float64(s.Count) / float64(total.Of)
			c.AgainstTarget = (float64(s.Count) - p.Target*float64(s.Of)) / float64(total.Of)
			p.Statement = shareWords
		}
		p.Contributions = append(p.Contributions, c)
	}
}

// share projects a share: what is still to come is as many a day as so far, and comes out as the same unknown share, of which is known what
// Jeffreys' prior and the count say; the interval is that of the beta-binomial distribution, by its mean and variance.
func (p *Progress) share(s Share) {
	p.Value, p.Low, p.High, p.Of, p.HasInterval = s.Value, s.Low, s.High, s.Of, true
	if s.Of == 0 {
		p.Status, p.Problem = "unknown", "there is nobody yet in this window to take a share of"
		return
	}
	p.Method = "the same share and as many a day for the rest of the window; interval of the beta-binomial distribution (Jeffreys' prior), 95 %"
	k, n := float64(s.Count), float64(s.Of)
	m := p.remaining(n)
	a, b := k+0.5, n-k+0.5
	mean := a / (a + b)
	variance := m * mean * (1 - mean) * (a + b + m) / (a + b + 1)
	p.project((k+m*mean)/(n+m), stats.Z95*math.Sqrt(variance)/(n+m), 0, 1)
	p.judge(false)
}

// remaining gives how many are still to come, if as many come a day as so far.
func (p *Progress) remaining(n float64) float64 {
	if p.Elapsed <= 0 || p.Elapsed >= 1 {
		return 0
	}
	return n * (1 - p.Elapsed) / p.Elapsed
}

// add projects a count: as many a day as so far, in the interval of the negative binomial distribution that an unknown rate known by a
// Poisson count gives, by its mean and variance.
func (p *Progress) add(n int) {
	p.Value, p.Of, p.Pace = float64(n), n, p.Target*p.Elapsed
	p.Method = "as many a day as so far; interval of the negative binomial distribution, 95 %"
	m := p.remaining(float64(n))
	ratio := 0.0
	if n > 0 {
		ratio = m / float64(n)
	}
	p.project(float64(n)+m, stats.Z95*math.Sqrt(m*(1+ratio)), float64(n), math.Inf(1))
	p.judge(false)
}

func (p *Progress) project(value, half, least, most float64) {
	p.HasProjection, p.HasProjectionInterval = p.Elapsed > 0, p.Elapsed > 0
	if p.HasProjection {
		p.Projection, p.ProjectionLow, p.ProjectionHigh = value, max(least, value-half), min(most, value+half)
	}
}

// judge gives the status: by the projection where there is one.
func (p *Progress) judge(lowIsGood bool) {
	meets := func(v float64) bool { return v >= p.Target != lowIsGood || v == p.Target }
	switch {
	case p.Elapsed >= 1 && meets(p.Value):
		p.Status = "reached"
	case p.Elapsed >= 1:
		p.Status = "missed"
	case !p.HasProjection:
		p.Status = "unknown"
	case meets(p.Projection):
		p.Status = "on_track"
	default:
		p.Status = "behind"
	}
}

func (p *Progress) retention(t *table.Table, q Query, conv Converter) error {
	p.Statement = "Retention is of customers, not of leads: nobody's share of it is listed."
	if q.To > q.Now || q.To == 0 {
		q.To = q.Now
	}
	if q.From != 0 && q.From >= q.To {
		p.Status = "unknown"
		return nil
	}
	r, err := CustomerRetention(t, q, conv)
	if err != nil {
		return err
	}
	s := r.Total.Retained
	p.Value, p.Low, p.High, p.Of, p.HasInterval = s.Value, s.Low, s.High, s.Of, true
	if s.Of == 0 {
		p.Status, p.Problem = "unknown", "nobody was a customer when this window began"
		return nil
	}
	p.Method = "as many leave a day, in proportion, as so far; the interval is that of the share so far, carried on alike"
	if p.Elapsed > 0 {
		on := func(v float64) float64 { return math.Pow(v, 1/p.Elapsed) }
		p.HasProjection, p.HasProjectionInterval = true, true
		p.Projection, p.ProjectionLow, p.ProjectionHigh = on(s.Value), on(s.Low), on(s.High)
	}
	p.judge(false)
	return nil
}

func (p *Progress) money(t *table.Table, q Query, spends []Spend, conv Converter) error {
	p.Statement = "This number belongs to both teams as a whole: cost and cycle are not split between people."
	if q.To > q.Now {
		q.To = q.Now // what is still to be spent buys nobody yet
	}
	if q.To != 0 && q.From >= q.To {
		p.Status = "unknown"
		return nil
	}
	var value Money
	known := false
	if p.Metric == GoalCAC {
		r, err := AcquisitionCost(t, q, spends, conv)
		if err != nil {
			return err
		}
		value, p.Of, known = r.Total.PerCustomer, r.Total.Customers, r.Total.Customers > 0
	} else {
		r, err := PipelineVelocity(t, q, conv)
		if err != nil {
			return err
		}
		value, p.Of, known = r.Total.PerDay, r.Total.Opportunities, r.Total.CycleDays > 0
	}
	if !known || len(value.Apart) > 0 {
		p.Status = "unknown"
		if !known {
			p.Problem = "no deal was won yet in this window"
		} else {
			p.Problem = "amounts in several currencies: ask for one (currency=EUR), with the rates known"
		}
		return nil
	}
	p.Value = float64(value.Sum.Micros) / 1e6
	p.Method = "stays what it is so far; no interval"
	if p.Elapsed > 0 {
		p.HasProjection, p.Projection = true, p.Value
	}
	if p.Metric == GoalVelocity && p.Elapsed > 0 { // it is the opportunities of a window: half a window has half of them
		p.Pace, p.Projection = p.Target*p.Elapsed, p.Value/p.Elapsed
		p.Method = "as many opportunities a day as so far, alike; no interval"
	}
	p.judge(p.Metric == GoalCAC)
	return nil
}
