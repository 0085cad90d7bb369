package journeys

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
)

// kind of a fact about a deal.
type kind uint8

const (
	opened kind = iota
	staged
	won
	lost
	reopened
)

// dealFact is one statement about a deal, on the journal of a lead.
type dealFact struct {
	seq    uint64
	at     int64
	event  uint64
	kind   kind
	source string
	id     string
	role   string
	stage  string
	reason string
	// amount in micro-units of currency; stated tells whether there is one.
	amount   int64
	currency string
	stated   bool
	// created is when the deal was made, where the source says so; 0 where it does not.
	created int64
}

func (r *record) deal(ev *journal.Event, k kind, d *journalv1.Deal) {
	if d.GetDealId() == "" {
		return
	}
	f := dealFact{
		seq: ev.Seq, at: ev.OccurredAt().UnixMilli(), event: hashOf(ev.Body.GetSource(), ev.Body.GetId()), kind: k,
		source: intern(ev.Body.GetSource()), id: strings.Clone(d.GetDealId()), stage: intern(d.GetStage()), reason: intern(d.GetReason()),
		role: intern(cmp.Or(d.GetRole(), ev.Body.GetProperties().GetFields()["role"].GetStringValue())),
	}
	if c := d.GetCreatedAt(); c != nil {
		f.created = c.AsTime().UnixMilli()
	}
	if m := d.GetAmount(); m != nil {
		f.amount, f.stated = attribution.ParseAmount(m.GetAmount())
		f.currency = intern(strings.ToUpper(m.GetCurrency()))
	}
	r.deals = append(r.deals, f)
}

// Status of a deal.
type Status string

// The states of a deal.
const (
	StatusOpen Status = "open"
	StatusWon  Status = "won"
	StatusLost Status = "lost"
)

// Deal is one opportunity, as it was last said to be by the clock of its source.
type Deal struct {
	// Source that tells of it, and the source's own id: ids of two sources are two deals.
	Source, ID string
	Status     Status
	// Opened and Closed in milliseconds since 1970, UTC; Closed is 0 while it is open.
	Opened, Closed int64
	// Amount in micro-units of Currency, if Stated.
	Amount   int64
	Currency string
	Stated   bool
	// Stage is the source's own name of it, Reason why it was lost.
	Stage, Reason string
	// Leads on it; the primary one, who was on it first, at the head.
	Leads []DealLead
}

// DealLead is somebody on a deal.
type DealLead struct{ Lead, Role string }

// Name gives SOURCE/ID.
func (d *Deal) Name() string { return d.Source + "/" + d.ID }

// dealsOf gives the deals that people are on, by name. A fact that several leads' journals hold is of all of these.
func dealsOf(people map[string]*Person) []Deal {
	type told struct {
		fact dealFact
		lead string
	}
	facts := map[string][]told{}
	for lead, p := range people {
		for _, f := range p.deals {
			facts[f.source+"/"+f.id] = append(facts[f.source+"/"+f.id], told{f, lead})
		}
	}
	out := make([]Deal, 0, len(facts))
	for _, list := range facts {
		slices.SortFunc(list, func(a, b told) int {
			return cmp.Or(cmp.Compare(a.fact.at, b.fact.at), cmp.Compare(a.fact.seq, b.fact.seq), strings.Compare(a.lead, b.lead))
		})
		d := Deal{Source: list[0].fact.source, ID: list[0].fact.id, Status: StatusOpen, Opened: list[0].fact.at}
		said := false // that it was opened
		for _, t := range list {
			d.take(t.fact, &said)
			d.join(t.lead, t.fact.role)
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Deal) int { return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID)) })
	return out
}

// take folds the next fact, by the source's clock.
func (d *Deal) take(f dealFact, saidOpened *bool) {
	if f.stated {
		d.Amount, d.Currency, d.Stated = f.amount, f.currency, true
	}
	d.Stage = cmp.Or(f.stage, d.Stage)
	if f.created != 0 {
		d.Opened, *saidOpened = f.created, true
	}
	switch f.kind {
	case opened:
		if !*saidOpened {
			d.Opened, *saidOpened = f.at, true
		}
	case won:
		d.close(StatusWon, f)
	case lost:
		d.close(StatusLost, f)
	case reopened:
		d.Status, d.Closed, d.Reason = StatusOpen, 0, ""
	}
}

// close notes an end. A sender that says again what it said before has not closed the deal again.
func (d *Deal) close(s Status, f dealFact) {
	if d.Status != s {
		d.Status, d.Closed, d.Reason = s, f.at, ""
	}
	d.Reason = cmp.Or(f.reason, d.Reason)
}

func (d *Deal) join(lead, role string) {
	i := slices.IndexFunc(d.Leads, func(l DealLead) bool { return l.Lead == lead })
	if i < 0 {
		d.Leads = append(d.Leads, DealLead{lead, role})
		return
	}
	d.Leads[i].Role = cmp.Or(role, d.Leads[i].Role)
}

// Deals gives deals with everybody on them.
type Deals interface {
	// Deals gives all of them, once everything up to sequence after ("" for as it stands) is known.
	Deals(ctx context.Context, after string) ([]Deal, error)
}

// Leads names the leads that there are; *rows.Rows does.
type Leads interface {
	// Each shows every lead that carries on by itself, once everything up to sequence after is folded: when it was first seen, in
	// milliseconds since 1970 (0: not known), and whether a deal was told of on it. f must not take long.
	Each(ctx context.Context, after string, f func(lead string, first int64, dealt bool)) error
}

// JournalDeals finds the deals in the journals of the leads that came as far as an opportunity.
type JournalDeals struct {
	Cache *Cache
	Leads Leads
}

// Deals implements Deals.
func (j JournalDeals) Deals(ctx context.Context, after string) ([]Deal, error) {
	var leads []string
	if err := j.Leads.Each(ctx, after, func(lead string, _ int64, dealt bool) {
		if dealt {
			leads = append(leads, strings.Clone(lead))
		}
	}); err != nil {
		return nil, fmt.Errorf("leads with deals: %w", err)
	}
	var out []Deal
	err := j.Cache.use(ctx, func(r *reading) error {
		people, err := r.resolve(ctx, leads)
		out = dealsOf(people)
		return err
	})
	return out, err
}
