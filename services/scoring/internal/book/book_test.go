package book_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

var (
	kim = &journalv1.Signature{Role: "marketing", By: "kim"}
	ana = &journalv1.Signature{Role: "sales", By: "ana"}
)

func newBook(t *testing.T) *book.Book {
	t.Helper()
	library, err := book.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	return book.New(library, core.Rules{})
}

func change(version int32, what, yaml, of string, signatures ...*journalv1.Signature) *journal.Event {
	return &journal.Event{Body: &journalv1.Event{
		Type: book.TypeOfAgreement, ReceivedAt: timestamppb.New(time.Unix(int64(version), 0)),
		Payload: &journalv1.Event_AgreementChanged{AgreementChanged: &journalv1.AgreementChanged{
			Version: version, Change: what, Yaml: []byte(yaml), Hash: agreement.Hash([]byte(of)), Signatures: signatures, Origin: "file",
		}},
	}}
}

const text = "agreement: one"

func TestLifeOfAVersion(t *testing.T) {
	b := newBook(t)
	if b.Active() != nil || b.Next() != 1 || b.Last("file") != nil {
		t.Fatal("an empty book is not empty")
	}
	b.Apply(change(1, book.Proposed, text, text, kim))
	b.Apply(change(1, book.Activated, "", text))
	if b.Active() != nil || b.Versions()[0].State != book.StateProposed {
		t.Fatal("in force with one signature")
	}
	b.Apply(change(1, book.Signed, "", "another text", ana))
	if len(b.Versions()[0].Signatures) != 1 {
		t.Fatal("a signature under another text counts")
	}
	b.Apply(change(1, book.Signed, "", text, ana))
	b.Apply(change(1, book.Signed, "", text, ana))
	if v := b.Versions()[0]; v.State != book.StateSigned || len(v.Signatures) != 2 {
		t.Fatalf("got %v", v)
	}
	b.Apply(change(1, book.Activated, "", text))
	if b.Active() == nil || b.Active().Version != 1 || b.Rules().Active != b.Active() || b.Version(1) != b.Active() {
		t.Fatal("not in force")
	}
	const second = "agreement: two"
	b.Apply(change(2, book.Proposed, second, second, kim, ana))
	b.Apply(change(2, book.Activated, "", second))
	if b.Active().Version != 2 || b.Versions()[0].State != book.StateSuperseded || b.Version(1) == nil || b.Next() != 3 || b.Last("file").Version != 2 {
		t.Fatal("the second version did not supersede the first")
	}
	b.Apply(change(1, book.Activated, "", text))
	if b.Active().Version != 1 || b.Versions()[1].State != book.StateSuperseded {
		t.Fatal("an earlier version cannot come back")
	}
}

func TestWhatMakesNoSenseIsIgnored(t *testing.T) {
	b := newBook(t)
	const broken = "agreement: x\nfit: [{id: a, points: 1, when: 'lead.title >'}]"
	b.Apply(change(1, book.Proposed, broken, broken, kim, ana))
	b.Apply(change(1, book.Activated, "", broken))
	b.Apply(change(7, book.Activated, "", broken))
	b.Apply(change(1, "burnt", "", broken))
	b.Apply(change(1, book.Proposed, text, text, kim, ana))
	b.Apply(change(0, book.Proposed, text, text))
	b.Apply(&journal.Event{Body: &journalv1.Event{Type: book.TypeOfAgreement}})
	if b.Active() != nil || len(b.Versions()) != 1 {
		t.Fatalf("got %v", b.Versions())
	}
}

func TestWhatIsMissingIsShown(t *testing.T) {
	library, err := book.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := library.Check([]byte("agreement: x\nfit: [{id: a, points: 1, when: 'lead.title >'}]")); err == nil {
		t.Error("an expression that does not compile was accepted")
	}
	if a, err := library.Check([]byte(text)); err != nil || a.Name != "one" {
		t.Errorf("got %v, %v", a, err)
	}
}
