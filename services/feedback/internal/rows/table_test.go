package rows

import (
	"cmp"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// namedRow is a table.Row with names for numbers.
type namedRow struct {
	Epoch                                                 int32
	Stage, Furthest                                       table.Stage
	First                                                 int64
	Entered                                               [table.WayStages]int64
	Ended, Contacted                                      int64
	Source, Channel, Campaign                             string
	Account, Country, Industry, Persona, Rep, Team, Route string
	Rule, Rules, Reason                                   string
	Version                                               uint16
	Size                                                  table.SizeBand
	Grade, Fit, Engagement                                uint8
	Flags                                                 table.Flags
	Reassigns                                             uint8
}

// namedDeal is a table.Deal with names for numbers.
type namedDeal struct {
	Lead                                string
	Epoch, Leads                        uint16
	Status                              table.DealStatus
	Opened, Closed, Churned, Renewed    int64
	Renewals                            uint16
	Amount                              int64
	Currency                            string
	HasAmount                           bool
	Stage, Reason, Owner, Team, Account string
	Source, Channel, Campaign, Persona  string
}

type dump struct {
	Rows  map[string][]namedRow
	Deals map[string]namedDeal
}

func dumpOf(t *table.Table) dump {
	n, d := t.Names, dump{map[string][]namedRow{}, map[string]namedDeal{}}
	for lead := range uint32(t.Leads()) {
		for _, r := range t.Rows(lead) {
			d.Rows[t.LeadID(lead)] = append(d.Rows[t.LeadID(lead)], namedRow{
				Epoch: int32(r.Epoch), Stage: r.Stage, Furthest: r.Furthest, First: r.First, Entered: r.Entered, Ended: r.Ended, Contacted: r.Contacted,
				Source: n.Name(r.Source), Channel: n.Name(r.Channel), Campaign: n.Name(r.Campaign), Account: n.Name(r.Account), Country: n.Name(r.Country),
				Industry: n.Name(r.Industry), Persona: n.Name(r.Persona), Rep: n.Name(r.Rep), Team: n.Name(r.Team), Route: n.Name(r.Route),
				Rule: n.Name(r.Rule), Rules: strings.Join(n.Members(r.Rules), ","), Reason: n.Name(r.Reason), Version: r.Version, Size: r.Size,
				Grade: r.Grade, Fit: r.Fit, Engagement: r.Engagement, Flags: r.Flags, Reassigns: r.Reassigns,
			})
		}
	}
	for _, x := range t.Deals() {
		d.Deals[n.Name(x.ID)] = namedDeal{
			Lead: t.LeadID(x.Lead), Epoch: x.Epoch, Leads: x.Leads, Status: x.Status, Opened: x.Opened, Closed: x.Closed, Churned: x.Churned,
			Renewed: x.Renewed, Renewals: x.Renewals, Amount: x.Amount, Currency: n.Name(x.Currency), HasAmount: x.HasAmount, Stage: n.Name(x.Stage),
			Reason: n.Name(x.Reason), Owner: n.Name(x.Owner), Team: n.Name(x.Team), Account: n.Name(x.Account), Source: n.Name(x.Source),
			Channel: n.Name(x.Channel), Campaign: n.Name(x.Campaign), Persona: n.Name(x.Persona),
		}
	}
	return d
}

// TestTableAgainstReference: over random journals with late, repeated, contradictory, merged and split facts, the table that is kept
// up change by change, the one that is made of the store, and the one that is counted the slow way are the same.
func TestTableAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStore()
		r := New(s, time.Hour, slog.New(slog.DiscardHandler), time.Now)
		r.Live(all())
		if err := r.catchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		leads := []string{lead(0), lead(1), lead(2), lead(3)}
		slices.Sort(leads)
		var ref reference
		var waiting []*journal.Event
		for i := range rapid.IntRange(1, 40).Draw(t, "length") {
			ev := draw(t, uint64(i+1), leads, ref)
			if ev.Origin == nil || ev.Origin.Cause == ev.Seq { // of a repeated fact the worker shows nothing
				s.put(ev)
				waiting = append(waiting, ev)
			}
			ref.log = append(ref.log, ev)
			if rapid.IntRange(0, 3).Draw(t, "told") == 0 {
				r.Folded(changes(waiting...))
				waiting = nil
				if err := r.catchUp(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.Folded(changes(waiting...))
		want := ref.dump(leads)
		check := func(what string, r *Rows) {
			if err := r.View(t.Context(), "", func(tab *table.Table) error {
				if got := dumpOf(tab); !reflect.DeepEqual(got, want) {
					t.Fatalf("%s:\ngot  %+v\nwant %+v", what, got, want)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		check("kept up", r)
		check("made of the store", New(s, time.Hour, slog.New(slog.DiscardHandler), time.Now))
	})
}

// draw gives the next event: a new one, or one that was there before.
func draw(t *rapid.T, seq uint64, leads []string, ref reference) *journal.Event {
	if len(ref.log) > 0 && rapid.IntRange(0, 7).Draw(t, "repeat") == 0 {
		again := *ref.log[rapid.IntRange(0, len(ref.log)-1).Draw(t, "which")]
		again.Seq = seq
		return &again
	}
	at := func(what string) *timestamppb.Timestamp {
		return timestamppb.New(time.UnixMilli(rapid.Int64Range(1, 60).Draw(t, what)))
	}
	pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, what) }
	i := rapid.IntRange(0, len(leads)-1).Draw(t, "lead")
	l, epoch := leads[i], rapid.Int32Range(1, 3).Draw(t, "epoch")
	handoff := identity.Handoff(l, epoch)
	body, producer := &journalv1.Event{Entity: l, OccurredAt: at("at")}, "routing"
	switch rapid.IntRange(0, 11).Draw(t, "kind") {
	case 0, 1, 2:
		body.Type, producer = "stage_changed", "scoring"
		c := &journalv1.StageChanged{
			From: pick("from", append(core.Way(), core.Ends()...)...), To: pick("to", append(core.Way(), core.Ends()...)...), Epoch: epoch, At: at("moved"),
			Highest: pick("highest", append(core.Way(), "")...), Source: pick("source", "", "site", "app"), Channel: pick("channel", "", "ads"),
			History: rapid.Bool().Draw(t, "history"),
		}
		if rapid.Bool().Draw(t, "first known") {
			c.FirstAt, c.Campaign = at("first"), "q4"
		}
		body.Payload = &journalv1.Event_StageChanged{StageChanged: c}
	case 3:
		if producer = "scoring"; i == 0 || rapid.Bool().Draw(t, "split") {
			body.Type = "split_off"
			body.Payload = &journalv1.Event_SplitOff{SplitOff: &journalv1.SplitOff{Origin: l, From: leads[0]}}
		} else {
			body.Type = "merged_into"
			body.Payload = &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: leads[rapid.IntRange(0, i-1).Draw(t, "into")]}}
		}
	case 4:
		body.Type, producer = "qualified", "scoring"
		body.Payload = &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
			Epoch: epoch, Rule: pick("rule", "matrix", "fast"), AgreementVersion: 3,
			Score: &journalv1.ScoreSnapshot{Fit: 80.9, Grade: pick("grade", "a", "d"), Engagement: 21.4, Contributions: []*journalv1.Contribution{
				{Rule: "senior", Points: 40}, {Rule: "ebook", Points: 9}, {Rule: "gone"},
			}},
			Lead: &journalv1.LeadSnapshot{Country: pick("country", "se", "DE"), AccountIndustry: "software", AccountEmployees: 420},
		}}
	case 5:
		body.Type = "routed"
		body.Payload = &journalv1.Event_Routed{Routed: &journalv1.Routed{
			HandoffId: handoff, Epoch: epoch, Rep: pick("rep", "ana", "bo"), Route: "named", Account: pick("account", "", "ac-1"), Persona: "buyer", Team: "emea",
		}}
	case 6:
		body.Type = "reassigned"
		body.Payload = &journalv1.Event_Reassigned{Reassigned: &journalv1.Reassigned{HandoffId: handoff, To: pick("to rep", "ana", "cy")}}
	case 7:
		body.Type = "sla_breached"
		body.Payload = &journalv1.Event_SlaBreached{SlaBreached: &journalv1.SlaBreached{HandoffId: handoff, Clock: pick("clock", "accept", "contact")}}
	case 8:
		body.Type = "answered"
		body.Payload = &journalv1.Event_Answered{Answered: &journalv1.Answered{
			HandoffId: handoff, Ok: rapid.IntRange(0, 3).Draw(t, "ok") > 0, Disposition: pick("disposition", "accepted", "contacted", "rejected", "recycled"),
			Reason: pick("reason", "timing", "no-fit/size"), Stage: pick("stage after", "recycled", "disqualified"),
		}}
	case 9:
		body.Type, body.Id, body.Source = "call_logged", fmt.Sprint("call-", seq), "phone"
	default:
		deal(t, body, seq)
	}
	ev := &journal.Event{Head: journal.Head{Seq: seq, Entity: l, Type: body.GetType(), Origin: &journal.Origin{Producer: producer, Cause: seq}}, Body: body}
	if body.GetSource() != "" {
		ev.Origin = nil
	}
	return ev
}

