// Package spend is what it costs to win customers: what campaigns and teams spent, by month, exactly and in the currencies that
// it was spent in.
package spend

import (
	"fmt"
	"time"
)

// Kind is whose cost it is.
type Kind string

// The kinds. A campaign's spend is marketing's.
const (
	Sales     Kind = "sales"
	Marketing Kind = "marketing"
)

// Record is what was spent in one month.
type Record struct {
	// Month is the first day of the month, in milliseconds since 1970, UTC.
	Month int64
	Kind  Kind
	// Campaign and its Channel, "" for what was spent beside the campaigns.
	Campaign, Channel string
	// Team whose cost it is, "" where it is no team's alone.
	Team string
	// Amount is in micro-units of Currency (ISO 4217).
	Amount   int64
	Currency string
}

// ParseMonth reads a month such as 2026-11.
func ParseMonth(s string) (int64, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a month such as 2026-11", s)
	}
	return t.UnixMilli(), nil
}

// End gives the moment at which the record's month ends: the next one's first.
func (r *Record) End() int64 { return time.UnixMilli(r.Month).UTC().AddDate(0, 1, 0).UnixMilli() }
