package scoring

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

func TestServiceEmbedded(t *testing.T) { testService(t, journaltest.InProcess) }

func testService(t *testing.T, engines func(*testing.T) (*nats.Conn, leadstore.Store)) {
	r := newRig(t, engines)
	stop := r.start()
	ctx := t.Context()

	versions, err := r.agreements.ListAgreements(ctx, &agreementv1.ListAgreementsRequest{})
	if err != nil || len(versions.Agreements) != 1 || versions.Agreements[0].State != book.StateActive || versions.Agreements[0].Name != "lead-handoff" {
		t.Fatalf("agreements: %v, %v", versions, err)
	}

	// A device, a person, and what follows once they are one; every read sees its own write.
	ana, device := r.lead("ana@initech.example"), r.J.Key().Lead(identity.Anonymous, "", "an-7")
	r.sees(device, "event_attended")
	seq := r.sees(ana, "form_submitted", email("ana@initech.example"), vp)
	got, err := r.leads.GetLead(ctx, &leadv1.GetLeadRequest{Id: ana, After: seq})
	if err != nil || got.Stage != "inquiry" || got.Email != "ana@initech.example" || got.Score.Fit != 80 || got.Score.Grade != "a" || got.Account.Employees != 420 || got.Owner != "marketing" {
		t.Fatalf("lead: %v, %v", got, err)
	}
	seq = r.sees(device, "linked", link(ana))
	got, err = r.leads.GetLead(ctx, &leadv1.GetLeadRequest{Id: device, After: seq})
	if err != nil || got.MergedInto != ana || got.Stage != "mql" || got.HandoffId != identity.Handoff(ana, 1) || len(got.Absorbed) != 1 {
		t.Fatalf("merged lead: %v, %v", got, err)
	}
	score, err := r.scores.GetScore(ctx, &leadv1.GetScoreRequest{Id: ana})
	if err != nil || score.LeadId != ana || len(score.Contributions) != 3 || score.AgreementVersion != 1 || score.QualifiesBy != "matrix" {
		t.Fatalf("score: %v, %v", score, err)
	}
	sum := 0.0
	for _, c := range score.Contributions {
		if c.Side == "engagement" {
			sum += c.Points
		}
	}
	if sum != score.Engagement || score.Engagement < 59.9 || score.Engagement > 60 {
		t.Errorf("engagement %v, sum of lines %v", score.Engagement, sum)
	}
	full, err := r.leads.GetContext(ctx, &leadv1.GetContextRequest{Id: ana})
	if err != nil || len(full.Snapshot.Timeline) != 2 || full.Snapshot.Entry.Type != "event_attended" || full.Lead.Id != ana || full.Score.Fit != 80 {
		t.Fatalf("context: %v, %v", full, err)
	}
	var types []string
	token := ""
	for range 20 {
		page, err := r.leads.GetJournal(ctx, &leadv1.GetJournalRequest{Id: device, PageSize: 2, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			types = append(types, e.Producer+":"+e.Event.Type)
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	want := "input:event_attended scoring:stage_changed scoring:score_band_changed input:form_submitted scoring:stage_changed input:linked scoring:absorbed scoring:merged_into scoring:stage_changed scoring:qualified scoring:score_band_changed"
	if len(types) != 11 || !sameWords(strings.Join(types, " "), want) {
		t.Errorf("journal: %v", types)
	}

	r.testLists(ana)
	r.testErrors(ana)

	// What could not be read is found again.
	q := &journalv1.Event{Id: "q1", Entity: "in_site", Type: "quarantined", Source: "site", ReceivedAt: timestamppb.Now(), Payload: &journalv1.Event_Quarantined{
		Quarantined: &journalv1.Quarantined{QuarantineId: "q1", Reason: "lead.email: is not an address", Place: "ingest", Raw: []byte("{}"), ContentType: "application/json"}}}
	at, err := r.J.Append(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.scores.ListQuarantine(ctx, &scoringv1.ListQuarantineRequest{After: fmt.Sprint(at)})
	if err != nil || len(list.Items) != 1 || list.Items[0].Id != "q1" || string(list.Items[0].Raw) != "{}" || list.Items[0].Released {
		t.Fatalf("quarantine: %v, %v", list, err)
	}
	if at, err = r.J.Append(ctx, &journalv1.Event{Id: "r1", Entity: "in_site", Type: "quarantine_released", Source: "site", ReceivedAt: timestamppb.Now(),
		Payload: &journalv1.Event_QuarantineReleased{QuarantineReleased: &journalv1.QuarantineReleased{QuarantineId: "q1"}}}); err != nil {
		t.Fatal(err)
	}
	if list, err = r.scores.ListQuarantine(ctx, &scoringv1.ListQuarantineRequest{After: fmt.Sprint(at)}); err != nil || !list.Items[0].Released {
		t.Fatalf("quarantine: %v, %v", list, err)
	}

	r.testReconciliation()
	stop()
	r.start() // nothing is decided, applied or counted twice
	r.testReconciliation()
	if versions, err := r.agreements.ListAgreements(ctx, &agreementv1.ListAgreementsRequest{}); err != nil || len(versions.Agreements) != 1 {
		t.Errorf("after a restart: %v, %v", versions, err)
	}
}

func sameWords(a, b string) bool {
	count := map[string]int{}
	for _, w := range strings.Fields(a) {
		count[w]++
	}
	for _, w := range strings.Fields(b) {
		count[w]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func (r *rig) testLists(ana string) {
	r.t.Helper()
	ctx := r.t.Context()
	var seq string
	for i := range 7 {
		address := fmt.Sprintf("p%d@globex.example", i)
		seq = r.sees(r.lead(address), "asset_downloaded", email(address), func(e *journalv1.Event) { e.Account = &journalv1.Account{Domain: proto.String("Globex.example")} })
	}
	list, err := r.leads.ListLeads(ctx, &leadv1.ListLeadsRequest{Email: " Ana@Initech.example", After: seq})
	if err != nil || len(list.Leads) != 1 || list.Leads[0].Id != ana {
		r.t.Fatalf("by address: %v, %v", list, err)
	}
	if list, err = r.leads.ListLeads(ctx, &leadv1.ListLeadsRequest{Email: "nobody@initech.example"}); err != nil || len(list.Leads) != 0 {
		r.t.Fatalf("by an unknown address: %v, %v", list, err)
	}
	for _, req := range []*leadv1.ListLeadsRequest{{Stage: "inquiry"}, {Account: r.J.Key().Account("globex.example")}} {
		got := map[string]bool{}
		req.PageSize = 3
		for range 10 {
			if list, err = r.leads.ListLeads(ctx, req); err != nil {
				r.t.Fatal(err)
			}
			for _, l := range list.Leads {
				if got[l.Id] || l.Stage != "inquiry" {
					r.t.Errorf("%v: %s twice, or of stage %s", req, l.Id, l.Stage)
				}
				got[l.Id] = true
			}
			if req.PageToken = list.NextPageToken; req.PageToken == "" {
				break
			}
		}
		if len(got) != 7 {
			r.t.Errorf("%v: got %d leads, want 7", req, len(got))
		}
	}
	if list, err = r.leads.ListLeads(ctx, &leadv1.ListLeadsRequest{}); err != nil || len(list.Leads) != 8 || list.Leads[0].Id != ana {
		r.t.Fatalf("all, by score: %v, %v", list, err)
	}
}

func (r *rig) testErrors(ana string) {
	r.t.Helper()
	ctx := r.t.Context()
	for name, c := range map[string]struct {
		call  func() error
		code  codes.Code
		field string
	}{
		"unknown lead": {func() error {
			_, err := r.leads.GetLead(ctx, &leadv1.GetLeadRequest{Id: r.lead("x@y.example")})
			return err
		}, codes.NotFound, ""},
		"no id": {func() error { _, err := r.leads.GetLead(ctx, &leadv1.GetLeadRequest{Id: "ld_*.>"}); return err }, codes.NotFound, ""},
		"no sequence": {func() error {
			_, err := r.leads.GetLead(ctx, &leadv1.GetLeadRequest{Id: ana, After: "soon"})
			return err
		}, codes.InvalidArgument, "after"},
		"far sequence": {func() error {
			_, err := r.leads.GetLead(ctx, &leadv1.GetLeadRequest{Id: ana, After: "999999999"})
			return err
		}, codes.Unavailable, ""},
		"no stage":   {func() error { _, err := r.leads.ListLeads(ctx, &leadv1.ListLeadsRequest{Stage: "warm"}); return err }, codes.InvalidArgument, "stage"},
		"no address": {func() error { _, err := r.leads.ListLeads(ctx, &leadv1.ListLeadsRequest{Email: "ana"}); return err }, codes.InvalidArgument, "email"},
		"page size":  {func() error { _, err := r.leads.ListLeads(ctx, &leadv1.ListLeadsRequest{PageSize: 5000}); return err }, codes.InvalidArgument, "page_size"},
		"page token": {func() error { _, err := r.leads.ListLeads(ctx, &leadv1.ListLeadsRequest{PageToken: "x"}); return err }, codes.InvalidArgument, "page_token"},
		"journal token": {func() error {
			_, err := r.leads.GetJournal(ctx, &leadv1.GetJournalRequest{Id: ana, PageToken: "-1"})
			return err
		}, codes.InvalidArgument, "page_token"},
		"quarantine page": {func() error {
			_, err := r.scores.ListQuarantine(ctx, &scoringv1.ListQuarantineRequest{PageToken: "-1"})
			return err
		}, codes.InvalidArgument, "page_token"},
	} {
		err := c.call()
		if status.Code(err) != c.code {
			r.t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
		if field := refusedField(err); field != c.field {
			r.t.Errorf("%s: field %q, want %q", name, field, c.field)
		}
	}
}

// refusedField gives the field that a request was refused for, "" for none.
func refusedField(err error) string {
	for _, d := range status.Convert(err).Details() {
		if b, ok := d.(*errdetails.BadRequest); ok {
			return b.FieldViolations[0].Field
		}
	}
	return ""
}

func (r *rig) testReconciliation() {
	r.t.Helper()
	got, err := r.scores.GetReconciliation(r.t.Context(), &scoringv1.ReconciliationRequest{})
	if err != nil {
		r.t.Fatal(err)
	}
	inputs := 0
	for _, ev := range r.Log() {
		if ev.Origin == nil && ev.Partition >= 0 {
			inputs++
		}
	}
	if !got.Ok || got.Acknowledged != float64(inputs) || got.Applied+got.Duplicates+got.Quarantined+got.Pending+got.Erased != got.Acknowledged || got.Pending != 0 {
		r.t.Errorf("%d inputs: %v", inputs, got)
	}
	if got.Leads != 8 || got.LeadsByStage["mql"] != 1 || got.LeadsByStage["inquiry"] != 7 || len(got.Orphans) != 0 || got.Drift != 0 {
		r.t.Errorf("got %v", got)
	}
}

// The worker over real engines gives what the reference gives on the same log: with links and events racing, the service
// restarted, and its store emptied under it.
func TestServiceEqualsTheReference(t *testing.T) {
	r := newRig(t, journaltest.InProcess)
	stop := r.start()
	random := rand.New(rand.NewPCG(1, 2))
	key := r.J.Key()
	var leads []string
	for i := range 12 {
		leads = append(leads, key.Lead(identity.Email, "", fmt.Sprintf("p%d@x.example", i)), key.Lead(identity.ExternalID, "crm", fmt.Sprint(i)), key.Lead(identity.Anonymous, "", fmt.Sprint(i)))
	}
	types := []string{"page_viewed", "asset_downloaded", "event_attended", "identified", "consent_changed", "deal_won", "email_sent", "demo_requested"}
	play := func(events int) {
		for range events {
			lead := leads[random.IntN(len(leads))]
			if random.IntN(12) == 0 {
				to := leads[random.IntN(len(leads))]
				r.sees(lead, "linked", link(to))
				continue
			}
			r.sees(lead, types[random.IntN(len(types))], func(e *journalv1.Event) {
				e.Id = fmt.Sprint("r", random.IntN(2*events)) // some come twice
				e.OccurredAt = timestamppb.New(time.Now().Add(-time.Duration(random.IntN(1000)) * time.Hour))
				e.Properties = &structpb.Struct{Fields: map[string]*structpb.Value{"url": structpb.NewStringValue("https://x.example/pricing")}}
				e.Automated = random.IntN(10) == 0
				if random.IntN(3) == 0 {
					vp(e)
				}
				if e.Type == "consent_changed" {
					e.Payload = &journalv1.Event_ConsentChanged{ConsentChanged: &journalv1.ConsentChanged{Purposes: map[string]string{"email": "granted", "phone": "denied"}}}
				}
			})
		}
	}
	library, err := book.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	logic := fold.NewLogic(library, key)
	play(300)
	stop()
	play(200)
	stop = r.start()
	for p := range 64 {
		journaltest.Eventually(t, "wipe", func() error { return r.Store.Wipe(t.Context(), fold.Service, p, "test") })
	}
	play(200)
	r.Agree(logic)
	stop()
	r.start()
	result := r.Settle(logic)
	r.SameStates(logic, result)
	got, err := r.scores.GetReconciliation(t.Context(), &scoringv1.ReconciliationRequest{})
	if err != nil || !got.Ok || got.Applied != float64(result.Applied) || got.Duplicates != float64(result.Duplicates) {
		t.Errorf("reconciliation: %v, %v; the reference applied %d and recognised %d", got, err, result.Applied, result.Duplicates)
	}
	if result.Facts < 100 || result.Duplicates == 0 {
		t.Errorf("the test did too little: %d facts, %d duplicates", result.Facts, result.Duplicates)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.Batch, c.CacheLeads = 0, -1
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "scoring.batch") || !strings.Contains(err.Error(), "scoring.cache_leads") {
		t.Errorf("got %v", err)
	}
	if _, err := New(c, Deps{}); err == nil {
		t.Error("an invalid configuration was accepted")
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("a service without a journal was accepted")
	}
	if err := CheckAgreement([]byte(testAgreement)); err != nil {
		t.Error(err)
	}
	var errs agreement.Errors
	if err := CheckAgreement([]byte("agreement: x\nqualify: [{id: a, when: 'score > 3'}]")); !errors.As(err, &errs) || errs[0].Field != "qualify[0].when" || errs[0].Line != 2 {
		t.Errorf("got %v", err)
	}
}

func TestABrokenAgreementStopsTheStart(t *testing.T) {
	r := newRig(t, journaltest.InProcess)
	cfg := DefaultConfig()
	cfg.Agreement = r.agreement
	if err := os.WriteFile(r.agreement, []byte("agreement: x\nfit: [{id: a, points: 1, when: 'lead.title >'}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(cfg, Deps{Journal: r.J, Store: r.Store})
	if err == nil || !strings.Contains(err.Error(), "fit[0].when") || !strings.Contains(err.Error(), r.agreement) {
		t.Errorf("got %v", err)
	}
	cfg.Agreement = r.agreement + ".gone"
	if _, err := New(cfg, Deps{Journal: r.J, Store: r.Store}); err == nil {
		t.Error("a missing file was accepted")
	}
}
