package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// directoryTry has the flags of `baton directory try` and `simulate`.
type directoryTry struct {
	env *Env
	api *api

	leads, samples []string
	at, from, to   string
	fresh, json    bool
	answers        string
	waitedOver     time.Duration
	page           int
}

func directoryTryFlags(env *Env, flags *flag.FlagSet, a *api) *directoryTry {
	t := &directoryTry{env: env, api: a}
	add := func(to *[]string) func(string) error {
		return func(s string) error {
			*to = append(*to, s)
			return nil
		}
	}
	flags.Func("lead", "try: e-mail address or `id` of a lead (ld_…), or of a handoff (ho_…); may be given several times", add(&t.leads))
	flags.Func("sample", "try: `file` with a made-up lead in JSON: {\"lead\": {\"email\": …}, \"score\": {\"fit\": …}, \"rule\": …}", add(&t.samples))
	flags.StringVar(&t.at, "at", "", "try: `time` at which it qualifies, in RFC 3339 (default now)")
	flags.BoolVar(&t.fresh, "fresh", false, "try: as if nobody had been handed anything yet")
	flags.StringVar(&t.from, "from", "", "simulate: first `day` or time (default 30 days before --to)")
	flags.StringVar(&t.to, "to", "", "simulate: `day` or time that it ends before (default now)")
	flags.StringVar(&t.answers, "answers", "", "simulate: `actual`, as sales really answered, or none: the first assignments alone (default actual)")
	flags.DurationVar(&t.waitedOver, "waited-over", time.Hour, "simulate: `time` from which on somebody has waited long")
	flags.IntVar(&t.page, "differences", 0, "simulate: how many handoffs are listed whose owner differs (default 50)")
	flags.BoolVar(&t.json, "json", false, "try, simulate: print the answer as JSON")
	return t
}

// run tries or simulates a directory, "" for the one in force.
func (t *directoryTry) run(ctx context.Context, verb, yaml string) error {
	if verb == "try" {
		return t.try(ctx, yaml)
	}
	return t.simulate(ctx, yaml)
}

func (t *directoryTry) try(ctx context.Context, yaml string) error {
	req := &routingv1.TryRoutingRequest{Yaml: yaml, FreshDesk: t.fresh}
	for _, lead := range t.leads {
		if strings.HasPrefix(lead, "ho_") {
			req.Handoffs = append(req.Handoffs, lead)
		} else {
			req.Leads = append(req.Leads, lead)
		}
	}
	for _, file := range t.samples {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		sample := &routingv1.SampleLead{}
		if err := protojson.Unmarshal(text, sample); err != nil {
			return fmt.Errorf("%s is no sample: %w", file, err)
		}
		req.Samples = append(req.Samples, sample)
	}
	if len(t.leads)+len(t.samples) == 0 {
		return usagef("nobody to try: give --lead or --sample")
	}
	var err error
	if req.At, err = moment("--at", t.at); err != nil {
		return err
	}
	resp := &routingv1.TryRoutingResponse{}
	if err := t.api.call(ctx, http.MethodPost, "directory/try", nil, req, resp); err != nil {
		return err
	}
	if t.json {
		return printJSON(t.env, resp)
	}
	var out bytes.Buffer
	for i, trial := range resp.GetTrials() {
		if i > 0 {
			fmt.Fprintln(&out)
		}
		printRouting(&out, trial)
	}
	_, err = out.WriteTo(t.env.Stdout)
	return err
}

// moment reads a day, the beginning of it in UTC, or a time; nil for none.
func moment(flag, s string) (*timestamppb.Timestamp, error) {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return timestamppb.New(at), nil
	}
	at, err := day(flag, s)
	if errors.Is(err, errUsage) {
		return nil, usagef("%s %q is neither a day such as 2026-01-31 nor a time such as 2026-01-31T10:00:00Z", flag, s)
	}
	return at, err
}

// printRouting shows one trial to people.
func printRouting(w io.Writer, t *routingv1.RoutingTrial) {
	p := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-9s "+format+"\n", append([]any{name}, args...)...)
	}
	who := t.GetLeadId()
	if t.GetAsked() != "" {
		who = t.GetAsked() + " (" + who + ")"
	}
	p("lead", "%s, at %s", who, when(t.GetAt()))
	printAccount(p, t.GetAccount())
	if t.GetHeldUntil() != nil {
		p("held", "until %s: %s", when(t.GetHeldUntil()), t.GetHeldBecause())
	}
	switch {
	case t.GetRep() != "":
		by := "by route " + t.GetByRoute()
		if t.GetByPool() != "" {
			by += ", from pool " + t.GetByPool()
		}
		if t.GetOverflowFrom() != "" {
			by += ", overflowed from " + t.GetOverflowFrom()
		}
		p("goes to", "%s, %s, at %s", t.GetRep(), by, when(t.GetAssignedAt()))
		p("clocks", "accept by %s, contact by %s", when(t.GetAcceptBy()), when(t.GetContactBy()))
	case t.GetWaitingUntil() != nil:
		p("waits", "for pool %s, until %s", t.GetByPool(), when(t.GetWaitingUntil()))
	default:
		p("waits", "for pool %s: nothing but another directory, or the end of a handoff, helps", t.GetByPool())
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  ROUTE\tOUTCOME\tWHY")
	for _, r := range t.GetRoutes() {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", r.GetRoute(), r.GetOutcome(), routeWhy(r))
	}
	if len(t.GetConsidered()) > 0 {
		fmt.Fprintln(table, "\t\t\n  PASSED OVER\tBECAUSE\t")
		for _, c := range t.GetConsidered() {
			fmt.Fprintf(table, "  %s\t%s\t\n", c.GetRep(), c.GetSkipped())
		}
	}
	_ = table.Flush() // it writes to memory
}

func printAccount(p func(name, format string, args ...any), a *routingv1.AccountTrial) {
	if a.GetId() == "" {
		p("account", "none")
		return
	}
	name := strings.TrimSpace(a.GetName() + " " + a.GetId())
	if a.GetOwner() != "" {
		name += ", owner " + a.GetOwner()
	}
	p("account", "%s: by %s, %.0f %% sure", name, a.GetBy(), 100*a.GetConfidence())
	for _, e := range a.GetSupport() {
		p("", "also by %s", e.GetBy())
	}
	if e := a.GetSecond(); e != nil {
		p("", "but %s by %s, %.0f %% sure", strings.TrimSpace(e.GetName()+" "+e.GetAccount()), e.GetBy(), 100*e.GetConfidence())
	}
}

func routeWhy(r *routingv1.RouteTrial) string {
	var parts []string
	if r.GetExpression() != "" {
		parts = append(parts, r.GetExpression())
	}
	if len(r.GetAbsent()) > 0 {
		parts = append(parts, "not known: "+strings.Join(r.GetAbsent(), ", "))
	}
	if r.GetFailed() != "" {
		parts = append(parts, r.GetFailed())
	}
	if r.GetTerritory() != "" {
		parts = append(parts, "territory "+r.GetTerritory())
	}
	if names := named(r.GetNamed()); names != "" {
		parts = append(parts, "names "+names)
	}
	if r.GetPool() != "" {
		parts = append(parts, "pool "+r.GetPool())
	}
	return strings.Join(parts, "; ")
}

func named(list []*journalv1.Preference) string {
	var out []string
	for _, n := range list {
		rep := n.GetRep()
		if rep == "" {
			rep = "nobody"
		}
		out = append(out, rep+" ("+n.GetAs()+")")
	}
	return strings.Join(out, ", ")
}
