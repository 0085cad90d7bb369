package apply_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/apply"
	"github.com/batonhq/baton/services/scoring/internal/book"
)

// globals is the agreement's subject of a journal; fail makes the next calls fail.
type globals struct {
	facts []*journal.Event
	fail  []error
}

func (g *globals) ReadGlobals(context.Context, string) ([]*journal.Event, error) { return g.facts, nil }

func (g *globals) AppendGlobal(_ context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error) {
	if len(g.fail) > 0 {
		err := g.fail[0]
		if g.fail = g.fail[1:]; err != nil {
			return 0, err
		}
	}
	if last != uint64(len(g.facts))*10 {
		return 0, fmt.Errorf("%w: last is not %d", journal.ErrConflict, last)
	}
	seq := last + 10
	g.facts = append(g.facts, &journal.Event{Head: journal.Head{Seq: seq, Entity: kind, Type: body.Type, Partition: journal.Global}, Body: body})
	return seq, nil
}

func contract(library *book.Library, g *globals) *apply.Contract {
	return &apply.Contract{Globals: g, Library: library, Now: time.Now}
}

func (g *globals) said() (out []string) {
	for _, f := range g.facts {
		c := f.Body.GetAgreementChanged()
		out = append(out, fmt.Sprint(c.Version, " ", c.Change))
	}
	return out
}

func (g *globals) apply(t *testing.T, text string) (logged string) {
	t.Helper()
	library, err := book.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	f, err := apply.NewFile([]byte(text), contract(library, g), slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const (
	signed   = "agreement: one\nsignatures: [{role: marketing, by: kim}, {role: sales, by: ana}]"
	signed2  = "agreement: two\nsignatures: [{role: marketing, by: kim}, {role: sales, by: ana}]"
	unsigned = "agreement: three\nsignatures: [{role: marketing, by: kim}]"
)

func wantSaid(t *testing.T, g *globals, want ...string) {
	t.Helper()
	if got := g.said(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestASignedFileComesIntoForceOnce(t *testing.T) {
	g := &globals{}
	for range 3 {
		g.apply(t, signed)
	}
	wantSaid(t, g, "1 proposed", "1 activated")
	if c := g.facts[0].Body.GetAgreementChanged(); string(c.Yaml) != signed || c.Hash != agreement.Hash([]byte(signed)) || c.Origin != "file" || len(c.Signatures) != 2 {
		t.Errorf("got %v", c)
	}
	g.apply(t, signed2)
	g.apply(t, signed) // back to the first text: a new version
	wantSaid(t, g, "1 proposed", "1 activated", "2 proposed", "2 activated", "3 proposed", "3 activated")
}

func TestAnUnsignedFileIsOnlyProposedAndSaysSo(t *testing.T) {
	g := &globals{}
	for range 2 { // at every start
		if logged := g.apply(t, unsigned); !strings.Contains(logged, "NOT IN FORCE") || !strings.Contains(logged, "WARN") {
			t.Errorf("logged %s", logged)
		}
	}
	wantSaid(t, g, "1 proposed")
}

func TestAStartThatWasCutShortIsFinished(t *testing.T) {
	g := &globals{}
	g.apply(t, signed)
	g.facts = g.facts[:1] // the process died before the version was activated
	g.apply(t, signed)
	wantSaid(t, g, "1 proposed", "1 activated")
}

func TestAnotherOriginsVersionsAreLeftAlone(t *testing.T) {
	g := &globals{}
	g.apply(t, signed)
	byAPI := &journalv1.AgreementChanged{Yaml: []byte(signed2), Hash: agreement.Hash([]byte(signed2)),
		Signatures: []*journalv1.Signature{{Role: "marketing", By: "x"}, {Role: "sales", By: "y"}}}
	for _, change := range []string{book.Proposed, book.Activated} {
		c := &journalv1.AgreementChanged{Version: 2, Change: change, Yaml: byAPI.Yaml, Hash: byAPI.Hash, Origin: "api", Signatures: byAPI.Signatures}
		if _, err := g.AppendGlobal(t.Context(), book.Kind, &journalv1.Event{Payload: &journalv1.Event_AgreementChanged{AgreementChanged: c}}, uint64(len(g.facts))*10); err != nil {
			t.Fatal(err)
		}
	}
	g.apply(t, signed) // unchanged since: the version made over the API stays in force
	wantSaid(t, g, "1 proposed", "1 activated", "2 proposed", "2 activated")
}

func TestTroubleIsWaitedOut(t *testing.T) {
	g := &globals{fail: []error{journal.ErrUnavailable, journal.ErrConflict, nil, journal.ErrConflict}}
	g.apply(t, signed)
	wantSaid(t, g, "1 proposed", "1 activated")
}

func TestWhatCanNeverBeWrittenIsAnError(t *testing.T) {
	library, err := book.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	g := &globals{fail: []error{journal.ErrTooLarge}}
	f, err := apply.NewFile([]byte(signed), contract(library, g), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Apply(t.Context()); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := apply.NewFile([]byte("agreement: x\nfit: [{id: a, points: 1, when: 'lead.title >'}]"), contract(library, g), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("an expression that does not compile was accepted")
	}
}
