package cli

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"strings"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/ingest"
	"github.com/batonhq/baton/services/internal/app"
)

func sourceCommand() command {
	return command{
		name: "source", args: "NAME | list | test NAME REQUEST",
		does: "print a new source's configuration with a fresh secret, list the sources there are, or try a saved request",
		more: "test shows what a saved request would become: REQUEST is a file with a raw HTTP/1.1 request, - for standard input, or with\n" +
			"--body a body alone. It asks nobody and writes nothing: the configuration file is all that it needs. It ends with 1 where the\n" +
			"request is not verified, or something in it would be refused or quarantined.",
		example: "baton source test crm request.http --config baton.yaml",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			kind := flags.String("type", "baton", "`type` of the new source: "+strings.Join(app.SourceTypes(), ", "))
			file := flags.String("config", env.get("BATON_CONFIG", ""), "`file` with the configuration, for list and test")
			asJSON := flags.Bool("json", false, "print JSON, for list and test")
			test := sourceTestFlags(flags)
			return func(_ context.Context, args []string) error {
				switch {
				case len(args) == 1 && args[0] == "list":
					return listSources(env, *file, *asJSON)
				case len(args) > 0 && args[0] == "test":
					if len(args) != 3 {
						return usagef("the arguments of test are a source's name and a file with a request")
					}
					return test.run(env, *file, args[1], args[2], *asJSON)
				}
				name, err := oneArgument(args, "name for the source")
				if err != nil {
					return err
				}
				return printSource(env, name, *kind)
			}
		},
	}
}

func printSource(env *Env, name, kind string) error {
	key := make([]byte, 24)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make a secret: %w", err)
	}
	secret, writeKey := "whsec_"+base64.StdEncoding.EncodeToString(key), rand.Text()
	signed := ingest.Source{Name: name, Type: kind, Secrets: []config.Secret{config.NewSecret(secret)}}
	keyed := ingest.Source{Name: name, Type: kind, WriteKey: config.NewSecret(writeKey)}
	p := func(format string, args ...any) { fmt.Fprintf(env.Stdout, format+"\n", args...) }
	const head = "# In the configuration (under the one `sources:` there is), then start Baton again:\nsources:"
	// Which of the two a type takes, the type knows.
	signedErr, keyedErr := app.CheckSource(signed), app.CheckSource(keyed)
	switch {
	case kind == "baton" && signedErr == nil:
		p(head)
		p("  - { name: %s, type: %s, secrets: [%q] }", name, kind, secret)
		p("\n# Then, with one event in the file event.json:")
		p(`#   {"id": "evt-1", "type": "form_submitted", "occurred_at": "2026-01-31T10:00:00Z", "lead": {"email": "ana@initech.example"}}`)
		p("BATON_SOURCE_SECRET=%s baton send --source %s event.json", secret, name)
	case keyedErr == nil:
		p(head)
		p("  - { name: %s, type: %s, write_key: %q }", name, kind, writeKey)
		p("\n# SDKs of Segment and RudderStack take this write key, and http://127.0.0.1:8080 as their data plane.")
	case signedErr == nil:
		p(head)
		p("  - { name: %s, type: %s, secrets: [%q] }", name, kind, secret)
		p("\n# The sender signs with this secret and posts to http://127.0.0.1:8080/webhooks/%s", name)
	default:
		return usagef("%v", signedErr)
	}
	return nil
}

// sourceSecret finds the newest secret of a source in a configuration file; "" where it has none.
func sourceSecret(file, name string, environ []string) (string, error) {
	c, err := app.LoadConfig(file, environ)
	if err != nil {
		return "", err
	}
	secret, ok := c.SourceSecret(name)
	if !ok {
		return "", fmt.Errorf("%s has no source %q", file, name)
	}
	return secret, nil
}
