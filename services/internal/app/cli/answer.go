package cli

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

// answer is what the flags of an answer to handoffs say.
type answer struct {
	reason, note, rep, to, requestID string
	force                            bool
}

func answerFlags(flags *flag.FlagSet) *answer {
	a := &answer{}
	flags.StringVar(&a.reason, "reason", "", "the agreement's `reason`, to reject, recycle or disqualify; or why, to reassign or release")
	flags.StringVar(&a.note, "note", "", "a `note` that is kept")
	flags.StringVar(&a.rep, "rep", "", "answer for this `rep` (a token that is bound to one answers for that one)")
	flags.StringVar(&a.to, "to", "", "reassign to this `rep` or pool; without it, to the next of its pool")
	flags.BoolVar(&a.force, "force", false, "reassign to a rep also outside their hours and above their capacity")
	flags.StringVar(&a.requestID, "request-id", "", "an `id` that makes a repeat the same request")
	return a
}

// maxAnswered is how many handoffs one call answers.
const maxAnswered = 200

// run answers handoffs and tells of each what became of it.
func (a *answer) run(ctx context.Context, env *Env, api *api, do string, ids []string, asJSON bool) error {
	known := []string{"accept", "reject", "contact", "recycle", "disqualify", "qualify", "reassign", "release"}
	switch {
	case !slices.Contains(known, do):
		return usagef("%q is none of %s", do, strings.Join(known, ", "))
	case len(ids) == 0:
		return usagef("the ids of handoffs are needed")
	case a.to != "" && do != "reassign":
		return usagef("--to is for reassign")
	}
	all := &feedbackv1.BulkResponse{}
	for part := range slices.Chunk(ids, maxAnswered) {
		var resp feedbackv1.BulkResponse
		if err := api.call(ctx, http.MethodPost, "handoffs/bulk", nil, &feedbackv1.BulkRequest{
			Ids: part, Do: do, Reason: a.reason, Note: a.note, Rep: a.rep, To: a.to, Force: a.force, RequestId: a.requestID,
		}, &resp); err != nil {
			return err
		}
		all.Results = append(all.Results, resp.GetResults()...)
		all.Done, all.Pending, all.Refused, all.Failed = all.Done+resp.Done, all.Pending+resp.Pending, all.Refused+resp.Refused, all.Failed+resp.Failed
	}
	if asJSON {
		if err := printJSON(env, all); err != nil {
			return err
		}
	} else {
		printAnswers(env, all)
	}
	if all.GetRefused()+all.GetFailed() > 0 {
		return errSilent
	}
	return nil
}

func printAnswers(env *Env, all *feedbackv1.BulkResponse) {
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	for _, r := range all.GetResults() {
		what := or(r.GetDetail(), r.GetCode())
		switch {
		case r.GetStatus() == "done" && r.GetOutcome() == "queued":
			what = "nobody is free: " + r.GetOwner() + " keeps it until somebody is"
		case r.GetStatus() == "done":
			what = r.GetStage() + ", with " + r.GetOwner()
		case r.GetStatus() == "pending":
			what = "taken, not yet decided"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", text(r.GetId()), text(r.GetStatus()), text(what))
	}
	_ = w.Flush()
}
