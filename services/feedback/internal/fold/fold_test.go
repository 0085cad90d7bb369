package fold

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
)

var (
	key   = identity.Key("a key for tests")
	day   = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	ana   = key.Lead(identity.Email, "", "ana@initech.example")
	phone = key.Lead(identity.Anonymous, "", "an-7")
)

// decider stands in for the service that decides about leads: it states what the test has told it to state about an input.
type decider struct {
	name  string
	facts map[string][]*journalv1.Event // by the input's id
}

func (d *decider) Service() string                             { return d.name }
func (d *decider) Wants(h journal.Head) bool                   { return h.Origin == nil }
func (d *decider) NewGlobals() journal.Globals                 { return new(Globals) }
func (d *decider) Load(string, []byte) (journal.Entity, error) { return decides{decider: d}, nil }

type decides struct {
	journaltest.Stateless
	*decider
}

func (d decides) Decide(_ journal.Globals, ev *journal.Event, to *journal.Decision) {
	for _, f := range d.facts[ev.Body.GetId()] {
		to.Fact(f.GetEntity(), f)
	}
}

func input(id, lead string) *journalv1.Event {
	return &journalv1.Event{Id: id, Entity: lead, Type: "form_submitted", Source: "site"}
}

func moved(lead, to string, epoch int32, at time.Time, first time.Time, channel string) *journalv1.Event {
	return &journalv1.Event{Entity: lead, Type: typeStageChanged, Payload: &journalv1.Event_StageChanged{StageChanged: &journalv1.StageChanged{
		To: to, Epoch: epoch, At: timestamppb.New(at), FirstAt: timestamppb.New(first), Channel: channel, Source: "site", Highest: to,
	}}}
}

func merged(lead, into string) *journalv1.Event {
	return &journalv1.Event{Entity: lead, Type: typeMergedInto, Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: into}}}
}

func splitOff(lead, from string) *journalv1.Event {
	return &journalv1.Event{Entity: lead, Type: typeSplitOff, Payload: &journalv1.Event_SplitOff{SplitOff: &journalv1.SplitOff{Origin: lead, From: from}}}
}

func answered(lead, request string, ok bool) *journalv1.Event {
	return &journalv1.Event{Entity: lead, Type: typeAnswered, Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{
		RequestId: request, Ok: ok, Disposition: "accepted", Rep: "ana", Stage: "accepted", HandoffId: "ho_1",
	}}}
}

// count counts the funnel of rows, by id.
func count(rows map[string]*core.Row) core.Funnel {
	b := core.NewBook()
	_ = b.Update(slices.Sorted(maps.Keys(rows)), func([]string) (map[string]*core.Row, error) { return rows, nil })
	return core.Count(b.Table, core.Query{})
}

// A visitor comes by an ad, becomes known, qualifies and buys; the funnel has one lead, who came by the ad.
func TestStory(t *testing.T) {
	scoring := &decider{name: "scoring", facts: map[string][]*journalv1.Event{
		"visit": {moved(phone, "inquiry", 1, day, day, "ads")},
		"form": {
			moved(ana, "inquiry", 1, day.Add(time.Hour), day.Add(time.Hour), "direct"),
			moved(ana, "mql", 1, day.Add(time.Hour), day.Add(time.Hour), "direct"),
		},
		"linked": {merged(phone, ana)},
		"split":  {splitOff(phone, ana), {Entity: ana, Type: typeSplitOff, Payload: splitOff(phone, ana).Payload}},
		"won":    {moved(ana, "won", 1, day.Add(50*time.Hour), day, "ads")},
	}}
	routing := &decider{name: "routing", facts: map[string][]*journalv1.Event{"req-1": {answered(ana, "req-1", true)}}}
	sim := journaltest.NewSim(day, scoring, routing, Logic{})
	sim.Append(input("visit", phone), input("form", ana), input("linked", phone), input("req-1", ana), input("won", ana))
	// What outsiders claim is not what scoring decides.
	forged := moved(ana, "lost", 1, day, day, "ads")
	forged.Id = "forged"
	sim.Append(forged)

	rows := map[string]*core.Row{}
	for _, id := range []string{ana, phone} {
		rows[id] = sim.Entity(Service, id).(*Lead).Row()
	}
	f := count(rows)
	if f.Leads != 1 || len(f.ByChannel) != 1 || f.ByChannel[0].Name != "ads" || f.ByChannel[0].Won != 1 || f.ByChannel[0].Qualified != 1 {
		t.Fatalf("%+v", f)
	}
	if got := rows[ana].Current(); got != "won" {
		t.Errorf("current: %s", got)
	}
	sim.Append(input("split", phone))
	for _, id := range []string{ana, phone} {
		rows[id] = sim.Entity(Service, id).(*Lead).Row()
	}
	if f := count(rows); f.Leads != 2 || rows[phone].MergedInto != "" || rows[phone].LeftFrom != ana || rows[ana].LeftFrom != "" {
		t.Errorf("after a split: %+v, %+v", f, rows[phone])
	}
	_, answers, err := ReadState(sim.Entity(Service, ana).Save(&leadstore.Mutation{}))
	if err != nil || len(answers) != 1 || answers[0].GetRequestId() != "req-1" || !answers[0].GetOk() || answers[0].GetSequence() == 0 {
		t.Errorf("answers: %v, %v", answers, err)
	}
}

