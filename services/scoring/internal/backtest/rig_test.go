package backtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/celrules"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

const oneDay = 24 * time.Hour

// start is a Monday: the first day of ISO week 45.
var (
	start = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	key   = identity.Key("0123456789abcdef0123456789abcdef")
)

func compile(t testing.TB, version int32, yaml string) *core.Agreement {
	t.Helper()
	a, err := agreement.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	c, err := celrules.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Compile(a, version)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// world is a journal with scoring over it, in which one agreement is in force from the first event on.
type world struct {
	*journaltest.Sim
	n int
}

func newWorld(t testing.TB, library *book.Library, yaml string) *world {
	t.Helper()
	w := &world{Sim: journaltest.NewSim(start, fold.NewLogic(library, key))}
	both := []*journalv1.Signature{{Role: "marketing", By: "kim"}, {Role: "sales", By: "ana"}}
	for _, change := range []string{book.Proposed, book.Activated} {
		w.AppendGlobal(book.Kind, &journalv1.Event{Type: book.TypeOfAgreement, Payload: &journalv1.Event_AgreementChanged{AgreementChanged: &journalv1.AgreementChanged{
			Version: 1, Change: change, Yaml: []byte(yaml), Hash: agreement.Hash([]byte(yaml)), Signatures: both,
		}}})
	}
	return w
}

func library(t testing.TB) *book.Library {
	t.Helper()
	l, err := book.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// on moves the clock to a day and appends an input.
func (w *world) on(day float64, lead, eventType string, change ...func(*journalv1.Event)) {
	w.n++
	w.Advance(start.Add(time.Duration(day * float64(oneDay))))
	e := &journalv1.Event{Id: fmt.Sprintf("e%04d", w.n), Source: "site", Entity: lead, Type: eventType, OccurredAt: timestamppb.New(w.Now)}
	for _, c := range change {
		c(e)
	}
	w.Append(e)
}

// directory moves the clock to a day and has the catalogue say what the guide is about.
func (w *world) directory(day float64, topic string) {
	w.Advance(start.Add(time.Duration(day * float64(oneDay))))
	w.AppendGlobal("directory", &journalv1.Event{Type: "directory_changed", Payload: &journalv1.Event_DirectoryChanged{
		DirectoryChanged: &journalv1.DirectoryChanged{Yaml: []byte("assets: [ {id: guide, topic: " + topic + "} ]")},
	}})
}

func asset(id string) func(*journalv1.Event) {
	return func(e *journalv1.Event) { e.Touch = &journalv1.Touch{Asset: id} }
}

func occurred(day float64) func(*journalv1.Event) {
	return func(e *journalv1.Event) {
		e.OccurredAt = timestamppb.New(start.Add(time.Duration(day * float64(oneDay))))
	}
}

func title(s string) func(*journalv1.Event) {
	return func(e *journalv1.Event) { e.Traits = &journalv1.Traits{Title: proto.String(s)} }
}

func employer(domain string) func(*journalv1.Event) {
	return func(e *journalv1.Event) { e.Account = &journalv1.Account{Domain: proto.String(domain)} }
}

func linkedTo(lead string) func(*journalv1.Event) {
	return func(e *journalv1.Event) { e.Payload = &journalv1.Event_Linked{Linked: &journalv1.Linked{To: lead}} }
}

func consent(decision string) func(*journalv1.Event) {
	return func(e *journalv1.Event) {
		e.Payload = &journalv1.Event_ConsentChanged{ConsentChanged: &journalv1.ConsentChanged{Purposes: map[string]string{"profiling": decision}}}
	}
}

// money sets the deal of a deal's fact.
func money(id, amount, currency string) func(*journalv1.Event) {
	return func(e *journalv1.Event) {
		d := &journalv1.Deal{DealId: id, Amount: &journalv1.Money{Amount: amount, Currency: currency}}
		switch e.Type {
		case "deal_won":
			e.Payload = &journalv1.Event_DealWon{DealWon: d}
		case "deal_lost":
			e.Payload = &journalv1.Event_DealLost{DealLost: d}
		case "deal_opened":
			e.Payload = &journalv1.Event_DealOpened{DealOpened: d}
		case "deal_reopened":
			e.Payload = &journalv1.Event_DealReopened{DealReopened: d}
		}
	}
}

// fact appends a fact of another service.
func (w *world) fact(producer, lead string, body *journalv1.Event) {
	body.Entity = lead
	w.Log = append(w.Log, &journal.Event{
		Head: journal.Head{Seq: uint64(len(w.Log) + 1), Logged: w.Now, Entity: lead, Partition: journal.PartitionOf(lead), Type: body.Type,
			Origin: &journal.Origin{Producer: producer, Entity: lead}},
		Body: body,
	})
}

func scan(log []*journal.Event) func(context.Context, uint64, func(*journal.Event) error) error {
	return func(_ context.Context, from uint64, f func(*journal.Event) error) error {
		for _, e := range log {
			if e.Seq >= from {
				if err := f(e); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func email(name string) string { return key.Lead(identity.Email, "", name+"@initech.example") }

func device(name string) string { return key.Lead(identity.Anonymous, "", name) }

func tried(t testing.TB, opt Options) *Report {
	t.Helper()
	opt.Key = key
	r, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
