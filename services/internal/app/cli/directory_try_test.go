package cli

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

func TestATrialIsShownToPeople(t *testing.T) {
	at := timestamppb.New(time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC))
	var out strings.Builder
	printRouting(&out, &routingv1.RoutingTrial{
		Asked: "ana@initech.example", LeadId: "ld_ea", At: at, Outcome: "routed", Rep: "bo", ByRoute: "default", ByPool: "all", AssignedAt: at,
		Account: &routingv1.AccountTrial{
			Id: "ac-1", Name: "Initech", By: "email-domain", Confidence: 1, Owner: "cy",
			Second: &routingv1.AccountEvidence{By: "account-name", Account: "ac-2", Name: "Hooli", Confidence: 0.9},
		},
		Routes: []*routingv1.RouteTrial{
			{Route: "big", Outcome: "condition does not hold", Expression: "account.employees > 10", Absent: []string{"account.employees"}},
			{Route: "default", Outcome: "matched", Pool: "all"},
		},
		Considered: []*journalv1.Considered{{Rep: "dee", Skipped: "outside hours"}},
	})
	for _, want := range []string{
		"ana@initech.example (ld_ea)", "Initech ac-1, owner cy: by email-domain, 100 % sure", "but Hooli ac-2 by account-name, 90 % sure",
		"bo, by route default, from pool all", "not known: account.employees", "outside hours",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestASimulationIsShownToPeople(t *testing.T) {
	side := func(ana, bo int32) *routingv1.SimulatedSide {
		return &routingv1.SimulatedSide{
			Assigned: ana + bo, Waited: &routingv1.SimulatedWait{P90: durationpb.New(90 * time.Minute)},
			Reps:  []*routingv1.SimulatedRep{{Rep: "ana", Assigned: ana}, {Rep: "bo", Assigned: bo}},
			Pools: []*routingv1.SimulatedPool{{Pool: "all", Assigned: ana + bo, Members: []*routingv1.SimulatedMember{{Rep: "ana", Weight: 1, Share: 0.5, Got: 0.25, Assigned: ana}}}},
		}
	}
	var out strings.Builder
	printSimulation(&out, &routingv1.SimulationReport{
		Handoffs: 4, InForce: side(2, 2), Proposed: side(1, 3), WaitedOver: durationpb.New(time.Hour), Differing: 1,
		Moves:       []*routingv1.SimulatedMove{{From: "ana", To: "bo", Handoffs: 1}},
		Differences: []*routingv1.DifferingHandoff{{HandoffId: "ho_a_1", InForce: &routingv1.SimulatedAssignment{Rep: "ana", Route: "d"}, Proposed: &routingv1.SimulatedAssignment{}}},
		Unknown:     []string{"Another rep would have answered differently."},
	})
	for _, want := range []string{"4 leads qualified", "1 h 30 min", "25.0 %", "1 have another owner", "ana (d)", "nobody", "Another rep would"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
