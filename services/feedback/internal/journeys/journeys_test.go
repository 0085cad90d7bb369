package journeys

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
)

var (
	key    = identity.Key("a key for tests")
	ana    = key.Lead(identity.Email, "", "ana@initech.example")
	bo     = key.Lead(identity.Email, "", "bo@initech.example")
	cy     = key.Lead(identity.Email, "", "cy@globex.example")
	dee    = key.Lead(identity.Email, "", "dee@initech.example")
	phone  = key.Lead(identity.Anonymous, "", "phone")
	laptop = key.Lead(identity.Anonymous, "", "laptop")
	co     = key.Account("initech.example")
	start  = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
)

// log is a journal in memory, and the rows of its leads.
type log struct {
	events []*journal.Event
	rows   map[string]*core.Row
}

func (l *log) Head(context.Context) (uint64, error) { return uint64(len(l.events)), nil }

func (l *log) Scan(_ context.Context, from uint64, f func(*journal.Event) error) error {
	for _, ev := range l.events[min(int(from)-1, len(l.events)):] {
		if err := f(ev); err != nil {
			return err
		}
	}
	return nil
}

func (l *log) ReadEntities(ctx context.Context, entities []string, from uint64, f func(*journal.Event) error) error {
	wanted := map[string]bool{}
	for _, e := range entities {
		wanted[e] = true
	}
	return l.Scan(ctx, from, func(ev *journal.Event) error {
		if wanted[ev.Entity] && ev.Partition != journal.Global {
			return f(ev)
		}
		return nil
	})
}

func (l *log) ReadGlobals(_ context.Context, kind string) (out []*journal.Event, _ error) {
	for _, ev := range l.events {
		if ev.Partition == journal.Global && ev.Entity == kind {
			out = append(out, ev)
		}
	}
	return out, nil
}

// Each takes every lead that carries on by itself.
func (l *log) Each(_ context.Context, _ string, f func(string, int64, bool)) error {
	for id, r := range l.rows {
		if r.MergedInto == "" && len(r.Epochs) > 0 {
			f(id, r.First.At, l.dealt(id))
		}
	}
	return nil
}

// dealt reports whether a deal was told of on a lead, or on one that merged into it.
func (l *log) dealt(lead string) bool {
	for id, r := range l.rows {
		if r.MergedInto == lead && id != lead && l.dealt(id) {
			return true
		}
	}
	for _, e := range l.rows[lead].Epochs {
		for _, s := range e.Entered {
			if s.Stage == core.Opportunity || s.Stage == core.Won || s.Stage == core.Lost {
				return true
			}
		}
	}
	return false
}

// add appends events some hours after the start; from is who decided them, "" for inputs.
func (l *log) add(hours float64, from string, b *journalv1.Event) *journal.Event {
	at := start.Add(time.Duration(hours * float64(time.Hour)))
	b.OccurredAt, b.ReceivedAt = timestamppb.New(at), timestamppb.New(at)
	if b.Id == "" {
		b.Id = fmt.Sprint("evt-", len(l.events)+1)
	}
	ev := &journal.Event{Head: journal.Head{Seq: uint64(len(l.events) + 1), Logged: at, Entity: b.GetEntity(), Type: b.GetType()}, Body: b}
	if from != "" {
		ev.Origin = &journal.Origin{Producer: from, Entity: b.GetEntity(), Cause: ev.Seq}
	}
	l.events = append(l.events, ev)
	return ev
}

func (l *log) did(hours float64, lead, eventType, channel, campaign string) *journal.Event {
	return l.add(hours, "", &journalv1.Event{Entity: lead, Type: eventType, Source: "site", Touch: &journalv1.Touch{Channel: channel, Campaign: campaign}})
}

