package journeys

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
)

// ErrUnknownDeal says that no journal of any lead tells of the deal.
var ErrUnknownDeal = errors.New("journeys: unknown deal")

// AmbiguousError says that several sources tell of a deal of this id.
type AmbiguousError struct{ Names []string }

func (e *AmbiguousError) Error() string {
	return "journeys: several sources tell of a deal of this id: " + strings.Join(e.Names, ", ")
}

// learnFrom is how long before the end of a deal others ended that models learn from for its story.
const learnFrom = 365 * 24 * time.Hour

// StoryQuery is a question about one deal.
type StoryQuery struct {
	// ID is SOURCE/ID, or the source's id alone.
	ID       string
	By       string
	Sales    bool
	Lookback int64
	Account  bool
	Models   []attribution.Model
	// Now is the end of a deal that is open, in milliseconds since 1970, UTC.
	Now   int64
	After string
}

// Story is what led to a deal.
type Story struct {
	Deal   Deal
	People []Teller
	// Steps in the order of time.
	Steps []Step
	// NotComputed says of each model why it gives no credit; "" where it does.
	NotComputed []string
}

// Teller is somebody whose doings are told.
type Teller struct {
	Lead, Title, Persona, Role string
	OnDeal, Refused            bool
	Touches                    int
}

// The kinds of a step.
const (
	KindTouch     = "touch"
	KindSales     = "sales"
	KindMilestone = "milestone"
)

// Step is one touch or milestone.
type Step struct {
	At int64
	// Lead is "" for what is the deal's own.
	Lead, Kind, Type string
	What             What
	Times            int
	// Mark of a milestone that Baton or sales stated.
	Mark Mark
	// Credits by model, nil for what earns nothing; NotCounted says why a touch does not.
	Credits    []StepCredit
	NotCounted string
	seq        uint64
}

// StepCredit is what one model gives a touch.
type StepCredit struct {
	Share float64
	// Amount in micro-units of the deal's currency.
	Amount int64
}

// Story tells a deal's story. The errors are ErrUnknownDeal, an *AmbiguousError, or the journal's.
func (c *Collector) Story(ctx context.Context, q StoryQuery) (*Story, error) {
	deals, err := c.Deals.Deals(ctx, q.After)
	if err != nil {
		return nil, fmt.Errorf("deals: %w", err)
	}
	deal, err := find(deals, q.ID)
	if err != nil {
		return nil, err
	}
	learnt, failed, err := c.learn(ctx, &q, deal)
	if err != nil {
		return nil, err
	}
	story := &Story{Deal: *deal, NotComputed: failed}
	err = c.Cache.use(ctx, func(ctx context.Context, r *reading) error {
		teams, err := r.teams(ctx, []Deal{*deal}, q.Account)
		if err != nil {
			return err
		}
		root, err := r.roots(ctx, deal.Leads)
		if err != nil {
			return err
		}
		on := map[string]bool{}
		for _, id := range root {
			on[id] = true
		}
		story.tell(&q, teams[0], on, learnt)
		return nil
	})
	return story, err
}

func find(deals []Deal, id string) (*Deal, error) {
	var found []*Deal
	for i := range deals {
		if deals[i].Name() == id {
			return &deals[i], nil
		}
		if deals[i].ID == id {
			found = append(found, &deals[i])
		}
	}
	switch len(found) {
	case 0:
		return nil, ErrUnknownDeal
	case 1:
		return found[0], nil
	}
	e := &AmbiguousError{}
	for _, d := range found {
		e.Names = append(e.Names, d.Name())
	}
	return nil, e
}

// learning is what a model learnt from other deals, by the names of keys.
type learning struct {
	weight map[string]float64
	perKey bool
}

// learn has the models learn that need to: from the deals that ended in the year before this one did, itself among them, and from
// what led to nothing. failed says of each model why it could not.
func (c *Collector) learn(ctx context.Context, q *StoryQuery, d *Deal) (map[string]learning, []string, error) {
	out, failed := map[string]learning{}, make([]string, len(q.Models))
	if d.Status == StatusLost {
		for i := range failed {
			failed[i] = "the deal was lost: there is nothing to credit"
		}
		return out, failed, nil
	}
	end := cmp.Or(d.Closed, q.Now)
	if !slices.ContainsFunc(q.Models, func(m attribution.Model) bool { return m.Learn != nil }) {
		return out, failed, nil
	}
	all, err := c.Collect(ctx, Query{
		By: q.By, Sales: q.Sales, Lookback: q.Lookback, Account: q.Account, From: max(0, end-learnFrom.Milliseconds()), To: end + 1, Nulls: true,
	})
	if err != nil {
		return nil, nil, err
	}
	var paths []attribution.Path
	for _, j := range all.Converted {
		paths = append(paths, j.Path)
	}
	paths = append(paths, all.Nulls...)
	for i, m := range q.Models {
		if m.Learn == nil {
			continue
		}
		l, err := m.Learn(paths, all.Keys, false)
		if err != nil {
			failed[i] = err.Error()
			continue
		}
		weights := learning{weight: map[string]float64{}, perKey: l.PerKey}
		for key, w := range l.Weight {
			weights.weight[all.Names[key]] = w
		}
		out[m.ID] = weights
	}
	return out, failed, nil
}

