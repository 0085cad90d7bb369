package journeys

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// dealRole is what somebody is called on a deal, as one statement says. How the deal itself stands is told by core.Stands alone.
type dealRole struct {
	seq  uint64
	at   int64
	deal string // SOURCE/ID
	role string
}

func (r *record) deal(ev *journal.Event, d *journalv1.Deal) {
	role := cmp.Or(d.GetRole(), ev.Body.GetProperties().GetFields()["role"].GetStringValue())
	if role == "" {
		return
	}
	r.deals = append(r.deals, dealRole{
		seq: ev.Seq, at: ev.OccurredAt().UnixMilli(), deal: intern(ev.Body.GetSource() + "/" + cmp.Or(d.GetDealId(), ev.Entity)), role: intern(role),
	})
}

// roleOn gives what a person was last called on a deal, "" for nothing.
func (p *Person) roleOn(deal string) (role string) {
	var last dealRole
	for _, d := range p.deals {
		if d.deal == deal && (last.role == "" || cmp.Or(cmp.Compare(last.at, d.at), cmp.Compare(last.seq, d.seq)) < 0) {
			last = d
		}
	}
	return last.role
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
	// Leads on it, one that merged as the one that it has become; the primary one, who was on it first, at the head.
	Leads []string
}

// Name gives SOURCE/ID.
func (d *Deal) Name() string { return d.Source + "/" + d.ID }

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

// Books shows what is known of deals; *rows.Rows does.
type Books interface {
	Book(ctx context.Context, after string, see func(*core.Book) error) error
}

// BookDeals gives deals as all other numbers have them, from the table that these are counted from.
type BookDeals struct{ Books Books }

// Deals implements Deals. They are in the order of their names.
func (b BookDeals) Deals(ctx context.Context, after string) ([]Deal, error) {
	var out []Deal
	err := b.Books.Book(ctx, after, func(book *core.Book) error {
		n := book.Table.Names
		for t := range book.Table.EachDeal() {
			name := n.Name(t.ID)
			d := Deal{
				Status: StatusOpen, Opened: t.Opened, Closed: t.Closed, Amount: t.Amount, Currency: strings.Clone(n.Name(t.Currency)), Stated: t.HasAmount,
				Stage: strings.Clone(n.Name(t.Stage)), Reason: strings.Clone(n.Name(t.Reason)),
			}
			d.Source, d.ID, _ = strings.Cut(strings.Clone(name), "/")
			switch t.Status {
			case table.DealWon:
				d.Status = StatusWon
			case table.DealLost:
				d.Status = StatusLost
			case table.DealOpen:
			}
			d.Leads = []string{strings.Clone(book.Table.LeadID(t.Lead))}
			for _, lead := range book.OnDeal(name) {
				if lead = cmp.Or(book.Root(lead), lead); !slices.Contains(d.Leads, lead) {
					d.Leads = append(d.Leads, strings.Clone(lead))
				}
			}
			out = append(out, d)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Deal) int { return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID)) })
	return out, err
}
