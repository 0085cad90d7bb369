package cli

import (
	"context"
	"net/http"
	"net/url"

	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
)

// shadow runs a version beside the one in force, ends its run, or reports on it.
func (c *agreementCLI) shadow(ctx context.Context, args []string) error {
	n, err := versionNumber(args[0])
	if err != nil {
		return err
	}
	path := args[0] + "/shadow"
	switch {
	case c.beside.stop && (c.try.out != "" || c.try.format != "text") && !c.beside.report:
		return usagef("--out and --format belong to --report, not to --stop")
	case c.beside.stop && c.beside.report:
		return usagef("--stop and --report are two commands: stop it, and then ask for the report, or the other way round")
	case c.beside.stop:
		return c.changeBy(ctx, http.MethodDelete, path, nil)
	case !c.beside.report && (c.try.out != "" || c.try.format != "text"):
		// Starting a run ends that of another version: it is not what somebody wants who asks for a form or a file.
		return usagef("--out and --format belong to the report: say --report, too")
	case !c.beside.report:
		return c.changeBy(ctx, http.MethodPost, path, &agreementv1.ShadowAgreementRequest{Version: n})
	}
	format := c.try.format
	if c.json {
		format = "json"
	}
	return c.fetch(ctx, http.MethodGet, "agreements/"+path, url.Values{"format": {format}}, nil)
}

// shadowed says whether and when a version runs or ran in the shadow, "" for never.
func shadowed(v *agreementv1.Agreement) string {
	switch {
	case v.GetShadowSince() == nil:
		return ""
	case v.GetShadowUntil() == nil:
		return "in the shadow since " + when(v.ShadowSince)
	}
	return "was in the shadow from " + when(v.ShadowSince) + " to " + when(v.ShadowUntil)
}
