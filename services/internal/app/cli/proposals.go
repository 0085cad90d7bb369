package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

func proposalsCommand() command {
	return command{
		name: "proposals", args: "[show ID | backtest ID | propose ID | dismiss ID]",
		does: "what became of leads asks to be changed in the agreement: with evidence, tried on history, ready to be signed",
		more: "Without an argument it lists what is open, the surest first. show gives one with its evidence; --yaml the whole changed text.\n" +
			"backtest replays the whole journal through the changed text and touches nothing. propose makes it a version of the\n" +
			"agreement, which both teams sign (baton agreement sign). dismiss wants a --reason; what was dismissed comes back only\n" +
			"when its evidence has doubled.",
		example: "baton proposals dismiss pr_0123456789abcdef --reason 'we keep it for the fair in May'",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			c := &proposalsCLI{agreementCLI: agreementCLI{env: env, api: apiFlags(env, flags)}}
			flags.StringVar(&c.state, "state", "", "list those that are open (the default), proposed, dismissed, or all")
			flags.StringVar(&c.reason, "reason", "", "why it is dismissed")
			flags.BoolVar(&c.yaml, "yaml", false, "show the whole changed text")
			flags.BoolVar(&c.json, "json", false, "print JSON")
			flags.StringVar(&c.try.format, "format", "text", "the backtest's `form`: text, json, html or csv")
			flags.StringVar(&c.try.out, "out", "", "write the backtest's report to this `file`")
			flags.StringVar(&c.try.since, "since", "", "backtest only leads first heard of from this `day` on (2026-01-31)")
			flags.StringVar(&c.try.until, "until", "", "backtest only leads first heard of before this `day`")
			flags.BoolVar(&c.try.byOccurrence, "by-occurrence", false, "backtest by when events happened, not by when they came")
			flags.BoolVar(&c.try.openIsLost, "open-is-lost", false, "backtest with leads without an outcome as lost")
			return c.run
		},
	}
}

// proposalsCLI is the command's world and flags; a backtest is shown as an agreement's is.
type proposalsCLI struct {
	agreementCLI

	state, reason string
	yaml          bool
}

func (c *proposalsCLI) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return c.list(ctx)
	}
	verbs := map[string]func(context.Context, string) error{"show": c.show, "backtest": c.backtest, "propose": c.propose, "dismiss": c.dismiss}
	verb, ok := verbs[args[0]]
	switch {
	case !ok:
		return usagef("%q is not one of show, backtest, propose, dismiss", args[0])
	case len(args) == 1:
		return usagef("%s what? A proposal's id is missing", args[0])
	case len(args) > 2:
		return usagef("unexpected argument %q", args[2])
	}
	return verb(ctx, args[1])
}

