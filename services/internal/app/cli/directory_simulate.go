package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

func (t *directoryTry) simulate(ctx context.Context, yaml string) error {
	if t.page < 0 || t.page > math.MaxInt32 {
		return usagef("--differences %d: must not be negative", t.page)
	}
	req := &routingv1.SimulateRoutingRequest{Yaml: yaml, Answers: t.answers, WaitedOver: durationpb.New(t.waitedOver), PageSize: int32(t.page)}
	var err error
	if req.From, err = moment("--from", t.from); err != nil {
		return err
	}
	if req.To, err = moment("--to", t.to); err != nil {
		return err
	}
	resp, err := t.api.unlimited().do(ctx, http.MethodPost, "directory/simulate", nil, req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	shown := time.Now()
	var step routingv1.SimulateRoutingResponse
	return streamed(resp.Body, "report", &step, func() (done bool, err error) {
		switch {
		case step.GetReport() != nil && t.json:
			err = printJSON(t.env, step.GetReport())
		case step.GetReport() != nil:
			var out bytes.Buffer
			printSimulation(&out, step.GetReport())
			_, err = out.WriteTo(t.env.Stdout)
		case step.GetTotal() > 0 && time.Since(shown) > 2*time.Second:
			shown = time.Now()
			fmt.Fprintf(t.env.Stderr, "%3.0f %% of %.0f messages\n", 100*step.GetRead()/step.GetTotal(), step.GetTotal())
		}
		return step.GetDone(), err
	})
}

// printSimulation shows a report to people. w is memory: it does not fail.
func printSimulation(w io.Writer, r *routingv1.SimulationReport) {
	fmt.Fprintf(w, "%d leads qualified from %s to %s\n", r.GetHandoffs(), when(r.GetFrom()), when(r.GetTo()))
	fmt.Fprintf(w, "the directory in force gives %d of %d the rep that they really got\n\n", r.GetReproduced(), r.GetReallyAssigned())
	a, b := r.GetInForce(), r.GetProposed()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, of func(*routingv1.SimulatedSide) any) {
		fmt.Fprintf(table, "%s\t%v\t%v\t\n", name, of(a), of(b))
	}
	fmt.Fprint(table, "\tIN FORCE\tPROPOSED\t\n")
	row("assigned", func(s *routingv1.SimulatedSide) any { return s.GetAssigned() })
	row("never assigned", func(s *routingv1.SimulatedSide) any { return s.GetNeverAssigned() })
	row("over before that", func(s *routingv1.SimulatedSide) any { return s.GetWithdrawn() })
	row("overflowed", func(s *routingv1.SimulatedSide) any { return s.GetOverflowed() })
	row("reassigned", func(s *routingv1.SimulatedSide) any { return s.GetReassigned() })
	row("half waited up to", func(s *routingv1.SimulatedSide) any { return short(s.GetWaited().GetP50()) })
	row("90 % up to", func(s *routingv1.SimulatedSide) any { return short(s.GetWaited().GetP90()) })
	row("longest", func(s *routingv1.SimulatedSide) any { return short(s.GetWaited().GetLongest()) })
	row("over "+short(r.GetWaitedOver()), func(s *routingv1.SimulatedSide) any { return s.GetWaited().GetOver() })
	_ = table.Flush()

	fmt.Fprintln(w)
	table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	printReps(table, a, b)
	printPools(table, b)
	_ = table.Flush()
	printDifferences(w, r)
	fmt.Fprintln(w, "\nWhat this cannot know:")
	for _, s := range r.GetUnknown() {
		fmt.Fprintln(w, "- "+s)
	}
}

func printReps(w io.Writer, a, b *routingv1.SimulatedSide) {
	before := map[string]*routingv1.SimulatedRep{}
	for _, r := range a.GetReps() {
		before[r.GetRep()] = r
	}
	fmt.Fprint(w, "REP\tIN FORCE\tPROPOSED\tFROM POOLS\tTAKEN OVER\n")
	for _, r := range b.GetReps() {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", r.GetRep(), before[r.GetRep()].GetAssigned(), r.GetAssigned(), r.GetFromPools(), r.GetTakenOver())
		delete(before, r.GetRep())
	}
	for _, r := range a.GetReps() { // those whom the proposed directory gives nothing
		if before[r.GetRep()] != nil {
			fmt.Fprintf(w, "%s\t%d\t0\t0\t0\n", r.GetRep(), r.GetAssigned())
		}
	}
}

func printPools(w io.Writer, b *routingv1.SimulatedSide) {
	fmt.Fprint(w, "\nPOOL (PROPOSED)\tASSIGNED\tWEIGHT\tSHARE\tGOT\n")
	for _, p := range b.GetPools() {
		fmt.Fprintf(w, "%s\t%d\t\t\t\n", p.GetPool(), p.GetAssigned())
		for _, m := range p.GetMembers() {
			fmt.Fprintf(w, "  %s\t%d\t%g\t%.1f %%\t%.1f %%\n", m.GetRep(), m.GetAssigned(), m.GetWeight(), 100*m.GetShare(), 100*m.GetGot())
		}
	}
	fmt.Fprint(w, "\nROUTE (PROPOSED)\tASSIGNED\t90 % WAITED UP TO\t\t\n")
	for _, r := range b.GetRoutes() {
		fmt.Fprintf(w, "%s\t%d\t%s\t\t\n", r.GetRoute(), r.GetAssigned(), short(r.GetWaited().GetP90()))
	}
}

// shownMoves is how many of the most frequent moves are printed.
const shownMoves = 20

func printDifferences(w io.Writer, r *routingv1.SimulationReport) {
	if r.GetDiffering() == 0 {
		fmt.Fprintln(w, "\nEverybody has the same owner under both.")
		return
	}
	fmt.Fprintf(w, "\n%d have another owner:\n", r.GetDiffering())
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "  FROM\tTO\tHANDOFFS\n")
	for _, m := range r.GetMoves()[:min(len(r.GetMoves()), shownMoves)] {
		fmt.Fprintf(table, "  %s\t%s\t%d\n", somebody(m.GetFrom()), somebody(m.GetTo()), m.GetHandoffs())
	}
	fmt.Fprint(table, "\t\t\n  HANDOFF\tQUALIFIED\tIN FORCE\tPROPOSED\n")
	for _, d := range r.GetDifferences() {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", d.GetHandoffId(), when(d.GetQualifiedAt()), by(d.GetInForce()), by(d.GetProposed()))
	}
	_ = table.Flush()
	if n := int(r.GetDiffering()) - len(r.GetDifferences()); n > 0 {
		fmt.Fprintf(w, "  … and %d more (--differences)\n", n)
	}
}

func by(a *routingv1.SimulatedAssignment) string {
	if a.GetRep() == "" {
		return somebody("")
	}
	return a.GetRep() + " (" + a.GetRoute() + ")"
}

func somebody(rep string) string {
	if rep == "" {
		return "nobody"
	}
	return rep
}

// short gives a length of time for a table.
func short(d *durationpb.Duration) string {
	switch v := d.AsDuration(); {
	case v < time.Minute:
		return v.Round(time.Second).String()
	default:
		return span(v)
	}
}
