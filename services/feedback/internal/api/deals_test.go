package api

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/money"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
	"github.com/batonhq/baton/services/feedback/internal/fold"
	"github.com/batonhq/baton/services/feedback/internal/ledger"
)

// books shows a book made anew of everything that the log's fold knows.
type books struct{ *log }

func (b books) Leads(_ context.Context, ids []string) (map[string]*core.Row, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows := map[string]*core.Row{}
	for _, id := range ids {
		if l, ok := b.states[id].(*fold.Lead); ok {
			rows[id] = l.Row()
		}
	}
	return rows, nil
}

func (b books) Book(ctx context.Context, _ string, see func(*core.Book) error) error {
	var ids []string
	b.mu.Lock()
	for id := range b.states {
		ids = append(ids, id)
	}
	b.mu.Unlock()
	book := core.NewBook()
	if err := book.Update(ids, func(ids []string) (map[string]*core.Row, error) { return b.Leads(ctx, ids) }); err != nil {
		return err
	}
	return see(book)
}

// globals is the global facts of a journal in memory.
type globals struct{ events []*journal.Event }

func (g *globals) LastGlobal(context.Context, string) (*journal.Event, error) {
	if len(g.events) == 0 {
		return nil, nil
	}
	return g.events[len(g.events)-1], nil
}

func (g *globals) ReadGlobals(context.Context, string) ([]*journal.Event, error) {
	return g.events, nil
}

func (g *globals) AppendGlobal(_ context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error) {
	if uint64(len(g.events)) != last {
		return 0, journal.ErrConflict
	}
	g.events = append(g.events, &journal.Event{Head: journal.Head{Seq: last + 1, Entity: kind, Partition: journal.Global, Type: body.GetType()}, Body: body})
	return last + 1, nil
}

func dealServer(l *log, g *globals, rep string) *Server {
	return New(Options{
		Journal: l, States: l, Books: books{l}, Ledger: ledger.New(g, time.Now), Caller: func(context.Context) (string, string) { return "phone", rep },
		Now: time.Now, NewID: func() string { return "made" }, Log: slog.New(slog.DiscardHandler),
	})
}

func inquiry(lead string) *journal.Event {
	return fact("scoring", lead, &journalv1.Event{Type: "stage_changed", Payload: &journalv1.Event_StageChanged{StageChanged: &journalv1.StageChanged{
		To: "inquiry", Epoch: 1, At: timestamppb.New(time.UnixMilli(1000)),
	}}})
}

