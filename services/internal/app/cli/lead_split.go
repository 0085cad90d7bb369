package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
)

// splitLead has one origin leave a lead.
func splitLead(ctx context.Context, env *Env, a *api, args []string, because string) error {
	if len(args) != 2 {
		return usagef("split needs a lead and the origin that is to leave it, not %d arguments", len(args))
	}
	lead, err := findLead(ctx, a, args[0])
	if err != nil {
		return err
	}
	var done leadv1.SplitLeadResponse
	request := &leadv1.SplitLeadRequest{Origin: args[1], Because: because}
	if err := a.call(ctx, http.MethodPost, "leads/"+url.PathEscape(lead.GetId())+"/split", nil, request, &done); err != nil {
		return err
	}
	switch {
	case !done.Done:
		fmt.Fprintf(env.Stdout, "%s is to leave %s: written down as %s, not seen to take effect yet\n", text(done.Origin), text(lead.GetId()), text(done.Sequence))
	case done.Sequence == "":
		fmt.Fprintf(env.Stdout, "%s had left %s before\n", text(done.Origin), text(lead.GetId()))
	default:
		fmt.Fprintf(env.Stdout, "%s has left %s, and is a lead of its own\n", text(done.Origin), text(lead.GetId()))
	}
	return nil
}

// printOrigins shows who was absorbed, and who was split off.
func (v *leadView) printOrigins(env *Env) {
	if len(v.origins.GetOrigins()) == 0 {
		return
	}
	fmt.Fprintln(env.Stdout, "\nOrigins   who is one with this lead, and by which event (baton lead split undoes it)")
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	for _, o := range v.origins.Origins {
		who := strings.ReplaceAll(text(o.Kind), "_", " ")
		if o.Value != "" {
			who += " " + text(strings.TrimPrefix(o.System+":"+o.Value, ":"))
		}
		how := ""
		if o.ByEvent != "" {
			how = "by " + text(o.ByEvent) + " of " + or(o.BySource)
		}
		left := ""
		if o.SplitAt != nil {
			left = "split off " + when(o.SplitAt)
			if o.SplitBy != "" {
				left += " by " + text(o.SplitBy)
			}
			left += " " + reason(o.SplitBecause)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", text(o.Id), who, when(o.JoinedAt), how, strings.TrimSpace(left))
	}
	_ = w.Flush()
}
