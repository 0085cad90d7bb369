package proposing

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/proposals"
)

// Kind of the global facts about proposals, and their type.
const (
	Kind           = "proposals"
	typeOfProposal = "proposal"
)

// materially is how many times as many leads must stand behind a proposal that was dismissed before it comes back.
const materially = 2

// Decision is what people decided about a proposal.
type Decision struct {
	// Change is Proposed or Dismissed.
	Change, Reason, By, To string
	// Version that was in force then, and Became, the one that the text became.
	Version, Became int32
	Cases           int
	Value           float64
	At              time.Time
}

// outgrown: twice as many leads say it now, or they ask for the opposite.
func (d *Decision) outgrown(p *proposals.Proposal) bool {
	return p.Cases >= materially*d.Cases || p.Kind == proposals.KindPoints && (p.Evidence.Value > 1) != (d.Value > 1)
}

// decisions gives the last decision about each key, and the sequence of the last of all.
func (d *Desk) decisions(ctx context.Context) (map[string]*Decision, uint64, error) {
	facts, err := d.opt.Globals.ReadGlobals(ctx, Kind)
	if err != nil {
		return nil, 0, fmt.Errorf("read what was decided about proposals: %w", err)
	}
	out, last := map[string]*Decision{}, uint64(0)
	for _, ev := range facts {
		last = ev.Seq
		p := ev.Body.GetProposal()
		if p.GetKey() == "" {
			continue
		}
		out[p.GetKey()] = &Decision{
			Change: p.GetChange(), Reason: p.GetReason(), By: p.GetBy(), To: p.GetTo(), Version: p.GetAgreementVersion(), Became: p.GetBecame(),
			Cases: int(p.GetCases()), Value: p.GetValue(), At: ev.Time(),
		}
	}
	return out, last, nil
}

// Propose makes the changed text a version of the agreement, for both teams to sign, and remembers that. One that was proposed already stays so: sequence is 0 then.
// The text is proposed first: where what follows fails, a repeat finds the same version and completes it.
func (d *Desk) Propose(ctx context.Context, id, by string) (*Item, uint64, error) {
	it, err := d.Get(ctx, id, "")
	if err != nil {
		return nil, 0, err
	}
	if it.State == Proposed {
		return it, 0, nil
	}
	if it.Text == nil {
		return nil, 0, fmt.Errorf("%w: %s", ErrNoEdit, it.NotEditable)
	}
	resp, err := d.opt.Agreements.ProposeAgreement(as(ctx), &agreementv1.ProposeAgreementRequest{Yaml: string(it.Text)})
	if err != nil {
		return nil, 0, err
	}
	return d.decide(ctx, it, &Decision{Change: Proposed, By: by, Became: resp.GetAgreement().GetVersion()})
}

// Dismiss decides against a proposal. One that was dismissed for the same reason already stays so: sequence is 0 then.
func (d *Desk) Dismiss(ctx context.Context, id, reason, by string) (*Item, uint64, error) {
	it, err := d.Get(ctx, id, "")
	if err != nil {
		return nil, 0, err
	}
	if it.State == Dismissed && it.Decision.Reason == reason {
		return it, 0, nil
	}
	return d.decide(ctx, it, &Decision{Change: Dismissed, Reason: reason, By: by})
}

// decide states a decision. Another one about another proposal may come in between: then it is tried again.
func (d *Desk) decide(ctx context.Context, it *Item, dec *Decision) (*Item, uint64, error) {
	dec.Version, dec.Cases, dec.Value, dec.To, dec.At = it.Version, it.Cases, it.Evidence.Value, it.Change.To, d.opt.Now()
	if math.IsInf(dec.Value, 0) || math.IsNaN(dec.Value) {
		dec.Value = 0
	}
	for {
		last, err := d.opt.Globals.LastGlobal(ctx, Kind)
		if err != nil {
			return nil, 0, fmt.Errorf("read what was decided about proposals: %w", err)
		}
		at, before := timestamppb.New(dec.At), uint64(0)
		if last != nil {
			before = last.Seq
		}
		seq, err := d.opt.Globals.AppendGlobal(ctx, Kind, &journalv1.Event{
			Id: fmt.Sprintf("%s.%s.%d", it.ID, dec.Change, before), Type: typeOfProposal, Source: "feedback", OccurredAt: at, ReceivedAt: at,
			Payload: &journalv1.Event_Proposal{Proposal: &journalv1.Proposal{
				Id: it.ID, Text: it.Sentence, Key: it.Key, Change: dec.Change, Reason: dec.Reason, By: dec.By, AgreementVersion: dec.Version, Became: dec.Became,
				Cases: int32(min(dec.Cases, math.MaxInt32)), Value: dec.Value, To: dec.To,
			}},
		}, before)
		switch {
		case err == nil:
			it.State, it.Decision = dec.Change, dec
			return it, seq, nil
		case !errors.Is(err, journal.ErrConflict) || ctx.Err() != nil:
			return nil, 0, fmt.Errorf("state what was decided about proposal %s: %w", it.ID, err)
		}
	}
}
