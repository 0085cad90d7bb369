package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/agreement"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	"github.com/batonhq/baton/services/internal/app"
)

func agreementCommand() command {
	return command{
		name: "agreement", args: "check FILE | list | show VERSION | propose FILE | diff VERSION [AGAINST] | sign VERSION | activate VERSION | backtest VERSION [AGAINST] | shadow VERSION",
		does: "take the agreement through its life: check, propose, compare, try on history, run in the shadow, sign, activate",
		more: "check needs no running Baton; everything else asks one. A version never changes: what is signed is the SHA-256 of its\n" +
			"text, by marketing and by sales, and only then can it be activated. sign wants to know what you have read: --file with\n" +
			"the text, or --hash. diff and backtest compare with the version in force unless you name another. backtest replays the\n" +
			"whole journal through a version, signed or not, and touches nothing that is live. shadow runs a version, signed or not,\n" +
			"beside the one in force on what comes in from now on, and never hands anybody over; --report tells the difference, --stop\n" +
			"ends it.",
		example: "baton agreement sign 4 --role sales --file agreement.yaml",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			c := &agreementCLI{env: env, api: apiFlags(env, flags)}
			flags.StringVar(&c.role, "role", "", "the `team` that you sign for: marketing or sales")
			flags.StringVar(&c.hash, "hash", "", "the `SHA-256` of the text that you sign")
			flags.StringVar(&c.file, "file", "", "the `file` whose text you sign")
			flags.StringVar(&c.from, "from", "", "activate from this `moment` on (RFC 3339) instead of at once")
			flags.BoolVar(&c.json, "json", false, "print JSON")
			flags.StringVar(&c.try.format, "format", "text", "the report's `form`: text, json, html or csv (a backtest's bare predictions; the leads on which a shadow differs)")
			flags.StringVar(&c.try.out, "out", "", "write the report to this `file`")
			flags.StringVar(&c.try.since, "since", "", "measure only leads first heard of from this `day` on (2026-01-31)")
			flags.StringVar(&c.try.until, "until", "", "measure only leads first heard of before this `day`")
			flags.BoolVar(&c.try.byOccurrence, "by-occurrence", false, "go by when events happened, not by when they came: for a history loaded afterwards")
			flags.BoolVar(&c.try.openIsLost, "open-is-lost", false, "count leads without an outcome as lost: for a history that records wins alone")
			flags.BoolVar(&c.beside.stop, "stop", false, "end the version's run in the shadow")
			flags.BoolVar(&c.beside.report, "report", false, "report on the version's run in the shadow")
			return c.run
		},
	}
}

// agreementCLI is the command's world and flags.
type agreementCLI struct {
	env  *Env
	api  *api
	json bool

	role, hash, file, from string

	beside struct{ stop, report bool }

	try struct {
		format, out, since, until string
		openIsLost, byOccurrence  bool
	}
}

func (c *agreementCLI) run(ctx context.Context, args []string) error {
	verbs := map[string]struct {
		most int
		run  func(context.Context, []string) error
	}{
		"check": {1, c.check}, "list": {0, c.list}, "show": {1, c.show}, "propose": {1, c.propose}, "diff": {2, c.diff},
		"sign": {1, c.sign}, "activate": {1, c.activate}, "backtest": {2, c.backtest},
		"shadow": {1, c.shadow},
	}
	if len(args) == 0 {
		return usagef("what is to be done is missing: check, list, show, propose, diff, sign, activate, backtest or shadow")
	}
	verb, ok := verbs[args[0]]
	switch rest := args[1:]; {
	case !ok:
		return usagef("%q is not one of check, list, show, propose, diff, sign, activate, backtest, shadow", args[0])
	case len(rest) > verb.most:
		return usagef("unexpected argument %q", rest[verb.most])
	case len(rest) == 0 && verb.most > 0:
		return usagef("%s what? A file or a version is missing", args[0])
	case (c.beside.stop || c.beside.report) && args[0] != "shadow":
		return usagef("--stop and --report belong to shadow, not to %s", args[0])
	default:
		return verb.run(ctx, rest)
	}
}

