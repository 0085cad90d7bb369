package journeys

import (
	"context"
	"fmt"
	"slices"
	"unique"

	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
)

// Credited is what each touch of each deal earned under a model.
type Credited struct {
	// Deals in the order of their names.
	Deals []Deal
	// Credits in the order of deals, and of time within one. A deal without touches has one, of no touch, which nobody earned.
	Credits []Credit
	leads   []string
	places  map[string]int32
}

// Credit is one touch, and what it earned: about 80 bytes.
type Credit struct {
	// At in milliseconds since 1970, UTC; 0 is no touch.
	At int64
	// Conversions in millionths of one, Amount in micro-units of the deal's currency: of the credits of one deal these add up to one
	// conversion, and to its amount.
	Conversions, Amount int64
	Share               float64
	what                unique.Handle[What]
	lead, deal, times   int32
	// Key is what the touch counts for, in the dimension asked for.
	Key unique.Handle[string]
}

// Deal that the credit is of.
func (c *Credited) Deal(x *Credit) *Deal { return &c.Deals[x.deal] }

// Lead that was touched, "" for no touch; Times is how many events the touch stands for.
func (c *Credited) Lead(x *Credit) (lead string, times int) {
	if x.At == 0 {
		return "", 0
	}
	return c.leads[x.lead], int(x.times)
}

// What the touch was; nothing for no touch.
func (x *Credit) What() What {
	if x.At == 0 {
		return What{}
	}
	return x.what.Value()
}

// Credits divides each deal of a query among its touches. A model that learns does so from all deals of the query and, as in Collect, from what
// led to nothing; then each deal is divided by what was learnt of its touches' keys, so that a key's sum over all deals is near to what Divide
// gives it and not the same. Errors are the journal's, or wrap attribution.ErrModel.
func (c *Collector) Credits(ctx context.Context, q Query, m attribution.Model) (*Credited, error) {
	learnt := learning{}
	if m.Learn != nil && m.ID != "shapley" {
		q.Nulls = true
		all, err := c.Collect(ctx, q)
		if err != nil {
			return nil, err
		}
		if learnt, err = learnFromAll(all, m); err != nil {
			return nil, err
		}
	}
	deals, err := c.Deals.Deals(ctx, q.After)
	if err != nil {
		return nil, fmt.Errorf("deals: %w", err)
	}
	out := &Credited{Deals: slices.DeleteFunc(deals, func(d Deal) bool { return !q.earns(&d) })}
	keys := NewKeys(q.By, q.Sales)
	err = c.Cache.use(ctx, func(ctx context.Context, r *reading) error {
		teams, err := r.teams(ctx, out.Deals, q.Account)
		if err != nil {
			return err
		}
		for i := range out.Deals {
			out.divide(i, &q, m, teams[i], keys, learnt)
		}
		return nil
	})
	return out, err
}

// earns tells whether a deal is one that credit is divided of.
func (q *Query) earns(d *Deal) bool {
	return q.Pipeline && q.within(d.Opened) || !q.Pipeline && d.Status == StatusWon && q.within(d.Closed)
}

func learnFromAll(all *Collected, m attribution.Model) (learning, error) {
	paths := make([]attribution.Path, 0, len(all.Converted)+len(all.Nulls))
	for _, j := range all.Converted {
		if len(j.Path.Touches) > 0 {
			paths = append(paths, j.Path)
		}
	}
	out := learning{weight: map[string]float64{}}
	if len(paths) == 0 {
		return out, nil
	}
	l, err := m.Learn(append(paths, all.Nulls...), all.Keys, false)
	if err != nil {
		return out, fmt.Errorf("%s: %w", m.ID, err)
	}
	out.perKey = l.PerKey
	for key, w := range l.Weight {
		out.weight[all.Names[key]] = w
	}
	return out, nil
}

// Add adds a touch of a deal, the n-th of Deals.
func (c *Credited) Add(n int, lead string, times int, w unique.Handle[What], x Credit) {
	place, there := c.places[lead]
	if !there {
		if c.places == nil {
			c.places = map[string]int32{}
		}
		place = int32(len(c.leads))
		c.places[lead] = place
		c.leads = append(c.leads, lead)
	}
	x.deal, x.lead, x.times, x.what = int32(n), place, int32(times), w
	c.Credits = append(c.Credits, x)
}

// AddNone adds what nobody earned of a deal that nothing touched.
func (c *Credited) AddNone(n int) {
	none := Credit{deal: int32(n), Share: 1, Conversions: attribution.Unit, Key: unique.Make("")}
	if d := &c.Deals[n]; d.Stated {
		none.Amount = d.Amount
	}
	c.Credits = append(c.Credits, none)
}

// divide adds the credits of one deal.
func (c *Credited) divide(n int, q *Query, m attribution.Model, team []*Person, keys *Keys, learnt learning) {
	d := &c.Deals[n]
	end := d.Closed
	if q.Pipeline {
		end = d.Opened
	}
	counted := steps(team, keys, end, q.Lookback)
	if len(counted) == 0 {
		c.AddNone(n)
		return
	}
	shares := learnt.shares(m, path(counted, keys, team, d.Opened, end), keys)
	conversions, amounts := attribution.Split(attribution.Unit, shares), make([]int64, len(shares))
	if d.Stated {
		amounts = attribution.Split(d.Amount, shares)
	}
	for i, s := range counted {
		c.Add(n, s.person.ID, max(int(s.touch.times), 1), s.touch.what, Credit{
			At: s.touch.at, Conversions: conversions[i], Amount: amounts[i], Share: shares[i], Key: unique.Make(keys.names[keys.of(s.touch.what)]),
		})
	}
}

// shares gives the share of each touch of a path that has some.
func (l *learning) shares(m attribution.Model, p attribution.Path, keys *Keys) []float64 {
	switch {
	case m.Rule != nil:
		return m.Rule(&p)
	case m.ID == "shapley":
		return attribution.EqualPerKey(&p)
	}
	of := attribution.Learnt{PerKey: l.perKey}
	for _, name := range keys.Names() {
		of.Weight = append(of.Weight, l.weight[name])
	}
	return of.Shares(&p)
}
