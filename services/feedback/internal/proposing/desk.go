// Package proposing keeps the proposals that follow from the leads: it finds them anew for the agreement in force, writes each
// into the agreement's text, and remembers what people decided about them.
//
// What they decided is a global fact in the journal, so that it survives whatever is rebuilt. It holds for what a proposal is
// about, under later versions of the agreement too.
package proposing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/proposals"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
	"github.com/batonhq/baton/services/feedback/internal/revise"
)

// Conditions that callers can meet.
var (
	// ErrUnknown: there is no such proposal now. Ids change with the version in force, and evidence may fade: list them again.
	ErrUnknown = errors.New("there is no such proposal for the agreement in force")
	// ErrNoEdit: the change is not one of the agreement's text, or cannot be written into it. The proposal says which.
	ErrNoEdit = errors.New("the proposal has no change that can be written into the agreement")
	// ErrNoAgreements: this process was not told where the agreements are (peers.scoring).
	ErrNoAgreements = errors.New("peers.scoring is not set: there is nobody to ask for the agreement in force")
)

// States of a proposal.
const (
	Open      = "open"
	Proposed  = "proposed"
	Dismissed = "dismissed"
)

// Tables shows the table of all leads with everything up to sequence after in it; *rows.Rows does.
type Tables interface {
	View(ctx context.Context, after string, see func(*table.Table) error) error
}

// Agreements is scoring's AgreementService.
type Agreements interface {
	ListAgreements(ctx context.Context, in *agreementv1.ListAgreementsRequest, opts ...grpc.CallOption) (*agreementv1.ListAgreementsResponse, error)
	ProposeAgreement(ctx context.Context, in *agreementv1.ProposeAgreementRequest, opts ...grpc.CallOption) (*agreementv1.ProposeAgreementResponse, error)
	BacktestAgreement(ctx context.Context, in *agreementv1.BacktestAgreementRequest, opts ...grpc.CallOption) (grpc.ServerStreamingClient[agreementv1.BacktestAgreementResponse], error)
}

// Globals reads and writes global facts; *journal.Journal does.
type Globals interface {
	LastGlobal(ctx context.Context, kind string) (*journal.Event, error)
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
	AppendGlobal(ctx context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error)
}

// Options of a Desk. Agreements is nil where nobody can be asked; everything else is needed.
type Options struct {
	Tables     Tables
	Agreements Agreements
	Globals    Globals
	Now        func() time.Time
	// MaxAge is how old what was found may be; a call that names a sequence gets what was found since.
	MaxAge time.Duration
}

// Item is a proposal with its text and its state.
type Item struct {
	proposals.Proposal
	State string
	// Text is the agreement's with the change made, nil where it cannot be; NotEditable says why.
	Text        []byte
	NotEditable string
	Differences []agreement.Difference
	// Decision is the last one about it, nil for none.
	Decision *Decision
}

// List is what was found.
type List struct {
	Items []*Item
	// Version in force, 0 for none.
	Version int32
	At      time.Time
}

// Desk is safe for use by several goroutines.
type Desk struct {
	opt Options

	mu    sync.Mutex
	found []proposals.Proposal
	at    time.Time
	// of is what they were found for: the version in force, the last decision, the last change of an agreement's state.
	of string
}

// New gives a Desk.
func New(opt Options) *Desk { return &Desk{opt: opt} }

// as makes calls to other services the caller's own: they see who it is, and what they may do.
func as(ctx context.Context) context.Context {
	if in, ok := metadata.FromIncomingContext(ctx); ok {
		for _, v := range in.Get("authorization") {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", v)
		}
	}
	return ctx
}

