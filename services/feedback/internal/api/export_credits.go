package api

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
	"github.com/batonhq/baton/services/feedback/internal/journeys"
	"github.com/batonhq/baton/services/feedback/internal/tabular"
)

// creditColumns: one row for each touch of each deal, and one without a touch for a deal that nothing touched. The credits of a deal add up to
// its amount, the conversions to 1, both exactly.
func creditColumns() []tabular.Column {
	return slices.Concat(
		tabular.Columns(tabular.ID, "deal"), tabular.Columns(tabular.Text, "status"), tabular.Columns(tabular.Moment, "opened_at", "closed_at"),
		tabular.Columns(tabular.Money, "amount"), tabular.Columns(tabular.Text, "currency"), tabular.Columns(tabular.ID, "lead"),
		tabular.Columns(tabular.Moment, "touched_at"), tabular.Columns(tabular.Text, "touch", "side", "channel", "campaign", "asset", "source"),
		tabular.Columns(tabular.Count, "times"), tabular.Columns(tabular.Text, "model", "by", "key"), tabular.Columns(tabular.Number, "share"),
		tabular.Columns(tabular.Money, "conversions", "credit"),
	)
}

// exportCredits gives what each touch of each deal earned under one model.
func (s *Server) exportCredits(ctx context.Context, req *feedbackv1.ExportRequest, give func([][]tabular.Cell) error) error {
	ask := &feedbackv1.AttributionRequest{
		Model: req.GetModel(), From: req.GetFrom(), To: req.GetTo(), After: req.GetAfter(), Basis: req.GetBasis(), Scope: req.GetScope(),
		Lookback: req.GetLookback(), HalfLife: req.GetHalfLife(), Weights: req.GetWeights(), Order: int32(min(req.GetOrder(), 1000)), Sales: req.GetSales(),
	}
	var problems []core.Problem
	switch by := req.GetBy(); len(by) {
	case 0:
	case 1:
		ask.By = by[0]
	default:
		problems = append(problems, core.Problem{Field: "by", Reason: "credits are by one dimension"})
	}
	if req.GetModel() == modelAll {
		ask.Model = ""
		problems = append(problems, core.Problem{Field: "model", Reason: "credits are exported of one model at a time"})
	}
	a := attributionAsked(ask)
	if problems = append(problems, a.problems...); problems != nil {
		return invalid("the request is not valid", problems)
	}
	m := a.models[0]
	c, err := s.opt.Journeys.Credits(ctx, a.query, m)
	if errors.Is(err, attribution.ErrModel) {
		return status.Error(codes.FailedPrecondition, reasonOf(err))
	}
	if err != nil {
		return err
	}
	for start := 0; start < len(c.Credits); start += exportBatch {
		part := c.Credits[start:min(start+exportBatch, len(c.Credits))]
		rows := make([][]tabular.Cell, len(part))
		for i := range part {
			rows[i] = creditRow(c, &part[i], m.ID, a.query.By)
		}
		if err := give(rows); err != nil {
			return err
		}
	}
	return nil
}

func creditRow(c *journeys.Credited, x *journeys.Credit, model, by string) []tabular.Cell {
	d, w := c.Deal(x), x.What()
	amount, credit := tabular.None(), tabular.None()
	if d.Stated {
		amount, credit = tabular.Micros(d.Amount), tabular.Micros(x.Amount)
	}
	side, touched := "", tabular.None()
	lead, times := c.Lead(x)
	if lead != "" {
		side, touched = journeys.ByMarketing, tabular.N(times)
		if w.Side == journeys.Sales {
			side = journeys.BySales
		}
	}
	return []tabular.Cell{
		tabular.Str(d.Name()), tabular.Str(string(d.Status)), tabular.At(d.Opened), tabular.At(d.Closed), amount, tabular.Str(d.Currency), tabular.Str(lead),
		tabular.At(x.At), tabular.Str(w.Type), tabular.Str(side), tabular.Str(w.Channel), tabular.Str(w.Campaign), tabular.Str(w.Asset), tabular.Str(w.Source),
		touched, tabular.Str(model), tabular.Str(by), tabular.Str(x.Key.Value()), tabular.Real(x.Share), tabular.Micros(x.Conversions), credit,
	}
}
