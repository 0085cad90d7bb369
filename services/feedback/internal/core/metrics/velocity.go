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
	which := "closed"
	if q.Cohort == FromOpportunity {
		which = "opened"
	}
	r.Definition = "qualified opportunities × win rate × average value of those won ÷ mean cycle in days: what the pipeline brings a day"
	r.Numerator, r.Denominator = "the amount of the deals won", "the mean days from opened to won"
	r.Population = "the deals that are closed, won or lost, whose opening, closing and amount are known: the same for every factor"
	r.Window = "the deal " + which + " in [from, to), in UTC"
	r.Interval = "Wilson score interval of the win rate, 95 %; of the median cycle by order statistics, at least 95 %"
	r.Maturity = "deals that are still open are in no factor; counted by when they were opened, a cohort is not done before all are closed"
	pieces := t.DealPieces(q.side.piece)
	workers := newGroups[dealSums](t, p, len(pieces))
	parts := make([]velocityPart, len(workers))
	table.Side(len(pieces), len(workers), func(worker, piece int) {
		for i := range pieces[piece] {
			if d := &pieces[piece][i]; !d.Gone() {
				parts[worker].deal(workers[worker], d, conv)
			}
		}
	})
	var left velocityPart
	for i := range parts {
		for k, n := range parts[i].left {
			left.left[k] += n
		}
	}
	sums, places := join(workers, func(into, from *dealSums) { into.join(from) })
	for k, reason := range []string{leftOpen, leftUnknownTime, leftNegative, leftNoAmount, leftNoRate} {
		r.leave(reason, "every factor", left.left[k])
	}
	var total dealSums
	var all [][]table.Time
	for i := range sums.list {
		total.join(&sums.list[i])
	}
	for i := range parts {
		all = append(all, parts[i].cycles.list()...)
	}
	r.Total = total.velocity(q.Currency, all...)
	if len(q.By) == 0 {
		return r, nil
	}
	list, more := p.order(sums.keys, func(g int) int { return sums.list[g].all })
	r.MoreGroups = more
	cycles := spreadCycles(parts, places, len(sums.keys), list)
	r.Groups = each(p, list, func(i, g int) VelocityOf {
		of := sums.list[g].velocity(q.Currency, cycles[i])
		of.Key = p.texts(sums.keys[g])
		return of
	})
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

// velocityPart is what one worker found beside the sums: the cycles of deals won with the group of each, and how many deals it left out.
type velocityPart struct {
	cycles blocks[table.Time]
	groups blocks[int32]
	left   [5]int
}

// The places of velocityPart.left.
const (
	velocityOpen = iota
	velocityUnknown
	velocityNegative
	velocityNoAmount
	velocityNoRate
)

// deal counts one deal.
func (v *velocityPart) deal(groups *groups[dealSums], d *table.Deal, conv Converter) {
	p := groups.plan
	q := p.q
	at := d.Closed
	if q.Cohort == FromOpportunity {
		at = d.Opened
	}
	if at != 0 && !p.in(at) {
		return
	}
	var row table.Row
	if p.asks() {
		row = groups.view.asked(p, d)
	}
	if !p.keeps(&row, at) {
		return
	}
	a := Amount{d.Amount, p.names.Name(d.Currency)}
	switch {
	case d.Status == table.DealOpen:
		if q.Cohort == FromOpportunity && p.in(at) || p.whole {
			v.left[velocityOpen]++
		}
		return
	case d.Opened == 0 || d.Closed == 0:
		v.left[velocityUnknown]++
		return
	case d.Closed < d.Opened:
		v.left[velocityNegative]++
		return
	case !d.HasAmount:
		v.left[velocityNoAmount]++
		return
	case !convertible(a, d.Closed, q.Currency, conv):
		v.left[velocityNoRate]++
		return
	}
	s, g := groups.of(p.key(&row, at))
	s.all++
	if d.Status != table.DealWon {
		return
	}
	s.won++
	s.value.put(a, d.Closed, q.Currency, conv)
	s.cycle += d.Closed - d.Opened
	v.cycles.add(d.Closed - d.Opened)
	if len(p.by) > 0 {
		v.groups.add(g)
	}
}

// spreadCycles gives the cycles of each group of a list.
func spreadCycles(parts []velocityPart, places [][]int32, groups int, list []int) [][]table.Time {
	place, out := make([]int32, groups), make([][]table.Time, len(list)) // in the list, from 1
	for i, g := range list {
		place[g] = int32(i + 1)
	}
	for i := range parts {
		of := parts[i].groups.list()
		for b, block := range parts[i].cycles.list() {
			for k, d := range block {
				if to := place[places[i][of[b][k]]]; to != 0 {
					out[to-1] = append(out[to-1], d)
				}
			}
		}
	}
	return out
}

type dealSums struct {
	all, won int
	value    purse
	cycle    table.Time
}

func (s *dealSums) join(o *dealSums) {
	s.all, s.won, s.cycle = s.all+o.all, s.won+o.won, s.cycle+o.cycle
	s.value.join(&o.value)
}

func (s *dealSums) velocity(currency string, cycles ...[]table.Time) VelocityOf {
	of := VelocityOf{Opportunities: s.all, Won: share(uint32(s.won), uint32(s.all)), Cycle: percentiles(inDays, cycles...)}
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