// Two leads are on a deal that is opened, won, lost by an older clock, corrected and churned; each statement is kept.
func TestDealsStory(t *testing.T) {
	l, g := newLog(), &globals{}
	l.add(inquiry(ana), inquiry(bo), inquiry(cy))
	s, ctx := dealServer(l, g, "ana"), t.Context()
	if _, err := s.PutRates(ctx, &feedbackv1.PutRatesRequest{Base: "EUR", Days: []*feedbackv1.RatesOfDay{{Date: "2026-01-01", Rates: map[string]string{"USD": "1.25"}}}}); err != nil {
		t.Fatal(err)
	}
	day := func(n int) *timestamppb.Timestamp {
		return timestamppb.New(time.Date(2026, 2, n, 0, 0, 0, 0, time.UTC))
	}
	for i, r := range []*feedbackv1.RecordDealRequest{
		{Type: "opened", Lead: ana, DealId: "d1", OccurredAt: day(1), Role: "decision-maker", Amount: &journalv1.Money{Amount: "100", Currency: "USD"}},
		{Type: "won", Lead: bo, DealId: "d1", OccurredAt: day(5), Role: "user", Amount: &journalv1.Money{Amount: "125.50", Currency: "USD"}},
		{Type: "lost", HandoffId: handoff, DealId: "d1", OccurredAt: day(3), Reason: "price"},
		{Type: "won", Lead: ana, DealId: "d1", OccurredAt: day(6), Amount: &journalv1.Money{Amount: "150", Currency: "USD"}},
		{Type: "opened", Lead: cy, DealId: "d2", OccurredAt: day(2), Amount: &journalv1.Money{Amount: "7", Currency: "GBP"}},
	} {
		r.RequestId = strings.Repeat("r", i+1)
		if got, err := s.RecordDeal(ctx, r); err != nil || got.GetId() != "api/"+r.GetDealId() || got.GetSequence() == "" {
			t.Fatalf("%v: %v, %v", r, got, err)
		}
	}
	d, err := s.GetDeal(ctx, &feedbackv1.GetDealRequest{Id: "api/d1"})
	if err != nil {
		t.Fatal(err)
	}
	if d.GetStatus() != "won" || d.GetReason() != "" || !d.GetOpenedAt().AsTime().Equal(day(1).AsTime()) || !d.GetClosedAt().AsTime().Equal(day(5).AsTime()) ||
		d.GetAmount().GetAmount() != "150.00" || d.GetConverted().GetAmount() != "120.00" || d.GetConverted().GetCurrency() != "EUR" || d.GetOwner() != "ana" {
		t.Errorf("%v", d)
	}
	if len(d.GetLeads()) != 2 || d.GetLeads()[0].GetLeadId() != ana || d.GetLeads()[0].GetRole() != "decision-maker" || d.GetLeads()[1].GetRole() != "user" {
		t.Errorf("leads: %v", d.GetLeads())
	}
	var said []string
	for _, h := range d.GetHistory() {
		said = append(said, h.GetType())
	}
	if strings.Join(said, " ") != "opened lost won won" || d.GetHistory()[1].GetReason() != "price" || d.GetHistory()[1].GetSource() != "api" {
		t.Errorf("history: %v", d.GetHistory())
	}
	for name, c := range map[string]struct {
		req  *feedbackv1.ListDealsRequest
		want string
	}{
		"all":            {&feedbackv1.ListDealsRequest{}, "api/d1 api/d2"},
		"won":            {&feedbackv1.ListDealsRequest{Status: "won"}, "api/d1"},
		"a lead's":       {&feedbackv1.ListDealsRequest{Lead: bo}, "api/d1"},
		"opened later":   {&feedbackv1.ListDealsRequest{From: day(2)}, "api/d2"},
		"opened earlier": {&feedbackv1.ListDealsRequest{To: day(2)}, "api/d1"},
		"next page":      {&feedbackv1.ListDealsRequest{PageSize: 1, PageToken: "api/d1"}, "api/d2"},
		"nobody's":       {&feedbackv1.ListDealsRequest{Account: "ac-9"}, ""},
	} {
		got, err := s.ListDeals(ctx, c.req)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, d := range got.GetDeals() {
			ids = append(ids, d.GetId())
		}
		if strings.Join(ids, " ") != c.want {
			t.Errorf("%s: %v", name, ids)
		}
	}
	if first, _ := s.ListDeals(ctx, &feedbackv1.ListDealsRequest{PageSize: 1}); first.GetNextPageToken() != "api/d1" {
		t.Errorf("the next page is at %q", first.GetNextPageToken())
	}
	if short, err := s.GetDeal(ctx, &feedbackv1.GetDealRequest{Id: "d1"}); err != nil || !proto.Equal(short, d) {
		t.Errorf("by the source's own id: %v %v", short, err)
	}
	if other, _ := s.GetDeal(ctx, &feedbackv1.GetDealRequest{Id: "api/d2"}); other.GetConverted() != nil || !strings.Contains(other.GetUnconverted(), "no rate for GBP") {
		t.Errorf("without a rate: %v", other)
	}
}

