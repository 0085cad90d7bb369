package api

import (
	"context"
	"math/big"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
	"github.com/batonhq/baton/services/feedback/internal/journeys"
)

// paths is a Journeys that gives what it is told to, and keeps what it was asked.
type paths struct {
	collected journeys.Collected
	story     journeys.Story
	credited  journeys.Credited
	err       error
	query     journeys.Query
	asked     journeys.StoryQuery
}

func (p *paths) Collect(_ context.Context, q journeys.Query) (*journeys.Collected, error) {
	p.query = q
	return &p.collected, p.err
}

func (p *paths) Story(_ context.Context, q journeys.StoryQuery) (*journeys.Story, error) {
	p.asked = q
	p.story.NotComputed = make([]string, len(q.Models))
	return &p.story, p.err
}

func (p *paths) Credits(_ context.Context, q journeys.Query, _ attribution.Model) (*journeys.Credited, error) {
	p.query = q
	return &p.credited, p.err
}

func attributing(p *paths) *Server {
	return New(Options{Journeys: p, Now: func() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) }})
}

func touches(keys ...int) attribution.Path {
	p := attribution.Path{Lead: 0, Opportunity: attribution.None, Conversions: 1}
	for i, k := range keys {
		p.Touches = append(p.Touches, attribution.Touch{Key: k, At: int64(i) * 1000})
	}
	return p
}

// three deals of two currencies and one without touches; channel 2 stands on a path to nothing alone.
func collected() journeys.Collected {
	return journeys.Collected{
		Question: attribution.Question{
			Converted: []attribution.Journey{
				{Path: touches(0, 1, 1), Amount: 100_000_000, Currency: 0, HasAmount: true},
				{Path: touches(1), Amount: 50_000_001, Currency: 1, HasAmount: true},
				{Path: touches(0, 1)},
				{Path: touches(), Amount: 7_000_000, Currency: 0, HasAmount: true},
			},
			Nulls: []attribution.Path{{Touches: []attribution.Touch{{Key: 2}, {Key: 1}}, Nulls: 9}}, Keys: 3, Currencies: 2,
		},
		Names: []string{"email", "paid", "social"}, Money: []string{"EUR", "USD"}, TouchesOf: []int{2, 4, 0}, PathsOf: []int{2, 3, 0},
		People: 4, NullPaths: 9, NullsRead: 9,
	}
}

// TestAllModelsAddUp: side by side, the rows of each model and what is unattributed are the total, to the last millionth.
func TestAllModelsAddUp(t *testing.T) {
	p := &paths{collected: collected()}
	a, err := attributing(p).GetAttribution(t.Context(), &feedbackv1.AttributionRequest{Model: "all", Weights: []float64{0.5, 0, 0, 0.5}, HalfLife: "3d", Order: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.GetModels()) != len(attribution.Names())+1 || !p.query.Nulls || a.GetDeals() != 4 || a.GetPaths() != 3 || a.GetUnattributed().GetDeals() != 1 || a.GetDealsWithoutAmount() != 1 {
		t.Fatalf("%v", a)
	}
	total := sumOf(t, a.GetTotal())
	if total["EUR"] != 107_000_000 || total["USD"] != 50_000_001 {
		t.Fatalf("total %v", total)
	}
	for _, m := range a.GetModels() {
		got := sumOf(t, a.GetUnattributed().GetAmounts())
		conversions, share := int64(0), 0.0
		for _, row := range m.GetRows() {
			for c, micros := range sumOf(t, row.GetCredits()) {
				got[c] += micros
			}
			micros, ok := attribution.ParseAmount(row.GetConversions())
			if !ok {
				t.Fatalf("%s: %q conversions", m.GetId(), row.GetConversions())
			}
			conversions += micros
			share += row.GetShare()
		}
		if got["EUR"] != total["EUR"] || got["USD"] != total["USD"] || conversions != 3*attribution.Unit || share < 0.999999 || share > 1.000001 {
			t.Errorf("%s: %v, %d conversions, shares %v", m.GetId(), got, conversions, share)
		}
		if m.GetDefinition() == "" || m.GetNotComputed() != "" {
			t.Errorf("%s: %q %q", m.GetId(), m.GetDefinition(), m.GetNotComputed())
		}
	}
}

func sumOf(t *testing.T, list []*journalv1.Money) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, m := range list {
		micros, ok := attribution.ParseAmount(m.GetAmount())
		if !ok {
			t.Fatalf("%v", m)
		}
		out[m.GetCurrency()] += micros
	}
	return out
}

