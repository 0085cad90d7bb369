// Package book folds the agreement's global facts into its versions, and makes those that came into force ready to use.
package book

import (
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/celrules"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// Kind of the global facts, and their type.
const (
	Kind            = "agreement"
	TypeOfAgreement = "agreement_changed"
)

// Changes that a version goes through.
const (
	Proposed  = "proposed"
	Signed    = "signed"
	Scheduled = "scheduled"
	Activated = "activated"
	// Shadowed and Unshadowed begin and end a run beside the version in force.
	Shadowed   = "shadowed"
	Unshadowed = "unshadowed"
)

// States of a version, as they are shown.
const (
	StateProposed   = "proposed"
	StateSigned     = "signed"
	StateActive     = "active"
	StateSuperseded = "superseded"
)

// Library makes agreements ready to use, each once for a process. It is safe for use by several goroutines.
type Library struct {
	compiler *celrules.Compiler

	mu    sync.Mutex
	ready map[key]*core.Agreement
}

type key struct {
	hash    string
	version int32
}

// NewLibrary gives an empty library.
func NewLibrary() (*Library, error) {
	c, err := celrules.NewCompiler()
	if err != nil {
		return nil, err
	}
	return &Library{compiler: c, ready: map[key]*core.Agreement{}}, nil
}

// Check reads a text and compiles its expressions. The error wraps an agreement.Errors.
func (l *Library) Check(text []byte) (*agreement.Agreement, error) {
	a, err := agreement.Parse(text)
	if err != nil {
		return nil, err
	}
	if _, err := l.compiler.Compile(a, 0); err != nil {
		return nil, err
	}
	return a, nil
}

// Try makes a text ready to use that is no version, and does not keep it.
func (l *Library) Try(text []byte, version int32) (*core.Agreement, error) {
	a, err := agreement.Parse(text)
	if err != nil {
		return nil, err
	}
	return l.compiler.Compile(a, version)
}

// Compile makes a version's text ready to use.
func (l *Library) Compile(text []byte, version int32) (*core.Agreement, error) {
	k := key{agreement.Hash(text), version}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a, ok := l.ready[k]; ok {
		return a, nil
	}
	parsed, err := agreement.Parse(text)
	if err != nil {
		return nil, err
	}
	a, err := l.compiler.Compile(parsed, version)
	if err != nil {
		return nil, fmt.Errorf("version %d: %w", version, err)
	}
	l.ready[k] = a
	return a, nil
}

// Book holds the versions of the agreement as of a place in the log. It is not safe for concurrent change.
type Book struct {
	library *Library
	// versions in the order in which they were proposed.
	versions []*agreementv1.Agreement
	inForce  map[int32]*core.Agreement
	active   *core.Agreement
	rules    *core.Rules
	// runs are the latest runs in the shadow, by version.
	runs map[int32]Run
}

// New gives a book before the first fact. names are what rules know leads and handoffs by.
func New(library *Library, names core.Rules) *Book {
	b := &Book{library: library, inForce: map[int32]*core.Agreement{}, runs: map[int32]Run{}}
	names.Book = b
	b.rules = &names
	return b
}

// Rules gives what decisions depend on at this place of the log.
func (b *Book) Rules() *core.Rules { return b.rules }

// Version gives a version that was ever in force, nil for any other.
func (b *Book) Version(version int32) *core.Agreement { return b.inForce[version] }

// Active gives the version in force, nil before there is one.
func (b *Book) Active() *core.Agreement { return b.active }

// Versions gives all versions, in the order in which they were proposed. They must not be changed.
func (b *Book) Versions() []*agreementv1.Agreement { return b.versions }

// Last gives the version proposed last from an origin, nil for none.
func (b *Book) Last(origin string) *agreementv1.Agreement {
	for i := len(b.versions) - 1; i >= 0; i-- {
		if b.versions[i].Origin == origin {
			return b.versions[i]
		}
	}
	return nil
}

// Same gives the version proposed last with a text, if it has not been superseded; nil for none.
func (b *Book) Same(hash string) *agreementv1.Agreement {
	for i := len(b.versions) - 1; i >= 0; i-- {
		if v := b.versions[i]; v.Hash == hash && v.State != StateSuperseded {
			return v
		}
	}
	return nil
}

// Due gives the version whose planned moment has come, the earliest of several; nil for none.
func (b *Book) Due(now time.Time) *agreementv1.Agreement {
	var due *agreementv1.Agreement
	for _, v := range b.versions {
		if v.ActivateAt != nil && !v.ActivateAt.AsTime().After(now) && (due == nil || v.ActivateAt.AsTime().Before(due.ActivateAt.AsTime())) {
			due = v
		}
	}
	return due
}

// Next gives the number of the next version.
func (b *Book) Next() int32 {
	next := int32(1)
	for _, v := range b.versions {
		next = max(next, v.Version+1)
	}
	return next
}

// Find gives a version, nil for one that was never proposed. It must not be changed.
func (b *Book) Find(version int32) *agreementv1.Agreement {
	for _, v := range b.versions {
		if v.Version == version {
			return v
		}
	}
	return nil
}

// Apply folds one fact. A version that is proposed twice, or activated without both signatures or expressions that compile,
// stays what it was: nothing unsigned ever scores a live lead. No entity has to be shown a change: leads follow it with
// their next event or timer.
func (b *Book) Apply(ev *journal.Event) (show []string) {
	c := ev.Body.GetAgreementChanged()
	if c == nil {
		return nil
	}
	v := b.Find(c.Version)
	switch c.Change {
	case Proposed:
		if v == nil && c.Version > 0 {
			b.propose(c, ev)
		}
	case Signed:
		if v != nil {
			b.sign(v, c, ev)
		}
	case Scheduled:
		if v != nil && BothSigned(v) && v.State != StateActive {
			v.ActivateAt = c.From
		}
	case Activated:
		if v != nil {
			b.sign(v, c, ev)
			b.activate(v, ev)
		}
	case Shadowed:
		if v != nil {
			b.shade(v, ev)
		}
	case Unshadowed:
		b.unshade(v, ev)
	}
	return nil
}

func (b *Book) propose(c *journalv1.AgreementChanged, ev *journal.Event) {
	v := &agreementv1.Agreement{
		Version: c.Version, State: StateProposed, Yaml: string(c.Yaml), Hash: agreement.Hash(c.Yaml), Origin: c.Origin,
		ProposedAt: timestamppb.New(ev.Time()), ProposedBy: c.By,
	}
	if a, err := agreement.Parse(c.Yaml); err == nil {
		v.Name = a.Name
	}
	b.versions = append(b.versions, v)
	b.sign(v, c, ev)
}

// sign adds signatures of the version's content. One that names another content counts for nothing.
func (b *Book) sign(v *agreementv1.Agreement, c *journalv1.AgreementChanged, ev *journal.Event) {
	if c.Hash != v.Hash {
		return
	}
	for _, s := range c.Signatures {
		known := false
		for _, k := range v.Signatures {
			known = known || k.Role == s.Role && k.By == s.By
		}
		if !known {
			v.Signatures = append(v.Signatures, &agreementv1.Signature{Role: s.Role, By: s.By, At: timestamppb.New(ev.Time())})
		}
	}
	if v.State == StateProposed && BothSigned(v) {
		v.State = StateSigned
	}
}

// BothSigned reports whether marketing and sales have signed a version.
func BothSigned(v *agreementv1.Agreement) bool {
	var marketing, sales bool
	for _, s := range v.Signatures {
		marketing = marketing || s.Role == agreement.RoleMarketing
		sales = sales || s.Role == agreement.RoleSales
	}
	return marketing && sales
}

func (b *Book) activate(v *agreementv1.Agreement, ev *journal.Event) {
	if !BothSigned(v) {
		return
	}
	ready, err := b.library.Compile([]byte(v.Yaml), v.Version)
	if err != nil {
		return
	}
	for _, other := range b.versions {
		if other.State == StateActive {
			other.State = StateSuperseded
		}
	}
	v.State, v.ActivatedAt, v.ActivateAt = StateActive, timestamppb.New(ev.Time()), nil
	b.inForce[v.Version] = ready
	b.active, b.rules.Active = ready, ready
	b.unshade(v, ev)
}
