// Package apply takes versions of the agreement through their life, in the journal: those of the configured file, and those
// that people propose, sign and activate.
package apply

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
)

// Origin of versions that come from the file.
const Origin = "file"

// File is one text that is to be in the journal.
type File struct {
	text     []byte
	parsed   *agreement.Agreement
	contract *Contract
	log      *slog.Logger
}

// NewFile checks a text. The error wraps an agreement.Errors.
func NewFile(text []byte, contract *Contract, log *slog.Logger) (*File, error) {
	parsed, err := contract.Library.Check(text)
	if err != nil {
		return nil, err
	}
	return &File{text: text, parsed: parsed, contract: contract, log: log}, nil
}

// Apply proposes the text if it differs from what was last proposed from the file, and activates it if marketing and sales
// have both signed in it. It tries until it succeeds, ctx ends, or the text is refused for good.
func (f *File) Apply(ctx context.Context) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := f.once(ctx)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, journal.ErrTooLarge), errors.Is(err, journal.ErrBadEvent):
			return fmt.Errorf("apply the agreement: %w", err)
		default:
			f.log.Warn("the agreement could not be applied; trying again", "error", err, "in", wait.String())
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("apply the agreement: %w", ctx.Err())
		}
	}
}

func (f *File) once(ctx context.Context) error {
	hash := agreement.Hash(f.text)
	b, _, err := f.contract.change(ctx, func(b *book.Book) (*journalv1.AgreementChanged, error) {
		if known := b.Last(Origin); known != nil && known.Hash == hash {
			return nil, nil
		}
		c := &journalv1.AgreementChanged{Version: b.Next(), Change: book.Proposed, Yaml: f.text, Hash: hash, Origin: Origin}
		for _, s := range f.parsed.Signatures {
			c.Signatures = append(c.Signatures, &journalv1.Signature{Role: s.Role, By: s.By})
		}
		return c, nil
	})
	if err != nil {
		return err
	}
	v := b.Last(Origin)
	// Signed and not in force: it is new, or a start was cut short. What was superseded stays so.
	if v.State == book.StateSigned && f.parsed.Signed() {
		if v, _, err = f.contract.Activate(ctx, v.Version, time.Time{}, ""); err != nil {
			return err
		}
	}
	f.tell(v.Version, v.State)
	return nil
}

// tell says what has become of the file, loudly where it is not in force.
func (f *File) tell(version int32, state string) {
	if state == book.StateProposed {
		f.log.Warn("THE AGREEMENT IN THE FILE IS NOT IN FORCE: it does not carry the signatures of marketing and of sales; it is only proposed",
			"agreement", f.parsed.Name, "version", version)
		return
	}
	f.log.Info("agreement from the file", "agreement", f.parsed.Name, "version", version, "state", state)
}
