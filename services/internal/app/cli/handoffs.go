package cli

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

func handoffsCommand() command {
	return command{
		name: "handoffs", args: "[accept|reject|contact|recycle|disqualify|qualify|reassign|release ID…]",
		does: "list handoffs: what waits, who has what, by when; or answer them",
		more: "Answering prints a line for each, and exits 1 when one was refused. Managers reassign; reps release what they have.\n" +
			"The reasons are the agreement's: GET /api/v1/reasons.",
		example: "baton handoffs --owner ana --stage routed",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			owner := flags.String("owner", "", "only this `rep`'s")
			stage := flags.String("stage", "", "only in this `stage`: waiting, routed, accepted, sql, recycled, disqualified, recalled")
			limit := flags.Int("limit", 100, "at most so `many`")
			asJSON := flags.Bool("json", false, "print JSON")
			answer := answerFlags(flags)
			return func(ctx context.Context, args []string) error {
				if len(args) > 0 {
					return answer.run(ctx, env, a, args[0], args[1:], *asJSON)
				}
				list, err := listHandoffs(ctx, a, *owner, *stage, *limit)
				if err != nil {
					return err
				}
				if *asJSON {
					return printJSON(env, list)
				}
				printHandoffs(env, list, time.Now())
				return nil
			}
		},
	}
}

// listHandoffs reads pages until there are enough.
func listHandoffs(ctx context.Context, a *api, owner, stage string, limit int) (*routingv1.ListHandoffsResponse, error) {
	all := &routingv1.ListHandoffsResponse{}
	q := url.Values{}
	if owner != "" {
		q.Set("owner", owner)
	}
	if stage != "" {
		q.Set("stage", stage)
	}
	for len(all.Handoffs) < limit {
		q.Set("page_size", strconv.Itoa(min(limit-len(all.Handoffs), 100)))
		var page routingv1.ListHandoffsResponse
		if err := a.get(ctx, "handoffs", q, &page); err != nil {
			return nil, err
		}
		all.Handoffs = append(all.Handoffs, page.Handoffs...)
		all.NextPageToken = page.NextPageToken
		if page.NextPageToken == "" {
			break
		}
		q.Set("page_token", page.NextPageToken)
	}
	return all, nil
}

func printHandoffs(env *Env, list *routingv1.ListHandoffsResponse, now time.Time) {
	if len(list.Handoffs) == 0 {
		fmt.Fprintln(env.Stdout, "no handoffs")
		return
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "HANDOFF\tSTAGE\tOWNER\tLEAD\tCOMPANY\tQUALIFIED\tNEXT")
	for _, h := range list.Handoffs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", text(h.Id), or(h.Stage), or(h.Owner.GetName(), h.Owner.GetId()), or(h.Email, h.LeadId),
			cut(or(h.Account.GetName(), h.Account.GetDomain()), 30), when(h.QualifiedAt), nextStep(h, now))
	}
	_ = w.Flush()
	if list.NextPageToken != "" {
		fmt.Fprintln(env.Stdout, "there are more: raise --limit")
	}
}

// nextStep says what the handoff waits for.
func nextStep(h *routingv1.Handoff, now time.Time) string {
	switch {
	case h.Stage == "waiting" && h.HeldUntil != nil:
		return "held until " + until(h.HeldUntil, now)
	case h.Stage == "waiting" && h.WaitingUntil != nil:
		return "nobody free, looks again " + until(h.WaitingUntil, now)
	case h.Stage == "waiting":
		return "nobody can take it"
	case h.Stage == "routed" && h.Sla.GetAcceptBy() != nil:
		return "accept by " + until(h.Sla.AcceptBy, now)
	case h.Stage == "accepted" && h.ContactedAt == nil && h.Sla.GetContactBy() != nil:
		return "contact by " + until(h.Sla.ContactBy, now)
	case h.Reason != "":
		return cut(text(h.Reason), 40)
	}
	return ""
}
