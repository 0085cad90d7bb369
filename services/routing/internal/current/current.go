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
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// maxAge is how old the answer may be: a change elsewhere shows up within it.
const maxAge = time.Second

// Globals reads the last global fact of a kind.
type Globals interface {
	LastGlobal(ctx context.Context, kind string) (*journal.Event, error)
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
	read    time.Time
}

// New gives a reader of the directory in force.
func New(globals Globals, parser *directory.Parser, now func() time.Time) *Directory {
	return &Directory{globals: globals, parser: parser, now: now}
}

// Get gives the version in force, at most a second old and at least that of journal sequence atLeast. An error means that
// the journal did not answer.
func (d *Directory) Get(ctx context.Context, atLeast uint64) (Version, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.read.IsZero() && d.now().Sub(d.read) < maxAge && d.version.Seq >= atLeast {
		return d.version, nil
	}
	ev, err := d.globals.LastGlobal(ctx, fold.KindDirectory)
	if err != nil {
		return Version{}, fmt.Errorf("read the directory in force: %w", err)
	}
	d.read = d.now()
	if ev == nil || ev.Seq == d.version.Seq {
		return d.version, nil
	}
	text := ev.Body.GetDirectoryChanged().GetYaml()
	v := Version{YAML: string(text), Hash: ev.Body.GetDirectoryChanged().GetHash(), Seq: ev.Seq}
	// One that cannot be read is not in force: the fold keeps the one before it, and so do we.
	if v.Directory, err = d.parser.Parse(text); err != nil {
		v.Directory = d.version.Directory
	} else {
		v.Directory.ExactTurns = ev.Body.GetDirectoryChanged().GetTurns() >= directory.TurnsExact
	}
	d.version = v
	return v, nil
}