func TestWants(t *testing.T) {
	scoring, routing := &journal.Origin{Producer: "scoring"}, &journal.Origin{Producer: "routing"}
	for name, c := range map[string]struct {
		h    journal.Head
		want bool
	}{
		"a stage":                   {journal.Head{Entity: ana, Type: typeStageChanged, Origin: scoring}, true},
		"a merge":                   {journal.Head{Entity: ana, Type: typeMergedInto, Origin: scoring}, true},
		"a split":                   {journal.Head{Entity: ana, Type: typeSplitOff, Origin: scoring}, true},
		"a split that is claimed":   {journal.Head{Entity: ana, Type: typeSplitOff}, false},
		"an answer":                 {journal.Head{Entity: ana, Type: typeAnswered, Origin: routing}, true},
		"a stage that is an input":  {journal.Head{Entity: ana, Type: typeStageChanged}, false},
		"a stage from routing":      {journal.Head{Entity: ana, Type: typeStageChanged, Origin: routing}, false},
		"an answer from scoring":    {journal.Head{Entity: ana, Type: typeAnswered, Origin: scoring}, false},
		"an answer at the desk":     {journal.Head{Entity: identity.Desk, Type: typeAnswered, Origin: routing}, false},
		"a call":                    {journal.Head{Entity: ana, Type: typeCallLogged}, true},
		"a deal":                    {journal.Head{Entity: ana, Type: "deal_won"}, true},
		"a deal that is passed on":  {journal.Head{Entity: ana, Type: "deal_won", Origin: scoring}, false},
		"why it qualified":          {journal.Head{Entity: ana, Type: typeQualified, Origin: scoring}, true},
		"who has it":                {journal.Head{Entity: ana, Type: typeRouted, Origin: routing}, true},
		"who has it, from scoring":  {journal.Head{Entity: ana, Type: typeRouted, Origin: scoring}, false},
		"an engagement":             {journal.Head{Entity: ana, Type: "page_viewed"}, false},
		"a shadow's stage":          {journal.Head{Entity: ana, Type: "shadow_qualified", Origin: scoring}, false},
		"a type of a later version": {journal.Head{Entity: ana, Type: "stage_forecast", Origin: scoring}, false},
	} {
		if got := (Logic{}).Wants(c.h); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Events that make no sense change nothing and break nothing.
func TestApplyTakesAnything(t *testing.T) {
	for _, body := range []*journalv1.Event{
		{Type: typeStageChanged},
		{Type: typeStageChanged, Payload: &journalv1.Event_StageChanged{}},
		{Type: typeMergedInto, Payload: &journalv1.Event_Answered{}},
		{Type: typeMergedInto, Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: ana}}},
		{Type: typeSplitOff},
		{Type: typeAnswered},
		{Type: typeAnswered, Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{Ok: true}}},
	} {
		e, err := Logic{}.Load(ana, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, producer := range []string{"scoring", "routing"} {
			e.Apply(nil, &journal.Event{Head: journal.Head{Entity: ana, Type: body.GetType(), Origin: &journal.Origin{Producer: producer, Cause: 1}}, Body: body})
		}
		m := &leadstore.Mutation{}
		if blob := e.Save(m); len(m.HSets) != 0 || len(blob) > 8 {
			t.Errorf("%v left %v and %x", body, m.HSets, blob)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	e, _ := Logic{}.Load(ana, nil)
	for i := range 3 * keptAnswers {
		body := answered(ana, fmt.Sprint("req-", i), false)
		e.Apply(nil, &journal.Event{Head: journal.Head{Seq: uint64(i + 1), Entity: ana, Type: typeAnswered, Origin: &journal.Origin{Producer: "routing"}}, Body: body})
	}
	_, answers, _ := ReadState(e.Save(&leadstore.Mutation{}))
	if len(answers) != keptAnswers || answers[keptAnswers-1].GetRequestId() != fmt.Sprint("req-", 3*keptAnswers-1) {
		t.Fatalf("%v", answers)
	}
}

func TestLoadRefusesWhatItCannotRead(t *testing.T) {
	if _, err := (Logic{}).Load(ana, []byte{0xff, 0xff}); err == nil {
		t.Fatal("no error")
	}
	if _, err := ReadRow([]byte{0xff}); err == nil {
		t.Fatal("no error")
	}
}

// TestSaveAndLoad folds random events, saving and loading at random moments: states and bytes are those of a fold in one go.
func TestSaveAndLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		straight, _ := Logic{}.Load(ana, nil)
		broken, _ := Logic{}.Load(ana, nil)
		for i := range rapid.IntRange(1, 25).Draw(t, "events") {
			ev := event(t, uint64(i+1))
			if a, b := straight.Apply(nil, ev), broken.Apply(nil, ev); a != b {
				t.Fatalf("outcomes %v and %v of %v", a, b, ev.Body)
			}
			if rapid.Bool().Draw(t, "restart") {
				var err error
				if broken, err = (Logic{}).Load(ana, broken.Save(&leadstore.Mutation{})); err != nil {
					t.Fatal(err)
				}
			}
		}
		m := &leadstore.Mutation{}
		want := straight.Save(m)
		if got := broken.Save(&leadstore.Mutation{}); !bytes.Equal(got, want) {
			t.Fatalf("saved and loaded: %x, in one go: %x", got, want)
		}
		row := straight.(*Lead).Row()
		if field := m.HSets[RowsHash][ana]; field != nil {
			stored, err := ReadRow(field)
			if err != nil || !reflect.DeepEqual(normal(stored), normal(row)) {
				t.Fatalf("stored %+v\nwant   %+v, %v", stored, row, err)
			}
		} else if !reflect.DeepEqual(normal(row), normal(new(core.Row))) {
			t.Fatalf("no field for %+v", row)
		}
	})
}