// tell puts the story together. on are the people of the team who are on the deal by themselves.
func (s *Story) tell(q *StoryQuery, team []*Person, on map[string]bool, learnt map[string]learning) {
	d := &s.Deal
	end := cmp.Or(d.Closed, q.Now)
	keys := NewKeys(q.By, q.Sales)
	counted := steps(team, keys, end, q.Lookback)
	at := map[*touch]int{}
	for i, c := range counted {
		at[c.touch] = i
	}
	credits := s.credits(q, counted, keys, path(counted, keys, team, d.Opened, end), learnt)
	for _, p := range team {
		t := Teller{Lead: p.ID, Title: p.Title, Persona: p.Persona, Refused: p.Refused, Touches: len(p.touches)}
		if on[p.ID] {
			t.OnDeal, t.Role = true, p.roleOn(d.Name())
		}
		s.People = append(s.People, t)
		s.milestones(p)
		for i := range p.touches {
			x := &p.touches[i]
			step := Step{At: x.at, Lead: p.ID, Kind: KindTouch, Times: int(x.times), What: x.what.Value(), seq: x.seq}
			if step.Type = step.What.Type; step.What.Side == Sales {
				step.Kind = KindSales
			}
			n, ok := at[x]
			switch {
			case ok:
				step.Credits = credits(n)
			case x.at > end:
				step.NotCounted = "after the deal was closed"
			case q.Lookback > 0 && x.at < end-q.Lookback:
				step.NotCounted = "longer ago than the look-back"
			default:
				step.NotCounted = "sales' touches are left out"
			}
			s.Steps = append(s.Steps, step)
		}
	}
	s.Steps = append(s.Steps, Step{At: d.Opened, Kind: KindMilestone, Type: "opportunity"})
	if d.Status != StatusOpen {
		s.Steps = append(s.Steps, Step{At: d.Closed, Kind: KindMilestone, Type: string(d.Status)})
	}
	// At one moment, what was done comes before what followed from it.
	rank := func(x Step) int {
		switch {
		case x.Type == "first_seen":
			return 0
		case x.Kind != KindMilestone:
			return 1
		case x.Lead != "":
			return 2
		}
		return 3
	}
	slices.SortStableFunc(s.Steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.seq, b.seq))
	})
}

// milestones tells where a person got to.
func (s *Story) milestones(p *Person) {
	if p.First != 0 {
		s.Steps = append(s.Steps, Step{At: p.First, Lead: p.ID, Kind: KindMilestone, Type: "first_seen"})
	}
	if p.Known != 0 && p.Known != p.First {
		s.Steps = append(s.Steps, Step{At: p.Known, Lead: p.ID, Kind: KindMilestone, Type: "known"})
	}
	for _, m := range p.Marks {
		if m.Type == "contacted" && !p.Refused {
			continue // told as a touch by sales
		}
		s.Steps = append(s.Steps, Step{At: m.At, Lead: p.ID, Kind: KindMilestone, Type: m.Type, Mark: m, seq: m.seq})
	}
}

// credits gives, for the n-th touch that counts, what each model gives it.
func (s *Story) credits(q *StoryQuery, counted []step, keys *Keys, p attribution.Path, learnt map[string]learning) func(n int) []StepCredit {
	shares, amounts := make([][]float64, len(q.Models)), make([][]int64, len(q.Models))
	for i, m := range q.Models {
		if s.NotComputed[i] != "" || len(counted) == 0 {
			continue
		}
		switch {
		case m.Rule != nil:
			shares[i] = m.Rule(&p)
		case m.ID == "shapley":
			shares[i] = attribution.EqualPerKey(&p)
		default:
			l := attribution.Learnt{PerKey: learnt[m.ID].perKey}
			for _, name := range keys.Names() {
				l.Weight = append(l.Weight, learnt[m.ID].weight[name])
			}
			shares[i] = l.Shares(&p)
		}
		if s.Deal.Stated {
			amounts[i] = attribution.Split(s.Deal.Amount, shares[i])
		}
	}
	return func(n int) []StepCredit {
		out := make([]StepCredit, len(q.Models))
		for i := range out {
			if shares[i] != nil {
				out[i].Share = shares[i][n]
			}
			if amounts[i] != nil {
				out[i].Amount = amounts[i][n]
			}
		}
		return out
	}
}
