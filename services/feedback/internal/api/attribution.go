package api

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"slices"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/agreement"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
	"github.com/batonhq/baton/services/feedback/internal/journeys"
)

// Journeys gives the paths that attribution is computed from, and the story of a deal; *journeys.Collector does.
type Journeys interface {
	Collect(ctx context.Context, q journeys.Query) (*journeys.Collected, error)
	Story(ctx context.Context, q journeys.StoryQuery) (*journeys.Story, error)
	Credits(ctx context.Context, q journeys.Query, m attribution.Model) (*journeys.Credited, error)
}

// The values that requests know.
const (
	modelAll      = "all"
	modelDefault  = "linear"
	scopeLead     = "lead"
	scopeAccount  = "account"
	basisWon      = "won"
	basisPipeline = "pipeline"
	lookbackNone  = "none"
	lookbackUsual = "365d"
)

// attributionQuery is what an attribution request says, checked.
type attributionQuery struct {
	query    journeys.Query
	models   []attribution.Model
	all      bool
	lookback string
	problems []core.Problem
}

func (a *attributionQuery) problem(field, reason string) {
	a.problems = append(a.problems, core.Problem{Field: field, Reason: reason})
}

// oneOf gives a value that must be one of some, the first where it is absent.
func (a *attributionQuery) oneOf(field, value string, values ...string) string {
	if value == "" {
		return values[0]
	}
	if !slices.Contains(values, value) {
		a.problem(field, "must be one of "+join(values))
	}
	return value
}

func join(values []string) string {
	s := ""
	for i, v := range values {
		if i > 0 {
			s += ", "
		}
		s += v
	}
	return s
}

// back reads how far a look-back goes, in milliseconds; 0 is however far.
func (a *attributionQuery) back(s string) int64 {
	a.lookback = cmp.Or(s, lookbackUsual)
	if a.lookback == lookbackNone {
		return 0
	}
	d, err := agreement.ParseDuration(a.lookback)
	if err != nil {
		a.problem("lookback", err.Error()+", or none")
	}
	return d.Milliseconds()
}

func (a *attributionQuery) after(s string) {
	if s == "" {
		return
	}
	if _, err := strconv.ParseUint(s, 10, 64); err != nil {
		a.problem("after", "is not a sequence")
	}
}

func attributionAsked(req *feedbackv1.AttributionRequest) *attributionQuery {
	a := &attributionQuery{query: journeys.Query{Sales: req.GetSales(), After: req.GetAfter()}}
	q := &a.query
	q.By = a.oneOf("by", req.GetBy(), journeys.Dimensions()...)
	q.Account = a.oneOf("scope", req.GetScope(), scopeLead, scopeAccount) == scopeAccount
	q.Pipeline = a.oneOf("basis", req.GetBasis(), basisWon, basisPipeline) == basisPipeline
	q.Lookback = a.back(req.GetLookback())
	a.after(req.GetAfter())
	if t := req.GetFrom(); t != nil {
		if t.CheckValid() != nil {
			a.problem("from", "is not a time")
		}
		q.From = t.AsTime().UnixMilli()
	}
	if t := req.GetTo(); t != nil {
		if t.CheckValid() != nil {
			a.problem("to", "is not a time")
		}
		if q.To = t.AsTime().UnixMilli(); q.To <= max(q.From, 0) {
			a.problem("to", "must be after from")
		}
	}
	a.model(req)
	return a
}

func (a *attributionQuery) model(req *feedbackv1.AttributionRequest) {
	p := attribution.Params{Order: int(req.GetOrder()), Weights: req.GetWeights()}
	if h := req.GetHalfLife(); h != "" {
		var err error
		if p.HalfLife, err = agreement.ParseDuration(h); err != nil {
			a.problem("half_life", err.Error())
			return
		}
	}
	id := cmp.Or(req.GetModel(), modelDefault)
	ids := []string{id}
	if a.all = id == modelAll; a.all {
		ids = attribution.Names()
		if len(p.Weights) > 0 {
			ids = append(ids, attribution.NameCustom)
		}
	} else if id != attribution.NameCustom && !slices.Contains(attribution.Names(), id) {
		a.problem("model", "must be one of "+join(append(attribution.Names(), attribution.NameCustom, modelAll)))
		return
	}
	for _, id := range ids {
		m, err := attribution.NewModel(id, p)
		if err != nil {
			field := map[string]string{"markov": "order", "time_decay": "half_life", attribution.NameCustom: "weights"}[id]
			a.problem(field, reasonOf(err))
			continue
		}
		a.query.Nulls = a.query.Nulls || m.Learn != nil
		a.models = append(a.models, m)
	}
}

// reasonOf gives what a model's error says, without what it is about.
func reasonOf(err error) string {
	const about = "attribution model: "
	if s := err.Error(); len(s) > len(about) && s[:len(about)] == about {
		return s[len(about):]
	}
	return err.Error()
}

