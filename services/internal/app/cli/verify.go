package cli

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"google.golang.org/protobuf/encoding/protojson"

	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
)

func verifyCommand() command {
	return command{
		name: "verify", does: "prove that nothing is lost: reconcile the journal with what was made of it",
		more: "Every input that stands in the journal must have been applied, recognised as a duplicate, quarantined, be pending or\n" +
			"erased; every lead must be in exactly one stage with one accountable owner. Exit 1 when it is not so.",
		example: "baton verify",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			asJSON := flags.Bool("json", false, "print JSON")
			return func(ctx context.Context, args []string) error {
				if err := noArguments(args); err != nil {
					return err
				}
				var r scoringv1.Reconciliation
				if err := a.get(ctx, "reconciliation", nil, &r); err != nil {
					return err
				}
				if *asJSON {
					if err := printJSON(env, &r); err != nil {
						return err
					}
				} else {
					printReconciliation(env, &r)
				}
				if !r.Ok {
					return errSilent
				}
				return nil
			}
		},
	}
}

func printReconciliation(env *Env, r *scoringv1.Reconciliation) {
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	line := func(name string, n float64, say string) { fmt.Fprintf(w, "%s\t%.0f\t\t%s\n", name, n, say) }
	line("acknowledged", r.Acknowledged, "inputs in the journal")
	line("applied", r.Applied, "")
	line("duplicates", r.Duplicates, "recognised, no effect")
	line("quarantined", r.Quarantined, "kept; what senders posted and nobody could read is not an input: GET /api/v1/quarantine lists both")
	line("pending", r.Pending, "not yet read")
	line("erased", r.Erased, "")
	line("drift", r.Drift, "leads whose replay differs from what is recorded")
	line("leads", r.Leads, "")
	for _, stage := range stages(r.LeadsByStage) {
		line("· "+stage, r.LeadsByStage[stage], "")
	}
	_ = w.Flush()
	for _, p := range r.Problems {
		fmt.Fprintln(env.Stdout, "problem: "+p)
	}
	for i, o := range r.Orphans {
		if i == 20 {
			fmt.Fprintf(env.Stdout, "… and %d more\n", len(r.Orphans)-i)
			break
		}
		fmt.Fprintln(env.Stdout, "orphan: "+o)
	}
	if r.Ok {
		fmt.Fprintln(env.Stdout, "\nok: acknowledged = applied + duplicates + quarantined + pending + erased, and every lead is in one stage")
	} else {
		fmt.Fprintln(env.Stdout, "\nNOT OK")
	}
}

// stages gives those that have leads, in the order in which leads go through them.
func stages(count map[string]float64) []string {
	order := []string{"inquiry", "mql", "routed", "accepted", "sql", "opportunity", "won", "lost", "recycled", "disqualified"}
	var out []string
	for stage, n := range count {
		if n != 0 {
			out = append(out, stage)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if d := slices.Index(order, a) - slices.Index(order, b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return out
}

// jsonOptions print as the API does.
func jsonOptions() protojson.MarshalOptions {
	return protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}
}
