package cli

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

func destinationCommand() command {
	return command{
		name: "destination", args: "list | check NAME | test NAME | pause NAME | resume NAME",
		does: "tell how destinations do, look at a receiver, send a sample, pause and resume deliveries",
		more: "A pause holds for every process and through restarts: what becomes due meanwhile waits. check asks the receiver what it\n" +
			"has and ends with 1 where something must be mended, or it cannot be found out. test sends a sample message to somebody whom\n" +
			"the destination tells (--to: a rep's id, or an address of the configuration).",
		example: "baton destination pause crm --reason 'migration until noon'",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			reason := flags.String("reason", "", "`why` it is paused, for whoever wonders")
			to := flags.String("to", "", "`whom` a sample goes to: a rep's id, or an address of the configuration")
			asJSON := flags.Bool("json", false, "print JSON")
			return func(ctx context.Context, args []string) error {
				switch {
				case len(args) == 0:
					return usagef("what is to be done is missing: list, check, test, pause or resume")
				case args[0] == "list" && len(args) == 1:
					return listDestinations(ctx, env, a, *asJSON)
				case args[0] != "check" && args[0] != "test" && args[0] != "pause" && args[0] != "resume":
					return usagef("%q is not one of list, check, test, pause, resume", args[0])
				case len(args) != 2:
					return usagef("%s takes a destination's name", args[0])
				}
				path := "destinations/" + url.PathEscape(args[1]) + "/" + args[0]
				if args[0] == "check" {
					return checkDestination(ctx, env, a, path, *asJSON)
				}
				if args[0] == "test" {
					return testDestination(ctx, env, a, path, *to, *asJSON)
				}
				body := &routingv1.PauseDestinationRequest{Reason: *reason}
				var done routingv1.PauseDestinationResponse
				if err := a.call(ctx, http.MethodPost, path, nil, body, &done); err != nil {
					return err
				}
				if *asJSON {
					return printJSON(env, &done)
				}
				fmt.Fprintf(env.Stdout, "%s: %sd\n", text(args[1]), args[0])
				return nil
			}
		},
	}
}

func listDestinations(ctx context.Context, env *Env, a *api, asJSON bool) error {
	var list routingv1.ListDestinationsResponse
	if err := a.get(ctx, "destinations", nil, &list); err != nil {
		return err
	}
	if asJSON {
		return printJSON(env, &list)
	}
	if len(list.Destinations) == 0 {
		fmt.Fprintln(env.Stdout, "no destinations")
		return nil
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "DESTINATION\tTYPE\tSTATE\tWAITING\tOLDEST\tLAST SUCCESS\tWHY")
	for _, d := range list.Destinations {
		state := d.State
		if d.Alarm {
			state += " (backlog too old)"
		}
		why := []string{d.Reason}
		if d.PutOff > 0 {
			why = append(why, fmt.Sprintf("%d put off by quiet hours or digests", d.PutOff))
		}
		if d.Until != nil {
			why = append(why, "until "+when(d.Until))
		}
		if d.PausedBy != "" {
			why = append(why, "by "+d.PausedBy)
		}
		if n := len(d.Check.GetProblems()); n > 0 {
			why = append(why, fmt.Sprintf("%d found by check", n))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", text(d.Name), or(d.Type), text(state), d.Backlog, when(d.OldestDueAt), when(d.LastSuccessAt),
			cut(text(strings.Trim(strings.Join(why, ", "), ", ")), 80))
	}
	return w.Flush()
}

