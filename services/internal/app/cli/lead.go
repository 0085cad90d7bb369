package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

func leadCommand() command {
	return command{
		name: "lead", args: "EMAIL|ID | split LEAD ORIGIN", does: "show a lead: who, which stage, the score and where it comes from, what it did, who has it",
		more: "split undoes a merge: ORIGIN (a lead's id, an address, or SYSTEM:ID, as the lead's origins are shown) leaves LEAD with\n" +
			"everything that came by it, and never joins anybody again. The handoff that is under way stays with LEAD.",
		example: "baton lead ana@initech.example",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			asJSON := flags.Bool("json", false, "print JSON")
			because := flags.String("because", "", "with split: the `reason`, for those who ask later")
			return func(ctx context.Context, args []string) error {
				switch {
				case len(args) > 0 && args[0] == "split":
					return splitLead(ctx, env, a, args[1:], *because)
				case *because != "":
					return usagef("--because belongs to split")
				}
				who, err := oneArgument(args, "e-mail address or lead id")
				if err != nil {
					return err
				}
				v, err := readLead(ctx, a, who)
				if err != nil {
					return err
				}
				if *asJSON {
					return v.json(env)
				}
				v.print(env, time.Now())
				return nil
			}
		},
	}
}

// leadView is all that is shown of a lead. What the token may not see, or the lead has not got, is nil.
type leadView struct {
	lead    *leadv1.Lead
	score   *leadv1.Score
	context *leadv1.LeadContext
	handoff *routingv1.Handoff
	origins *leadv1.ListOriginsResponse
}

// findLead gives a lead by its address or id.
func findLead(ctx context.Context, a *api, who string) (*leadv1.Lead, error) {
	lead := &leadv1.Lead{}
	if strings.Contains(who, "@") {
		var list leadv1.ListLeadsResponse
		if err := a.get(ctx, "leads", url.Values{"email": {who}}, &list); err != nil {
			return nil, err
		}
		if len(list.Leads) == 0 {
			return nil, fmt.Errorf("nobody is known by %s", text(who))
		}
		return list.Leads[0], nil
	}
	if err := a.get(ctx, "leads/"+url.PathEscape(who), nil, lead); err != nil {
		if isStatus(err, http.StatusNotFound) {
			return nil, fmt.Errorf("there is no lead %s", text(who))
		}
		return nil, err
	}
	return lead, nil
}

func readLead(ctx context.Context, a *api, who string) (*leadView, error) {
	lead, err := findLead(ctx, a, who)
	if err != nil {
		return nil, err
	}
	v := &leadView{lead: lead}
	id := v.lead.GetId()
	if v.lead.GetMergedInto() != "" {
		id = v.lead.GetMergedInto()
	}
	path := "leads/" + url.PathEscape(id)
	score, around, handoff := &leadv1.Score{}, &leadv1.LeadContext{}, &routingv1.Handoff{}
	origins := &leadv1.ListOriginsResponse{}
	for _, part := range []struct {
		path string
		into proto.Message
		keep func()
	}{
		{path + "/score", score, func() { v.score = score }},
		{path + "/context", around, func() { v.context = around }},
		{path + "/origins", origins, func() { v.origins = origins }},
		{"handoffs/" + url.PathEscape(v.lead.GetHandoffId()), handoff, func() { v.handoff = handoff }},
	} {
		if strings.HasSuffix(part.path, "/") {
			continue // no handoff
		}
		switch err := a.get(ctx, part.path, nil, part.into); {
		case err == nil:
			part.keep()
		case isStatus(err, http.StatusNotFound), isStatus(err, http.StatusForbidden), isStatus(err, http.StatusNotImplemented):
		default:
			return nil, err
		}
	}
	return v, nil
}

func (v *leadView) json(env *Env) error {
	out := map[string]json.RawMessage{}
	for name, m := range map[string]proto.Message{"lead": v.lead, "score": v.score, "context": v.context, "handoff": v.handoff, "origins": v.origins} {
		if !m.ProtoReflect().IsValid() {
			continue
		}
		b, err := jsonOptions().Marshal(m)
		if err != nil {
			return err
		}
		out[name] = b
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return printRaw(env, b)
}

func (v *leadView) print(env *Env, now time.Time) {
	l := v.lead
	out := env.Stdout
	fmt.Fprintf(out, "%s\n", or(strings.TrimSpace(l.FirstName+" "+l.LastName), l.Email, l.Id))
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" && value != "–" {
			fmt.Fprintf(w, "  %s\t%s\n", name, value)
		}
	}
	row("title", or(l.Title))
	row("e-mail", or(strings.Join(append([]string{l.Email}, l.OtherEmails...), ", ")))
	if a := l.Account; a != nil {
		company := or(a.Name, a.Domain)
		if a.Name != "" && a.Domain != "" {
			company += " (" + text(a.Domain) + ")"
		}
		if a.Employees > 0 {
			company += fmt.Sprintf(", %d people", a.Employees)
		}
		if a.Industry != "" {
			company += ", " + text(a.Industry)
		}
		row("company", company)
	}
	row("country", or(l.Country))
	row("lead", or(l.Id))
	if l.MergedInto != "" {
		row("merged into", or(l.MergedInto))
	}
	stage := or(l.Stage)
	if l.HighestStage != "" && l.HighestStage != l.Stage {
		stage += " (was " + text(l.HighestStage) + ")"
	}
	if l.Epoch > 1 {
		stage += fmt.Sprintf(", epoch %d", l.Epoch)
	}
	row("stage", stage)
	row("owner", or(l.Owner))
	row("first seen", when(l.FirstAt))
	row("last seen", when(l.LastAt))
	for purpose, decision := range l.Consent {
		row("consent", text(purpose)+" "+text(decision))
	}
	_ = w.Flush()
	v.printEpochs(env)
	v.printScore(env)
	v.printHandoff(env, now)
	v.printTimeline(env)
	v.printOrigins(env)
}

