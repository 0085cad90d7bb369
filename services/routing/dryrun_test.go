package routing

import (
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

const otherDirectory = `
reps: [ {id: ana}, {id: bo}, {id: cy} ]
pools: [ {id: all, reps: [cy]} ]
routes: [ {id: big, when: 'account.employees > 100', to: {rep: bo}}, {id: default, to: {pool: all}} ]
`

// Trying and simulating tell what the service would do, and write nothing.
func (r *rig) testDryRun(t *testing.T) {
	ctx := t.Context()
	id := r.qualify(t, "dry@hooli.example")
	h := r.handoff(t, id, func(h *routingv1.Handoff) bool { return h.GetOwner() != nil })
	directory, err := r.client.GetDirectory(ctx, &routingv1.GetDirectoryRequest{})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.TryRouting(ctx, &routingv1.TryRoutingRequest{
		Leads: []string{"Dry@hooli.example"}, Handoffs: []string{id},
		Samples: []*routingv1.SampleLead{{Lead: &journalv1.LeadSnapshot{Email: "New@Initech.example", AccountName: "Hooli", AccountDomain: "hooli.example"}}},
	})
	if err != nil || len(resp.GetTrials()) != 3 || !resp.GetInForce() {
		t.Fatalf("%v, %v", resp, err)
	}
	again, as, sample := resp.GetTrials()[0], resp.GetTrials()[1], resp.GetTrials()[2]
	if again.GetLeadId() != h.GetLeadId() || again.GetOutcome() != "routed" || again.GetByRoute() != "default" || again.GetHandoffId() == id {
		t.Errorf("the lead's next epoch: %v", again)
	}
	if as.GetHandoffId() != id || as.GetRep() == "" || as.GetByPool() != "all" || len(as.GetConsidered()) != 1 {
		t.Errorf("the handoff: %v", as)
	}
	if a := sample.GetAccount(); sample.GetRep() != "ana" || sample.GetByRoute() != "named" || a.GetId() != "ac-1" || a.GetOwner() != "ana" ||
		a.GetSecond().GetBy() != "account-domain" || len(a.GetSupport()) != 0 {
		t.Errorf("the sample: %v", sample)
	}
	resp, err = r.client.TryRouting(ctx, &routingv1.TryRoutingRequest{Yaml: otherDirectory, Leads: []string{h.GetLeadId()}, FreshDesk: true})
	if err != nil || resp.GetInForce() || resp.GetTrials()[0].GetRep() != "cy" || !slices.Equal(resp.GetTrials()[0].GetRoutes()[0].GetAbsent(), []string{"account.employees"}) {
		t.Errorf("another directory: %v, %v", resp, err)
	}
	for field, req := range map[string]*routingv1.TryRoutingRequest{
		"leads":                 {},
		"leads[0]":              {Leads: []string{"nobody"}},
		"samples[0].lead.email": {Samples: []*routingv1.SampleLead{{Lead: &journalv1.LeadSnapshot{Email: "@"}}}},
		"routes":                {Yaml: "reps: [ {id: ana} ]", Leads: []string{h.GetLeadId()}},
	} {
		if _, err := r.client.TryRouting(ctx, req); status.Code(err) != codes.InvalidArgument || !slices.Contains(violations(err), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, req := range []*routingv1.TryRoutingRequest{{Leads: []string{"no@hooli.example"}}, {Handoffs: []string{"ho_x_1"}}} {
		if _, err := r.client.TryRouting(ctx, req); status.Code(err) != codes.NotFound {
			t.Errorf("%v: %v", req, err)
		}
	}

	report := r.simulate(t, &routingv1.SimulateRoutingRequest{Yaml: otherDirectory, PageSize: 1, From: timestamppb.New(time.Now().Add(-time.Hour))})
	if report.GetHandoffs() == 0 || report.GetReproduced() != report.GetReallyAssigned() || report.GetDiffering() < 2 || len(report.GetDifferences()) != 1 {
		t.Fatalf("%v", report)
	}
	if p := report.GetProposed(); p.GetAssigned() != report.GetHandoffs() || p.GetReps()[2].GetRep() != "cy" || p.GetReps()[2].GetFromPools() != report.GetHandoffs() {
		t.Errorf("%v", p)
	}
	next := r.simulate(t, &routingv1.SimulateRoutingRequest{Yaml: otherDirectory, PageSize: 1, PageToken: report.GetNextPageToken()})
	if next.GetDiffering() != report.GetDiffering() || proto.Equal(next.GetDifferences()[0], report.GetDifferences()[0]) || !next.GetFrom().AsTime().Equal(report.GetFrom().AsTime()) {
		t.Errorf("the next page: %v", next)
	}
	stream, err := r.client.SimulateRouting(ctx, &routingv1.SimulateRoutingRequest{Answers: "perhaps"})
	if err == nil {
		_, err = stream.Recv()
	}
	if !slices.Contains(violations(err), "answers") {
		t.Errorf("answers: %v", err)
	}
	for _, lead := range []string{again.GetLeadId(), sample.GetLeadId()} {
		has, err := r.client.ListHandoffs(ctx, &routingv1.ListHandoffsRequest{Lead: lead})
		if err != nil || len(has.GetHandoffs()) != map[bool]int{true: 1}[lead == h.GetLeadId()] {
			t.Errorf("something was written: %v, %v", has, err)
		}
	}
	if now, err := r.client.GetDirectory(ctx, &routingv1.GetDirectoryRequest{}); err != nil || now.GetSequence() != directory.GetSequence() {
		t.Errorf("the directory: %v, %v", now, err)
	}
}

func (r *rig) simulate(t *testing.T, req *routingv1.SimulateRoutingRequest) *routingv1.SimulationReport {
	t.Helper()
	stream, err := r.client.SimulateRouting(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	var report *routingv1.SimulationReport
	for {
		resp, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return report
		}
		if err != nil {
			t.Fatal(err)
		}
		if resp.GetDone() {
			report = resp.GetReport()
		}
	}
}

// violations gives the fields that a refusal names.
func violations(err error) (fields []string) {
	for _, d := range status.Convert(err).Details() {
		if b, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range b.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	return fields
}
