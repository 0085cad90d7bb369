package table

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestMomentsAreThoseOfTheRows: after any replacing and removing, a scan by a moment's column and window finds what a scan of the rows finds, and the
// rows are those that were put last.
func TestMomentsAreThoseOfTheRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, want := New(), map[uint32][]Row{}
		when := rapid.Int64Range(0, 5)
		for range rapid.IntRange(1, 40).Draw(t, "changes") {
			lead := tab.Lead(fmt.Sprint("ld_", rapid.IntRange(0, 9).Draw(t, "lead")))
			rows := make([]Row, rapid.IntRange(0, 3).Draw(t, "epochs"))
			for i := range rows {
				rows[i] = Row{Lead: lead, Epoch: uint16(i + 1), Stage: Stage(rapid.IntRange(-1, 9).Draw(t, "stage")), First: when.Draw(t, "first"), Account: Sym(when.Draw(t, "account"))}
				for s := range rows[i].Entered {
					rows[i].Entered[s] = when.Draw(t, "entered")
				}
			}
			tab.Replace(lead, rows)
			want[lead] = rows
		}
		from, to := when.Draw(t, "from"), when.Draw(t, "to")
		most := rapid.IntRange(0, 7).Draw(t, "piece")
		for _, stage := range []Stage{NoStage, MQL, Routed, Accepted, SQL, Opportunity} {
			slow, fast := map[Row]int{}, map[Row]int{}
			for _, rows := range want {
				for _, r := range rows {
					at := r.First
					if stage != NoStage {
						at = r.Entered[stage]
					}
					if r.Stage != NoStage && at >= from && at < to {
						slow[r]++
					}
				}
			}
			for _, p := range tab.Pieces(most) {
				for i, at := range p.Moments(stage) {
					if p.Kinds[i] != Empty && at >= from && at < to {
						r := p.Rows[i]
						r.Account = p.Accounts()[i]
						fast[r]++
					}
				}
			}
			if fmt.Sprint(slow) != fmt.Sprint(fast) {
				t.Fatalf("of stage %d in [%d, %d):\n%v\nby the column, want\n%v", stage, from, to, fast, slow)
			}
		}
	})
}