func deal(t *rapid.T, body *journalv1.Event, seq uint64) {
	pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, what) }
	d := &journalv1.Deal{
		DealId: pick("deal", "", "d1", "d2"), Stage: pick("deal's stage", "", "demo", "offer"), Reason: pick("lost for", "", "price"),
		Owner: pick("deal's owner", "", "ana", "dee"), Role: pick("role", "", "user"),
	}
	if rapid.Bool().Draw(t, "amount known") {
		d.Amount = &journalv1.Money{Amount: fmt.Sprintf("%d.25", rapid.IntRange(0, 9).Draw(t, "amount")), Currency: pick("currency", "EUR", "USD")}
	}
	if rapid.IntRange(0, 4).Draw(t, "created known") == 0 {
		d.CreatedAt = timestamppb.New(time.UnixMilli(rapid.Int64Range(1, 60).Draw(t, "created")))
	}
	body.Id, body.Source = fmt.Sprint("ev-", seq), pick("crm", "hubspot", "pipedrive")
	switch body.Type = pick("said", "deal_opened", "deal_stage_changed", "deal_won", "deal_lost", "deal_reopened", "churned", "renewed"); body.Type {
	case "deal_opened":
		body.Payload = &journalv1.Event_DealOpened{DealOpened: d}
	case "deal_stage_changed":
		body.Payload = &journalv1.Event_DealStageChanged{DealStageChanged: d}
	case "deal_won":
		body.Payload = &journalv1.Event_DealWon{DealWon: d}
	case "deal_lost":
		body.Payload = &journalv1.Event_DealLost{DealLost: d}
	case "deal_reopened":
		body.Payload = &journalv1.Event_DealReopened{DealReopened: d}
	case "churned":
		body.Payload = &journalv1.Event_Churned{Churned: d}
	case "renewed":
		body.Payload = &journalv1.Event_Renewed{Renewed: proto.CloneOf(d)}
	}
}