// List gives the proposals for the agreement in force, the surest first, with everything up to sequence after in it. The errors are the
// journal's, the store's, those of AgreementService, and ErrNoAgreements.
func (d *Desk) List(ctx context.Context, after string) (*List, error) {
	if d.opt.Agreements == nil {
		return nil, ErrNoAgreements
	}
	versions, err := d.opt.Agreements.ListAgreements(as(ctx), &agreementv1.ListAgreementsRequest{After: after})
	if err != nil {
		return nil, err
	}
	h, err := readHistory(versions.GetAgreements())
	if err != nil {
		return nil, err
	}
	if h.active == nil {
		return &List{At: d.opt.Now()}, nil
	}
	decided, last, err := d.decisions(ctx)
	if err != nil {
		return nil, err
	}
	found, at, err := d.find(ctx, h, decided, last, after)
	if err != nil {
		return nil, err
	}
	list := &List{Version: h.active.GetVersion(), At: at}
	for i := range found {
		list.Items = append(list.Items, item(&found[i], h, decided[found[i].Key]))
	}
	return list, nil
}

// find gives what the rows say, found lately or now.
func (d *Desk) find(ctx context.Context, h *history, decided map[string]*Decision, last uint64, after string) ([]proposals.Proposal, time.Time, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.opt.Now()
	of := fmt.Sprintf("%d %d %s", h.active.GetVersion(), last, h.active.GetActivatedAt().AsTime())
	if after == "" && d.of == of && now.Sub(d.at) <= d.opt.MaxAge {
		return d.found, d.at, nil
	}
	opt := proposals.Options{Now: now.UnixMilli(), Since: map[string]table.Time{}}
	for key, dec := range decided {
		if v := h.byVersion[dec.Became]; dec.Change == Proposed && v.GetActivatedAt() != nil {
			opt.Since[key] = v.GetActivatedAt().AsTime().UnixMilli()
		}
	}
	a := h.core()
	var seen *proposals.Seen
	if err := d.opt.Tables.View(ctx, after, func(t *table.Table) error {
		seen = proposals.See(t, a, opt.Now) // the table is not held while proposals are looked for
		return nil
	}); err != nil {
		return nil, time.Time{}, fmt.Errorf("look at the leads: %w", err)
	}
	found := seen.Find(a, opt)
	d.found, d.at, d.of = found, now, of
	return found, now, nil
}

// item writes a proposal into the text, and says how it stands.
func item(p *proposals.Proposal, h *history, dec *Decision) *Item {
	it := &Item{Proposal: *p, State: Open, Decision: dec}
	if p.Change.Op == "" {
		it.NotEditable = "there is something to do, and not in the agreement"
	} else if text, err := revise.Apply([]byte(h.active.GetYaml()), p.Change); err != nil {
		it.NotEditable = "the change cannot be written into this text: it is for people to write"
	} else if changed, err := agreement.Parse(text); err == nil {
		it.Text, it.Differences = text, agreement.Diff(h.inForce, changed)
	}
	if dec == nil {
		return it
	}
	switch dec.Change {
	case Dismissed:
		if !dec.outgrown(p) {
			it.State = Dismissed
		}
	case Proposed:
		// Once it is in force, or another version came into force without it, the matter is open again.
		if v := h.byVersion[dec.Became]; v != nil && v.GetActivatedAt() == nil && dec.Version == h.active.GetVersion() {
			it.State = Proposed
		}
	}
	if it.State == Open {
		it.Decision = nil
	}
	return it
}

// Get gives one proposal, ErrUnknown where there is none.
func (d *Desk) Get(ctx context.Context, id, after string) (*Item, error) {
	list, err := d.List(ctx, after)
	if err != nil {
		return nil, err
	}
	for _, it := range list.Items {
		if it.ID == id {
			return it, nil
		}
	}
	return nil, ErrUnknown
}

// Backtest replays the journal through the changed text, beside the version in force.
func (d *Desk) Backtest(ctx context.Context, id string, req *agreementv1.BacktestAgreementRequest) (grpc.ServerStreamingClient[agreementv1.BacktestAgreementResponse], error) {
	it, err := d.Get(ctx, id, "")
	if err != nil {
		return nil, err
	}
	if it.Text == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoEdit, it.NotEditable)
	}
	req.Yaml = string(it.Text)
	return d.opt.Agreements.BacktestAgreement(as(ctx), req)
}
