// Package ledger gives what money facts say, to those who read beside the fold: what currencies are worth, and what was spent. Both
// are global facts of the journal: rates of their own, spend as a part of the directory.
package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/directory"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/money"
	"github.com/batonhq/baton/services/feedback/internal/core/spend"
	"github.com/batonhq/baton/services/feedback/internal/fold"
)

// KindRates is the kind of the global facts that state rates.
const (
	KindRates        = "rates"
	typeRatesChanged = "rates_changed"
)

// maxAge is how old an answer may be: a change elsewhere shows up within it.
const maxAge = time.Second

// Globals reads and writes global facts; *journal.Journal does.
type Globals interface {
	LastGlobal(ctx context.Context, kind string) (*journal.Event, error)
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
	AppendGlobal(ctx context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error)
}

// Ledger is safe for use by several goroutines.
type Ledger struct {
	globals Globals
	now     func() time.Time

	mu    sync.Mutex
	rates struct {
		all  *money.Rates
		seq  uint64
		read time.Time
	}
	spend struct {
		all  []spend.Record
		seq  uint64
		read time.Time
	}
}

// New gives a ledger over the journal.
func New(globals Globals, now func() time.Time) *Ledger {
	l := &Ledger{globals: globals, now: now}
	l.rates.all = new(money.Rates)
	return l
}

// Rates gives all rates, at most a second old and at least those of journal sequence atLeast, with the sequence of the last
// statement, 0 before the first. They must not be changed.
func (l *Ledger) Rates(ctx context.Context, atLeast uint64) (*money.Rates, uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.readRates(ctx, atLeast); err != nil {
		return nil, 0, err
	}
	return l.rates.all, l.rates.seq, nil
}

func (l *Ledger) readRates(ctx context.Context, atLeast uint64) error {
	if !l.rates.read.IsZero() && l.now().Sub(l.rates.read) < maxAge && l.rates.seq >= atLeast {
		return nil
	}
	started := l.now()
	last, err := l.globals.LastGlobal(ctx, KindRates)
	if err != nil {
		return fmt.Errorf("read the rates: %w", err)
	}
	if last != nil && last.Seq != l.rates.seq {
		all, err := l.globals.ReadGlobals(ctx, KindRates)
		if err != nil {
			return fmt.Errorf("read the rates: %w", err)
		}
		rates := new(money.Rates)
		for _, ev := range all {
			if c := ev.Body.GetRatesChanged(); ev.Type == typeRatesChanged {
				// Nothing is appended without having been read first; what cannot be read is left out.
				rates, _ = rates.With(c.GetBase(), stated(c.GetDays()))
			}
			l.rates.seq = ev.Seq
		}
		l.rates.all = rates
	}
	l.rates.read = started
	return nil
}

func stated(days []*journalv1.DayRates) []money.Stated {
	out := make([]money.Stated, len(days))
	for i, d := range days {
		out[i] = money.Stated{Day: d.GetDate(), Rates: d.GetRates()}
	}
	return out
}

// BadRatesError is what is wrong with a statement of rates.
type BadRatesError struct{ Problems []money.Problem }

// Error says that there is something; Problems say what.
func (e *BadRatesError) Error() string {
	return fmt.Sprintf("the rates are not right: %s %v", e.Problems[0].Field, e.Problems[0].Err)
}

// Put states rates, on behalf of by, and gives the sequence of the statement. The error is a *BadRatesError where they cannot be
// taken.
func (l *Ledger) Put(ctx context.Context, base string, days []money.Stated, by string) (uint64, error) {
	for {
		rates, last, err := l.fresh(ctx)
		if err != nil {
			return 0, err
		}
		if _, problems := rates.With(base, days); problems != nil {
			return 0, &BadRatesError{problems}
		}
		if rates.Hold(base, days) {
			return last, nil
		}
		at := timestamppb.New(l.now())
		body := &journalv1.RatesChanged{Base: base, Origin: "api", By: by}
		hash := sha256.New()
		_, _ = fmt.Fprintf(hash, "%q", base)
		for _, d := range days {
			body.Days = append(body.Days, &journalv1.DayRates{Date: d.Day, Rates: d.Rates})
			_, _ = fmt.Fprintf(hash, " %q %q", d.Day, d.Rates) // maps are printed in the order of their keys
		}
		body.Hash = hex.EncodeToString(hash.Sum(nil))
		seq, err := l.globals.AppendGlobal(ctx, KindRates, &journalv1.Event{
			Id: fmt.Sprintf("rates.%s.%d", body.Hash, last), Type: typeRatesChanged, Source: "api", OccurredAt: at, ReceivedAt: at,
			Payload: &journalv1.Event_RatesChanged{RatesChanged: body},
		}, last)
		switch {
		case err == nil:
			return seq, nil
		case !errors.Is(err, journal.ErrConflict) || ctx.Err() != nil:
			return 0, fmt.Errorf("state the rates: %w", err)
		}
	}
}

// fresh gives the rates as the journal has them now.
func (l *Ledger) fresh(ctx context.Context) (*money.Rates, uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rates.read = time.Time{}
	if err := l.readRates(ctx, 0); err != nil {
		return nil, 0, err
	}
	return l.rates.all, l.rates.seq, nil
}

// Spend gives what was spent, by the directory in force, at most a second old: campaigns first, then the costs beside them, in
// the directory's order. It must not be changed.
func (l *Ledger) Spend(ctx context.Context) ([]spend.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.spend.read.IsZero() && l.now().Sub(l.spend.read) < maxAge {
		return l.spend.all, nil
	}
	started := l.now()
	ev, err := l.globals.LastGlobal(ctx, fold.KindDirectory)
	if err != nil {
		return nil, fmt.Errorf("read what was spent: %w", err)
	}
	if ev != nil && ev.Seq != l.spend.seq {
		// One that cannot be read is not in force: what was before stays.
		if d, err := directory.ReadSales(ev.Body.GetDirectoryChanged().GetYaml()); err == nil {
			l.spend.all = Records(d)
		}
		l.spend.seq = ev.Seq
	}
	l.spend.read = started
	return l.spend.all, nil
}

// Records gives what a directory says was spent. What is not exact is left out: routing takes no such directory.
func Records(d *directory.Sales) []spend.Record {
	var out []spend.Record
	put := func(r spend.Record, month, amount, currency string) {
		var err, errMonth error
		r.Amount, err = money.Parse(amount)
		r.Month, errMonth = spend.ParseMonth(month)
		if err == nil && errMonth == nil && money.Currency(currency) {
			r.Currency = currency
			out = append(out, r)
		}
	}
	for _, c := range d.Campaigns {
		for _, s := range c.Spend {
			put(spend.Record{Kind: spend.Marketing, Campaign: c.ID, Channel: c.Channel}, s.Month, s.Amount, s.Currency)
		}
	}
	for _, c := range d.Costs {
		put(spend.Record{Kind: spend.Kind(c.Kind), Team: c.Team}, c.Month, c.Amount, c.Currency)
	}
	return out
}
