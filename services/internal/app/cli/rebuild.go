package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
	"github.com/batonhq/baton/services/internal/app"
)

func rebuildCommand() command {
	return command{
		name: "rebuild", does: "throw away what has been folded into Redis, so that the services fold it from the journal again",
		more: "Nothing is lost: the journal is the truth, and Redis holds what follows from it. Running services notice at once,\n" +
			"answer 503 with their progress meanwhile, and are back when they have read the journal. The embedded lead store is\n" +
			"rebuilt at every start: restart `baton up` instead.",
		example: "baton rebuild --config baton.yaml --service scoring",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			source := configFlags(env, flags)
			only := flags.String("service", "", "only this `service`'s: scoring, routing or feedback")
			return func(ctx context.Context, args []string) error {
				if err := noArguments(args); err != nil {
					return err
				}
				services := folding()
				if *only != "" {
					if !slices.Contains(services, *only) {
						return usagef("--service %q is not one of %s", *only, strings.Join(services, ", "))
					}
					services = []string{*only}
				}
				c, err := source.load(env)
				if err != nil {
					return told(env, "the configuration is not right", err)
				}
				if c.Redis.URL.IsZero() {
					return errors.New("redis.url is not set: the embedded lead store is rebuilt at every start, so restart `baton up`")
				}
				store, err := redisstore.Open(ctx, c.Redis.URL.Reveal(), slog.New(slog.DiscardHandler))
				if err != nil {
					return err
				}
				return errors.Join(wipe(ctx, env, store, services), store.Close())
			}
		},
	}
}

// folding names the services that keep something in the lead store.
func folding() []string {
	return []string{string(app.Scoring), string(app.Routing), string(app.Feedback)}
}

// wipe empties every partition of the services. A partition that a service writes to at that very moment is tried again:
// its session ends as soon as it sees that its watermark is gone.
func wipe(ctx context.Context, env *Env, store leadstore.Store, services []string) error {
	session := "rebuild-" + strings.ToLower(rand.Text())
	all := make([]int, journal.Partitions)
	for p := range all {
		all[p] = p
	}
	for _, s := range services {
		var err error
		for range 5 {
			if err = store.WipeAll(ctx, s, all, session); !errors.Is(err, leadstore.ErrConflict) {
				break
			}
		}
		if err != nil {
			return fmt.Errorf("empty what %s has folded: %w", s, err)
		}
		fmt.Fprintf(env.Stdout, "%s: emptied, being folded again by the services that run\n", s)
	}
	fmt.Fprintln(env.Stdout, "`baton verify` is ok again once that is done; /readyz tells how far it is")
	return nil
}
