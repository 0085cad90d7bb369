package scoring

import (
	"bytes"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

func worksAtInitech(e *journalv1.Event) {
	e.Account = &journalv1.Account{Domain: proto.String("initech.example")}
}

// TestAccountsOnEngines has a committee talk through a real journal, in several sessions and with the store emptied between
// them: the log holds exactly what follows from it, the states are those of the reference, and an API shows the rating.
func TestAccountsOnEngines(t *testing.T) {
	r := newRig(t, journaltest.InProcess)
	people := []string{"ana@initech.example", "bo@initech.example", "cy@initech.example"}
	last := ""
	for session := range 3 {
		stop := r.start()
		for i := range 12 {
			who := people[i%3]
			kind := []string{"asset_downloaded", "event_attended", "page_viewed"}[(i/3+session)%3]
			last = r.sees(r.lead(who), kind, email(who), worksAtInitech)
		}
		if session == 1 {
			r.sees(r.J.Key().Lead(3, "", "42"), "asset_downloaded", worksAtInitech)
			r.sees(r.J.Key().Lead(3, "", "42"), "linked", link(r.lead(people[0])))
		}
		if _, err := r.leads.GetLead(t.Context(), &leadv1.GetLeadRequest{Id: r.lead(people[0]), After: last}); err != nil {
			t.Fatal(err)
		}
		stop()
		if session == 1 {
			for p := range journal.Partitions {
				if err := r.Store.Wipe(t.Context(), fold.Service, p, "test"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	stop := r.start()
	defer stop()
	var rated *leadv1.AccountEngagement
	journaltest.Eventually(t, "everybody is told", func() error {
		got, err := r.scores.GetScore(t.Context(), &leadv1.GetScoreRequest{Id: r.lead(people[1])})
		if err != nil {
			return err
		}
		if rated = got.Account; rated.GetPeople() != 3 || rated.GetEngagement() != 100 {
			return fmt.Errorf("rated %v", rated)
		}
		return nil
	})
	if rated.Id != r.J.Key().Account("initech.example") || rated.At == nil {
		t.Errorf("got %v", rated)
	}
	lead, err := r.leads.GetLead(t.Context(), &leadv1.GetLeadRequest{Id: r.lead(people[1])})
	if err != nil || len(lead.Epochs) != 1 || lead.Epochs[0].Stages[0].Stage != "inquiry" || lead.Epochs[0].Stages[0].EnteredAt == nil {
		t.Errorf("got %v, %v", lead.GetEpochs(), err)
	}
	stop()
	var log []*journal.Event
	if err := r.J.Scan(t.Context(), 1, func(ev *journal.Event) error { log = append(log, ev); return nil }); err != nil {
		t.Fatal(err)
	}
	logic, err := Logic(r.J.Key())
	if err != nil {
		t.Fatal(err)
	}
	want, err := journaltest.Check(log, logic)
	if err != nil || !want.Ok() {
		t.Fatalf("missing %v\nunexpected %v\ndiffering %v\n%v", want.Missing, want.Unexpected, want.Differing, err)
	}
	told := 0
	for _, ev := range log {
		if ev.Type == "account_engaged" || ev.Type == "account_rated" {
			told++
		}
	}
	if told < 10 {
		t.Errorf("only %d facts of accounts: the history shows too little", told)
	}
	reader := journal.NewReader(r.J, r.Store, fold.Service)
	for id, state := range want.States {
		blobs, err := reader.Blobs(t.Context(), id)
		if err != nil || !bytes.Equal(blobs[0], state) {
			t.Errorf("%s is stored otherwise than the reference has it (%v)", id, err)
		}
	}
}
