package metrics

import (
	"math"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// round gives the nearest whole number, halves to even, kept within what an int64 holds.
func round(f float64) int64 {
	f = math.RoundToEven(f)
	if f >= math.MaxInt64 {
		return math.MaxInt64
	}
	if f <= math.MinInt64 {
		return math.MinInt64
	}
	return int64(f)
}

// Retention is how many customers, and how much of what they pay, stayed.
type Retention struct {
	Head
	Total  RetentionOf
	Groups []RetentionOf
}

// RetentionOf is that of one group. Retained = (End − New) of Start, exactly: a customer who came and went within the window is in none of
// them, but in NewAndLost; one who had left before and came back in it is New as well, and Returned.
type RetentionOf struct {
	Key                       []string
	Start, End, New, Returned int
	Churned, NewAndLost       int
	Renewed                   int
	Retained                  Share
	StartAmount, EndAmount    Money
	NewAmount                 Money
	// AmountRetained is (EndAmount − NewAmount) ÷ StartAmount in the one currency; false where there is nothing to divide by.
	AmountRetained    float64
	HasAmountRetained bool
}

// DefaultRetention is the window where none is asked for: the year up to now.
const DefaultRetention = 365 * dayMillis

// CustomerRetention counts who was a customer when the window began and when it ended.
func CustomerRetention(t *table.Table, q Query, conv Converter) (*Retention, error) {
	if q.To == 0 {
		q.To = q.Now
	}
	if q.From == 0 {
		q.From = q.To - DefaultRetention
	}
	if err := q.check(nil, nil); err != nil {
		return nil, err
	}
	p, err := newPlan(t, &q)
	if err != nil {
		return nil, err
	}
	r := &Retention{Head: q.head("retention")}
	r.Definition = "(customers at the end − new ones) ÷ customers at the start; of amounts alike, with what the same customers bought on top"
	r.Numerator, r.Denominator = "customers at the end who were customers at the start", "customers at the start: a deal won before it and not churned since, or renewed"
	r.Population = "accounts, or leads without one, with a deal won, each in the group of its first deal"
	r.Window = "from is the start and to the end; the year up to now where they are not given"
	r.Interval, r.Maturity = "Wilson score interval of the share, 95 %", "none: both ends are moments"
	all := q.customers(t)
	r.leave(leftUnknownTime, "customers", all.unknown)
	const at = 1024 // customers are taken so many at once
	pieces := (len(all.list) + at - 1) / at
	workers := newGroups[retained](t, p, pieces)
	table.Side(pieces, len(workers), func(worker, piece int) {
		w := workers[worker]
		for i := piece * at; i < min(len(all.list), (piece+1)*at); i++ {
			c := &all.list[i]
			var row table.Row
			if p.asks() {
				row = w.view.asked(p, c.first)
			}
			if !p.keeps(&row, c.first.Closed) {
				continue
			}
			s, _ := w.of(p.key(&row, c.first.Closed))
			w.buf = all.deals(c, w.buf[:0])
			s.add(t, c.first, w.buf, &q, conv)
		}
	})
	sums, _ := join(workers, func(into, from *retained) { into.join(from) })
	var total retained
	for i := range sums.list {
		total.join(&sums.list[i])
	}
	r.leave(leftNoAmount, "amounts", total.unstated)
	r.leave(leftNoRate, "amounts in "+q.Currency, total.start.lost+total.end.lost)
	r.Total = total.of(q.Currency)
	if len(q.By) == 0 {
		return r, nil
	}
	groups, more := p.order(sums.keys, func(g int) int { return sums.list[g].both + sums.list[g].churned + sums.list[g].came })
	r.MoreGroups = more
	r.Groups = each(p, groups, func(_, g int) RetentionOf {
		of := sums.list[g].of(q.Currency)
		of.Key = p.texts(sums.keys[g])
		return of
	})
	return r, nil
}

// retained adds up the customers of a group: those there at both ends, those who left, those who came (returned of them for another time),
// those who came and left.
type retained struct {
	both, churned, came, returned, between, renewed int
	start, end, new                                 purse
	unstated                                        int
}

func (s *retained) join(o *retained) {
	s.both, s.churned, s.came, s.returned = s.both+o.both, s.churned+o.churned, s.came+o.came, s.returned+o.returned
	s.between, s.renewed, s.unstated = s.between+o.between, s.renewed+o.renewed, s.unstated+o.unstated
	s.start.join(&o.start)
	s.end.join(&o.end)
	s.new.join(&o.new)
}

func (s *retained) add(t *table.Table, first *table.Deal, deals []*table.Deal, q *Query, conv Converter) {
	start, end, renewed, inside := false, false, false, false
	for _, d := range deals {
		start, end = start || runs(d, q.From), end || runs(d, q.To)
		renewed = renewed || d.Renewed >= q.From && d.Renewed < q.To
		inside = inside || d.Closed >= q.From && d.Closed < q.To
	}
	if renewed {
		s.renewed++
	}
	switch {
	case start && end:
		s.both++
	case start:
		s.churned++
	case end:
		s.came++
		if first.Closed < q.From {
			s.returned++
		}
	case inside:
		s.between++
	}
	for _, d := range deals {
		atStart, atEnd := runs(d, q.From), runs(d, q.To)
		if !atStart && !atEnd {
			continue
		}
		if !d.HasAmount {
			s.unstated++
			continue
		}
		// The rate is that of the deal's close, at both ends: a currency that moves is no churn.
		a := Amount{d.Amount, t.Names.Name(d.Currency)}
		if atStart {
			s.start.put(a, d.Closed, q.Currency, conv)
		}
		if atEnd {
			s.end.put(a, d.Closed, q.Currency, conv)
			if !start {
				s.new.put(a, d.Closed, q.Currency, conv)
			}
		}
	}
}

func (s *retained) of(currency string) RetentionOf {
	of := RetentionOf{
		Start: s.both + s.churned, End: s.both + s.came, New: s.came, Returned: s.returned, Churned: s.churned, NewAndLost: s.between, Renewed: s.renewed,
	}
	of.Retained = share(uint32(of.End-of.New), uint32(of.Start))
	of.StartAmount, of.EndAmount, of.NewAmount = s.start.money(currency), s.end.money(currency), s.new.money(currency)
	one := of.StartAmount.Sum.Currency
	if of.StartAmount.Sum.Micros > 0 && len(of.StartAmount.Apart) == 0 && len(of.EndAmount.Apart) == 0 &&
		(of.EndAmount.Sum.Micros == 0 || of.EndAmount.Sum.Currency == one) && (of.NewAmount.Sum.Micros == 0 || of.NewAmount.Sum.Currency == one) {
		of.HasAmountRetained = true
		of.AmountRetained = float64(of.EndAmount.Sum.Micros-of.NewAmount.Sum.Micros) / float64(of.StartAmount.Sum.Micros)
	}
	return of
}
