package journeys

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
)

// NullsAtMost is how many leads without a deal are read for one question. Of more, an even sample stands for all: a model needs
// what share of paths leads to nothing, and by which channels. Of 68,602 such paths of real journeys 5,000 put channels with thousands of
// conversions 2 % wrong, and 50,000 some tenths of one; read together they cost the one look at the journal that 5,000 do.
const NullsAtMost = 50_000

// Query is a question about many deals. Times are in milliseconds since 1970, UTC.
type Query struct {
	By    string
	Sales bool
	// Deals that ended (or, Pipeline, were opened) at From or later and before To; 0 is open.
	From, To int64
	// Lookback in milliseconds; 0 is however long.
	Lookback int64
	// Account: everybody known at the accounts of those on the deal.
	Account  bool
	Pipeline bool
	// Nulls: what led to nothing is read, too.
	Nulls bool
	After string
}

func (q *Query) within(at int64) bool { return at >= q.From && (q.To == 0 || at < q.To) }

// Collected is what attribution is computed from.
type Collected struct {
	attribution.Question
	// Names of the keys and currencies, by number.
	Names, Money []string
	// Touches and paths by key.
	TouchesOf, PathsOf []int
	// People who stand on any of the deals.
	People int
	// NullPaths led to nothing; NullsRead of them were read.
	NullPaths, NullsRead int
}

// Collector puts together what questions are about.
type Collector struct {
	Cache *Cache
	Deals Deals
	Leads Leads
	// nulls is used in the place of NullsAtMost where it is not 0.
	nulls int
}

// warmAgain is when Warm tries again where contexts are not ready, or the journal does not answer.
const warmAgain = 2 * time.Second

// Warm reads once, as soon as that can be done, what a question about the deals that were won since a moment needs, so that the first
// one to ask does not wait for it: reading takes seconds where there are tens of thousands of leads with deals. It ends when that is
// done, or ctx is.
func (c *Collector) Warm(ctx context.Context, since int64) {
	for {
		if _, err := c.Collect(ctx, Query{By: Dimensions()[0], From: since, Nulls: true}); err == nil || ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(warmAgain):
		case <-ctx.Done():
			return
		}
	}
}

// Collect gives the journeys of the deals that a query is about.
func (c *Collector) Collect(ctx context.Context, q Query) (*Collected, error) {
	deals, err := c.Deals.Deals(ctx, q.After)
	if err != nil {
		return nil, fmt.Errorf("deals: %w", err)
	}
	onDeal := map[string]bool{}
	var converted, failed []Deal
	for _, d := range deals {
		for _, l := range d.Leads {
			onDeal[l] = true
		}
		switch {
		case q.Pipeline && q.within(d.Opened), !q.Pipeline && d.Status == StatusWon && q.within(d.Closed):
			converted = append(converted, d)
		case !q.Pipeline && d.Status == StatusLost && q.within(d.Closed):
			failed = append(failed, d)
		}
	}
	var without []string
	if err := c.Leads.Each(ctx, "", func(lead string, first int64, dealt bool) {
		if first != 0 && q.within(first) && !onDeal[lead] && !dealt {
			without = append(without, strings.Clone(lead))
		}
	}); err != nil {
		return nil, fmt.Errorf("leads without a deal: %w", err)
	}
	out := &Collected{}
	err = c.Cache.use(ctx, func(ctx context.Context, r *reading) error {
		g := &gathering{reading: r, q: &q, keys: NewKeys(q.By, q.Sales), out: out, currencies: map[string]int{}, nulls: cmp.Or(c.nulls, NullsAtMost)}
		if err := g.load(ctx, g.needed(converted, failed, without)); err != nil {
			return err
		}
		if err := g.converted(ctx, converted); err != nil {
			return err
		}
		// At an account somebody without a deal of their own may have helped another one's: that way did not lead to nothing.
		without = slices.DeleteFunc(without, func(lead string) bool { return g.earned[lead] })
		out.NullPaths = len(failed) + len(without)
		if q.Nulls {
			if err := g.failed(ctx, failed); err != nil {
				return err
			}
			if err := g.without(ctx, without); err != nil {
				return err
			}
		}
		g.count()
		return nil
	})
	return out, err
}

type gathering struct {
	*reading
	q          *Query
	keys       *Keys
	out        *Collected
	currencies map[string]int
	// earned are those who stand on a deal that counts.
	earned map[string]bool
	// nulls is how many leads without a deal are read.
	nulls int
}

