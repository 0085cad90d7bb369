package fold

import (
	"fmt"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
)

// A CRM tells of a deal late, twice and in another order; the rep is known by an address, and the history stays.
func TestDealStory(t *testing.T) {
	sim := journaltest.NewSim(day, Logic{})
	sim.AppendGlobal(KindDirectory, &journalv1.Event{Type: typeDirectoryChanged, Payload: &journalv1.Event_DirectoryChanged{DirectoryChanged: &journalv1.DirectoryChanged{
		Yaml: []byte("teams: [{id: emea}]\nreps: [{id: ana, team: emea, email: ana@us.example}]\n"),
	}}})
	won := said(ana, "deal_won", "e2", day.Add(48*time.Hour), &journalv1.Deal{DealId: "d1", Amount: &journalv1.Money{Amount: "100.0000001", Currency: "EUR"}, Owner: "Ana@us.example"})
	sim.Append(won, won, said(ana, "deal_opened", "e1", day, &journalv1.Deal{DealId: "d1"}), said(ana, "deal_lost", "e3", day.Add(time.Hour), &journalv1.Deal{DealId: "d1", Reason: "price"}))
	row := sim.Entity(Service, ana).(*Lead).Row()
	if applied, repeated := sim.Outcomes(Service); applied != 3 || repeated != 1 {
		t.Errorf("%d applied, %d repeated", applied, repeated)
	}
	if len(row.Deals) != 3 || row.Deals[0].Kind != core.DealOpened || row.Deals[1].Reason != "price" {
		t.Errorf("history: %+v", row.Deals)
	}
	got, want := core.Stands(row.Deals), core.Standing{
		Status: core.DealIsWon, Opened: day.UnixMilli(), Closed: day.Add(48 * time.Hour).UnixMilli(), Amount: 100_000_000, HasAmount: true, Currency: "EUR",
		Owner: "ana", Team: "emea",
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// However much is said of a lead's deals, what is kept is bounded, and how they stand is not lost.
func TestStatementsAreBounded(t *testing.T) {
	e, _ := Logic{}.Load(ana, nil)
	for i := range 3 * core.MaxStatements {
		body := said(ana, "deal_stage_changed", fmt.Sprint("e", i), day.Add(time.Duration(i)*time.Minute), &journalv1.Deal{DealId: "d1", Stage: fmt.Sprint("s", i)})
		if i == 3 {
			body = said(ana, "deal_won", "won", day.Add(time.Minute), &journalv1.Deal{DealId: "d1", Amount: &journalv1.Money{Amount: "5", Currency: "EUR"}})
		}
		e.Apply(new(Globals), &journal.Event{Head: journal.Head{Seq: uint64(i + 1), Entity: ana, Type: body.GetType()}, Body: body})
	}
	row := e.(*Lead).Row()
	got := core.Stands(row.Deals)
	if len(row.Deals) > core.MaxStatements || got.Status != core.DealIsWon || got.Amount != 5_000_000 || got.Opened != day.UnixMilli() || got.Stage != fmt.Sprint("s", 3*core.MaxStatements-1) {
		t.Errorf("%d kept: %+v", len(row.Deals), got)
	}
	if n := len(e.Save(&leadstore.Mutation{})); n > 64<<10 {
		t.Errorf("%d bytes", n)
	}
}
