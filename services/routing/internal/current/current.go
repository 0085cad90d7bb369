// Package current gives the directory in force to those who read beside the fold: the API and the senders. Decisions never
// use it; they have the directory as of their place in the log.
package current

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/accounts"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/lists"
)

// maxAge is how old the answer may be: a change elsewhere shows up within it.
const maxAge = time.Second

// Globals reads the last global fact of a kind, and all of them.
type Globals interface {
	LastGlobal(ctx context.Context, kind string) (*journal.Event, error)
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
}

// Version is one version of the directory.
type Version struct {
	// Directory is nil before the first.
	Directory *core.Directory
	YAML      string
	Hash      string
	// Seq is its place in the journal, 0 before the first.
	Seq uint64
}

// Directory reads the directory in force. It is safe for use by several goroutines.
type Directory struct {
	globals Globals
	parser  *directory.Parser
	now     func() time.Time

	mu      sync.Mutex
	version Version
	// read is when the last reading began.
	read time.Time
	// parsed is the directory alone; accounts is what stands beside it, as of the global fact accountsSeq.
	parsed      *core.Directory
	accounts    lists.Assembler
	accountsSeq uint64
}

// New gives a reader of the directory in force.
func New(globals Globals, parser *directory.Parser, now func() time.Time) *Directory {
	return &Directory{globals: globals, parser: parser, now: now}
}

// Get gives the version in force, at most a second old and at least that of journal sequence atLeast. An error means that
// the journal did not answer.
func (d *Directory) Get(ctx context.Context, atLeast uint64) (Version, error) {
	return d.get(ctx, atLeast, time.Time{})
}

// Since gives the version in force as of a moment, by the clock that New was given, or a later one: whoever follows up a fact that they saw
// then does not look at a directory of before it.
func (d *Directory) Since(ctx context.Context, moment time.Time) (Version, error) {
	return d.get(ctx, 0, moment)
}

func (d *Directory) get(ctx context.Context, atLeast uint64, since time.Time) (Version, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	began := d.now()
	if !d.read.IsZero() && began.Sub(d.read) < maxAge && d.version.Seq >= atLeast && !d.read.Before(since) {
		return d.version, nil
	}
	ev, err := d.globals.LastGlobal(ctx, fold.KindDirectory)
	if err != nil {
		return Version{}, fmt.Errorf("read the directory in force: %w", err)
	}
	changed, err := d.readAccounts(ctx)
	if err != nil {
		return Version{}, err
	}
	d.read = began
	if ev == nil || ev.Seq == d.version.Seq {
		if changed {
			d.compose()
		}
		return d.version, nil
	}
	text := ev.Body.GetDirectoryChanged().GetYaml()
	v := Version{YAML: string(text), Hash: ev.Body.GetDirectoryChanged().GetHash(), Seq: ev.Seq}
	// One that cannot be read is not in force: the fold keeps the one before it, and so do we.
	if parsed, err := d.parser.Parse(text); err == nil {
		d.parsed = parsed
		d.parsed.ExactTurns = ev.Body.GetDirectoryChanged().GetTurns() >= directory.TurnsExact
	}
	d.version = v
	d.compose()
	return d.version, nil
}

// readAccounts reads the accounts beside the directory, if a newer list of them is whole.
func (d *Directory) readAccounts(ctx context.Context) (changed bool, err error) {
	ev, err := d.globals.LastGlobal(ctx, fold.KindAccounts)
	if err != nil {
		return false, fmt.Errorf("read the accounts in force: %w", err)
	}
	if ev == nil || ev.Seq == d.accountsSeq {
		return false, nil
	}
	if c := ev.Body.GetAccountsChanged(); d.accountsSeq != 0 && c.GetChunk()+1 < c.GetChunks() {
		return false, nil
	}
	all, err := d.globals.ReadGlobals(ctx, fold.KindAccounts)
	if err != nil {
		return false, fmt.Errorf("read the accounts in force: %w", err)
	}
	d.accounts = lists.Assembler{}
	for _, ev := range all {
		d.accounts.Apply(ev.Seq, ev.Body.GetAccountsChanged())
		d.accountsSeq = ev.Seq
	}
	return true, nil
}

func (d *Directory) compose() {
	revision := d.accounts.InForce
	d.version.Directory = d.parsed.With(d.accounts.Rules, func() *accounts.Index { return d.parser.Lists().Index(revision) })
}
