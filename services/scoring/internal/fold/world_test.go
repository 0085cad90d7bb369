package fold_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

const (
	hour = time.Hour
	day  = 24 * time.Hour
)

var (
	start = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	key   = identity.Key("0123456789abcdef0123456789abcdef")
)

// exampleAgreement is the agreement of the documentation.
const exampleAgreement = `agreement: lead-handoff
half_life: 14d
engagement:
  - { id: pricing, on: page_viewed, when: 'event.properties.url.contains("/pricing")', points: 8, cap: {count: 2, per: 1d} }
  - { id: ebook,   on: asset_downloaded, points: 10, half_life: 30d, because: asked for something of worth }
  - { id: webinar, on: event_attended, points: 60 }
  - { id: left,    on: email_unsubscribed, points: -25, half_life: none }
fit:
  - { id: senior,  when: 'lead.title.matches("(?i)\\b(vp|chief|head|director)\\b")', points: 40, because: decides or signs }
  - { id: size,    when: 'account.employees >= 200', points: 40 }
grades: { a: 75, b: 50, c: 25 }
qualify:
  - { id: matrix,     when: 'grade in ["a","b"] && engagement >= 20' }
  - { id: fast-track, on: [demo_requested, meeting_booked], when: 'grade != "d"' }
recycle_reasons: [ {id: timing, wake_after: 90d} ]
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

// world is a journal with scoring over it.
type world struct {
	testing.TB
	*journaltest.Sim
	routes *puppet
	n      int
}

// sharedLibrary compiles each agreement once for all tests.
var onceLibrary = sync.OnceValues(book.NewLibrary)

func sharedLibrary(t testing.TB) *book.Library {
	t.Helper()
	library, err := onceLibrary()
	if err != nil {
		t.Fatal(err)
	}
	return library
}

func newWorld(t testing.TB, yaml string) *world {
	t.Helper()
	library := sharedLibrary(t)
	routes := &puppet{says: map[string]*journalv1.Event{}}
	w := &world{TB: t, Sim: journaltest.NewSim(start, fold.NewLogic(library, key), routes), routes: routes}
	if yaml != "" {
		w.agree(1, yaml)
	}
	return w
}

func (w *world) agree(version int32, yaml string) {
	both := []*journalv1.Signature{{Role: "marketing", By: "kim"}, {Role: "sales", By: "ana"}}
	for _, change := range []string{book.Proposed, book.Activated} {
		w.AppendGlobal(book.Kind, &journalv1.Event{Type: book.TypeOfAgreement, Payload: &journalv1.Event_AgreementChanged{AgreementChanged: &journalv1.AgreementChanged{
			Version: version, Change: change, Yaml: []byte(yaml), Hash: agreement.Hash([]byte(yaml)), Signatures: both,
		}}})
	}
}

// Leads of three people and two devices.
var (
	ana    = key.Lead(identity.Email, "", "ana@initech.example")
	bo     = key.Lead(identity.Email, "", "bo@initech.example")
	anaCRM = key.Lead(identity.ExternalID, "hubspot", "123")
	device = key.Lead(identity.Anonymous, "", "an-7")
	tablet = key.Lead(identity.Anonymous, "", "an-8")
	user   = key.Lead(identity.UserID, "site", "u-1")
)

// event makes an input about a lead, with an id of its own, that happened now.
func (w *world) event(lead, eventType string, change ...func(*journalv1.Event)) *journalv1.Event {
	w.n++
	e := &journalv1.Event{Id: fmt.Sprintf("e%04d", w.n), Source: "site", Entity: lead, Type: eventType, OccurredAt: timestamppb.New(w.Now)}
	switch lead {
	case ana:
		e.Identity = &journalv1.Identity{Email: "ana@initech.example"}
	case bo:
		e.Identity = &journalv1.Identity{Email: "bo@initech.example"}
	case device:
		e.Identity = &journalv1.Identity{AnonymousId: "an-7"}
	}
	for _, c := range change {
		c(e)
	}
	return e
}

func (w *world) sees(lead, eventType string, change ...func(*journalv1.Event)) *journalv1.Event {
	e := w.event(lead, eventType, change...)
	w.Append(e)
	return e
}

func at(t time.Time) func(*journalv1.Event) {
	return func(e *journalv1.Event) { e.OccurredAt = timestamppb.New(t) }
}

func url(u string) func(*journalv1.Event) { return property("url", u) }

func property(name, value string) func(*journalv1.Event) {
	return func(e *journalv1.Event) {
		e.Properties = &structpb.Struct{Fields: map[string]*structpb.Value{name: structpb.NewStringValue(value)}}
	}
}

func vpOfBigCompany(e *journalv1.Event) {
	e.Traits = &journalv1.Traits{Title: proto.String("VP Engineering")}
	e.Account = &journalv1.Account{Name: proto.String("Initech"), Domain: proto.String("initech.example"), Employees: proto.Int32(420)}
}

func consent(purpose, decision string) func(*journalv1.Event) {
	return func(e *journalv1.Event) {
		e.Payload = &journalv1.Event_ConsentChanged{ConsentChanged: &journalv1.ConsentChanged{Purposes: map[string]string{purpose: decision}}}
	}
}

// link states that a lead's identifier was seen together with another's.
func (w *world) link(lead, to string) {
	w.n++
	w.Append(&journalv1.Event{Id: fmt.Sprintf("e%04d", w.n), Source: "site", Entity: lead, Type: "linked", OccurredAt: timestamppb.New(w.Now),
		Payload: &journalv1.Event_Linked{Linked: &journalv1.Linked{To: to, Rank: int32(identity.RankOf(lead)), ToRank: int32(identity.RankOf(to))}}})
}

// routing states a fact as the routing service would.
func (w *world) routing(lead string, e *journalv1.Event) {
	w.n++
	e.Entity = lead
	id := fmt.Sprintf("say%d", w.n)
	w.routes.says[id] = e
	w.Append(&journalv1.Event{Id: id, Source: "test", Entity: "desk", Type: "say"})
}

func routed(handoff, rep string) *journalv1.Event {
	return &journalv1.Event{Type: "routed", Payload: &journalv1.Event_Routed{Routed: &journalv1.Routed{HandoffId: handoff, Rep: rep, Epoch: 1}}}
}

func answered(handoff, disposition, stage string, wakeAt time.Time) *journalv1.Event {
	a := &journalv1.Answered{HandoffId: handoff, Disposition: disposition, Ok: true, Stage: stage, Reason: "timing"}
	if !wakeAt.IsZero() {
		a.WakeAt = timestamppb.New(wakeAt)
	}
	return &journalv1.Event{Type: "answered", Payload: &journalv1.Event_Answered{Answered: a}}
}

// lead gives a lead as it is stored.
func (w *world) lead(id string) *core.Lead {
	w.Helper()
	e := w.Entity(fold.Service, id)
	if e == nil {
		w.Fatalf("%s was never heard of", id)
	}
	l, _, err := fold.DecodeLead(id, e.Save(&leadstore.Mutation{}))
	if err != nil {
		w.Fatal(err)
	}
	return l
}

func (w *world) book() *book.Book { return w.Globals(fold.Service).(*fold.Globals).Book }

func (w *world) score(id string) core.Score { return w.lead(id).Explain(w.book(), w.Now.UnixNano()) }

// stages gives the stages that a lead was stated to enter, in order.
func (w *world) stages(id string) (out []string) {
	for _, f := range w.Facts("stage_changed") {
		if f.Entity == id {
			out = append(out, f.Body.GetStageChanged().To)
		}
	}
	return out
}

func (w *world) wantStages(id string, want ...string) {
	w.Helper()
	if got := w.stages(id); fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("stages of the lead: got %v, want %v", got, want)
	}
}

func (w *world) wantEngagement(id string, points float64) {
	w.Helper()
	if got := w.score(id).Engagement.Points(); got != points {
		w.Errorf("engagement: got %v, want %v", got, points)
	}
}
