package scoring

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

func TestSplit(t *testing.T) {
	r := newRig(t, journaltest.InProcess)
	stop := r.start()
	ctx := t.Context()
	ana, bo := r.lead("ana@initech.example"), r.lead("bo@initech.example")
	crm, device := r.J.Key().Lead(identity.ExternalID, "hubspot", "123"), r.J.Key().Lead(identity.Anonymous, "", "an-7")
	r.sees(ana, "form_submitted", email("ana@initech.example"))
	r.sees(crm, "asset_downloaded", func(e *journalv1.Event) {
		e.Identity = &journalv1.Identity{ExternalIds: map[string]string{"hubspot": "123"}}
	})
	r.sees(device, "page_viewed")
	r.sees(bo, "form_submitted", email("bo@initech.example"))
	r.sees(crm, "linked", link(ana))
	seq := r.sees(device, "linked", link(ana))

	origins, err := r.leads.ListOrigins(ctx, &leadv1.ListOriginsRequest{Id: crm, After: seq})
	if err != nil || origins.LeadId != ana || len(origins.Origins) != 2 {
		t.Fatalf("origins: %v, %v", origins, err)
	}
	o := origins.Origins[slices.IndexFunc(origins.Origins, func(o *leadv1.Origin) bool { return o.Id == crm })]
	if o.Kind != "external_id" || o.System != "hubspot" || o.Value != "123" || o.JoinedAt == nil || !strings.HasPrefix(o.ByEvent, "e") || o.BySource != "site" || o.Into != ana || o.SplitAt != nil {
		t.Errorf("origin: %v", o)
	}

	for _, c := range []struct {
		lead, origin string
		code         codes.Code
		want         string
	}{
		{ana, "", codes.InvalidArgument, "origin is needed"},
		{ana, "who knows", codes.InvalidArgument, "SYSTEM:ID"},
		{ana, "ana@initech.example", codes.InvalidArgument, "the lead itself"},
		{ana, "bo@initech.example", codes.FailedPrecondition, "never merged"},
		{bo, "hubspot:123", codes.FailedPrecondition, "is not part of"},
		{ana, "hubspot:999", codes.NotFound, "nothing is known"},
		{"ld_nobody", crm, codes.NotFound, "nothing is known"},
	} {
		_, err := r.leads.SplitLead(ctx, &leadv1.SplitLeadRequest{Id: c.lead, Origin: c.origin})
		if status.Code(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s from %s: %v", c.origin, c.lead, err)
		}
	}

	done, err := r.leads.SplitLead(ctx, &leadv1.SplitLeadRequest{Id: ana, Origin: "hubspot:123", Because: "two people"})
	if err != nil || done.Origin != crm || !done.Done {
		t.Fatalf("split: %v, %v", done, err)
	}
	look := func() {
		t.Helper()
		journaltest.Eventually(t, "both are apart", func() error {
			left, err := r.leads.GetContext(ctx, &leadv1.GetContextRequest{Id: crm})
			if err != nil {
				return err
			}
			if left.Lead.Id != crm || left.Lead.MergedInto != "" || left.Lead.Stage != "inquiry" || len(left.Snapshot.Timeline) != 1 || left.Score.Engagement < 9 {
				return errors.New("the origin: " + left.String())
			}
			stays, err := r.leads.GetContext(ctx, &leadv1.GetContextRequest{Id: ana})
			if err != nil {
				return err
			}
			if len(stays.Snapshot.Timeline) != 2 || stays.Score.Engagement != 0 || len(stays.Lead.ExternalIds) != 0 || !slices.Equal(stays.Lead.Absorbed, []string{device}) {
				return errors.New("who stays: " + stays.String())
			}
			list, err := r.leads.ListLeads(ctx, &leadv1.ListLeadsRequest{Stage: "inquiry"})
			if err != nil || len(list.Leads) != 3 {
				return errors.Join(err, errors.New("the list: "+list.String()))
			}
			all, err := r.scores.GetReconciliation(ctx, &scoringv1.ReconciliationRequest{})
			if err != nil || !all.Ok || all.Leads != 3 || all.Drift != 0 {
				return errors.Join(err, errors.New("reconciliation: "+all.String()))
			}
			return nil
		})
	}
	look()
	origins, err = r.leads.ListOrigins(ctx, &leadv1.ListOriginsRequest{Id: ana})
	if err != nil || len(origins.Origins) != 2 {
		t.Fatalf("origins: %v, %v", origins, err)
	}
	o = origins.Origins[slices.IndexFunc(origins.Origins, func(o *leadv1.Origin) bool { return o.Id == crm })]
	if o.SplitAt == nil || o.SplitBecause != "two people" || o.Value != "" || o.JoinedAt == nil || o.Into != ana {
		t.Errorf("origin: %v", o)
	}
	again, err := r.leads.SplitLead(ctx, &leadv1.SplitLeadRequest{Id: ana, Origin: crm})
	if err != nil || again.Sequence != "" || !again.Done {
		t.Errorf("again: %v, %v", again, err)
	}
	r.sees(crm, "linked", link(ana))
	seq = r.sees(ana, "linked", link(crm))
	if l, err := r.leads.GetLead(ctx, &leadv1.GetLeadRequest{Id: crm, After: seq}); err != nil || l.MergedInto != "" {
		t.Errorf("it came back: %v, %v", l, err)
	}
	// Everything is folded again from the journal: the same comes of it.
	stop()
	for p := range 64 {
		if err := r.Store.Wipe(ctx, fold.Service, p, "test"); err != nil {
			t.Fatal(err)
		}
	}
	r.start()
	look()
}