func (v *leadView) printScore(env *Env) {
	s := v.score
	if s == nil {
		return
	}
	out := env.Stdout
	fmt.Fprintf(out, "\nScore     fit %.1f, grade %s · engagement %.1f · agreement %d\n", s.Fit, strings.ToUpper(or(s.Grade)), s.Engagement, s.AgreementVersion)
	if s.QualifiesBy != "" {
		fmt.Fprintf(out, "          qualifies by %s\n", text(s.QualifiesBy))
	}
	for i, m := range s.MissingToQualify {
		label := "would qualify with:"
		if i > 0 {
			label = "                or:"
		}
		fmt.Fprintf(out, "          %s %s\n", label, text(m.Text))
	}
	if a := s.Account; a != nil {
		fmt.Fprintf(out, "          the account: engagement %.1f, %s, as of %s\n", a.Engagement, counted(a.People), when(a.At))
	}
	if c := s.Changes; c != nil {
		fmt.Fprintf(out, "          since the handoff: %s\n", changed(c))
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, c := range s.Contributions {
		fmt.Fprintf(w, "  %+.2f\t%s\t%s\t%s\n", c.Points, text(c.Side), text(c.Rule), because(c))
	}
	_ = w.Flush()
	for _, n := range s.NotEvaluated {
		fmt.Fprintf(out, "  not evaluated: %s, %s\n", text(n.Rule), text(n.Reason))
	}
}

// changed tells what an engagement score has gained by events, and what it has lost, or regained, by decay.
func changed(c *leadv1.ScoreChanges) string {
	events := map[string]bool{}
	added := 0.0
	for _, line := range c.Added {
		added += line.Points
		for _, id := range line.Events {
			events[id] = true
		}
	}
	gained := "no new events"
	switch n := len(events); {
	case n == 1:
		gained = fmt.Sprintf("%+.1f by 1 event", added)
	case n > 1:
		gained = fmt.Sprintf("%+.1f by %d events", added, n)
	}
	return fmt.Sprintf("%s, %+.1f by decay", gained, c.Decayed)
}

func because(c *journalv1.Contribution) string {
	var parts []string
	if c.Because != "" {
		parts = append(parts, text(c.Because))
	}
	if c.Decay != 0 && c.Decay != 1 {
		parts = append(parts, fmt.Sprintf("%.4g points decayed to %.0f %%", c.RawPoints, 100*c.Decay))
	}
	if c.LimitedBy != "" {
		parts = append(parts, "limited by "+text(c.LimitedBy))
	}
	if c.At != nil {
		parts = append(parts, when(c.At))
	}
	return strings.Join(parts, " · ")
}

func (v *leadView) printHandoff(env *Env, now time.Time) {
	h := v.handoff
	if h == nil {
		return
	}
	out := env.Stdout
	fmt.Fprintf(out, "\nHandoff   %s, %s", or(h.Id), or(h.Stage))
	if o := h.Owner; o.GetId() != "" {
		fmt.Fprintf(out, ", with %s", or(o.Name, o.Id))
		if c := o.GetChosen(); c.GetRoute() != "" {
			fmt.Fprintf(out, " by route %s", text(c.Route))
		}
	}
	fmt.Fprintln(out)
	if h.Stage == "routed" && h.Sla.GetAcceptBy() != nil {
		fmt.Fprintf(out, "  to accept by %s\n", until(h.Sla.AcceptBy, now))
	}
	if h.Sla.GetContactBy() != nil && h.ContactedAt == nil && (h.Stage == "routed" || h.Stage == "accepted") {
		fmt.Fprintf(out, "  to contact by %s\n", until(h.Sla.ContactBy, now))
	}
	for _, c := range h.WaitingFor {
		fmt.Fprintf(out, "  waits: %s %s\n", text(c.Rep), text(c.Skipped))
	}
	for _, d := range h.Deliveries {
		fmt.Fprintf(out, "  %s to %s: %s", text(d.Event), text(d.Destination), text(d.State))
		if d.State != "delivered" && d.LastError != "" {
			fmt.Fprintf(out, " after %d attempts (%s)", d.Attempts, text(d.LastError))
		}
		fmt.Fprintln(out)
	}
}

func (v *leadView) printTimeline(env *Env) {
	items := v.context.GetSnapshot().GetTimeline()
	if len(items) == 0 {
		return
	}
	fmt.Fprintln(env.Stdout, "\nTimeline  newest first")
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	for i, it := range items {
		if i == 15 {
			fmt.Fprintf(w, "  … and %d more\n", len(items)-i)
			break
		}
		what := it.Type
		if it.Name != "" {
			what += " " + it.Name
		}
		if it.Automated {
			what += " (automated)"
		}
		about := or(it.Asset, it.Title, it.Url)
		switch {
		case it.AutomatedBecause != "":
			about = it.AutomatedBecause
		case about == "–":
			about = ""
		}
		from := strings.Trim(text(it.Channel)+" / "+text(it.Campaign), " /")
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", when(it.At), text(what), cut(about, 60), from)
	}
	_ = w.Flush()
}