func (c *proposalsCLI) list(ctx context.Context) error {
	query := url.Values{}
	if c.state != "" {
		query.Set("state", c.state)
	}
	var list feedbackv1.ListProposalsResponse
	if err := c.api.get(ctx, "proposals", query, &list); err != nil {
		return err
	}
	if c.json {
		return printJSON(c.env, &list)
	}
	switch {
	case list.AgreementVersion == 0:
		fmt.Fprintln(c.env.Stdout, "no agreement is in force: there is nothing to change")
		return nil
	case len(list.Proposals) == 0:
		fmt.Fprintf(c.env.Stdout, "nothing about version %d of the agreement: what became of leads shows no need, or is not enough to tell\n", list.AgreementVersion)
		return nil
	}
	w := tabwriter.NewWriter(c.env.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSTATE\tLEADS\tCERTAINTY\tWHAT")
	for _, p := range list.Proposals {
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%s\t%s\n", text(p.Id), text(p.State), p.Cases, certainty(p.GetEvidence()), text(p.Title))
	}
	return w.Flush()
}

// certainty tells a q-value.
func certainty(e *feedbackv1.ProposalEvidence) string {
	switch {
	case e.GetQ() == 0 && e.GetP() == 0 && e.GetTests() == 0:
		return "counted"
	case e.GetQ() < 0.001:
		return "q < 0.001"
	}
	return fmt.Sprintf("q = %.3f", e.GetQ())
}

func (c *proposalsCLI) show(ctx context.Context, id string) error {
	var p feedbackv1.AgreementProposal
	if err := c.api.get(ctx, "proposals/"+url.PathEscape(id), nil, &p); err != nil {
		return err
	}
	return c.print(&p)
}

func (c *proposalsCLI) print(p *feedbackv1.AgreementProposal) error {
	if c.json {
		return printJSON(c.env, p)
	}
	if c.yaml {
		fmt.Fprint(c.env.Stdout, lines(p.Yaml))
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s  %s (%s)\n%s\n\n", text(p.Id), text(p.Title), text(p.State), text(p.Sentence))
	e := p.GetEvidence()
	fmt.Fprintf(&b, "looked at    %s\n", text(e.GetPopulation()))
	if e.GetFrom() != nil {
		fmt.Fprintf(&b, "             that qualified from %s to %s\n", when(e.GetFrom()), when(e.GetTo()))
	}
	for _, s := range []*feedbackv1.ProposalShare{e.GetWith(), e.GetWithout()} {
		if s != nil {
			fmt.Fprintf(&b, "             %s: %.0f of %.0f %s, %.1f %% [%.1f to %.1f]\n", text(s.Label), s.Count, s.Of, text(e.GetOutcome()), 100*s.Rate, 100*s.Low, 100*s.High)
		}
	}
	fmt.Fprintf(&b, "measured     %s %.3g [%.3g to %.3g]\n", text(e.GetEffect()), e.GetValue(), e.GetLow(), e.GetHigh())
	if e.GetTests() > 0 {
		fmt.Fprintf(&b, "test         %s: p = %.2g, q = %.2g among %.0f tests\n", text(e.GetTest()), e.GetP(), e.GetQ(), e.GetTests())
	}
	if e.GetImmature() > 0 {
		fmt.Fprintf(&b, "not counted  %.0f leads whose outcome has still time to come\n", e.GetImmature())
	}
	fmt.Fprintf(&b, "would touch  %s\n", text(p.GetEstimate().GetText()))
	for _, d := range p.Differences {
		fmt.Fprintf(&b, "change       %s\n", text(d))
	}
	if p.NotEditable != "" {
		fmt.Fprintf(&b, "change       %s\n", text(p.NotEditable))
	}
	if p.ProposedVersion != 0 {
		fmt.Fprintf(&b, "proposed     as version %d by %s, %s: baton agreement show %d\n", p.ProposedVersion, or(p.By), when(p.At), p.ProposedVersion)
	} else if p.Reason != "" {
		fmt.Fprintf(&b, "dismissed    by %s, %s: %s\n", or(p.By), when(p.At), text(p.Reason))
	}
	_, err := b.WriteTo(c.env.Stdout)
	return err
}

func (c *proposalsCLI) backtest(ctx context.Context, id string) error {
	req := &feedbackv1.BacktestProposalRequest{Format: c.try.format, OpenIsLost: c.try.openIsLost, ByOccurrence: c.try.byOccurrence}
	if c.json {
		req.Format = "json"
	}
	var err error
	if req.From, err = day("--since", c.try.since); err != nil {
		return err
	}
	if req.To, err = day("--until", c.try.until); err != nil {
		return err
	}
	return c.fetch(ctx, http.MethodPost, "proposals/"+url.PathEscape(id)+"/backtest", nil, req)
}

func (c *proposalsCLI) propose(ctx context.Context, id string) error {
	var resp feedbackv1.ChangeProposalResponse
	if err := c.api.call(ctx, http.MethodPost, "proposals/"+url.PathEscape(id)+"/propose", nil, &feedbackv1.ProposeProposalRequest{}, &resp); err != nil {
		return err
	}
	return c.print(resp.GetProposal())
}

func (c *proposalsCLI) dismiss(ctx context.Context, id string) error {
	var resp feedbackv1.ChangeProposalResponse
	req := &feedbackv1.DismissProposalRequest{Reason: c.reason}
	if err := c.api.call(ctx, http.MethodPost, "proposals/"+url.PathEscape(id)+"/dismiss", nil, req, &resp); err != nil {
		return err
	}
	return c.print(resp.GetProposal())
}
