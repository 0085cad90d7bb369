package feedback

import (
	"context"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/money"
	"github.com/batonhq/baton/services/feedback/internal/inforce"
	"github.com/batonhq/baton/services/feedback/internal/ledger"
)

// inForce gives what metrics need beside the table: goals, and what was spent.
type inForce struct {
	*inforce.Reader
	ledger *ledger.Ledger
}

// Spends gives what was spent by the directory in force.
func (f inForce) Spends(ctx context.Context) ([]metrics.Spend, error) {
	records, err := f.ledger.Spend(ctx)
	out := make([]metrics.Spend, len(records))
	for i, r := range records {
		out[i] = metrics.Spend{
			Month: r.Month, Campaign: r.Campaign, Channel: r.Channel, Team: r.Team, Kind: string(r.Kind), Amount: r.Amount, Currency: r.Currency,
		}
	}
	return out, err
}

// rates gives the converter of the rates that were stated.
func (f inForce) rates(ctx context.Context) (metrics.Converter, error) {
	r, _, err := f.ledger.Rates(ctx, 0)
	return converter{r}, err
}

type converter struct{ rates *money.Rates }

// Convert converts by the rates of a moment; ok is false where one is missing.
func (c converter) Convert(amount int64, from, to string, at int64) (int64, bool) {
	converted, err := c.rates.Between(amount, from, to, at)
	return converted, err == nil
}
