package server

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/dryrun"
)

// maxMoves is how many moves are listed.
const maxMoves = 200

// unknown says what no simulation can know.
func unknown(answers string) []string {
	out := []string{
		"Another rep would have answered differently: sooner or later, or not as they did.",
		"What a lead did after it was handed over is taken as it was, whoever had it.",
		"Requests of managers to give a handoff to somebody else are left out.",
	}
	if answers == answersNone {
		return append(out, "Nobody answers and no clock runs: what is in hand is never given back, and nothing is reassigned.")
	}
	return append(out, "Answers come when they really came; those to a handoff that nobody has yet count from when somebody does.")
}

func (m *simulation) shown(r *dryrun.Report) *routingv1.SimulationReport {
	o := &m.opt
	out := &routingv1.SimulationReport{
		From: moment(o.From), To: moment(o.To), Answers: m.answers, Hash: o.Proposed.Hash, InForceHash: o.InForce.Hash, Handoffs: int32(r.Handoffs),
		InForce: sideShown(r.InForce), Proposed: sideShown(r.Proposed), ReallyAssigned: int32(r.Really), Reproduced: int32(r.Reproduced),
		Differing: int32(len(r.Differences)), WaitedOver: durationpb.New(o.WaitedOver), Unknown: unknown(m.answers),
	}
	for _, v := range r.Moves[:min(len(r.Moves), maxMoves)] {
		out.Moves = append(out.Moves, &routingv1.SimulatedMove{From: v.From, To: v.To, Handoffs: int32(v.Handoffs)})
	}
	from := min(m.offset, len(r.Differences))
	to := min(from+m.size, len(r.Differences))
	for _, d := range r.Differences[from:to] {
		out.Differences = append(out.Differences, &routingv1.DifferingHandoff{
			HandoffId: d.Handoff, LeadId: d.Lead, QualifiedAt: moment(d.Qualified), InForce: assignmentShown(d.InForce), Proposed: assignmentShown(d.Proposed),
		})
	}
	if to < len(r.Differences) {
		out.NextPageToken = m.next(to)
	}
	return out
}

func assignmentShown(a *dryrun.Assignment) *routingv1.SimulatedAssignment {
	if a == nil {
		return &routingv1.SimulatedAssignment{}
	}
	return &routingv1.SimulatedAssignment{Rep: a.Rep, Route: a.Route, Pool: a.Pool, At: moment(a.At)}
}

func sideShown(s *dryrun.Side) *routingv1.SimulatedSide {
	out := &routingv1.SimulatedSide{
		Assigned: int32(s.Assigned), NeverAssigned: int32(s.NeverAssigned), Held: int32(s.Held), Withdrawn: int32(s.Withdrawn),
		Overflowed: int32(s.Overflowed), Reassigned: int32(s.Reassigned), Waited: waitShown(s.Waited),
		EarlyAnswers: int32(s.EarlyAnswers), LostAnswers: int32(s.LostAnswers),
	}
	for _, r := range s.Reps {
		out.Reps = append(out.Reps, &routingv1.SimulatedRep{
			Rep: r.ID, Assigned: int32(r.Assigned), FromPools: int32(r.FromPools), TakenOver: int32(r.TakenOver), PassedOn: int32(r.PassedOn), Waited: waitShown(r.Waited),
		})
	}
	for _, p := range s.Pools {
		shown := &routingv1.SimulatedPool{
			Pool: p.ID, Assigned: int32(p.Assigned), NeverAssigned: int32(p.NeverAssigned), Overflowed: int32(p.Overflowed), Waited: waitShown(p.Waited),
		}
		for _, m := range p.Members {
			shown.Members = append(shown.Members, &routingv1.SimulatedMember{
				Rep: m.Rep, Weight: float64(m.Weight) / 1000, Share: m.Share, Got: m.Got, Assigned: int32(m.Assigned), Beyond: m.Beyond,
			})
		}
		out.Pools = append(out.Pools, shown)
	}
	for _, r := range s.Routes {
		out.Routes = append(out.Routes, &routingv1.SimulatedRoute{Route: r.ID, Assigned: int32(r.Assigned), Waited: waitShown(r.Waited)})
	}
	return out
}

func waitShown(w dryrun.Wait) *routingv1.SimulatedWait {
	d := func(d time.Duration) *durationpb.Duration { return durationpb.New(d) }
	return &routingv1.SimulatedWait{P50: d(w.P50), P90: d(w.P90), P99: d(w.P99), Longest: d(w.Longest), Over: int32(w.Over)}
}
