package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/accounts"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/lists"
)

// Errors of a chunk that was not taken; nothing was written.
var (
	// ErrOtherList: another list is being applied, or was. Begin again with the first chunk.
	ErrOtherList = errors.New("another list of accounts came between: begin again with its first chunk")
	// ErrWrongRevision: what came is not what the revision names.
	ErrWrongRevision = errors.New("the revision is not that of these chunks: it is the chain of the last one")
)

// AccountChunk is a chunk of a list, as a client sends it.
type AccountChunk struct {
	Revision      string
	Chunk, Chunks int32
	Records       string
}

// Progress says what of a list is in the journal.
type Progress struct {
	// Next is the chunk to be sent next.
	Next    int32
	InForce bool
	// Seq is the place of its last chunk that is there.
	Seq uint64
}

// Accounts appends a chunk of a list of accounts, unless it is there already. The list is in force once its last chunk is in the
// log. Faults in the records come as lists.Fault, joined.
func Accounts(ctx context.Context, g Globals, c AccountChunk, d accounts.Domains, now func() time.Time) (Progress, error) {
	ev, err := g.LastGlobal(ctx, fold.KindAccounts)
	if err != nil {
		return Progress{}, fmt.Errorf("read the list of accounts in force: %w", err)
	}
	var last *journalv1.AccountsChanged
	var seq uint64
	if ev != nil {
		last, seq = ev.Body.GetAccountsChanged(), ev.Seq
	}
	next, before := int32(0), ""
	if last.GetRevision() == c.Revision && last.GetChunks() == c.Chunks {
		next, before = last.GetChunk()+1, last.GetChain()
	}
	switch {
	case next == c.Chunks || c.Chunk < next:
		return Progress{Next: next, InForce: next == c.Chunks, Seq: seq}, nil
	case c.Chunk > next:
		return Progress{}, ErrOtherList
	}
	chain := lists.Chain(before, c.Records)
	if c.Chunk == c.Chunks-1 && chain != c.Revision {
		return Progress{}, ErrWrongRevision
	}
	list, err := lists.Records(c.Records, d)
	if err != nil {
		return Progress{}, err
	}
	packed, err := lists.Pack(list)
	if err != nil {
		return Progress{}, err
	}
	at := timestamppb.New(now())
	seq, err = g.AppendGlobal(ctx, fold.KindAccounts, &journalv1.Event{
		Id: "accounts." + chain, Type: fold.TypeAccountsChanged, Source: OriginAPI, OccurredAt: at, ReceivedAt: at,
		Payload: &journalv1.Event_AccountsChanged{AccountsChanged: &journalv1.AccountsChanged{
			Rules: core.RulesIndexed, Revision: c.Revision, Chunk: c.Chunk, Chunks: c.Chunks, Chain: chain, Accounts: packed, Count: int32(len(list)),
		}},
	}, seq)
	switch {
	case errors.Is(err, journal.ErrConflict):
		return Progress{}, ErrOtherList
	case err != nil:
		return Progress{}, fmt.Errorf("append a chunk of the list of accounts: %w", err)
	}
	return Progress{Next: c.Chunk + 1, InForce: c.Chunk+1 == c.Chunks, Seq: seq}, nil
}

// MatchingRules states that the rules of matching that this program knows are in force from here on, if the journal does not say so
// yet. What stands before is matched in replay as it was.
func MatchingRules(ctx context.Context, g Globals, now func() time.Time) error {
	_, err := replace(ctx, g, fold.KindAccounts, now, func(last *journalv1.Event) *journalv1.Event {
		if last.GetAccountsChanged().GetRules() >= core.RulesIndexed {
			return nil
		}
		return &journalv1.Event{Id: "accounts.rules.1", Type: fold.TypeAccountsChanged, Source: OriginFile, Payload: &journalv1.Event_AccountsChanged{
			AccountsChanged: &journalv1.AccountsChanged{Rules: core.RulesIndexed},
		}}
	})
	return err
}