func (ref reference) dump(leads []string) dump {
	d := dump{map[string][]namedRow{}, map[string]namedDeal{}}
	for _, l := range leads {
		if rows := ref.rows(l, leads); rows != nil {
			d.Rows[l] = rows
		}
	}
	said := map[string][]*journal.Event{}
	for _, l := range leads {
		for _, ev := range ref.of(l, "deal_opened", "deal_stage_changed", "deal_won", "deal_lost", "deal_reopened", "churned", "renewed") {
			said[dealID(ev)] = append(said[dealID(ev)], ev)
		}
	}
	for id, evs := range said {
		d.Deals[id] = ref.deal(evs, d.Rows)
	}
	return d
}

// deal asks of each field who was the last to say something of it.
func (ref reference) deal(evs []*journal.Event, rows map[string][]namedRow) namedDeal {
	slices.SortFunc(evs, func(a, b *journal.Event) int {
		return cmp.Or(a.OccurredAt().Compare(b.OccurredAt()), cmp.Compare(a.Seq, b.Seq))
	})
	at := func(ev *journal.Event) int64 { return ev.OccurredAt().UnixMilli() }
	sale := func(ev *journal.Event) bool { return ev.Type != "churned" && ev.Type != "renewed" }
	last := func(holds func(*journal.Event) bool) *journal.Event {
		for _, ev := range slices.Backward(evs) {
			if holds(ev) {
				return ev
			}
		}
		return nil
	}
	body := func(ev *journal.Event) *journalv1.Deal {
		if ev == nil {
			return nil
		}
		b := ev.Body
		for _, d := range []*journalv1.Deal{b.GetDealOpened(), b.GetDealStageChanged(), b.GetDealWon(), b.GetDealLost(), b.GetDealReopened(), b.GetChurned(), b.GetRenewed()} {
			if d != nil {
				return d
			}
		}
		return nil
	}
	var d namedDeal
	roots := map[string]bool{}
	for _, ev := range evs {
		roots[ref.root(ev.Entity)] = true
	}
	d.Lead, d.Leads = ref.root(evs[0].Entity), uint16(len(roots))
	settles := func(ev *journal.Event) bool {
		return slices.Contains([]string{"deal_opened", "deal_won", "deal_lost", "deal_reopened"}, ev.Type)
	}
	if s := last(settles); s != nil && (s.Type == "deal_won" || s.Type == "deal_lost") {
		d.Status = map[string]table.DealStatus{"deal_won": table.DealWon, "deal_lost": table.DealLost}[s.Type]
		other := last(func(ev *journal.Event) bool { return settles(ev) && ev.Type != s.Type })
		for _, ev := range slices.Backward(evs) {
			if ev == other {
				break
			}
			if ev.Type == s.Type {
				d.Closed = at(ev)
			}
		}
	}
	if a := body(last(func(ev *journal.Event) bool { return sale(ev) && body(ev).GetAmount() != nil })); a != nil {
		var units int64
		_, _ = fmt.Sscanf(a.GetAmount().GetAmount(), "%d.25", &units)
		d.Amount, d.Currency, d.HasAmount = units*1_000_000+250_000, a.GetAmount().GetCurrency(), true
	}
	d.Stage = body(last(func(ev *journal.Event) bool { return sale(ev) && body(ev).GetStage() != "" })).GetStage()
	if d.Status == table.DealLost {
		d.Reason = body(last(func(ev *journal.Event) bool { return ev.Type == "deal_lost" && body(ev).GetReason() != "" })).GetReason()
	}
	d.Owner = body(last(func(ev *journal.Event) bool { return body(ev).GetOwner() != "" })).GetOwner()
	churned, renewed := last(func(ev *journal.Event) bool { return ev.Type == "churned" }), last(func(ev *journal.Event) bool { return ev.Type == "renewed" })
	renewals := map[int64]bool{}
	for _, ev := range evs {
		if ev.Type == "renewed" {
			renewals[at(ev)] = true
		}
	}
	d.Renewals = uint16(len(renewals))
	if renewed != nil {
		d.Renewed = at(renewed)
	}
	if churned != nil && (renewed == nil || slices.Index(evs, churned) > slices.Index(evs, renewed)) {
		d.Churned = at(churned)
	}
	first := slices.IndexFunc(evs, sale)
	d.Opened = at(evs[max(0, first)])
	if i := slices.IndexFunc(evs, func(ev *journal.Event) bool { return ev.Type == "deal_opened" }); i >= 0 {
		d.Opened = at(evs[i])
	}
	if c := last(func(ev *journal.Event) bool { return sale(ev) && body(ev).GetCreatedAt() != nil }); c != nil {
		d.Opened = body(c).GetCreatedAt().AsTime().UnixMilli()
	}
	if mine := rows[d.Lead]; len(mine) > 0 {
		r := mine[0]
		for _, later := range mine[1:] {
			began := slices.DeleteFunc(append(slices.Clone(later.Entered[:]), later.Ended), func(at int64) bool { return at == 0 })
			if slices.Min(began) <= d.Opened {
				r = later
			}
		}
		d.Epoch, d.Account, d.Persona, d.Source, d.Channel, d.Campaign = uint16(r.Epoch), r.Account, r.Persona, r.Source, r.Channel, r.Campaign
		if d.Owner == "" {
			d.Owner, d.Team = r.Rep, r.Team
		}
	}
	return d
}
