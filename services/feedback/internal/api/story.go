package api

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
	"github.com/batonhq/baton/services/feedback/internal/journeys"
)

// maxDealID is how long the name of a deal may be, in bytes.
const maxDealID = 600

const storyDefinition = "What the people did until the deal closed, in the order of time, and what each model gives it. " +
	"Markov and shapley_rates learn from the deals that ended in the year before. Of an open deal it is what each touch would earn if it were won now."

// GetDealStory tells what led to one deal.
func (s *Server) GetDealStory(ctx context.Context, req *feedbackv1.DealStoryRequest) (*feedbackv1.DealStory, error) {
	a := &attributionQuery{}
	q := journeys.StoryQuery{ID: req.GetId(), Sales: req.GetSales(), Now: s.opt.Now().UnixMilli(), After: req.GetAfter()}
	q.By = a.oneOf("by", req.GetBy(), journeys.Dimensions()...)
	q.Account = a.oneOf("scope", req.GetScope(), scopeLead, scopeAccount) == scopeAccount
	q.Lookback = a.back(req.GetLookback())
	a.after(req.GetAfter())
	if len(q.ID) == 0 || len(q.ID) > maxDealID {
		a.problem("id", "must be SOURCE/ID, or the source's own id of the deal")
	}
	if a.problems != nil {
		return nil, invalid("the request is not valid", a.problems)
	}
	for _, id := range attribution.Names() {
		m, err := attribution.NewModel(id, attribution.Params{})
		if err != nil {
			return nil, err
		}
		q.Models = append(q.Models, m)
	}
	story, err := s.opt.Journeys.Story(ctx, q)
	var several *journeys.AmbiguousError
	switch {
	case errors.Is(err, journeys.ErrUnknownDeal):
		return nil, status.Error(codes.NotFound, "no such deal")
	case errors.As(err, &several):
		return nil, invalid("several sources have a deal of this id", []core.Problem{{Field: "id", Reason: "must be one of " + join(several.Names)}})
	case err != nil:
		return nil, err
	}
	return storyToProto(&q, story), nil
}

func storyToProto(q *journeys.StoryQuery, s *journeys.Story) *feedbackv1.DealStory {
	d := &s.Deal
	out := &feedbackv1.DealStory{
		Id: d.Name(), Status: string(d.Status), OpenedAt: momentOf(d.Opened), ClosedAt: momentOf(d.Closed), Stage: d.Stage, Reason: d.Reason,
		Definition: storyDefinition,
	}
	if d.Stated {
		out.Amount = amountOf(d.Amount, d.Currency)
	}
	titles := map[string]string{}
	for _, p := range s.People {
		titles[p.Lead] = p.Title
		out.People = append(out.People, &feedbackv1.StoryPerson{
			LeadId: p.Lead, Title: p.Title, Persona: p.Persona, Role: p.Role, OnDeal: p.OnDeal, Touches: float64(p.Touches), Withheld: p.Refused,
		})
	}
	for i, m := range q.Models {
		out.Models = append(out.Models, &feedbackv1.StoryModel{Id: m.ID, Definition: m.Says, Parameters: m.Params, NotComputed: s.NotComputed[i]})
	}
	first := int64(0)
	for i := range s.Steps {
		x := &s.Steps[i]
		if first == 0 && x.Kind != journeys.KindMilestone {
			first = x.At
		}
		out.Steps = append(out.Steps, stepToProto(q, s, x, titles[x.Lead]))
	}
	if end := cmp.Or(d.Closed, q.Now); first != 0 && end > first {
		out.Days = float64(end-first) / float64((24 * time.Hour).Milliseconds())
	}
	out.Text = storyText(out)
	return out
}

func stepToProto(q *journeys.StoryQuery, s *journeys.Story, x *journeys.Step, title string) *feedbackv1.StoryStep {
	step := &feedbackv1.StoryStep{
		At: momentOf(x.At), LeadId: x.Lead, Kind: x.Kind, Type: x.Type, Text: sentence(x, &s.Deal, title),
		Channel: x.What.Channel, Campaign: x.What.Campaign, Asset: x.What.Asset, Source: x.What.Source, NotCounted: x.NotCounted, Times: float64(max(x.Times, 1)),
	}
	for i, c := range x.Credits {
		if s.NotComputed[i] != "" {
			continue
		}
		credit := &feedbackv1.StoryCredit{Model: q.Models[i].ID, Share: c.Share}
		if s.Deal.Stated {
			credit.Amount = amountOf(c.Amount, s.Deal.Currency)
		}
		step.Credits = append(step.Credits, credit)
	}
	return step
}

func amountOf(micros int64, currency string) *journalv1.Money {
	return &journalv1.Money{Amount: attribution.FormatAmount(big.NewInt(micros)), Currency: currency}
}

func momentOf(ms int64) *timestamppb.Timestamp {
	if ms == 0 {
		return nil
	}
	return timestamppb.New(time.UnixMilli(ms))
}
