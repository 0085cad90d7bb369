package journeys

import (
	"testing"

	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
)

// TestCreditsOfEachTouch: of a deal they add up to it; by rules, what the keys get over all deals is what Divide gives them.
func TestCreditsOfEachTouch(t *testing.T) {
	l := story()
	l.deal(20, dee, "crm", "d2", "deal_opened", "50")
	l.deal(300, dee, "crm", "d2", "deal_won", "99.99")
	l.deal(310, cy, "crm", "d0", "deal_won", "") // no touch before the look-back, no amount
	c := l.collector()
	for _, id := range attribution.Names() {
		for _, by := range []string{"channel", "sales"} {
			q := Query{By: by, Lookback: 240 * 3_600_000}
			m, err := attribution.NewModel(id, attribution.Params{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Credits(t.Context(), q, m)
			if err != nil {
				t.Fatal(id, err)
			}
			if len(got.Deals) != 3 || got.Deals[0].ID != "d0" {
				t.Fatalf("%+v", got.Deals)
			}
			amounts, conversions, byKey := map[string]int64{}, map[string]int64{}, map[string]int64{}
			for i := range got.Credits {
				x := &got.Credits[i]
				d := got.Deal(x).ID
				amounts[d] += x.Amount
				conversions[d] += x.Conversions
				byKey[x.Key.Value()] += x.Amount
				lead, times := got.Lead(x)
				if (x.At == 0) != (lead == "") || (x.At == 0) != (times == 0) || (x.At == 0) != (x.What().Type == "") {
					t.Errorf("%+v of %q", x, lead)
				}
			}
			if amounts["d1"] != 12_000*attribution.Unit || amounts["d2"] != 99_990_000 || amounts["d0"] != 0 {
				t.Errorf("%s by %s: %v", id, by, amounts)
			}
			for d, n := range conversions {
				if n != attribution.Unit {
					t.Errorf("%s by %s: %s has %d conversions", id, by, d, n)
				}
			}
			if m.Rule == nil {
				continue
			}
			all, err := c.Collect(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			want, err := all.Divide(m)
			if err != nil {
				t.Fatal(err)
			}
			for key, name := range all.Names {
				if amount := want[key].Amounts[0]; amount.Int64() != byKey[name] {
					t.Errorf("%s by %s: %s has %d, not %s", id, by, name, byKey[name], amount)
				}
			}
		}
	}
}

func TestCreditsOfNothing(t *testing.T) {
	m, err := attribution.NewModel("markov", attribution.Params{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := story().collector().Credits(t.Context(), Query{By: "channel", From: 1, To: 2}, m)
	if err != nil || len(got.Credits) != 0 {
		t.Error(got, err)
	}
}