func TestADealOfTwoSourcesIsAskedForByName(t *testing.T) {
	tab := table.New()
	for _, name := range []string{"crm/x", "shop/x", "crm/y/z"} {
		tab.PutDeal(table.Deal{ID: tab.Names.Sym(name), Lead: tab.Lead(ana)})
	}
	if _, err := dealNamed(tab, "x"); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "several sources") {
		t.Errorf("of two sources: %v", err)
	}
	for _, id := range []string{"crm/x", "y/z"} {
		if d, err := dealNamed(tab, id); err != nil || !strings.HasSuffix(tab.Names.Name(d.ID), id) {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, id := range []string{"", "z", "crm", "crm/"} {
		if _, err := dealNamed(tab, id); status.Code(err) != codes.NotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestDealsRefused(t *testing.T) {
	l, g := newLog(), &globals{}
	l.add(inquiry(ana))
	s := dealServer(l, g, "ana")
	good := func() *feedbackv1.RecordDealRequest {
		return &feedbackv1.RecordDealRequest{Type: "won", Lead: ana, DealId: "d1"}
	}
	for name, c := range map[string]struct {
		change func(*feedbackv1.RecordDealRequest)
		code   codes.Code
	}{
		"an unknown type":          {func(r *feedbackv1.RecordDealRequest) { r.Type = "sold" }, codes.InvalidArgument},
		"no lead":                  {func(r *feedbackv1.RecordDealRequest) { r.Lead = "" }, codes.InvalidArgument},
		"an unknown lead":          {func(r *feedbackv1.RecordDealRequest) { r.Lead = bo }, codes.NotFound},
		"no handoff":               {func(r *feedbackv1.RecordDealRequest) { r.Lead, r.HandoffId = "", "ho_x" }, codes.InvalidArgument},
		"a deal without a name":    {func(r *feedbackv1.RecordDealRequest) { r.DealId = "" }, codes.InvalidArgument},
		"the future":               {func(r *feedbackv1.RecordDealRequest) { r.OccurredAt = timestamppb.New(time.Now().Add(time.Hour)) }, codes.InvalidArgument},
		"an amount below zero":     {func(r *feedbackv1.RecordDealRequest) { r.Amount = &journalv1.Money{Amount: "-1", Currency: "EUR"} }, codes.InvalidArgument},
		"an amount of no currency": {func(r *feedbackv1.RecordDealRequest) { r.Amount = &journalv1.Money{Amount: "1"} }, codes.InvalidArgument},
		"another rep's":            {func(r *feedbackv1.RecordDealRequest) { r.Owner = "bo" }, codes.PermissionDenied},
		"a long name":              {func(r *feedbackv1.RecordDealRequest) { r.DealId = strings.Repeat("d", 101) }, codes.InvalidArgument},
	} {
		r := good()
		c.change(r)
		if _, err := s.RecordDeal(t.Context(), r); status.Code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(l.events); n != 1 {
		t.Errorf("%d events were appended", n-1)
	}
	if _, err := s.GetDeal(t.Context(), &feedbackv1.GetDealRequest{Id: "api/d9"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown deal: %v", err)
	}
	for _, r := range []*feedbackv1.ListDealsRequest{{Status: "sold"}, {PageSize: 1001}, {PageSize: -1}, {After: "x"}} {
		if _, err := s.ListDeals(t.Context(), r); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", r, err)
		}
	}
	for _, r := range []*feedbackv1.PutRatesRequest{{Base: "EUR"}, {Base: "euro", Days: []*feedbackv1.RatesOfDay{{Date: "2026-01-01", Rates: map[string]string{"USD": "1"}}}}} {
		if _, err := s.PutRates(t.Context(), r); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", r, err)
		}
	}
}

// Rates that are stated again are not stated twice, and a later statement of a day holds.
func TestRatesAddUp(t *testing.T) {
	g := &globals{}
	s := dealServer(newLog(), g, "")
	for _, rate := range []string{"1.1", "1.1", "1.2"} {
		if _, err := s.PutRates(t.Context(), &feedbackv1.PutRatesRequest{Base: "EUR", Days: []*feedbackv1.RatesOfDay{{Date: "2026-01-01", Rates: map[string]string{"USD": rate}}}}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.GetRates(t.Context(), &feedbackv1.GetRatesRequest{After: "2"})
	if err != nil || len(g.events) != 2 || r.GetSequence() != "2" || r.GetBase() != "EUR" || len(r.GetDays()) != 1 || r.GetDays()[0].GetRates()["USD"] != "1.2" {
		t.Errorf("%v, %v, %d statements", r, err, len(g.events))
	}
	if _, err := new(money.Rates).Convert(1, "EUR", 0); err == nil {
		t.Error("converted by no rates")
	}
}
