package api

import (
	"context"
	"sync"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// Globals reads the journal's global facts.
type Globals interface {
	LastGlobal(ctx context.Context, kind string) (*journal.Event, error)
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
}

// Agreements follows the versions of the agreement for reads. It is safe for use by several goroutines.
type Agreements struct {
	globals Globals
	library *book.Library

	mu   sync.Mutex
	last uint64
	book *book.Book
}

// NewAgreements gives a reader of the journal's agreements.
func NewAgreements(globals Globals, library *book.Library) *Agreements {
	return &Agreements{globals: globals, library: library, book: book.New(library, fold.Names())}
}

// Book gives the versions as they are now. It must not be changed.
func (a *Agreements) Book(ctx context.Context) (*book.Book, error) {
	last, err := a.globals.LastGlobal(ctx, book.Kind)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if last == nil || last.Seq == a.last {
		return a.book, nil
	}
	facts, err := a.globals.ReadGlobals(ctx, book.Kind)
	if err != nil {
		return nil, err
	}
	b := book.New(a.library, fold.Names())
	for _, f := range facts {
		b.Apply(f)
		a.last = f.Seq
	}
	a.book = b
	return b, nil
}