func (l *log) deal(hours float64, lead, source, id, eventType, amount string) {
	d := &journalv1.Deal{DealId: id}
	if amount != "" {
		d.Amount = &journalv1.Money{Amount: amount, Currency: "EUR"}
	}
	b := &journalv1.Event{Entity: lead, Type: eventType, Source: source}
	stage := map[string]string{"deal_opened": core.Opportunity, "deal_won": core.Won, "deal_lost": core.Lost}[eventType]
	switch eventType {
	case "deal_opened":
		b.Payload = &journalv1.Event_DealOpened{DealOpened: d}
	case "deal_won":
		b.Payload = &journalv1.Event_DealWon{DealWon: d}
	case "deal_lost":
		b.Payload = &journalv1.Event_DealLost{DealLost: d}
	case "deal_reopened":
		b.Payload, stage = &journalv1.Event_DealReopened{DealReopened: d}, core.Opportunity
	}
	l.add(hours, "", b)
	l.entered(lead, stage)
}

func (l *log) entered(lead, stage string) {
	r := l.row(lead)
	r.Move(core.Move{To: stage, Epoch: 1, At: 1, First: r.First, Place: core.Place{Cause: uint64(len(l.events))}})
}

func (l *log) row(lead string) *core.Row {
	if l.rows == nil {
		l.rows = map[string]*core.Row{}
	}
	if l.rows[lead] == nil {
		l.rows[lead] = &core.Row{First: core.Touch{At: start.UnixMilli()}, Epochs: []core.Epoch{{Number: 1, Current: core.Inquiry}}}
	}
	return l.rows[lead]
}

func (l *log) collector() *Collector {
	c := NewCache(l, key)
	return &Collector{Cache: c, Deals: BookDeals{l}, Leads: l}
}

// story is two people of one company, one of them on two devices, and what sales did; 12,000 EUR were won after ten days.
func story() *log {
	l := &log{}
	l.did(0, phone, "ad_clicked", "paid", "spring")
	l.did(1, phone, "page_viewed", "paid", "spring")
	l.did(1.2, phone, "page_viewed", "paid", "spring")
	form := l.did(2, ana, "form_submitted", "organic", "")
	form.Body.Traits = &journalv1.Traits{Title: ptr("VP Engineering")}
	l.add(2, scoring, &journalv1.Event{Entity: phone, Type: "merged_into", Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: ana}}})
	for chunk := range 2 {
		absorbed := l.add(2, scoring, &journalv1.Event{Entity: ana, Type: "absorbed", Payload: &journalv1.Event_Absorbed{Absorbed: &journalv1.Absorbed{From: phone, Chunk: int32(chunk), Chunks: 2}}})
		absorbed.Origin.Entity = phone
	}
	// What the phone does later reaches ana, and stands on both subjects.
	later := l.did(24, phone, "asset_downloaded", "email", "spring")
	passed := l.add(24, scoring, &journalv1.Event{Entity: ana, Id: later.Body.GetId(), Type: "asset_downloaded", Source: "site", Touch: later.Body.GetTouch()})
	passed.Origin.Entity = phone
	l.did(25, ana, "email_opened", "email", "spring")
	l.did(26, ana, "email_clicked", "email", "spring").Body.Automated = true
	scanner := l.did(27, ana, "email_clicked", "email", "spring")
	l.add(28, scoring, &journalv1.Event{Entity: ana, Type: "qualified", Payload: &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
		Rule: "matrix", AgreementVersion: 3, Lead: &journalv1.LeadSnapshot{Timeline: []*journalv1.TimelineItem{{EventId: scanner.Body.GetId(), Source: "site", Automated: true}}},
	}}})
	l.add(29, routing, &journalv1.Event{Entity: ana, Type: "routed", Payload: &journalv1.Event_Routed{Routed: &journalv1.Routed{Rep: "kim", Account: co, Persona: "economic-buyer"}}})
	l.add(30, "", &journalv1.Event{Entity: ana, Type: "contacted", Source: "crm", Payload: &journalv1.Event_Contacted{Contacted: &journalv1.Disposition{}}})
	for _, ok := range []bool{false, true} {
		l.add(30, routing, &journalv1.Event{Entity: ana, Type: "answered", Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{Disposition: "contacted", Ok: ok, Rep: "kim"}}})
	}
	l.deal(48, ana, "crm", "d1", "deal_opened", "10000")
	l.did(72, bo, "event_attended", "webinar", "tour")
	l.add(73, "", &journalv1.Event{Entity: ana, Type: "call_logged", Source: "crm"})
	l.add(74, scoring, &journalv1.Event{Entity: co, Type: "account_engaged", Payload: &journalv1.Event_AccountEngaged{AccountEngaged: &journalv1.AccountEngaged{Lead: bo, EngagementMicros: 5}}})
	l.add(74, scoring, &journalv1.Event{Entity: bo, Type: "account_rated", Payload: &journalv1.Event_AccountRated{AccountRated: &journalv1.AccountRated{Account: co}}})
	// cy was counted there once, and works elsewhere; dee's company is told by its domain alone.
	l.did(75, cy, "event_attended", "elsewhere", "").Body.Account = &journalv1.Account{Domain: ptr("globex.example")}
	l.did(12, dee, "chat_started", "chat", "").Body.Account = &journalv1.Account{Domain: ptr("Initech.example"), Name: ptr("Initech")}
	for _, lead := range []string{cy, dee} {
		l.add(76, scoring, &journalv1.Event{Entity: co, Type: "account_engaged", Payload: &journalv1.Event_AccountEngaged{AccountEngaged: &journalv1.AccountEngaged{Lead: lead}}})
	}
	l.deal(240, ana, "crm", "d1", "deal_won", "12000.00")
	l.did(250, ana, "page_viewed", "direct", "")
	l.row(bo)
	return l
}

