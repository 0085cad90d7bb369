package cli

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"strconv"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

func inboxCommand() command {
	return command{
		name: "inbox", does: "show what a rep, or a team, has to do next", example: "baton inbox --rep ana",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			rep := flags.String("rep", "", "this `rep`'s; without it, the token's own")
			team := flags.String("team", "", "this `team`'s")
			limit := flags.Int("limit", 20, "at most so `many`, what is due first")
			asJSON := flags.Bool("json", false, "print JSON")
			return func(ctx context.Context, args []string) error {
				if err := noArguments(args); err != nil {
					return err
				}
				q := url.Values{"page_size": {strconv.Itoa(*limit)}}
				if *rep != "" {
					q.Set("owner", *rep)
				}
				if *team != "" {
					q.Set("team", *team)
				}
				var inbox routingv1.Inbox
				if err := a.get(ctx, "inbox", q, &inbox); err != nil {
					return err
				}
				if *asJSON {
					return printJSON(env, &inbox)
				}
				c := inbox.GetCounts()
				fmt.Fprintf(env.Stdout, "%s: %d open (%d to accept, %d accepted, %d sql), %d overdue, %d due within the hour, %d waiting for somebody\n\n",
					text(or(inbox.GetOwner(), inbox.GetTeam())), c.GetOpen(), c.GetRouted(), c.GetAccepted(), c.GetSql(), c.GetOverdue(), c.GetDueSoon(), c.GetWaiting())
				printHandoffs(env, &routingv1.ListHandoffsResponse{Handoffs: inbox.GetHandoffs(), NextPageToken: inbox.GetNextPageToken()}, time.Now())
				return nil
			}
		},
	}
}
