package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/money"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Books shows what is known of deals; *rows.Rows does.
type Books interface {
	Book(ctx context.Context, after string, see func(*core.Book) error) error
	Leads(ctx context.Context, ids []string) (map[string]*core.Row, error)
}

// Sizes of a page of deals.
const (
	usualPage = 100
	largePage = 1000
)

// The states of a deal as the API names them.
const (
	statusOpen    = "open"
	statusWon     = "won"
	statusLost    = "lost"
	statusChurned = "churned"
)

func statusOf(d *table.Deal) string {
	switch {
	case d.Churned != 0:
		return statusChurned
	case d.Status == table.DealWon:
		return statusWon
	case d.Status == table.DealLost:
		return statusLost
	}
	return statusOpen
}

// ListDeals gives deals by id.
func (s *Server) ListDeals(ctx context.Context, req *feedbackv1.ListDealsRequest) (*feedbackv1.ListDealsResponse, error) {
	var problems []core.Problem
	if st := req.GetStatus(); st != "" && !slices.Contains([]string{statusOpen, statusWon, statusLost, statusChurned}, st) {
		problems = append(problems, core.Problem{Field: "status", Reason: "must be open, won, lost or churned"})
	}
	size := int(req.GetPageSize())
	if size < 0 || size > largePage {
		problems = append(problems, core.Problem{Field: "page_size", Reason: fmt.Sprintf("must be from 1 to %d", largePage)})
	}
	from, to, ps := window(req.GetFrom(), req.GetTo())
	problems = append(append(problems, ps...), sequence(req.GetAfter())...)
	if problems != nil {
		return nil, invalid("the request is not valid", problems)
	}
	rates, _, err := s.opt.Ledger.Rates(ctx, 0)
	if err != nil {
		return nil, err
	}
	out := &feedbackv1.ListDealsResponse{}
	err = s.opt.Books.Book(ctx, req.GetAfter(), func(b *core.Book) error {
		n := b.Table.Names
		var picked []*table.Deal
		for _, d := range b.Table.Deals() {
			if n.Name(d.ID) > req.GetPageToken() && (req.GetStatus() == "" || statusOf(d) == req.GetStatus()) &&
				(req.GetAccount() == "" || n.Name(d.Account) == req.GetAccount()) &&
				(req.GetFrom() == nil || d.Opened >= from) && (req.GetTo() == nil || d.Opened < to) &&
				(req.GetLead() == "" || involves(b, n.Name(d.ID), req.GetLead())) {
				picked = append(picked, d)
			}
		}
		slices.SortFunc(picked, func(a, c *table.Deal) int { return cmp.Compare(n.Name(a.ID), n.Name(c.ID)) })
		if size = cmp.Or(size, usualPage); len(picked) > size {
			picked = picked[:size]
			out.NextPageToken = n.Name(picked[size-1].ID)
		}
		for _, d := range picked {
			shown := dealToProto(b, d, rates)
			for _, id := range b.OnDeal(n.Name(d.ID)) {
				shown.Leads = append(shown.Leads, &feedbackv1.DealLead{LeadId: id, MergedInto: mergedName(b, id)})
			}
			primaryFirst(shown, b.Table.LeadID(d.Lead))
			out.Deals = append(out.Deals, shown)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// involves reports whether a lead, or one that is now the same, is on a deal.
func involves(b *core.Book, deal, lead string) bool {
	root := b.Root(lead)
	return slices.ContainsFunc(b.OnDeal(deal), func(id string) bool { return id == lead || root != "" && b.Root(id) == root })
}

func mergedName(b *core.Book, lead string) string {
	if root := b.Root(lead); root != lead {
		return root
	}
	return ""
}

// primaryFirst puts the leads that are now the primary one before the others.
func primaryFirst(d *feedbackv1.Deal, primary string) {
	slices.SortStableFunc(d.Leads, func(a, b *feedbackv1.DealLead) int {
		is := func(l *feedbackv1.DealLead) int {
			if cmp.Or(l.GetMergedInto(), l.GetLeadId()) == primary {
				return 0
			}
			return 1
		}
		return is(a) - is(b)
	})
}

// dealToProto gives a deal without its leads and its history.
func dealToProto(b *core.Book, d *table.Deal, rates *money.Rates) *feedbackv1.Deal {
	n := b.Table.Names
	out := &feedbackv1.Deal{
		Id: n.Name(d.ID), Status: statusOf(d), OpenedAt: stamp(d.Opened), ClosedAt: stamp(d.Closed), ChurnedAt: stamp(d.Churned),
		RenewedAt: stamp(d.Renewed), Renewals: int32(d.Renewals), Stage: n.Name(d.Stage), Reason: n.Name(d.Reason), Owner: n.Name(d.Owner),
		Team: n.Name(d.Team), Account: n.Name(d.Account),
	}
	if d.HasAmount {
		out.Amount = &journalv1.Money{Amount: money.Format(d.Amount), Currency: n.Name(d.Currency)}
		if in, err := rates.Convert(d.Amount, n.Name(d.Currency), cmp.Or(d.Closed, d.Opened)); err != nil {
			out.Unconverted = err.Error()
		} else {
			out.Converted = &journalv1.Money{Amount: money.Format(in), Currency: rates.Base()}
		}
	}
	return out
}

// dealNamed finds a deal by its name, or by the source's own id where only one source has it.
func dealNamed(t *table.Table, id string) (*table.Deal, error) {
	if sym, ok := t.Names.Find(id); ok {
		if d := t.Deal(sym); d != nil {
			return d, nil
		}
	}
	var found []*table.Deal
	var names []string
	for d := range t.EachDeal() {
		name := t.Names.Name(d.ID)
		if _, own, _ := strings.Cut(name, "/"); own == id && id != "" {
			found, names = append(found, d), append(names, name)
		}
	}
	switch len(found) {
	case 0:
		return nil, withDetails(status.New(codes.NotFound, "there is no such deal"), "unknown_deal")
	case 1:
		return found[0], nil
	}
	slices.Sort(names)
	return nil, invalid("several sources have a deal of this id", []core.Problem{{Field: "id", Reason: "must be one of " + join(names)}})
}

// GetDeal gives a deal with everybody on it, and who said what of it.
func (s *Server) GetDeal(ctx context.Context, req *feedbackv1.GetDealRequest) (*feedbackv1.Deal, error) {
	if problems := sequence(req.GetAfter()); problems != nil {
		return nil, invalid("the request is not valid", problems)
	}
	rates, _, err := s.opt.Ledger.Rates(ctx, 0)
	if err != nil {
		return nil, err
	}
	var out *feedbackv1.Deal
	var leads []string
	var name, primary string
	merged := map[string]string{}
	err = s.opt.Books.Book(ctx, req.GetAfter(), func(b *core.Book) error {
		d, err := dealNamed(b.Table, req.GetId())
		if err != nil {
			return err
		}
		name = b.Table.Names.Name(d.ID)
		out, leads, primary = dealToProto(b, d, rates), slices.Clone(b.OnDeal(name)), b.Table.LeadID(d.Lead)
		for _, id := range leads {
			merged[id] = mergedName(b, id)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	states, err := s.opt.Books.Leads(ctx, leads)
	if err != nil {
		return nil, err
	}
	type line struct {
		lead string
		core.Statement
	}
	var lines []line
	for _, id := range leads {
		on := &feedbackv1.DealLead{LeadId: id, MergedInto: merged[id]}
		if r := states[id]; r != nil {
			for _, said := range r.Deals {
				if said.Deal != name {
					continue
				}
				lines = append(lines, line{id, said})
				on.Role = cmp.Or(said.Role, on.Role)
				if on.Since == nil {
					on.Since = stamp(said.At)
				}
			}
		}
		out.Leads = append(out.Leads, on)
	}
	primaryFirst(out, primary)
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Seq, b.Seq)) })
	for _, l := range lines {
		said := &feedbackv1.DealStatement{
			Type: kindNames[l.Kind], At: stamp(l.At), Source: l.Source(), LeadId: l.lead, Stage: l.Stage, Reason: l.Reason, Owner: l.Owner,
			Role: l.Role, Sequence: strconv.FormatUint(l.Seq, 10),
		}
		if l.HasAmount {
			said.Amount = &journalv1.Money{Amount: money.Format(l.Amount), Currency: l.Currency}
		}
		out.History = append(out.History, said)
	}
	return out, nil
}

// kindNames are the kinds of statements as the API names them, by core.DealKind.
var kindNames = [...]string{
	core.DealOpened: "opened", core.DealStaged: "stage_changed", core.DealWon: "won", core.DealLost: "lost", core.DealReopened: "reopened",
	core.DealChurned: "churned", core.DealRenewed: "renewed",
}

// RecordDeal states a fact about a deal.
func (s *Server) RecordDeal(ctx context.Context, req *feedbackv1.RecordDealRequest) (*feedbackv1.RecordDealResponse, error) {
	ev, problems := s.recorded(req)
	if _, rep := s.opt.Caller(ctx); rep != "" {
		if req.GetOwner() != "" && req.GetOwner() != rep {
			return nil, notYours()
		}
		req.Owner = rep
	}
	if problems != nil {
		return nil, invalid("the request is not valid", problems)
	}
	d := &journalv1.Deal{
		DealId: cmp.Or(req.GetDealId(), s.opt.NewID()), Amount: req.GetAmount(), Stage: req.GetStage(), Reason: req.GetReason(),
		Owner: req.GetOwner(), Role: req.GetRole(),
	}
	switch req.GetType() {
	case "opened":
		ev.Type, ev.Payload = "deal_opened", &journalv1.Event_DealOpened{DealOpened: d}
	case "stage_changed":
		ev.Type, ev.Payload = "deal_stage_changed", &journalv1.Event_DealStageChanged{DealStageChanged: d}
	case "won":
		ev.Type, ev.Payload = "deal_won", &journalv1.Event_DealWon{DealWon: d}
	case "lost":
		ev.Type, ev.Payload = "deal_lost", &journalv1.Event_DealLost{DealLost: d}
	case "reopened":
		ev.Type, ev.Payload = "deal_reopened", &journalv1.Event_DealReopened{DealReopened: d}
	case "churned":
		ev.Type, ev.Payload = "churned", &journalv1.Event_Churned{Churned: d}
	case "renewed":
		ev.Type, ev.Payload = "renewed", &journalv1.Event_Renewed{Renewed: d}
	}
	// A lead of whom nothing is known is a mistake in writing: nobody would ever see the deal with a person.
	blobs, err := s.opt.States.Blobs(ctx, ev.GetEntity())
	if err != nil {
		return nil, err
	}
	if len(blobs) == 0 || blobs[0] == nil {
		return nil, withDetails(status.New(codes.NotFound, "there is no such lead"), "unknown_lead")
	}
	seq, err := s.opt.Journal.Append(ctx, ev)
	if err != nil {
		return nil, err
	}
	return &feedbackv1.RecordDealResponse{Id: source + "/" + d.GetDealId(), Sequence: strconv.FormatUint(seq, 10)}, nil
}

// recorded gives the event of a request, without its payload, and everything that is wrong with it.
func (s *Server) recorded(req *feedbackv1.RecordDealRequest) (*journalv1.Event, []core.Problem) {
	var problems []core.Problem
	fail := func(field, reason string) { problems = append(problems, core.Problem{Field: field, Reason: reason}) }
	now := s.opt.Now()
	ev := &journalv1.Event{
		Id: cmp.Or(req.GetRequestId(), s.opt.NewID()), Entity: req.GetLead(), Source: source, OccurredAt: req.GetOccurredAt(), ReceivedAt: timestamppb.New(now),
	}
	if ev.OccurredAt == nil {
		ev.OccurredAt = ev.ReceivedAt
	}
	if !slices.Contains(kindNames[1:], req.GetType()) {
		fail("type", "must be opened, stage_changed, won, lost, reopened, churned or renewed")
	}
	if ev.Entity == "" && req.GetHandoffId() != "" {
		lead, _, ok := identity.LeadOfHandoff(req.GetHandoffId())
		if !ok {
			fail("handoff_id", "is not a handoff")
		}
		ev.Entity = lead
	} else if identity.RankOf(ev.Entity) == 0 {
		fail("lead", "must be a lead's id, or handoff_id must name its handoff")
	}
	if at := ev.OccurredAt; at.CheckValid() != nil || at.AsTime().After(now.Add(time.Minute)) || at.AsTime().Year() < 1970 {
		fail("occurred_at", "must be a time that has passed")
	}
	if req.GetDealId() == "" && req.GetType() != "opened" {
		fail("deal_id", "is required: a deal without a name can only be opened")
	}
	for _, f := range []struct{ name, value string }{
		{"deal_id", req.GetDealId()}, {"request_id", req.GetRequestId()}, {"stage", req.GetStage()}, {"reason", req.GetReason()},
		{"role", req.GetRole()}, {"owner", req.GetOwner()},
	} {
		if problem := core.CheckWord(f.name, f.value); problem != nil {
			problems = append(problems, *problem)
		}
	}
	if a := req.GetAmount(); a != nil {
		if _, err := money.Parse(a.GetAmount()); err != nil || strings.HasPrefix(a.GetAmount(), "-") {
			fail("amount.amount", "must be a decimal number such as 12000.50, not below 0")
		}
		if !money.Currency(a.GetCurrency()) {
			fail("amount.currency", "must be an ISO 4217 code such as EUR")
		}
	}
	return ev, problems
}

// window reads the bounds of a window, in milliseconds since 1970.
func window(from, to *timestamppb.Timestamp) (start, end int64, problems []core.Problem) {
	for _, f := range []struct {
		name string
		at   *timestamppb.Timestamp
		into *int64
	}{{"from", from, &start}, {"to", to, &end}} {
		if f.at == nil {
			continue
		}
		if f.at.CheckValid() != nil {
			problems = append(problems, core.Problem{Field: f.name, Reason: "is not a time"})
		}
		*f.into = f.at.AsTime().UnixMilli()
	}
	if from != nil && to != nil && start >= end {
		problems = append(problems, core.Problem{Field: "to", Reason: "must be after from"})
	}
	return start, end, problems
}

func sequence(after string) []core.Problem {
	if after != "" {
		if _, err := strconv.ParseUint(after, 10, 64); err != nil {
			return []core.Problem{{Field: "after", Reason: "is not a sequence"}}
		}
	}
	return nil
}

// stamp gives a moment in milliseconds since 1970; nil for never.
func stamp(at int64) *timestamppb.Timestamp {
	if at == 0 {
		return nil
	}
	return timestamppb.New(time.UnixMilli(at))
}
