package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// OriginAPI is the origin of versions that somebody proposed over the API.
const OriginAPI = "api"

// Why a change is refused. Nothing was written then.
var (
	// ErrUnknown: there is no such version.
	ErrUnknown = errors.New("there is no such version of the agreement")
	// ErrOtherText: what was signed is another text. Read the version again, and sign its hash.
	ErrOtherText = errors.New("the hash is not that of the version's text")
	// ErrSameSigner: one person cannot sign for both teams.
	ErrSameSigner = errors.New("the same person has signed for the other team")
	// ErrNotSigned: marketing and sales have not both signed.
	ErrNotSigned = errors.New("marketing and sales have not both signed it")
)

// Globals reads and writes the journal's global facts.
type Globals interface {
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
	AppendGlobal(ctx context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error)
}

// Contract takes versions of the agreement through their life. Each change is decided on the versions as they stand in the
// journal and written only if none came between, so that two who change at once never do so by the same state.
type Contract struct {
	Globals Globals
	Library *book.Library
	Now     func() time.Time
}

// Propose states a text as the next version. One that is known and was not superseded is not proposed again: then seq is 0.
// The error wraps an agreement.Errors where the text is no agreement.
func (c *Contract) Propose(ctx context.Context, text []byte, by string) (v *agreementv1.Agreement, seq uint64, err error) {
	if _, err := c.Library.Check(text); err != nil {
		return nil, 0, err
	}
	hash := agreement.Hash(text)
	b, seq, err := c.change(ctx, func(b *book.Book) (*journalv1.AgreementChanged, error) {
		if b.Same(hash) != nil {
			return nil, nil
		}
		return &journalv1.AgreementChanged{Version: b.Next(), Change: book.Proposed, Yaml: text, Hash: hash, Origin: OriginAPI, By: by}, nil
	})
	if err != nil {
		return nil, 0, err
	}
	return b.Same(hash), seq, nil
}

// Signer is who signs, and for which team. Alone: nobody else is there to sign for the other team, as where no tokens are
// configured and Baton serves one machine.
type Signer struct {
	Name, Role string
	Alone      bool
}

// Sign states that somebody signs the text with a hash. A signature that is there is not made again: then seq is 0.
func (c *Contract) Sign(ctx context.Context, version int32, hash string, s Signer) (v *agreementv1.Agreement, seq uint64, err error) {
	return c.changeOf(ctx, version, func(v *agreementv1.Agreement) (*journalv1.AgreementChanged, error) {
		if v.Hash != hash {
			return nil, ErrOtherText
		}
		for _, known := range v.Signatures {
			switch {
			case known.By != s.Name:
			case known.Role == s.Role:
				return nil, nil
			case !s.Alone:
				return nil, ErrSameSigner
			}
		}
		return &journalv1.AgreementChanged{
			Change: book.Signed, Hash: hash, By: s.Name, Signatures: []*journalv1.Signature{{Role: s.Role, By: s.Name}},
		}, nil
	})
}

// Activate puts a version in force: at once, or from a later moment on. A version that was superseded may be put in force
// again. Where it is in force already, or planned for that very moment, seq is 0.
func (c *Contract) Activate(ctx context.Context, version int32, from time.Time, by string) (v *agreementv1.Agreement, seq uint64, err error) {
	later := from.After(c.Now())
	return c.changeOf(ctx, version, func(v *agreementv1.Agreement) (*journalv1.AgreementChanged, error) {
		switch {
		case !book.BothSigned(v):
			return nil, ErrNotSigned
		case v.State == book.StateActive, later && v.ActivateAt != nil && v.ActivateAt.AsTime().Equal(from):
			return nil, nil
		case later:
			return &journalv1.AgreementChanged{Change: book.Scheduled, Hash: v.Hash, By: by, From: timestamppb.New(from)}, nil
		}
		return &journalv1.AgreementChanged{Change: book.Activated, Hash: v.Hash, By: by}, nil
	})
}

// ActivateDue puts the versions in force whose planned moment has come. Several processes may do so at once.
func (c *Contract) ActivateDue(ctx context.Context) error {
	_, _, err := c.change(ctx, func(b *book.Book) (*journalv1.AgreementChanged, error) {
		v := b.Due(c.Now())
		if v == nil {
			return nil, nil
		}
		return &journalv1.AgreementChanged{Version: v.Version, Change: book.Activated, Hash: v.Hash, From: v.ActivateAt}, nil
	})
	return err
}

// changeOf changes one version, and gives it as it is then.
func (c *Contract) changeOf(ctx context.Context, version int32, decide func(*agreementv1.Agreement) (*journalv1.AgreementChanged, error)) (*agreementv1.Agreement, uint64, error) {
	return c.changeIn(ctx, version, func(_ *book.Book, v *agreementv1.Agreement) (*journalv1.AgreementChanged, error) {
		return decide(v)
	})
}

// changeIn is changeOf for what depends on the other versions, too.
func (c *Contract) changeIn(ctx context.Context, version int32, decide func(*book.Book, *agreementv1.Agreement) (*journalv1.AgreementChanged, error)) (*agreementv1.Agreement, uint64, error) {
	b, seq, err := c.change(ctx, func(b *book.Book) (*journalv1.AgreementChanged, error) {
		v := b.Find(version)
		if v == nil {
			return nil, ErrUnknown
		}
		change, err := decide(b, v)
		if change != nil {
			change.Version = version
		}
		return change, err
	})
	if err != nil {
		return nil, 0, err
	}
	return b.Find(version), seq, nil
}

// change writes what decide makes of the versions, nothing where it gives none, and gives the versions as they are then.
// It decides again where another change came between.
func (c *Contract) change(ctx context.Context, decide func(*book.Book) (*journalv1.AgreementChanged, error)) (*book.Book, uint64, error) {
	for {
		b, last, err := c.read(ctx)
		if err != nil {
			return nil, 0, err
		}
		change, err := decide(b)
		if err != nil || change == nil {
			return b, 0, err
		}
		ev, seq, err := c.append(ctx, change, last)
		switch {
		case err == nil:
			b.Apply(ev)
			return b, seq, nil
		case !errors.Is(err, journal.ErrConflict) || ctx.Err() != nil:
			return nil, 0, err
		}
	}
}

func (c *Contract) read(ctx context.Context) (*book.Book, uint64, error) {
	facts, err := c.Globals.ReadGlobals(ctx, book.Kind)
	if err != nil {
		return nil, 0, fmt.Errorf("read the agreement's versions: %w", err)
	}
	b, last := book.New(c.Library, fold.Names()), uint64(0)
	for _, fact := range facts {
		b.Apply(fact)
		last = fact.Seq
	}
	return b, last, nil
}

func (c *Contract) append(ctx context.Context, change *journalv1.AgreementChanged, last uint64) (*journal.Event, uint64, error) {
	now := timestamppb.New(c.Now())
	body := &journalv1.Event{
		Id: fmt.Sprintf("agreement-%d-%s-%d", change.Version, change.Change, last), Type: book.TypeOfAgreement, Source: fold.Service, OccurredAt: now, ReceivedAt: now,
		Payload: &journalv1.Event_AgreementChanged{AgreementChanged: change},
	}
	seq, err := c.Globals.AppendGlobal(ctx, book.Kind, body, last)
	if err != nil {
		return nil, 0, fmt.Errorf("state that agreement version %d is %s: %w", change.Version, change.Change, err)
	}
	return &journal.Event{Head: journal.Head{Seq: seq, Type: body.Type, Partition: journal.Global}, Body: body}, seq, nil
}
