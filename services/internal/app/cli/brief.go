package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

func briefCommand() command {
	return command{
		name: "brief", args: "HANDOFF", does: "print a handoff's brief: all that sales needs to speak to the lead",
		example: "baton brief ho_… > brief.txt; baton brief ho_… --html > brief.html",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			asPage := flags.Bool("html", false, "print it as a page for browsers and mails")
			asJSON := flags.Bool("json", false, "print JSON")
			version := flags.Int("version", 0, "the `number` of a version; 0 is the latest")
			return func(ctx context.Context, args []string) error {
				id, err := oneArgument(args, "a handoff's id")
				switch {
				case err != nil:
					return err
				case *asPage && *asJSON:
					return usagef("--html and --json exclude each other")
				case *version < 0:
					return usagef("--version must be a version's number, or 0 for the latest")
				}
				return printBrief(ctx, env, a, id, *version, *asPage, *asJSON)
			}
		},
	}
}

func printBrief(ctx context.Context, env *Env, a *api, id string, version int, asPage, asJSON bool) error {
	q := url.Values{}
	if version > 0 {
		q.Set("version", strconv.Itoa(version))
	}
	path := "handoffs/" + url.PathEscape(id) + "/brief"
	if asJSON {
		var p routingv1.Payload
		if err := a.get(ctx, path, q, &p); err != nil {
			return err
		}
		return printJSON(env, &p)
	}
	form := ".txt"
	if asPage {
		form = ".html"
	}
	resp, err := a.do(ctx, http.MethodGet, path+form, q, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostOfAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", resp.Request.URL.Host, err)
	}
	if want := map[bool]string{false: "text/plain", true: "text/html"}[asPage]; !strings.HasPrefix(resp.Header.Get("Content-Type"), want) {
		return fmt.Errorf("%s does not answer as Baton does: is --url right?", resp.Request.URL.Host)
	}
	if !asPage { // it may be an older Baton's, or nobody's: a terminal is not to be upset
		body = []byte(fit(string(body)))
	}
	_, err = env.Stdout.Write(body)
	return err
}

// fit makes each line of a text fit for a terminal.
func fit(s string) string {
	list := strings.Split(s, "\n")
	for i, l := range list {
		list[i] = text(l)
	}
	return strings.Join(list, "\n")
}
