package apply_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/apply"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

func newContract(t testing.TB, g apply.Globals) *apply.Contract {
	t.Helper()
	library, err := book.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	return &apply.Contract{Globals: g, Library: library, Now: time.Now}
}

func TestAVersionsWayIntoForce(t *testing.T) {
	g := &globals{}
	c := newContract(t, g)
	ctx := t.Context()
	text := []byte("agreement: one\nsignatures: [{role: marketing, by: kim}, {role: sales, by: ana}]")

	v, seq, err := c.Propose(ctx, text, "kim")
	if err != nil || v.Version != 1 || seq != 10 || v.State != book.StateProposed || v.ProposedBy != "kim" || len(v.Signatures) != 0 {
		t.Fatalf("proposed: %v, %d, %v: what the text says of signatures counts in the file alone", v, seq, err)
	}
	if v, seq, err = c.Propose(ctx, text, "bo"); err != nil || v.Version != 1 || seq != 0 {
		t.Fatalf("proposed again: %v, %d, %v", v, seq, err)
	}
	refuse := func(want error, err error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Fatalf("want %v, have %v", want, err)
		}
	}
	sign := func(version int32, hash, name, role string) error {
		_, _, err := c.Sign(ctx, version, hash, apply.Signer{Name: name, Role: role})
		return err
	}
	activate := func(version int32, from time.Time) error {
		_, _, err := c.Activate(ctx, version, from, "kim")
		return err
	}
	refuse(apply.ErrNotSigned, activate(1, time.Time{}))
	refuse(apply.ErrUnknown, sign(2, v.Hash, "kim", "marketing"))
	refuse(apply.ErrOtherText, sign(1, agreement.Hash([]byte("another")), "kim", "marketing"))
	refuse(nil, sign(1, v.Hash, "kim", "marketing"))
	refuse(nil, sign(1, v.Hash, "kim", "marketing"))
	refuse(apply.ErrSameSigner, sign(1, v.Hash, "kim", "sales"))
	refuse(apply.ErrNotSigned, activate(1, time.Time{}))
	refuse(nil, sign(1, v.Hash, "ana", "sales"))
	refuse(nil, activate(1, time.Time{}))
	refuse(nil, activate(1, time.Time{}))
	wantSaid(t, g, "1 proposed", "1 signed", "1 signed", "1 activated")

	// A second version supersedes it, and the first may come back.
	two, _, err := c.Propose(ctx, []byte("agreement: two"), "ana")
	refuse(nil, err)
	alone := apply.Signer{Name: "local", Role: "marketing", Alone: true}
	for _, alone.Role = range []string{"marketing", "sales"} {
		if _, _, err := c.Sign(ctx, 2, two.Hash, alone); err != nil {
			t.Fatal(err)
		}
	}
	refuse(nil, activate(2, time.Time{}))
	if v, _, err = c.Activate(ctx, 1, time.Time{}, "kim"); err != nil || v.State != book.StateActive {
		t.Fatalf("back to the first: %v, %v", v, err)
	}
	if _, _, err := c.Propose(ctx, []byte("agreement: [broken"), "kim"); !errors.As(err, new(agreement.Errors)) {
		t.Fatalf("a broken text: %v", err)
	}
}

// versions reads what a journal holds, as a reader of its own.
type versions struct{ *globals }

func (v versions) Book(ctx context.Context) (*book.Book, error) {
	library, err := book.NewLibrary()
	if err != nil {
		return nil, err
	}
	b := book.New(library, fold.Names())
	for _, f := range v.facts {
		b.Apply(f)
	}
	return b, nil
}

