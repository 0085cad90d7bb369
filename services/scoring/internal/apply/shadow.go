package apply

import (
	"context"
	"errors"
	"fmt"

	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
)

// Why a version cannot run in the shadow.
var (
	// ErrInForce: it decides live, so that there is nothing to compare.
	ErrInForce = errors.New("it is in force: only another version can run beside it")
	// ErrNotReady: its text was valid when it was proposed and is not any more.
	ErrNotReady = errors.New("it cannot be put to use")
)

// Shadow runs a version beside the one in force, signed or not, in place of another that does. Where it runs already, seq
// is 0.
func (c *Contract) Shadow(ctx context.Context, version int32, by string) (v *agreementv1.Agreement, seq uint64, err error) {
	return c.changeIn(ctx, version, func(b *book.Book, v *agreementv1.Agreement) (*journalv1.AgreementChanged, error) {
		switch running := b.Running(); {
		case v.State == book.StateActive:
			return nil, ErrInForce
		case running == v:
			return nil, nil
		}
		if _, err := c.Library.Compile([]byte(v.Yaml), version); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotReady, err)
		}
		return &journalv1.AgreementChanged{Change: book.Shadowed, Hash: v.Hash, By: by}, nil
	})
}

// StopShadow ends the run of a version in the shadow. Where it does not run there, seq is 0.
func (c *Contract) StopShadow(ctx context.Context, version int32, by string) (v *agreementv1.Agreement, seq uint64, err error) {
	return c.changeIn(ctx, version, func(b *book.Book, v *agreementv1.Agreement) (*journalv1.AgreementChanged, error) {
		if b.Running() != v {
			return nil, nil
		}
		return &journalv1.AgreementChanged{Change: book.Unshadowed, Hash: v.Hash, By: by}, nil
	})
}
