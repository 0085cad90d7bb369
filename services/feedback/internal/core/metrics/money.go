package metrics

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Converter converts an amount in micro-units by the rate of a moment. ok is false where there is no such rate: nothing is guessed.
type Converter interface {
	Convert(amount int64, from, to string, at table.Time) (converted int64, ok bool)
}

// Spend is what was spent in a month on a campaign, a channel or a team; "" where it was for none in particular.
type Spend struct {
	// Month is any moment of it.
	Month                   table.Time
	Campaign, Channel, Team string
	// Kind is marketing or sales.
	Kind string
	// Amount in micro-units of Currency.
	Amount   int64
	Currency string
}

// Amount is money of one currency, in micro-units (millionths).
type Amount struct {
	Micros   int64
	Currency string
}

// Money is what amounts come to: one sum where they could be converted to the currency asked for, and beside it one of each currency that
// could not, which are in no sum. Without a currency asked for, each stays in its own.
type Money struct {
	Sum   Amount
	Apart []Amount

	apartDeals int
}

// purse adds amounts up.
type purse struct {
	sum int64
	// apart has one amount of each currency, of which there are few.
	apart []Amount
	// lost counts the amounts that could not be converted.
	lost int
}

func (p *purse) join(o *purse) {
	p.sum, p.lost = p.sum+o.sum, p.lost+o.lost
	for _, a := range o.apart {
		p.aside(a)
	}
}

func (p *purse) aside(a Amount) {
	for i := range p.apart {
		if p.apart[i].Currency == a.Currency {
			p.apart[i].Micros += a.Micros
			return
		}
	}
	p.apart = append(p.apart, a)
}

// put adds an amount as of a moment, and reports whether it is in the one sum.
func (p *purse) put(a Amount, at table.Time, to string, conv Converter) bool {
	if to != "" {
		if a.Currency == to {
			p.sum += a.Micros
			return true
		}
		if conv != nil {
			if v, ok := conv.Convert(a.Micros, a.Currency, to, at); ok {
				p.sum += v
				return true
			}
		}
		p.lost++
	}
	p.aside(a)
	return false
}

func (p *purse) money(to string) Money {
	m := Money{Sum: Amount{p.sum, to}, Apart: slices.Clone(p.apart), apartDeals: p.lost}
	slices.SortFunc(m.Apart, func(a, b Amount) int { return cmp.Compare(a.Currency, b.Currency) })
	if to == "" && len(m.Apart) == 1 {
		m.Sum, m.Apart = m.Apart[0], nil
	}
	return m
}

// per gives money for each of n; of none there is no such number, and so no currency either: it is not 0.
func (m Money) per(n int) Money {
	if n == 0 {
		return Money{}
	}
	out := Money{Sum: Amount{divide(m.Sum.Micros, int64(n)), m.Sum.Currency}}
	for _, a := range m.Apart {
		out.Apart = append(out.Apart, Amount{divide(a.Micros, int64(n)), a.Currency})
	}
	return out
}

// divide divides a by b > 0, halves to even.
func divide(a, b int64) int64 {
	q, r := a/b, a%b
	if r < 0 {
		r, q = r+b, q-1
	}
	if twice := uint64(r) * 2; twice > uint64(b) || twice == uint64(b) && q&1 != 0 {
		q++
	}
	return q
}

// portion gives amount × part / of for 0 <= part <= of, rounded down toward zero, without overflow on the way.
func portion(amount, part, of int64) int64 {
	if of <= 0 || part <= 0 {
		return 0
	}
	sign := int64(1)
	if amount < 0 {
		amount, sign = -amount, -1
	}
	high, low := bits.Mul64(uint64(amount), uint64(min(part, of)))
	q, _ := bits.Div64(high, low, uint64(of))
	return sign * int64(q)
}

// wonAmounts is what the deals won of a cohort's leads brought, by the cohort's groups.
type wonAmounts struct {
	total    purse
	groups   []purse
	unstated int
}

// amounts adds up the deals won whose primary lead is in the cohort, by the group that the lead is counted in.
func amounts(t *table.Table, p *plan, q *Query, c *counted, conv Converter) *wonAmounts {
	pieces := t.DealPieces(q.side.piece)
	workers := newGroups[purse](t, p, len(pieces))
	unstated := make([]int, len(workers))
	stage := q.Cohort.stage()
	table.Side(len(pieces), len(workers), func(worker, piece int) {
		w := workers[worker]
		for i := range pieces[piece] {
			d := &pieces[piece][i]
			if d.Status != table.DealWon {
				continue
			}
			w.view.buf = t.Epochs(d.Lead, w.view.buf[:0])
			r := epochOf(w.view.buf, d.Epoch, q.Cohort == First)
			if r == nil {
				continue
			}
			moment := r.First
			if stage != table.NoStage {
				if moment = r.Entered[stage]; moment == 0 {
					continue
				}
			}
			if !p.in(moment) || !p.keeps(r, moment) {
				continue
			}
			if !d.HasAmount {
				unstated[worker]++
				continue
			}
			into, _ := w.of(p.key(r, moment))
			into.put(Amount{d.Amount, t.Names.Name(d.Currency)}, d.Closed, q.Currency, conv)
		}
	})
	out := &wonAmounts{groups: make([]purse, len(c.keys))}
	for i, w := range workers {
		out.unstated += unstated[i]
		for g, key := range w.keys {
			out.groups[c.of(key)].join(&w.list[g])
			out.total.join(&w.list[g])
		}
	}
	return out
}

// epochOf gives the row of a deal: its epoch, or what all epochs of the lead come to; nil where there is none.
func epochOf(epochs []*table.Row, number uint16, all bool) *table.Row {
	if len(epochs) == 0 {
		return nil
	}
	if all {
		if len(epochs) == 1 {
			return epochs[0]
		}
		m := whole(epochs)
		return &m
	}
	for _, e := range epochs {
		if e.Epoch == number {
			return e
		}
	}
	return nil
}
