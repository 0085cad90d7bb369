package cli

import (
	"context"
	"flag"
	"fmt"
	"net/url"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

func weeklyCommand() command {
	return command{
		name: "summary", does: "tell a week in plain words, for both teams",
		more: "A week begins on Monday 00:00 UTC. Without --week, the last one that is over.", example: "baton summary --week 2026-W47 --currency EUR",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			week := flags.String("week", "", "the `week`, as 2026-W47")
			currency := flags.String("currency", "", "convert amounts to this `currency`")
			asJSON := flags.Bool("json", false, "print JSON")
			return func(ctx context.Context, args []string) error {
				if len(args) > 0 {
					return usagef("takes no arguments")
				}
				q := url.Values{}
				for name, v := range map[string]string{"week": *week, "currency": *currency} {
					if v != "" {
						q.Set(name, v)
					}
				}
				m := new(feedbackv1.Summary)
				if err := a.get(ctx, "metrics/summary", q, m); err != nil {
					return err
				}
				if *asJSON {
					return printJSON(env, m)
				}
				_, err := fmt.Fprint(env.Stdout, m.GetText())
				return err
			}
		},
	}
}