// TestPlannedActivation: the plan stands in the journal; whoever runs when its moment comes carries it out, once.
func TestPlannedActivation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &globals{}
		c := newContract(t, g)
		v, _, err := c.Propose(t.Context(), []byte("agreement: one"), "kim")
		if err != nil {
			t.Fatal(err)
		}
		for name, role := range map[string]string{"kim": "marketing", "ana": "sales"} {
			if _, _, err := c.Sign(t.Context(), 1, v.Hash, apply.Signer{Name: name, Role: role}); err != nil {
				t.Fatal(err)
			}
		}
		from := time.Now().Add(time.Hour)
		for _, at := range []time.Time{from.Add(time.Hour), from, from} { // changed once, and said again
			if v, _, err = c.Activate(t.Context(), 1, at, "kim"); err != nil || v.State != book.StateSigned || !v.ActivateAt.AsTime().Equal(at) {
				t.Fatalf("%v, %v", v, err)
			}
		}
		g.fail = []error{journal.ErrUnavailable}
		ctx, stop := context.WithCancel(t.Context())
		for range 2 {
			p := &apply.Planned{Versions: versions{g}, Contract: c, Log: slog.New(slog.DiscardHandler)}
			go p.Run(ctx)
		}
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		wantSaid(t, g, "1 proposed", "1 signed", "1 signed", "1 scheduled", "1 scheduled")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		wantSaid(t, g, "1 proposed", "1 signed", "1 signed", "1 scheduled", "1 scheduled", "1 activated")
		b, err := versions{g}.Book(ctx)
		if err != nil || b.Active() == nil || b.Find(1).ActivateAt != nil {
			t.Fatalf("%v, %v", b.Find(1), err)
		}
		stop()
		synctest.Wait()
	})
}

// meddling lets somebody else's change in between a read and the write that follows it.
type meddling struct {
	*globals
	between func()
}

func (m *meddling) AppendGlobal(ctx context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error) {
	if f := m.between; f != nil {
		m.between = nil
		f()
	}
	return m.globals.AppendGlobal(ctx, kind, body, last)
}

// TestWhateverTheOrder: whatever two people do, and however their changes meet, at most one version is in force, nothing is
// that both teams have not signed, and no version's text ever changes.
func TestWhateverTheOrder(t *testing.T) {
	library := newContract(t, nil).Library
	rapid.Check(t, func(t *rapid.T) {
		g := &globals{}
		m := &meddling{globals: g}
		mine, theirs := &apply.Contract{Globals: m, Library: library, Now: time.Now}, &apply.Contract{Globals: g, Library: library, Now: time.Now}
		texts := map[int32]string{}
		act := func(c *apply.Contract, who string) {
			version := rapid.Int32Range(1, 3).Draw(t, "version")
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				_, _, _ = c.Propose(context.Background(), fmt.Appendf(nil, "agreement: a%d", version), who)
			case 1:
				if b, _ := (versions{g}).Book(context.Background()); b.Find(version) != nil {
					_, _, _ = c.Sign(context.Background(), version, b.Find(version).Hash, apply.Signer{Name: who, Role: rapid.SampledFrom([]string{"marketing", "sales"}).Draw(t, "role")})
				}
			case 2:
				_, _, _ = c.Activate(context.Background(), version, time.Time{}, who)
			}
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "meddle") {
				m.between = func() { act(theirs, "bo") }
			}
			act(mine, rapid.SampledFrom([]string{"kim", "ana"}).Draw(t, "who"))
			m.between = nil
			b, err := versions{g}.Book(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			check(t, b.Versions(), texts)
		}
	})
}

func check(t *rapid.T, all []*agreementv1.Agreement, texts map[int32]string) {
	active := 0
	for _, v := range all {
		if v.State == book.StateActive {
			active++
		}
		if (v.State == book.StateActive || v.State == book.StateSuperseded) && !book.BothSigned(v) {
			t.Fatalf("in force without both signatures: %v", v)
		}
		by := map[string]string{}
		for _, s := range v.Signatures {
			if role, ok := by[s.By]; ok && role != s.Role {
				t.Fatalf("%s has signed for both teams", s.By)
			}
			by[s.By] = s.Role
		}
		if old, known := texts[v.Version]; known && old != v.Yaml {
			t.Fatalf("version %d has changed", v.Version)
		}
		texts[v.Version] = v.Yaml
	}
	if active > 1 {
		t.Fatalf("%d versions are in force", active)
	}
}
