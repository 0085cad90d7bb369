// Package apply brings the agreement of a configured file into the journal.
package apply

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// Origin of versions that come from the file.
const Origin = "file"

// Globals reads and writes the journal's global facts.
type Globals interface {
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
	AppendGlobal(ctx context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error)
}

// File is one text that is to be in the journal.
type File struct {
	text    []byte
	parsed  *agreement.Agreement
	library *book.Library
	globals Globals
	log     *slog.Logger
	now     func() time.Time
}

// NewFile checks a text. The error is an agreement.Errors.
func NewFile(text []byte, library *book.Library, globals Globals, log *slog.Logger, now func() time.Time) (*File, error) {
	parsed, err := library.Check(text)
	if err != nil {
		return nil, err
	}
	return &File{text: text, parsed: parsed, library: library, globals: globals, log: log, now: now}, nil
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
		case errors.Is(err, journal.ErrConflict): // another process applies, too: look again
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
	facts, err := f.globals.ReadGlobals(ctx, book.Kind)
	if err != nil {
		return fmt.Errorf("read the agreement's versions: %w", err)
	}
	b := book.New(f.library, fold.Names())
	var last uint64
	for _, fact := range facts {
		b.Apply(fact)
		last = fact.Seq
	}
	hash := agreement.Hash(f.text)
	version := b.Next()
	if known := b.Last(Origin); known != nil && known.Hash == hash {
		version = known.Version
		if known.State != book.StateSigned || !f.parsed.Signed() {
			f.tell(version, known.State)
			return nil
		}
		// Signed and not in force: a start that was cut short between the two facts. Otherwise it was superseded or is active.
	} else {
		proposed := f.fact(version, hash, book.Proposed)
		proposed.Yaml = f.text
		if last, err = f.append(ctx, proposed, last); err != nil {
			return err
		}
	}
	if !f.parsed.Signed() {
		f.tell(version, book.StateProposed)
		return nil
	}
	if _, err := f.append(ctx, f.fact(version, hash, book.Activated), last); err != nil {
		return err
	}
	f.tell(version, book.StateActive)
	return nil
}

func (f *File) fact(version int32, hash, change string) *journalv1.AgreementChanged {
	c := &journalv1.AgreementChanged{Version: version, Change: change, Hash: hash, Origin: Origin}
	for _, s := range f.parsed.Signatures {
		c.Signatures = append(c.Signatures, &journalv1.Signature{Role: s.Role, By: s.By})
	}
	return c
}

func (f *File) append(ctx context.Context, c *journalv1.AgreementChanged, last uint64) (uint64, error) {
	now := timestamppb.New(f.now())
	seq, err := f.globals.AppendGlobal(ctx, book.Kind, &journalv1.Event{
		Id: fmt.Sprintf("agreement-%d-%s", c.Version, c.Change), Type: book.TypeOfAgreement, Source: fold.Service, OccurredAt: now, ReceivedAt: now,
		Payload: &journalv1.Event_AgreementChanged{AgreementChanged: c},
	}, last)
	if err != nil {
		return 0, fmt.Errorf("state that agreement version %d is %s: %w", c.Version, c.Change, err)
	}
	return seq, nil
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