// GetAttribution says who earned what the deals of a window brought.
func (s *Server) GetAttribution(ctx context.Context, req *feedbackv1.AttributionRequest) (*feedbackv1.Attribution, error) {
	a := attributionAsked(req)
	if a.problems != nil {
		return nil, invalid("the request is not valid", a.problems)
	}
	c, err := s.opt.Journeys.Collect(ctx, a.query)
	if err != nil {
		return nil, err
	}
	out := &feedbackv1.Attribution{
		From: req.GetFrom(), To: req.GetTo(), By: a.query.By, Scope: cmp.Or(req.GetScope(), scopeLead), Basis: cmp.Or(req.GetBasis(), basisWon),
		Lookback: a.lookback, Definition: definition(&a.query), Deals: float64(len(c.Converted)), People: float64(c.People),
		NullPaths: float64(c.NullPaths), NullPathsRead: float64(c.NullsRead), Unattributed: &feedbackv1.Unattributed{},
	}
	total, missed := make([]*big.Int, c.Currencies), make([]*big.Int, c.Currencies)
	for i := range total {
		total[i], missed[i] = new(big.Int), new(big.Int)
	}
	for i := range c.Converted {
		j := &c.Converted[i]
		touched := len(j.Path.Touches) > 0
		if touched {
			out.Paths++
			out.Touches += float64(len(j.Path.Touches))
		} else {
			out.Unattributed.Deals++
		}
		if !j.HasAmount {
			out.DealsWithoutAmount++
			continue
		}
		total[j.Currency].Add(total[j.Currency], big.NewInt(j.Amount))
		if !touched {
			missed[j.Currency].Add(missed[j.Currency], big.NewInt(j.Amount))
		}
	}
	out.Total, out.Unattributed.Amounts = moneyOf(total, c.Money), moneyOf(missed, c.Money)
	for _, m := range a.models {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		shown, err := model(m, c, out.Paths)
		if errors.Is(err, attribution.ErrModel) && !a.all {
			return nil, status.Error(codes.FailedPrecondition, reasonOf(err))
		}
		if err != nil && !errors.Is(err, attribution.ErrModel) {
			return nil, err
		}
		out.Models = append(out.Models, shown)
	}
	return out, nil
}

func definition(q *journeys.Query) string {
	s := "Deals won in the window"
	until := "the deal was won"
	if q.Pipeline {
		s, until = "Deals opened in the window, with the amounts that were last stated", "the deal was opened"
	}
	s += ", each credited to what touched the people on it"
	if q.Account {
		s += " and everybody else known at their accounts"
	}
	s += " until " + until + "."
	switch {
	case q.By == "sales":
		s += " Rows are what sales did, and marketing as one."
	case q.Sales:
		s += " What sales did is one row."
	default:
		s += " What sales did is left out."
	}
	return s + " Not counted as touches: mail that was sent or opened, what scanners and bots did, and anything of people who refused profiling."
}

// model gives one model's rows; where it cannot be computed, it says why, and gives the error too.
func model(m attribution.Model, c *journeys.Collected, paths float64) (*feedbackv1.AttributionModel, error) {
	out := &feedbackv1.AttributionModel{Id: m.ID, Definition: m.Says, Parameters: m.Params}
	credits, err := c.Divide(m)
	if err != nil {
		out.NotComputed = reasonOf(err)
		return out, err
	}
	order := make([]int, 0, len(credits))
	for key := range credits {
		// A chain can credit what stands on paths to nothing alone, between channels that convert.
		if c.PathsOf[key] > 0 || credits[key].Conversions.Sign() != 0 || slices.ContainsFunc(credits[key].Amounts, func(a *big.Int) bool { return a.Sign() != 0 }) {
			order = append(order, key)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(credits[b].Conversions.Cmp(credits[a].Conversions), cmp.Compare(c.Names[a], c.Names[b]))
	})
	for _, key := range order {
		k := &credits[key]
		row := &feedbackv1.AttributionRow{
			Key: c.Names[key], Conversions: attribution.FormatAmount(k.Conversions), Credits: moneyOf(k.Amounts, c.Money),
			Touches: float64(c.TouchesOf[key]), Paths: float64(c.PathsOf[key]), RemovalEffect: k.Removal, StandardError: k.Error,
		}
		if m.Learn != nil && m.ID != "markov" {
			row.Value = k.Value
		}
		if paths > 0 {
			micros, _ := new(big.Float).SetInt(k.Conversions).Float64()
			row.Share = micros / attribution.Unit / paths
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

// moneyOf gives amounts by currency, those of nothing left out, in the order of the currencies' names.
func moneyOf(amounts []*big.Int, names []string) []*journalv1.Money {
	var out []*journalv1.Money
	for i, a := range amounts {
		if a.Sign() != 0 {
			out = append(out, &journalv1.Money{Amount: attribution.FormatAmount(a), Currency: names[i]})
		}
	}
	slices.SortFunc(out, func(a, b *journalv1.Money) int { return cmp.Compare(a.GetCurrency(), b.GetCurrency()) })
	return out
}