// normal evens out nil and empty slices.
func normal(r *core.Row) string { return fmt.Sprintf("%+v", *r) }

func event(t *rapid.T, seq uint64) *journal.Event {
	var body *journalv1.Event
	producer := "scoring"
	switch rapid.IntRange(0, 12).Draw(t, "kind") {
	case 7:
		body = anyDeal(t, ana)
	case 8:
		body = called(ana, time.UnixMilli(rapid.Int64Range(0, 1e12).Draw(t, "call")).UTC())
	case 9:
		body = qualified(ana, rapid.Int32Range(-1, 3).Draw(t, "epoch"), rapid.SampledFrom([]string{"", "matrix"}).Draw(t, "rule"), "a", 80, 31)
	case 10:
		body, producer = routed(ana, rapid.Int32Range(0, 3).Draw(t, "epoch"), rapid.SampledFrom([]string{"", "ana", "bo"}).Draw(t, "rep")), "routing"
	case 11:
		body, producer = reassigned(ana, rapid.Int32Range(1, 3).Draw(t, "epoch"), "bo"), "routing"
	case 12:
		body, producer = breached(ana, rapid.Int32Range(1, 3).Draw(t, "epoch"), rapid.SampledFrom([]string{"accept", "contact", "?"}).Draw(t, "clock")), "routing"
	case 6:
		body = splitOff(ana, rapid.SampledFrom([]string{"ld_1", "ld_2"}).Draw(t, "from"))
	case 0:
		body = merged(ana, rapid.SampledFrom([]string{"ld_1", "ld_2"}).Draw(t, "into"))
	case 1:
		body, producer = answered(ana, fmt.Sprint("req-", rapid.IntRange(0, 20).Draw(t, "request")), rapid.Bool().Draw(t, "ok")), "routing"
	default:
		at := time.UnixMilli(rapid.Int64Range(-1000, 1e12).Draw(t, "at")).UTC()
		body = moved(ana, rapid.SampledFrom([]string{"", "inquiry", "mql", "won", "nurture"}).Draw(t, "to"), rapid.Int32Range(-1, 3).Draw(t, "epoch"),
			at, time.UnixMilli(rapid.Int64Range(0, 1e12).Draw(t, "first")).UTC(), rapid.StringN(0, 3, 6).Draw(t, "channel"))
	}
	ev := &journal.Event{Head: journal.Head{Seq: seq, Entity: ana, Type: body.GetType(), Origin: &journal.Origin{Producer: producer, Cause: seq}}, Body: body}
	if body.GetSource() != "" {
		ev.Origin = nil // from outside
	}
	return ev
}