func ptr(s string) *string { return &s }

func credits(t *testing.T, l *log, id string, q Query) map[string]string {
	t.Helper()
	c, err := l.collector().Collect(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	m, err := attribution.NewModel(id, attribution.Params{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Divide(m)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for i, name := range c.Names {
		if len(c.Money) > 0 && c.PathsOf[i] > 0 {
			out[name] = attribution.FormatAmount(got[i].Amounts[0])
		}
	}
	return out
}

func TestWhatEarnsCredit(t *testing.T) {
	hour := time.Hour.Milliseconds()
	for name, c := range map[string]struct {
		model string
		q     Query
		want  map[string]string
	}{
		// ad, one visit of two pages, form, download: opened mail, scanners, sales and what came after are none.
		"linear by channel": {"linear", Query{By: "channel"}, map[string]string{"paid": "6000.00", "organic": "3000.00", "email": "3000.00"}},
		"first":             {"first", Query{By: "campaign"}, map[string]string{"spring": "12000.00", "(none)": "0.00"}},
		"U: the form made the person known": {
			"u50", Query{By: "channel"}, map[string]string{"paid": "6000.00", "organic": "6000.00", "email": "0.00"},
		},
		"look-back of ten days":       {"linear", Query{By: "channel", Lookback: 238 * hour}, map[string]string{"organic": "6000.00", "email": "6000.00"}},
		"what sales did":              {"linear", Query{By: "sales"}, map[string]string{"marketing": "8000.00", "contacted": "2000.00", "call_logged": "2000.00"}},
		"sales beside the channels":   {"last", Query{By: "channel", Sales: true}, map[string]string{"paid": "0.00", "organic": "0.00", "email": "0.00", "sales": "12000.00"}},
		"everybody at the account":    {"last", Query{By: "channel", Account: true}, map[string]string{"paid": "0.00", "organic": "0.00", "email": "0.00", "chat": "0.00", "webinar": "12000.00"}},
		"pipeline ends at its start":  {"last", Query{By: "channel", Pipeline: true, Account: true}, map[string]string{"paid": "0.00", "organic": "0.00", "chat": "0.00", "email": "12000.00"}},
		"another window":              {"last", Query{By: "channel", To: start.UnixMilli()}, map[string]string{}},
		"a model that learns":         {"markov", Query{By: "sales", Nulls: true}, map[string]string{"marketing": "4000.00", "contacted": "4000.00", "call_logged": "4000.00"}},
		"by source of what was known": {"linear", Query{By: "source"}, map[string]string{"site": "12000.00"}},
	} {
		if got := credits(t, story(), c.model, c.q); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestRefusalsSplitsErasuresAndQuarantine(t *testing.T) {
	for name, c := range map[string]struct {
		then func(*log)
		want map[string]string
	}{
		"a refusal": {func(l *log) {
			l.add(300, "", &journalv1.Event{Entity: ana, Type: "consent_changed", Identity: &journalv1.Identity{Email: "ana@initech.example"}, Payload: &journalv1.Event_ConsentChanged{
				ConsentChanged: &journalv1.ConsentChanged{Purposes: map[string]string{"profiling": "withdrawn"}},
			}})
		}, map[string]string{}},
		"a refusal taken back": {func(l *log) {
			for i, decision := range []string{"objected", "granted"} {
				l.add(300+float64(i), "", &journalv1.Event{Entity: ana, Type: "consent_changed", Identity: &journalv1.Identity{Email: "ana@initech.example"}, Payload: &journalv1.Event_ConsentChanged{
					ConsentChanged: &journalv1.ConsentChanged{Purposes: map[string]string{"profiling": decision}},
				}})
			}
		}, map[string]string{"paid": "6000.00", "organic": "3000.00", "email": "3000.00"}},
		"the phone was somebody else's": {func(l *log) {
			for _, on := range []string{phone, ana} {
				l.add(300, scoring, &journalv1.Event{Entity: on, Type: "split_off", Payload: &journalv1.Event_SplitOff{SplitOff: &journalv1.SplitOff{Origin: phone, From: ana, Leaving: []string{phone}}}})
			}
		}, map[string]string{"organic": "12000.00"}},
		"another device joins": {func(l *log) {
			l.did(-1, laptop, "social_engaged", "social", "")
			l.add(300, scoring, &journalv1.Event{Entity: phone, Type: "absorbed", Payload: &journalv1.Event_Absorbed{Absorbed: &journalv1.Absorbed{From: laptop}}})
		}, map[string]string{"social": "2400.00", "paid": "4800.00", "organic": "2400.00", "email": "2400.00"}},
		"a quarantined form": {func(l *log) {
			l.add(300, scoring, &journalv1.Event{Entity: ana, Type: "quarantined", Payload: &journalv1.Event_Quarantined{Quarantined: &journalv1.Quarantined{InputSequence: "4"}}})
		}, map[string]string{"paid": "8000.00", "email": "4000.00"}},
		"an event that comes again": {func(l *log) { l.did(2, ana, "form_submitted", "organic", "").Body.Id = "evt-4" },
			map[string]string{"paid": "6000.00", "organic": "3000.00", "email": "3000.00"}},
		"an erasure": {func(l *log) {
			ev := l.add(300, "", &journalv1.Event{Type: "erasure_requested", Payload: &journalv1.Event_ErasureRequested{ErasureRequested: &journalv1.ErasureRequested{Lead: ana}}})
			ev.Partition, ev.Entity = journal.Global, "erasures"
		}, map[string]string{}},
		"lost after all": {func(l *log) { l.deal(300, ana, "crm", "d1", "deal_lost", "") }, map[string]string{}},
		"reopened and won again, another amount": {func(l *log) {
			l.deal(310, ana, "crm", "d1", "deal_won", "8")
			l.deal(300, ana, "crm", "d1", "deal_reopened", "")
		}, map[string]string{"paid": "3.20", "organic": "1.60", "email": "1.60", "(none)": "1.60"}},
		"said again": {func(l *log) { l.deal(300, ana, "crm", "d1", "deal_won", "12000") }, map[string]string{"paid": "6000.00", "organic": "3000.00", "email": "3000.00"}},
	} {
		l := story()
		for i := range l.events { // the page behind the end would have no channel
			if l.events[i].Body.GetTouch().GetChannel() == "direct" {
				l.events[i].Body.Touch.Channel = ""
			}
		}
		warm := l.collector()
		if _, err := warm.Collect(t.Context(), Query{By: "channel"}); err != nil {
			t.Fatal(err)
		}
		c.then(l)
		if got := credits(t, l, "linear", Query{By: "channel"}); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		a, errA := warm.Collect(t.Context(), Query{By: "channel", Nulls: true})
		b, errB := l.collector().Collect(t.Context(), Query{By: "channel", Nulls: true})
		if errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s: read on %+v, read afresh %+v, %v %v", name, a, b, errA, errB)
		}
	}
}

// TestReadOnIsReadAfresh: whatever comes in whatever order, a cache that was asked all along answers as an empty one does.
func TestReadOnIsReadAfresh(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &log{}
		warm := l.collector()
		leads := []string{ana, bo, phone, laptop}
		lead := func(label string) string { return rapid.SampledFrom(leads).Draw(t, label) }
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			hours := float64(rapid.IntRange(0, 500).Draw(t, "hours"))
			who := lead("lead")
			l.row(who)
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				other := lead("other")
				l.add(hours, scoring, &journalv1.Event{Entity: who, Type: "absorbed", Payload: &journalv1.Event_Absorbed{Absorbed: &journalv1.Absorbed{From: other}}})
				l.add(hours, scoring, &journalv1.Event{Entity: other, Type: "merged_into", Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: who}}})
			case 1:
				other := lead("other")
				for _, on := range []string{who, other} {
					l.add(hours, scoring, &journalv1.Event{Entity: on, Type: "split_off", Payload: &journalv1.Event_SplitOff{SplitOff: &journalv1.SplitOff{Origin: who, From: other, Leaving: []string{who}}}})
				}
			case 2:
				l.deal(hours, who, rapid.SampledFrom([]string{"crm", "crm2"}).Draw(t, "source"), rapid.SampledFrom([]string{"d1", "d2"}).Draw(t, "deal"),
					rapid.SampledFrom([]string{"deal_opened", "deal_won", "deal_lost", "deal_reopened"}).Draw(t, "fact"), rapid.SampledFrom([]string{"", "10", "x"}).Draw(t, "amount"))
			case 3:
				l.add(hours, "", &journalv1.Event{Entity: who, Type: "consent_changed", Payload: &journalv1.Event_ConsentChanged{
					ConsentChanged: &journalv1.ConsentChanged{Purposes: map[string]string{"profiling": rapid.SampledFrom([]string{"granted", "denied"}).Draw(t, "decision")}},
				}})
			case 4:
				l.add(hours, scoring, &journalv1.Event{Entity: who, Type: "quarantined", Payload: &journalv1.Event_Quarantined{Quarantined: &journalv1.Quarantined{
					InputSequence: fmt.Sprint(rapid.IntRange(0, len(l.events)).Draw(t, "sequence")),
				}}})
			default:
				l.did(hours, who, rapid.SampledFrom([]string{"page_viewed", "form_submitted", "call_logged", "email_opened"}).Draw(t, "type"),
					rapid.SampledFrom([]string{"", "email", "paid", "sales"}).Draw(t, "channel"), "")
			}
			if rapid.Bool().Draw(t, "ask") {
				q := Query{By: rapid.SampledFrom(Dimensions()).Draw(t, "by"), Nulls: true, Account: rapid.Bool().Draw(t, "account"), Pipeline: rapid.Bool().Draw(t, "pipeline")}
				a, errA := warm.Collect(context.Background(), q)
				b, errB := l.collector().Collect(context.Background(), q)
				if errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
					t.Fatalf("read on %+v\nafresh  %+v, %v %v", a, b, errA, errB)
				}
			}
		}
	})
}