func (c *agreementCLI) check(_ context.Context, args []string) error {
	yaml, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	findings, err := app.LintAgreement(yaml)
	if err != nil {
		return told(c.env, args[0]+" is not right", eachMistake(err))
	}
	a, err := agreement.Parse(yaml)
	if err != nil {
		return told(c.env, args[0]+" is not right", eachMistake(err))
	}
	fmt.Fprintf(c.env.Stdout, "ok: %s, %d engagement rules, %d fit rules, %d qualify rules\nhash %s\n", a.Name, len(a.Engagement), len(a.Fit),
		len(a.Qualify), agreement.Hash(yaml))
	for _, f := range findings {
		fmt.Fprintln(c.env.Stdout, "note: "+text(f))
	}
	if !a.Signed() {
		fmt.Fprintln(c.env.Stdout, "note: marketing and sales have not both signed it, so it would be proposed and not activated")
	}
	return nil
}

// eachMistake tells an agreement's mistakes one a line.
func eachMistake(err error) error {
	var found agreement.Errors
	if !errors.As(err, &found) {
		return err
	}
	out := make([]error, len(found))
	for i, e := range found {
		out[i] = e
	}
	return errors.Join(out...)
}

func (c *agreementCLI) list(ctx context.Context, _ []string) error {
	var list agreementv1.ListAgreementsResponse
	if err := c.api.get(ctx, "agreements", nil, &list); err != nil {
		return err
	}
	if c.json {
		return printJSON(c.env, &list)
	}
	if len(list.Agreements) == 0 {
		fmt.Fprintln(c.env.Stdout, "no agreement was ever proposed")
		return nil
	}
	w := tabwriter.NewWriter(c.env.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "VERSION\tNAME\tSTATE\tSIGNED BY\tPROPOSED\tIN FORCE FROM\tHASH")
	for _, v := range list.Agreements {
		from := when(v.ActivatedAt)
		if v.ActivateAt != nil {
			from = when(v.ActivateAt) + " (planned)"
		}
		state := or(v.State)
		if v.ShadowSince != nil && v.ShadowUntil == nil {
			state += ", in the shadow"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Version, or(v.Name), state, or(signers(v)), when(v.ProposedAt), from, cut(text(v.Hash), 13))
	}
	return w.Flush()
}

func signers(v *agreementv1.Agreement) string {
	var out []string
	for _, s := range v.Signatures {
		out = append(out, s.By+" ("+s.Role+")")
	}
	return strings.Join(out, ", ")
}

func (c *agreementCLI) show(ctx context.Context, args []string) error {
	v, err := c.version(ctx, args[0])
	if err != nil {
		return err
	}
	if c.json {
		return printJSON(c.env, v)
	}
	fmt.Fprintf(c.env.Stdout, "# version %d, %s, hash %s\n", v.Version, or(v.State), text(v.Hash))
	for _, s := range v.Signatures {
		fmt.Fprintf(c.env.Stdout, "# signed for %s by %s, %s\n", text(s.Role), text(s.By), when(s.At))
	}
	if s := shadowed(v); s != "" {
		fmt.Fprintln(c.env.Stdout, "# "+s)
	}
	fmt.Fprintln(c.env.Stdout, strings.TrimRight(lines(v.Yaml), "\n"))
	return nil
}

func (c *agreementCLI) version(ctx context.Context, number string) (*agreementv1.Agreement, error) {
	if _, err := versionNumber(number); err != nil {
		return nil, err
	}
	var v agreementv1.Agreement
	return &v, c.api.get(ctx, "agreements/"+number, nil, &v)
}

func versionNumber(s string) (int32, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 {
		return 0, usagef("%q is not a version: 1, 2, …", s)
	}
	return int32(n), nil
}

func (c *agreementCLI) propose(ctx context.Context, args []string) error {
	yaml, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var done agreementv1.ProposeAgreementResponse
	if err := c.api.call(ctx, "POST", "agreements", nil, &agreementv1.ProposeAgreementRequest{Yaml: string(yaml)}, &done); err != nil {
		return err
	}
	if c.json {
		return printJSON(c.env, &done)
	}
	v := done.Agreement
	if done.Sequence == "" {
		fmt.Fprintf(c.env.Stdout, "this very text is version %d already, %s\n", v.GetVersion(), or(v.GetState()))
	} else {
		fmt.Fprintf(c.env.Stdout, "proposed as version %d\n", v.GetVersion())
	}
	for _, f := range done.Findings {
		fmt.Fprintln(c.env.Stdout, "note: "+text(agreement.Error{Line: int(f.Line), Field: f.Field, Reason: f.Text}.Error()))
	}
	fmt.Fprintf(c.env.Stdout, "compare it: baton agreement diff %d\nsign it:    baton agreement sign %d --role marketing|sales --hash %s\n",
		v.GetVersion(), v.GetVersion(), text(v.GetHash()))
	return nil
}

