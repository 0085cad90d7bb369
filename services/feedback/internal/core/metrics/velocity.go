package metrics

import "github.com/batonhq/baton/services/feedback/internal/core/table"

// Velocity is how much the pipeline brings a day.
type Velocity struct {
	Head
	Total  VelocityOf
	Groups []VelocityOf
}

// VelocityOf is that of one group. PerDay is Opportunities × Won.Value × AverageValue ÷ CycleDays, and each is counted over the same deals.
type VelocityOf struct {
	Key           []string
	Opportunities int
	Won           Share
	// AverageValue of the deals won.
	AverageValue, WonAmount, PerDay Money
	// CycleDays is the mean from opened to won; Cycle has the percentiles.
	CycleDays float64
	Cycle     Percentiles
}

// PipelineVelocity counts the deals that closed in the window, won or lost, whose opening, closing and amount are known. Deals of which one
// of them is not known are in no factor, and are counted.
func PipelineVelocity(t *table.Table, q Query, conv Converter) (*Velocity, error) {
	if err := q.check([]Cohort{FromOpportunity}, nil); err != nil {
		return nil, err
	}
	p, err := newPlan(t, &q)
	if err != nil {
		return nil, err
	}
	r := &Velocity{Head: q.head("pipeline_velocity")}
	moment, which := func(d *table.Deal) table.Time { return d.Closed }, "closed"
	if q.Cohort == FromOpportunity {
		moment, which = func(d *table.Deal) table.Time { return d.Opened }, "opened"
	}
	r.Definition = "qualified opportunities × win rate × average value of those won ÷ mean cycle in days: what the pipeline brings a day"
	r.Numerator, r.Denominator = "the amount of the deals won", "the mean days from opened to won"
	r.Population = "the deals that are closed, won or lost, whose opening, closing and amount are known: the same for every factor"
	r.Window = "the deal " + which + " in [from, to), in UTC"
	r.Interval = "Wilson score interval of the win rate, 95 %; of the median cycle by order statistics, at least 95 %"
	r.Maturity = "deals that are still open are in no factor; counted by when they were opened, a cohort is not done before all are closed"
	x := p.newIndex()
	var groups []dealSums
	var total dealSums
	view := dealView{t: t}
	open, unknown, negative, noAmount, noRate := 0, 0, 0, 0, 0
	for d := range t.EachDeal() {
		at := moment(d)
		if at != 0 && !p.in(at) {
			continue
		}
		var row table.Row
		if p.asks() {
			row = view.of(d)
		}
		if !p.keeps(&row, at) {
			continue
		}
		if d.Status == table.DealOpen {
			if q.Cohort == FromOpportunity && p.in(at) || p.whole {
				open++
			}
			continue
		}
		a := Amount{d.Amount, t.Names.Name(d.Currency)}
		switch {
		case d.Opened == 0 || d.Closed == 0:
			unknown++
			continue
		case d.Closed < d.Opened:
			negative++
			continue
		case !d.HasAmount:
			noAmount++
			continue
		case !convertible(a, d.Closed, q.Currency, conv):
			noRate++
			continue
		}
		g := int(x.of(p.key(&row, at)))
		for g >= len(groups) {
			groups = append(groups, dealSums{})
		}
		groups[g].add(d, a, q.Currency, conv)
		total.add(d, a, q.Currency, conv)
	}
	r.leave(leftOpen, "every factor", open)
	r.leave(leftUnknownTime, "every factor", unknown)
	r.leave(leftNegative, "every factor", negative)
	r.leave(leftNoAmount, "every factor", noAmount)
	r.leave(leftNoRate, "every factor", noRate)
	r.Total = total.velocity(q.Currency)
	if len(q.By) > 0 {
		for g, key := range x.keys {
			of := groups[g].velocity(q.Currency)
			of.Key = p.texts(key)
			r.Groups = append(r.Groups, of)
		}
	}
	r.Groups, r.MoreGroups = ordered(r.Groups, q.By, func(g *VelocityOf) ([]string, float64) { return g.Key, float64(g.Opportunities) })
	return r, nil
}

func convertible(a Amount, at table.Time, to string, conv Converter) bool {
	if to == "" || a.Currency == to {
		return true
	}
	if conv == nil {
		return false
	}
	_, ok := conv.Convert(a.Micros, a.Currency, to, at)
	return ok
}

type dealSums struct {
	all, won int
	value    purse
	cycles   []table.Time
	cycle    table.Time
}

func (s *dealSums) add(d *table.Deal, a Amount, to string, conv Converter) {
	s.all++
	if d.Status != table.DealWon {
		return
	}
	s.won++
	s.value.put(a, d.Closed, to, conv)
	s.cycles = append(s.cycles, d.Closed-d.Opened)
	s.cycle += d.Closed - d.Opened
}

func (s *dealSums) velocity(currency string) VelocityOf {
	of := VelocityOf{Opportunities: s.all, Won: share(uint32(s.won), uint32(s.all)), Cycle: percentiles(s.cycles, inDays)}
	of.WonAmount = s.value.money(currency)
	of.AverageValue = of.WonAmount.per(s.won)
	if s.won > 0 {
		of.CycleDays = float64(s.cycle) / float64(s.won) / inDays
	}
	of.PerDay = of.WonAmount.over(of.CycleDays)
	return of
}

// over gives money divided by a number of days; of none there is no such number, as in per.
func (m Money) over(days float64) Money {
	if days <= 0 {
		return Money{}
	}
	out := Money{Sum: Amount{Currency: m.Sum.Currency}}
	out.Sum.Micros = round(float64(m.Sum.Micros) / days)
	for _, a := range m.Apart {
		out.Apart = append(out.Apart, Amount{round(float64(a.Micros) / days), a.Currency})
	}
	return out
}
