package rows

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/money"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
	"github.com/batonhq/baton/services/feedback/internal/fold"
	"github.com/batonhq/baton/services/feedback/internal/ledger"
)

// The histories of these tests begin at numbersStart, last a year and a half, and are asked about at numbersNow.
var (
	numbersStart = time.Date(2025, 1, 3, 0, 0, 0, 0, time.UTC)
	numbersNow   = time.Date(2026, 8, 15, 12, 0, 0, 0, time.UTC)
)

// teller stands in for a service that decides about leads: of an input it states what the test has told it to, once.
type teller struct {
	name  string
	facts map[string]*journalv1.Event // by the input's id
}

func (d *teller) Service() string                             { return d.name }
func (d *teller) Wants(h journal.Head) bool                   { return h.Origin == nil }
func (d *teller) NewGlobals() journal.Globals                 { return fold.Logic{}.NewGlobals() }
func (d *teller) Load(string, []byte) (journal.Entity, error) { return tells{teller: d}, nil }

type tells struct {
	journaltest.Stateless
	*teller
}

func (d tells) Decide(_ journal.Globals, ev *journal.Event, to *journal.Decision) {
	if f := d.facts[ev.Body.GetId()]; f != nil {
		to.Fact(f.GetEntity(), f)
		delete(d.facts, ev.Body.GetId())
	}
}

// history is a journal with feedback's fold over it, and Rows that are told of what it changes.
type history struct {
	sim     *journaltest.Sim
	tellers map[string]*teller
	ledger  *ledger.Ledger
	rows    *Rows
	shown   int
}

func newHistory() *history {
	h := &history{tellers: map[string]*teller{}}
	for _, name := range []string{"scoring", "routing"} {
		h.tellers[name] = &teller{name: name, facts: map[string]*journalv1.Event{}}
	}
	h.sim = journaltest.NewSim(numbersStart, h.tellers["scoring"], h.tellers["routing"], fold.Logic{})
	// The clock of the ledger runs on: nothing that it reads is taken for fresh.
	clock := numbersNow
	h.ledger = ledger.New(h, func() time.Time { clock = clock.Add(time.Minute); return clock })
	h.rows = New(h, time.Hour, slog.New(slog.DiscardHandler), func() time.Time { return numbersNow })
	h.rows.Live(all())
	return h
}

// Wait, Hash and Blobs are a Store over what the fold has now.
func (h *history) Wait(context.Context, string, ...string) error { return nil }

func (h *history) Hash(context.Context, string) (map[string][]byte, error) {
	fields := map[string][]byte{}
	for _, id := range h.leads() {
		m := &leadstore.Mutation{}
		h.sim.Entity(fold.Service, id).Save(m)
		maps.Copy(fields, m.HSets[fold.RowsHash])
	}
	return fields, nil
}

func (h *history) Blobs(_ context.Context, ids ...string) ([][]byte, error) {
	out := make([][]byte, len(ids))
	for i, id := range ids {
		if e := h.sim.Entity(fold.Service, id); e != nil {
			out[i] = e.Save(&leadstore.Mutation{})
		}
	}
	return out, nil
}

// LastGlobal, ReadGlobals and AppendGlobal are the ledger's journal.
func (h *history) LastGlobal(ctx context.Context, kind string) (*journal.Event, error) {
	list, err := h.ReadGlobals(ctx, kind)
	if len(list) == 0 {
		return nil, err
	}
	return list[len(list)-1], err
}

func (h *history) ReadGlobals(_ context.Context, kind string) (out []*journal.Event, _ error) {
	for _, ev := range h.sim.Log {
		if ev.Partition == journal.Global && ev.Entity == kind {
			out = append(out, ev)
		}
	}
	return out, nil
}

func (h *history) AppendGlobal(_ context.Context, kind string, body *journalv1.Event, _ uint64) (uint64, error) {
	h.sim.AppendGlobal(kind, body)
	return uint64(len(h.sim.Log)), nil
}