func (c *agreementCLI) diff(ctx context.Context, args []string) error {
	q := url.Values{}
	if _, err := versionNumber(args[0]); err != nil {
		return err
	}
	if len(args) == 2 {
		if _, err := versionNumber(args[1]); err != nil {
			return err
		}
		q.Set("against", args[1])
	}
	var d agreementv1.DiffAgreementsResponse
	if err := c.api.get(ctx, "agreements/"+args[0]+"/diff", q, &d); err != nil {
		return err
	}
	if c.json {
		return printJSON(c.env, &d)
	}
	against := "nothing: no version is in force"
	if d.Against != 0 {
		against = fmt.Sprintf("version %d", d.Against)
	}
	fmt.Fprintf(c.env.Stdout, "version %d, compared with %s\n", d.Version, against)
	part := ""
	for _, x := range d.Differences {
		if x.Part != part {
			part = x.Part
			fmt.Fprintln(c.env.Stdout, text(strings.ReplaceAll(part, "_", " ")))
		}
		fmt.Fprintln(c.env.Stdout, "  "+text(x.Text))
	}
	if len(d.Differences) == 0 {
		fmt.Fprintln(c.env.Stdout, "they mean the same")
	}
	return nil
}

func (c *agreementCLI) sign(ctx context.Context, args []string) error {
	n, err := versionNumber(args[0])
	if err != nil {
		return err
	}
	if c.role == "" || (c.hash == "") == (c.file == "") {
		return usagef("sign needs --role, and what you have read: either --file or --hash")
	}
	hash := c.hash
	if c.file != "" {
		read, err := os.ReadFile(c.file)
		if err != nil {
			return err
		}
		hash = agreement.Hash(read)
	}
	return c.change(ctx, args[0]+"/sign", &agreementv1.SignAgreementRequest{Version: n, Role: c.role, Hash: hash})
}

func (c *agreementCLI) activate(ctx context.Context, args []string) error {
	n, err := versionNumber(args[0])
	if err != nil {
		return err
	}
	req := &agreementv1.ActivateAgreementRequest{Version: n}
	if c.from != "" {
		from, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			return usagef("--from %q is not a moment such as 2026-12-01T08:00:00Z", c.from)
		}
		req.From = timestamppb.New(from)
	}
	return c.change(ctx, args[0]+"/activate", req)
}

func (c *agreementCLI) change(ctx context.Context, path string, req proto.Message) error {
	return c.changeBy(ctx, "POST", path, req)
}

// changeBy makes a change by an HTTP method, and says how the version stands then.
func (c *agreementCLI) changeBy(ctx context.Context, method, path string, req proto.Message) error {
	var done agreementv1.ChangeAgreementResponse
	if err := c.api.call(ctx, method, "agreements/"+path, nil, req, &done); err != nil {
		return err
	}
	if c.json {
		return printJSON(c.env, &done)
	}
	v := done.Agreement
	fmt.Fprintf(c.env.Stdout, "version %d is %s", v.GetVersion(), or(v.GetState()))
	if s := signers(v); s != "" {
		fmt.Fprintf(c.env.Stdout, ", signed by %s", text(s))
	}
	if v.GetActivateAt() != nil {
		fmt.Fprintf(c.env.Stdout, ", to be in force from %s", when(v.ActivateAt))
	}
	if s := shadowed(v); s != "" {
		fmt.Fprint(c.env.Stdout, ", "+s)
	}
	switch {
	case c.beside.stop && v.GetShadowSince() == nil:
		fmt.Fprint(c.env.Stdout, "; it never ran in the shadow, so nothing was stopped")
	case done.Sequence == "":
		fmt.Fprint(c.env.Stdout, "; it was so before")
	}
	fmt.Fprintln(c.env.Stdout)
	return nil
}

// lines makes a text of several lines fit for a terminal, as text does for one.
func lines(s string) string {
	all := strings.Split(s, "\n")
	for i := range all {
		all[i] = text(strings.TrimRight(all[i], "\r"))
	}
	return strings.Join(all, "\n")
}