func TestAttributionAsksForWhatWasAsked(t *testing.T) {
	p := &paths{collected: collected()}
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	_, err := attributing(p).GetAttribution(t.Context(), &feedbackv1.AttributionRequest{
		Model: "first", By: "campaign", From: timestamppb.New(from), To: timestamppb.New(to), Lookback: "90d", Scope: "account", Basis: "pipeline", Sales: true, After: "7",
	})
	want := journeys.Query{By: "campaign", From: from.UnixMilli(), To: to.UnixMilli(), Lookback: 90 * 24 * 3600_000, Account: true, Pipeline: true, Sales: true, After: "7"}
	if err != nil || p.query != want {
		t.Errorf("%+v %v, want %+v", p.query, err, want)
	}
	_, err = attributing(p).GetAttribution(t.Context(), &feedbackv1.AttributionRequest{Lookback: "none"})
	if want = (journeys.Query{By: "channel"}); err != nil || p.query != want {
		t.Errorf("%+v %v, want %+v", p.query, err, want)
	}
}

func TestAttributionRefusesNonsense(t *testing.T) {
	for field, req := range map[string]*feedbackv1.AttributionRequest{
		"model":     {Model: "magic"},
		"by":        {By: "moon"},
		"scope":     {Scope: "world"},
		"basis":     {Basis: "lost"},
		"lookback":  {Lookback: "yesterday"},
		"half_life": {Model: "time_decay", HalfLife: "-1d"},
		"order":     {Model: "markov", Order: 9},
		"weights":   {Model: "custom", Weights: []float64{1, 1, 1, 1}},
		"after":     {After: "x"},
		"to":        {From: timestamppb.New(time.Unix(9, 0)), To: timestamppb.New(time.Unix(9, 0))},
		"from":      {From: &timestamppb.Timestamp{Nanos: -1}},
	} {
		_, err := attributing(&paths{}).GetAttribution(t.Context(), req)
		if got := field1(err); status.Code(err) != codes.InvalidArgument || got != field {
			t.Errorf("%s: %v %q", field, err, got)
		}
	}
}

// field1 gives the first field that an error names.
func field1(err error) string {
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			return bad.GetFieldViolations()[0].GetField()
		}
	}
	return ""
}

// TestTooManyChannels: one model that cannot be computed is an error where it was asked for, and a remark among others.
func TestTooManyChannels(t *testing.T) {
	p := &paths{}
	for key := range attribution.MaxPlayers + 1 {
		p.collected.Converted = append(p.collected.Converted, attribution.Journey{Path: touches(key)})
		p.collected.Names, p.collected.PathsOf, p.collected.TouchesOf = append(p.collected.Names, "k"), append(p.collected.PathsOf, 1), append(p.collected.TouchesOf, 1)
	}
	p.collected.Keys = len(p.collected.Names)
	if _, err := attributing(p).GetAttribution(t.Context(), &feedbackv1.AttributionRequest{Model: "shapley_rates"}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("%v", err)
	}
	a, err := attributing(p).GetAttribution(t.Context(), &feedbackv1.AttributionRequest{Model: "all"})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range a.GetModels() {
		if (m.GetNotComputed() != "") != (m.GetId() == "shapley_rates") {
			t.Errorf("%s: %q", m.GetId(), m.GetNotComputed())
		}
	}
}