func TestStoryOfADeal(t *testing.T) {
	var models []attribution.Model
	for _, id := range attribution.Names() {
		m, err := attribution.NewModel(id, attribution.Params{})
		if err != nil {
			t.Fatal(err)
		}
		models = append(models, m)
	}
	l := story()
	for _, id := range []string{"crm/d1", "d1"} {
		s, err := l.collector().Story(t.Context(), StoryQuery{ID: id, By: "channel", Models: models, Account: true})
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		sums := make([]int64, len(models))
		for _, x := range s.Steps {
			told = append(told, x.Kind+" "+x.Type)
			for i, c := range x.Credits {
				sums[i] += c.Amount
			}
		}
		want := []string{
			"milestone first_seen", "touch ad_clicked", "touch page_viewed", "touch form_submitted", "milestone known", "milestone first_seen", "touch chat_started",
			"touch asset_downloaded",
			"milestone qualified", "milestone routed", "sales contacted", "milestone opportunity", "milestone first_seen", "touch event_attended", "sales call_logged",
			"milestone won", "touch page_viewed",
		}
		if !reflect.DeepEqual(told, want) {
			t.Errorf("%q\nwant %q", told, want)
		}
		for i, sum := range sums {
			if sum != 12_000*attribution.Unit {
				t.Errorf("%s gives %d", models[i].ID, sum)
			}
		}
		if len(s.People) != 3 || s.People[0].Title != "VP Engineering" || s.People[0].Persona != "economic-buyer" || s.People[1].Persona != "" || !s.People[0].OnDeal || s.People[1].OnDeal {
			t.Errorf("%+v", s.People)
		}
	}
	l.deal(400, bo, "crm2", "d1", "deal_lost", "")
	_, err := l.collector().Story(t.Context(), StoryQuery{ID: "d1", By: "channel"})
	var several *AmbiguousError
	if !errors.As(err, &several) || len(several.Names) != 2 {
		t.Errorf("%v", err)
	}
	if _, err = l.collector().Story(t.Context(), StoryQuery{ID: "d2", By: "channel"}); !errors.Is(err, ErrUnknownDeal) {
		t.Errorf("%v", err)
	}
	lost, err := l.collector().Story(t.Context(), StoryQuery{ID: "crm2/d1", By: "channel", Models: models[:1]})
	if err != nil || lost.NotComputed[0] == "" || lost.Deal.Status != StatusLost {
		t.Errorf("%+v %v", lost, err)
	}
}