// leads gives every lead that the fold knows.
func (h *history) leads() (ids []string) {
	for _, ev := range h.sim.Log {
		if ev.Partition != journal.Global && !slices.Contains(ids, ev.Entity) && h.sim.Entity(fold.Service, ev.Entity) != nil {
			ids = append(ids, ev.Entity)
		}
	}
	slices.Sort(ids)
	return ids
}

// tell tells the rows of what was folded since.
func (h *history) tell(t *rapid.T) {
	h.rows.Folded(changes(slices.DeleteFunc(slices.Clone(h.sim.Log[h.shown:]), func(ev *journal.Event) bool { return ev.Partition == journal.Global })...))
	h.shown = len(h.sim.Log)
	if err := h.rows.catchUp(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// later stretches the moments of a drawn event, milliseconds from 1 to 60, over the year and a half. Many facts share a moment.
func later(body *journalv1.Event) *journalv1.Event {
	body = proto.CloneOf(body)
	move := func(at *timestamppb.Timestamp) {
		if at != nil {
			n := time.Duration(at.AsTime().UnixMilli())
			moved := timestamppb.New(numbersStart.Add(n*9*24*time.Hour + n%7*(time.Hour+977*time.Millisecond)))
			at.Seconds, at.Nanos = moved.GetSeconds(), moved.GetNanos()
		}
	}
	move(body.GetOccurredAt())
	move(body.GetStageChanged().GetAt())
	move(body.GetStageChanged().GetFirstAt())
	move(dealOf(body).GetCreatedAt())
	return body
}

// dealOf gives what an event says of a deal, nil where it says nothing.
func dealOf(b *journalv1.Event) *journalv1.Deal {
	for _, d := range []*journalv1.Deal{
		b.GetDealOpened(), b.GetDealStageChanged(), b.GetDealWon(), b.GetDealLost(), b.GetDealReopened(), b.GetChurned(), b.GetRenewed(),
	} {
		if d != nil {
			return d
		}
	}
	return nil
}

// drawHistory appends a random history: what draw gives, and between it rates and directories.
func drawHistory(t *rapid.T, h *history, leads []string) {
	var drawn reference
	for i := range rapid.IntRange(1, 60).Draw(t, "length") {
		switch rapid.IntRange(0, 12).Draw(t, "global") {
		case 0:
			drawRates(t, h)
		case 1:
			drawDirectory(t, h)
		}
		ev := draw(t, uint64(i+1), leads, drawn)
		if rapid.Bool().Draw(t, "of a deal") { // most numbers of money need several facts of one
			body := &journalv1.Event{Entity: rapid.SampledFrom(leads).Draw(t, "deal's lead"), OccurredAt: timestamppb.New(time.UnixMilli(rapid.Int64Range(1, 60).Draw(t, "said at")))}
			deal(t, body, uint64(i+1))
			ev = &journal.Event{Head: journal.Head{Seq: uint64(i + 1), Entity: body.Entity, Type: body.GetType()}, Body: body}
		}
		drawn.log = append(drawn.log, ev)
		if ev.Origin == nil {
			h.sim.Append(later(ev.Body))
		} else {
			id := fmt.Sprint("cause-", i)
			h.tellers[ev.Origin.Producer].facts[id] = later(ev.Body)
			h.sim.Append(&journalv1.Event{Id: id, Entity: ev.Entity, Type: "form_submitted", Source: "site"})
		}
		if rapid.IntRange(0, 5).Draw(t, "told") == 0 {
			h.tell(t)
		}
	}
	h.tell(t)
}

func drawRates(t *rapid.T, h *history) {
	day := func(what string) string {
		return numbersStart.AddDate(0, 0, 20*rapid.IntRange(-2, 27).Draw(t, what)).Format(time.DateOnly)
	}
	days := []money.Stated{{Day: day("rates' day"), Rates: map[string]string{"USD": rapid.SampledFrom([]string{"1.1", "1.25", "0.987654321"}).Draw(t, "USD")}}}
	if rapid.Bool().Draw(t, "another day") {
		days = append(days, money.Stated{Day: day("other day"), Rates: map[string]string{"USD": "3", "SEK": "11.5"}})
	}
	if _, err := h.ledger.Put(context.Background(), "EUR", days, "ana"); err != nil {
		t.Fatal(err)
	}
}

func drawDirectory(t *rapid.T, h *history) {
	month := func() string {
		return numbersStart.AddDate(0, rapid.IntRange(0, 18).Draw(t, "month of spend"), 0).Format("2006-01")
	}
	currency := func() string { return rapid.SampledFrom([]string{"EUR", "USD", "SEK"}).Draw(t, "spent in") }
	yaml := fmt.Sprintf("campaigns:\n  - {id: q4, channel: ads, spend: [{month: %s, amount: \"1000.01\", currency: %s}]}\n", month(), currency())
	if rapid.Bool().Draw(t, "another campaign") {
		yaml += fmt.Sprintf("  - {id: fair, spend: [{month: %s, amount: \"77\", currency: %s}, {month: %s, amount: \"0.000007\", currency: EUR}]}\n", month(), currency(), month())
	}
	yaml += fmt.Sprintf("costs:\n  - {kind: sales, team: emea, month: %s, amount: \"333.333333\", currency: %s}\n", month(), currency())
	if rapid.Bool().Draw(t, "more costs") {
		yaml += fmt.Sprintf("  - {kind: marketing, month: %s, amount: \"5\", currency: EUR}\n", month())
	}
	h.sim.AppendGlobal(fold.KindDirectory, &journalv1.Event{Type: "directory_changed", Payload: &journalv1.Event_DirectoryChanged{
		DirectoryChanged: &journalv1.DirectoryChanged{Yaml: []byte(yaml)},
	}})
}

func drawNumbersQuery(t *rapid.T, most int, dims ...metrics.Dimension) metrics.Query {
	q := metrics.Query{Now: numbersNow.UnixMilli(), Currency: rapid.SampledFrom([]string{"", "EUR", "USD", "SEK"}).Draw(t, "currency")}
	if rapid.Bool().Draw(t, "window") {
		from := numbersStart.AddDate(0, 0, rapid.IntRange(0, 540).Draw(t, "from"))
		if rapid.Bool().Draw(t, "odd") {
			from = from.Add(11*time.Hour + 7*time.Millisecond)
		}
		q.From = from.UnixMilli()
		if rapid.IntRange(0, 4).Draw(t, "ends") > 0 {
			q.To = from.AddDate(0, 0, rapid.IntRange(1, 300).Draw(t, "days")).UnixMilli()
		}
	}
	q.By = rapid.Permutation(dims).Draw(t, "by")[:rapid.IntRange(0, most).Draw(t, "dimensions")]
	if rapid.IntRange(0, 2).Draw(t, "filter") == 0 {
		d := rapid.SampledFrom(dims).Draw(t, "filter by")
		values := map[metrics.Dimension][]string{
			metrics.ByCampaign: {"q4", metrics.None, metrics.Unassigned}, metrics.ByChannel: {"ads", metrics.None, metrics.Unassigned},
			metrics.ByTeam: {"emea", metrics.None}, metrics.BySource: {"site", "app"}, metrics.ByRep: {"ana", "bo", "dee"},
			metrics.ByMonth: {"2025-03", "2025-07", "2025-10"}, metrics.ByAccount: {"ac-1"}, metrics.ByPersona: {"buyer"},
			metrics.ByReason: {"price", "timing"}, metrics.ByStage: {"won", "mql", "recycled"}, metrics.ByGrade: {"a"}, metrics.ByMember: {"senior"},
		}[d]
		q.Filter = map[metrics.Dimension][]string{d: values[:rapid.IntRange(1, len(values)).Draw(t, "values")]}
	}
	return q
}

// figures are the figures of an answer by what they are; what is absent is 0.
type figures map[string]float64

func (f figures) differ(o figures) (what string) {
	for k := range f {
		if a, b := f[k], o[k]; math.Abs(a-b) > 1e-9*max(1, math.Abs(a), math.Abs(b)) {
			return fmt.Sprintf("%s is %v, want %v", k, a, b)
		}
	}
	for k := range o {
		if _, ok := f[k]; !ok && o[k] != 0 {
			return fmt.Sprintf("%s is absent, want %v", k, o[k])
		}
	}
	return ""
}

// rebuilt folds the whole journal again, each lead's context stored and read between any two of its events.
func (h *history) rebuilt(t *rapid.T) *Rows {
	globals, blobs, s := fold.Logic{}.NewGlobals(), map[string][]byte{}, newStore()
	for _, ev := range h.sim.Log {
		if ev.Partition == journal.Global {
			globals.Apply(ev)
			continue
		}
		if !(fold.Logic{}).Wants(ev.Head) {
			continue
		}
		e, err := fold.Logic{}.Load(ev.Entity, blobs[ev.Entity])
		if err != nil {
			t.Fatal(err)
		}
		e.Apply(globals, ev)
		m := &leadstore.Mutation{}
		blobs[ev.Entity] = e.Save(m)
		maps.Copy(s.rows, m.HSets[fold.RowsHash])
	}
	return New(s, time.Hour, slog.New(slog.DiscardHandler), func() time.Time { return numbersNow })
}

// TestNumbersAgainstReference: over random journals with late, repeated, contradictory, merged and split facts, deals in several
// currencies, rates that come late and are corrected, and spend that is restated, every number is the same from the table that is kept up
// change by change, from one that is made of the journal folded again, and counted the slow way from the journal's facts.
func TestNumbersAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leads := []string{lead(0), lead(1), lead(2), lead(3)}
		slices.Sort(leads)
		h := newHistory()
		drawHistory(t, h, leads)
		spends, rates := h.money(t)
		w := newWorld(h.sim.Log, leads)
		numbers := drawNumbers(t)
		count := func(what string, r *Rows, see func(name string, got figures, answer any)) {
			err := r.View(context.Background(), "", func(tab *table.Table) error {
				for _, n := range numbers {
					got, answer, err := n.count(tab, spends, rates)
					if err != nil {
						return fmt.Errorf("%s of %s: %w", n.name, what, err)
					}
					see(n.name, got, answer)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		answers := map[string]any{}
		i := 0
		count("kept up", h.rows, func(name string, got figures, answer any) {
			if what := got.differ(numbers[i].reference(w)); what != "" {
				t.Fatalf("%s: %s\n%+v\nasked: %+v", name, what, answer, numbers[i].query)
			}
			answers[name], i = answer, i+1
		})
		count("folded again", h.rebuilt(t), func(name string, _ figures, answer any) {
			if !reflect.DeepEqual(answer, answers[name]) {
				t.Fatalf("%s, folded again:\ngot  %+v\nwant %+v", name, answer, answers[name])
			}
		})
	})
}

// money gives what metrics need beside the table, as the service does.
func (h *history) money(t *rapid.T) ([]metrics.Spend, metrics.Converter) {
	records, err := h.ledger.Spend(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var spends []metrics.Spend
	for _, r := range records {
		spends = append(spends, metrics.Spend{
			Month: r.Month, Campaign: r.Campaign, Channel: r.Channel, Team: r.Team, Kind: string(r.Kind), Amount: r.Amount, Currency: r.Currency,
		})
	}
	rates, _, err := h.ledger.Rates(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return spends, between{rates}
}

type between struct{ rates *money.Rates }

func (b between) Convert(amount int64, from, to string, at int64) (int64, bool) {
	v, err := b.rates.Between(amount, from, to, at)
	return v, err == nil
}