// teams gives the people of each deal: those on it in its order, then, by account, those known there.
func (r *reading) teams(ctx context.Context, deals []Deal, account bool) ([][]*Person, error) {
	var leads []string
	for _, d := range deals {
		leads = append(leads, d.Leads...)
	}
	root, err := r.roots(ctx, leads)
	if err != nil {
		return nil, err
	}
	people, err := r.resolve(ctx, leads)
	if err != nil {
		return nil, err
	}
	var members map[string]*Person
	var accounts map[string][]string
	if account {
		if accounts, members, err = r.committee(ctx, people); err != nil {
			return nil, err
		}
	}
	out := make([][]*Person, len(deals))
	for i, d := range deals {
		var team []*Person
		on := map[string]bool{}
		add := func(p *Person) {
			if p != nil && !on[p.ID] {
				on[p.ID] = true
				team = append(team, p)
			}
		}
		for _, l := range d.Leads {
			add(people[root[l]])
		}
		for _, p := range slices.Clone(team) {
			for _, a := range p.accounts {
				for _, lead := range accounts[a] {
					add(members[lead])
				}
			}
		}
		out[i] = team
	}
	return out, nil
}

func (g *gathering) converted(ctx context.Context, deals []Deal) error {
	teams, err := g.teams(ctx, deals, g.q.Account)
	if err != nil {
		return err
	}
	g.earned = map[string]bool{}
	for i, d := range deals {
		end := d.Closed
		if g.q.Pipeline {
			end = d.Opened
		}
		for _, p := range teams[i] {
			g.earned[p.ID] = true
		}
		j := attribution.Journey{Path: path(steps(teams[i], g.keys, end, g.q.Lookback), g.keys, teams[i], d.Opened, end)}
		j.Path.Conversions = 1
		if d.Stated {
			j.Amount, j.Currency, j.HasAmount, j.Path.Value = d.Amount, g.currency(d.Currency), true, d.Amount
		}
		g.out.Converted = append(g.out.Converted, j)
	}
	g.out.People = len(g.earned)
	return nil
}

func (g *gathering) currency(name string) int {
	n, ok := g.currencies[name]
	if !ok {
		n = len(g.out.Money)
		g.currencies[name] = n
		g.out.Money = append(g.out.Money, name)
	}
	return n
}

// failed reads the ways to deals that were lost.
func (g *gathering) failed(ctx context.Context, deals []Deal) error {
	teams, err := g.teams(ctx, deals, g.q.Account)
	if err != nil {
		return err
	}
	for i, d := range deals {
		g.null(teams[i], d.Closed, 1)
	}
	g.out.NullsRead += len(deals)
	return nil
}

// needed gives whom the question is about, as far as that is known before anything is read: read together they cost one look at the
// journal, and one after the other each its own.
func (g *gathering) needed(converted, failed []Deal, without []string) (leads []string) {
	for _, d := range converted {
		leads = append(leads, d.Leads...)
	}
	if g.q.Nulls {
		for _, d := range failed {
			leads = append(leads, d.Leads...)
		}
		leads = append(leads, sampleOf(without, g.nulls)...)
	}
	return leads
}

// sampleOf puts leads in order, and gives at most so many of them, evenly.
func sampleOf(leads []string, most int) []string {
	slices.Sort(leads) // ids are keyed hashes: their order is as good as chance, and the same each time
	if len(leads) <= most {
		return leads
	}
	sample := make([]string, most)
	for i := range sample {
		sample[i] = leads[i*len(leads)/most]
	}
	return sample
}

// without reads the ways of leads that came to no deal, or of an even sample of them.
func (g *gathering) without(ctx context.Context, leads []string) error {
	sample := sampleOf(leads, g.nulls)
	people, err := g.people(ctx, sample)
	if err != nil {
		return err
	}
	ones := make([]float64, len(sample))
	for i := range ones {
		ones[i] = 1
	}
	for i, times := range attribution.Split(int64(len(leads)), ones) {
		p := people[sample[i]]
		end := int64(math.MaxInt64)
		if g.q.To != 0 {
			end = g.q.To - 1
		}
		for k := len(p.touches) - 1; k >= 0; k-- { // however long ago it last did something
			if p.touches[k].at <= end {
				end = p.touches[k].at
				break
			}
		}
		g.null([]*Person{p}, end, times)
	}
	g.out.NullsRead += len(sample)
	return nil
}

func (g *gathering) null(people []*Person, end, times int64) {
	p := path(steps(people, g.keys, end, g.q.Lookback), g.keys, nil, 0, end)
	if p.Nulls = times; len(p.Touches) > 0 {
		g.out.Nulls = append(g.out.Nulls, p)
	}
}

func (g *gathering) count() {
	g.out.Names, g.out.Keys, g.out.Currencies = g.keys.names, len(g.keys.names), len(g.out.Money)
	g.out.TouchesOf, g.out.PathsOf = make([]int, g.out.Keys), make([]int, g.out.Keys)
	for i := range g.out.Converted {
		on := map[int]bool{}
		for _, t := range g.out.Converted[i].Path.Touches {
			g.out.TouchesOf[t.Key]++
			if !on[t.Key] {
				on[t.Key] = true
				g.out.PathsOf[t.Key]++
			}
		}
	}
}