// TestWhoHelpedIsNoNull: at an account, somebody who has no deal but stands on another one's is no way to nothing.
func TestWhoHelpedIsNoNull(t *testing.T) {
	for account, want := range map[bool]int{false: 1, true: 0} {
		c, err := story().collector().Collect(t.Context(), Query{By: "channel", Account: account, Nulls: true})
		if err != nil || c.NullPaths != want || len(c.Nulls) != want {
			t.Errorf("by account %v: %d null paths, %d read, %v", account, c.NullPaths, len(c.Nulls), err)
		}
	}
}

// TestManyNullsAreSampled: of very many leads without a deal some are read, and stand for all.
func TestManyNullsAreSampled(t *testing.T) {
	l := story()
	const most = 500
	for i := range most + 1234 {
		lead := key.Lead(identity.Email, "", fmt.Sprint("nobody-", i, "@initech.example"))
		l.row(lead)
		l.did(1, lead, "page_viewed", []string{"paid", "organic"}[i%2], "")
	}
	few := l.collector()
	few.nulls = most
	c, err := few.Collect(t.Context(), Query{By: "channel", Nulls: true})
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, p := range c.Nulls {
		sum += p.Nulls
	}
	// bo is known, and on no deal.
	if c.NullPaths != most+1235 || c.NullsRead != most || sum != int64(c.NullPaths) {
		t.Errorf("%d null paths, %d read, standing for %d", c.NullPaths, c.NullsRead, sum)
	}
}
