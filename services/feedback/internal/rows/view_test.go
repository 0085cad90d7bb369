package rows

import (
	"testing"

	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// TestTableOfMergedLeads: who merged is one lead, seen first when the earlier one was, with what either did.
func TestTableOfMergedLeads(t *testing.T) {
	tab := tableOf(map[string]*core.Row{
		"ld_a": {
			First: core.Touch{At: 50, Source: "site"}, Highest: core.Won,
			Epochs: []core.Epoch{{Number: 1, Current: core.Won, Entered: []core.Entry{{Stage: core.MQL, At: 60}, {Stage: core.Won, At: 20}}}},
		},
		"ld_b": {
			First: core.Touch{At: 30, Source: "fair"}, MergedInto: "ld_a",
			Epochs: []core.Epoch{{Number: 1, Current: core.MQL, Entered: []core.Entry{{Stage: core.MQL, At: 40}}}},
		},
	})
	rows := tab.Rows(tab.Lead("ld_a"))
	if tab.Len() != 1 || len(rows) != 1 {
		t.Fatal(tab.Len(), rows)
	}
	r := rows[0]
	if r.First != 30 || tab.Names.Name(r.Source) != "fair" || r.Entered[table.MQL] != 40 || r.Entered[table.Won] != 20 || r.Flags != table.WonBeforeSeen || r.Stage != table.Won {
		t.Errorf("%+v", r)
	}
}
