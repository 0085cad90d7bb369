package journeys

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// TestADealIsAsOldAsItsSourceSays: not as the first that was heard of it; and the role is the one that the source's fact states.
func TestADealIsAsOldAsItsSourceSays(t *testing.T) {
	l := &log{}
	l.did(0, ana, "form_submitted", "organic", "")
	made := start.Add(-48 * time.Hour)
	l.add(48, "", &journalv1.Event{Entity: ana, Type: "deal_won", Source: "crm", Payload: &journalv1.Event_DealWon{DealWon: &journalv1.Deal{
		DealId: "d1", Role: "champion", CreatedAt: timestamppb.New(made),
	}}})
	l.entered(ana, "won")
	l.deal(60, ana, "crm", "d1", "deal_opened", "") // told late, and after the fact
	deals, err := l.collector().Deals.Deals(t.Context(), "")
	if err != nil || len(deals) != 1 {
		t.Fatal(deals, err)
	}
	if d := deals[0]; d.Opened != made.UnixMilli() || d.Leads[0].Role != "champion" || d.Status != StatusWon {
		t.Errorf("%+v", d)
	}
}
