package apply

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/domains"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/lists"
)

// oneKind is a journal of the facts of one kind.
type oneKind struct{ log []*journalv1.Event }

func (k *oneKind) LastGlobal(context.Context, string) (*journal.Event, error) {
	if len(k.log) == 0 {
		return nil, nil
	}
	return &journal.Event{Head: journal.Head{Seq: uint64(len(k.log))}, Body: k.log[len(k.log)-1]}, nil
}

func (k *oneKind) AppendGlobal(_ context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error) {
	if kind != fold.KindAccounts || last != uint64(len(k.log)) {
		return 0, journal.ErrConflict
	}
	k.log = append(k.log, body)
	return uint64(len(k.log)), nil
}

func listOf(records ...string) (out []AccountChunk) {
	chain := ""
	for i, r := range records {
		chain = lists.Chain(chain, r)
		out = append(out, AccountChunk{Chunk: int32(i), Chunks: int32(len(records)), Records: r})
	}
	for i := range out {
		out[i].Revision = chain
	}
	return out
}

func TestAccountsComeChunkByChunk(t *testing.T) {
	k, d := &oneKind{}, domains.New()
	now := func() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }
	put := func(c AccountChunk) (Progress, error) { return Accounts(t.Context(), k, c, d, now) }
	a := listOf(`{"id":"a1","name":"One"}`, `{"id":"a2","name":"Two"}`)
	b := listOf(`{"id":"b1","name":"One"}`)

	if err := MatchingRules(t.Context(), k, now); err != nil || len(k.log) != 1 {
		t.Fatalf("rules: %v, %d facts", err, len(k.log))
	}
	if _, err := put(a[1]); !errors.Is(err, ErrOtherList) {
		t.Errorf("a second chunk without a first: %v", err)
	}
	if p, err := put(a[0]); err != nil || p.Next != 1 || p.InForce {
		t.Errorf("the first: %+v, %v", p, err)
	}
	if p, err := put(a[0]); err != nil || p.Next != 1 || len(k.log) != 2 {
		t.Errorf("the first again: %+v, %v, %d facts", p, err, len(k.log))
	}
	wrong := a[1]
	wrong.Records = `{"id":"a3","name":"Three"}`
	if _, err := put(wrong); !errors.Is(err, ErrWrongRevision) {
		t.Errorf("another text than the revision's: %v", err)
	}
	if p, err := put(a[1]); err != nil || !p.InForce {
		t.Errorf("the last: %+v, %v", p, err)
	}
	for _, c := range a {
		if p, err := put(c); err != nil || !p.InForce || len(k.log) != 3 {
			t.Errorf("the same list again: %+v, %v, %d facts", p, err, len(k.log))
		}
	}
	if p, err := put(b[0]); err != nil || !p.InForce {
		t.Errorf("another list: %+v, %v", p, err)
	}
	bad := listOf(`{"id":"b 1","name":"One"}`)
	if _, err := put(bad[0]); err == nil || !strings.Contains(err.Error(), "line 1: id") {
		t.Errorf("a bad record: %v", err)
	}
	if err := MatchingRules(t.Context(), k, now); err != nil || len(k.log) != 4 {
		t.Errorf("rules again: %v, %d facts", err, len(k.log))
	}
	var got lists.Assembler
	for i, ev := range k.log {
		got.Apply(uint64(i+1), ev.GetAccountsChanged())
	}
	if got.Rules != core.RulesIndexed || got.InForce == nil || got.InForce.Name != b[0].Revision {
		t.Errorf("folded: %+v", got)
	}
}
