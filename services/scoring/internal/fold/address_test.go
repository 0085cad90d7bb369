package fold_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

func TestASnapshotSaysWhereTheLeadIs(t *testing.T) {
	w := newWorld(t, mailYAML)
	where := func(want string) {
		t.Helper()
		s := fold.LeadSnapshot(w.lead(ana))
		if got := s.GetStreet() + "|" + s.GetCity() + "|" + s.GetPostalCode() + "|" + s.GetState(); got != want {
			t.Errorf("at %s, want %s", got, want)
		}
	}
	// Events from before there were fields for it keep the address among the sender's own: what was decided of them stays as it was.
	old, err := structpb.NewStruct(map[string]any{"address": map[string]any{"street": "Storgatan 1", "city": "Malmö"}})
	if err != nil {
		t.Fatal(err)
	}
	w.sees(ana, "identified", func(e *journalv1.Event) { e.Traits = &journalv1.Traits{Other: old} })
	where("|||")
	w.sees(ana, "identified", func(e *journalv1.Event) {
		e.Account = &journalv1.Account{Street: proto.String("Nygatan 2"), City: proto.String("Lund")}
	})
	where("Nygatan 2|Lund||")
	w.sees(ana, "identified", func(e *journalv1.Event) {
		e.Traits = &journalv1.Traits{Street: proto.String("Storgatan 1"), City: proto.String("Malmö"), PostalCode: proto.String("21142"), State: proto.String("M")}
	})
	where("Storgatan 1|Malmö|21142|M")
	// Somebody who moves leaves the whole address behind.
	w.Now = w.Now.Add(hour)
	w.sees(ana, "identified", func(e *journalv1.Event) { e.Traits = &journalv1.Traits{City: proto.String("Oslo")} })
	where("|Oslo||")
}