func TestDealStoryReads(t *testing.T) {
	at := time.Date(2026, 11, 1, 9, 30, 0, 0, time.UTC).UnixMilli()
	credits := make([]journeys.StepCredit, len(attribution.Names()))
	credits[0] = journeys.StepCredit{Share: 1, Amount: 12_000_500_000}
	p := &paths{story: journeys.Story{
		Deal:   journeys.Deal{Source: "crm", ID: "d1", Status: journeys.StatusWon, Opened: at, Closed: at + 86_400_000, Amount: 12_000_500_000, Currency: "EUR", Stated: true},
		People: []journeys.Teller{{Lead: ana, Title: "VP Engineering", Persona: "economic-buyer", Role: "champion", OnDeal: true}, {Lead: bo, Refused: true}},
		Steps: []journeys.Step{
			{At: at, Lead: ana, Kind: journeys.KindTouch, Type: "page_viewed", What: journeys.What{Type: "page_viewed", Channel: "paid", Campaign: "spring"}, Times: 3, Credits: credits},
			{At: at + 1, Lead: ana, Kind: journeys.KindMilestone, Type: "qualified", Mark: journeys.Mark{Rule: "matrix", Version: 2}},
			{At: at + 2, Lead: ana, Kind: journeys.KindSales, Type: "contacted", What: journeys.What{Type: "contacted", Side: journeys.Sales}, NotCounted: "sales' touches are left out"},
			{At: at + 86_400_000, Kind: journeys.KindMilestone, Type: "won"},
		},
	}}
	s, err := attributing(p).GetDealStory(t.Context(), &feedbackv1.DealStoryRequest{Id: "crm/d1", Scope: "account"})
	if err != nil || !p.asked.Account || p.asked.ID != "crm/d1" || s.GetDays() != 1 {
		t.Fatalf("%v %v %+v", s, err, p.asked)
	}
	if c := s.GetSteps()[0].GetCredits()[0]; c.GetModel() != "first" || c.GetAmount().GetAmount() != "12000.50" {
		t.Errorf("%v", c)
	}
	for _, line := range []string{
		"Deal crm/d1: won, 12000.50 EUR, 1 days from the first touch",
		"VP Engineering (" + ana + "), persona economic-buyer, champion",
		"2026-11-01 09:30  VP Engineering looked at our pages (3 times), by paid, campaign spring. [first 100.0 %]",
		"* VP Engineering qualified by rule matrix of agreement version 2.",
		"Sales spoke to VP Engineering. [not counted: sales' touches are left out]",
		"* The deal was won.",
		"refused profiling",
	} {
		if !strings.Contains(s.GetText(), line) {
			t.Errorf("%q is not in\n%s", line, s.GetText())
		}
	}
	for code, err := range map[codes.Code]error{codes.NotFound: journeys.ErrUnknownDeal, codes.InvalidArgument: &journeys.AmbiguousError{Names: []string{"a/d1", "b/d1"}}} {
		if _, got := attributing(&paths{err: err}).GetDealStory(t.Context(), &feedbackv1.DealStoryRequest{Id: "d1"}); status.Code(got) != code {
			t.Errorf("%v, want %v", got, code)
		}
	}
	for field, req := range map[string]*feedbackv1.DealStoryRequest{"id": {}, "by": {Id: "x", By: "moon"}, "scope": {Id: "x", Scope: "all"}, "lookback": {Id: "x", Lookback: "1"}} {
		if _, err := attributing(&paths{}).GetDealStory(t.Context(), req); field1(err) != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestSentencesSayWhatHappened: every kind of touch has words, of types that nobody knows yet, too.
func TestSentencesSayWhatHappened(t *testing.T) {
	for _, eventType := range []string{
		"page_viewed", "asset_downloaded", "email_clicked", "form_submitted", "event_registered", "event_attended", "demo_requested", "pricing_requested", "trial_started",
		"product_used", "meeting_booked", "ad_clicked", "social_engaged", "chat_started", "call_logged", "contacted", "custom", "a_new_type",
	} {
		for _, kind := range []string{journeys.KindTouch, journeys.KindSales} {
			got := sentence(&journeys.Step{Lead: ana, Kind: kind, Type: eventType, What: journeys.What{Type: eventType}}, &journeys.Deal{}, "")
			if !strings.Contains(got, ana) || !strings.HasSuffix(got, ".") || strings.Contains(got, "_new_") {
				t.Errorf("%s %s: %q", kind, eventType, got)
			}
		}
	}
	for _, milestone := range []string{"first_seen", "known", "qualified", "routed", "reassigned", "accepted", "rejected", "recycled", "disqualified", "contacted", "sql", "opportunity", "won", "lost"} {
		got := sentence(&journeys.Step{Lead: ana, Kind: journeys.KindMilestone, Type: milestone, Mark: journeys.Mark{Reason: "timing"}}, &journeys.Deal{Reason: "price"}, "CTO")
		if !strings.HasSuffix(got, ".") || strings.Contains(got, ana) {
			t.Errorf("%s: %q", milestone, got)
		}
	}
}

func TestMoneyLeavesOutNothing(t *testing.T) {
	got := moneyOf([]*big.Int{big.NewInt(5), new(big.Int), big.NewInt(-1_000_000)}, []string{"USD", "SEK", "EUR"})
	if len(got) != 2 || got[0].GetCurrency() != "EUR" || got[0].GetAmount() != "-1.00" || got[1].GetAmount() != "0.000005" {
		t.Errorf("%v", got)
	}
}