func checkDestination(ctx context.Context, env *Env, a *api, path string, asJSON bool) error {
	var found routingv1.CheckResult
	if err := a.call(ctx, http.MethodPost, path, nil, &routingv1.CheckDestinationRequest{}, &found); err != nil {
		return err
	}
	if asJSON {
		if err := printJSON(env, &found); err != nil {
			return err
		}
	} else {
		switch {
		case found.Unsupported:
			fmt.Fprintln(env.Stdout, "there is nothing to check in a destination of this type")
		case found.Error != "":
			fmt.Fprintln(env.Stdout, "it could not be found out: "+text(found.Error))
		case len(found.Problems) == 0:
			fmt.Fprintln(env.Stdout, "ok")
		}
		for _, p := range found.Problems {
			fmt.Fprintln(env.Stdout, "- "+text(p))
		}
	}
	if found.Error != "" || len(found.Problems) > 0 {
		return errSilent
	}
	return nil
}

func testDestination(ctx context.Context, env *Env, a *api, path, to string, asJSON bool) error {
	var done routingv1.TestDestinationResponse
	if err := a.call(ctx, http.MethodPost, path, nil, &routingv1.TestDestinationRequest{To: to}, &done); err != nil {
		return err
	}
	switch {
	case asJSON:
		if err := printJSON(env, &done); err != nil {
			return err
		}
	case done.Sent:
		fmt.Fprintln(env.Stdout, "sent")
	default:
		fmt.Fprintln(env.Stdout, "not sent: "+text(done.Reason))
	}
	if !done.Sent {
		return errSilent
	}
	return nil
}

func deliveriesCommand() command {
	return command{
		name: "deliveries", args: "replay --destination NAME",
		does: "put deliveries back that were given up, fail, or got lost at the receiver",
		more: "Without --state those that were given up are put back. They go out under the same ids, so a receiver that knows one\n" +
			"takes it once. What is due already stays as it is.",
		example: "baton deliveries replay --destination crm --from 2026-11-20T10:00:00Z",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			req := &routingv1.ReplayDeliveriesRequest{}
			flags.StringVar(&req.Destination, "destination", "", "the `name` of the destination")
			flags.StringVar(&req.State, "state", "", "those in this `state`: dead, failing, delivered")
			flags.StringVar(&req.Event, "event", "", "only those of this `event`")
			from := flags.String("from", "", "only those that became due from this `time` on")
			to := flags.String("to", "", "only those that became due before this `time`")
			limit := flags.Int("limit", 0, "look at no more than so `many`, 0 for all")
			return func(ctx context.Context, args []string) error {
				if len(args) != 1 || args[0] != "replay" {
					return usagef("what is to be done is missing: replay")
				}
				if req.Destination == "" {
					return usagef("--destination is needed")
				}
				for _, f := range []struct {
					name, value string
					into        **timestamppb.Timestamp
				}{{"--from", *from, &req.From}, {"--to", *to, &req.To}} {
					if f.value == "" {
						continue
					}
					at, err := time.Parse(time.RFC3339, f.value)
					if err != nil {
						return usagef("%s %q is not a time like 2026-11-20T10:00:00Z", f.name, f.value)
					}
					*f.into = timestamppb.New(at)
				}
				return replayDeliveries(ctx, env, a, req, *limit)
			}
		},
	}
}

// replayDeliveries puts back page after page.
func replayDeliveries(ctx context.Context, env *Env, a *api, req *routingv1.ReplayDeliveriesRequest, limit int) error {
	const page = 500
	replayed, looked := 0, 0
	for limit <= 0 || looked < limit {
		req.Limit = page
		if limit > 0 {
			req.Limit = int32(min(page, limit-looked))
		}
		var got routingv1.ReplayDeliveriesResponse
		if err := a.call(ctx, http.MethodPost, "deliveries/replay", nil, req, &got); err != nil {
			return fmt.Errorf("after %s put back: %w", strconv.Itoa(replayed), err)
		}
		replayed += int(got.Replayed)
		looked += int(got.Replayed + got.Skipped)
		if req.PageToken = got.NextPageToken; req.PageToken == "" {
			break
		}
	}
	fmt.Fprintf(env.Stdout, "%d deliveries put back, %d passed over\n", replayed, looked-replayed)
	return nil
}
