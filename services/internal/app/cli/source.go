package cli

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"strings"

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
			file := flags.String("config", env.get("BATON_CONFIG", ""), "`file` with the configuration, for list and test; of a new source, for the address that is shown")
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
				return printSource(env, name, *kind, *file)
			}
		},
	}
}

// printSource prints the configuration of a new source and what is to be done on the sender's side. The address is that of the
// configuration in file, if one is given.
func printSource(env *Env, name, kind, file string) error {
	guide, ok := app.GuideTo(kind)
	if !ok {
		return usagef("--type: %q is none of %s", kind, strings.Join(app.SourceTypes(), ", "))
	}
	c := app.DefaultConfig()
	if file != "" {
		var err error
		if c, err = app.LoadConfig(file, env.Environ); err != nil {
			return err
		}
	}
	key := make([]byte, 24)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make a secret: %w", err)
	}
	// A token may stand in an address, and so has letters and digits alone.
	secret, writeKey := rand.Text(), rand.Text()
	if guide.Standard {
		secret = "whsec_" + base64.StdEncoding.EncodeToString(key)
	}
	if err := app.CheckSource(ingest.Source{Name: name, Type: "baton"}); err != nil {
		return usagef("%v", err)
	}

	p := func(format string, args ...any) { fmt.Fprintf(env.Stdout, format+"\n", args...) }
	var settings []string
	switch {
	case guide.WriteKey:
		settings = append(settings, fmt.Sprintf("write_key: %q", writeKey))
	case guide.Issued != "":
		settings = append(settings, fmt.Sprintf("secrets: [%q]", "file:"+secretFile(name)))
	default:
		settings = append(settings, fmt.Sprintf("secrets: [%q]", secret))
	}
	token := secret
	if guide.VerifyToken {
		token = rand.Text()
		settings = append(settings, fmt.Sprintf("verify_token: %q", token))
	}
	p("# In the configuration, under the one `sources:` there is; then send the running Baton a SIGHUP, or start it:")
	p("sources:")
	if guide.More == "" {
		p("  - { name: %s, type: %s, %s }", name, kind, strings.Join(settings, ", "))
	} else {
		p("  - name: %s\n    type: %s\n    %s", name, kind, strings.Join(append(settings, strings.Split(guide.More, "\n")...), "\n    "))
	}
	p("")
	printSetup(p, &c, guide, name, secret, token)
	return nil
}

// printSetup says what is to be done on the sender's side.
func printSetup(p func(format string, args ...any), c *app.Config, guide ingest.Guide, name, secret, token string) {
	base := publicBase(c)
	address := base + "/webhooks/" + name
	switch {
	case guide.WriteKey:
		p("# SDKs of Segment and RudderStack take this write key, and %s as their data plane.", base)
	case guide.Type == "baton":
		p("# Then, with one event in the file event.json:")
		p(`#   {"id": "evt-1", "type": "form_submitted", "occurred_at": "2026-01-31T10:00:00Z", "lead": {"email": "ana@initech.example"}}`)
		p("BATON_SOURCE_SECRET=%s baton send --source %s event.json", secret, name)
		return
	case guide.Issued != "":
		p("# The file %s, beside the configuration, holds %s.", secretFile(name), guide.Issued)
		p("# The sender posts to %s", address)
	case guide.InAddress():
		p("# The sender posts to %s/%s", address, token)
	case guide.VerifyToken:
		p("# The sender posts to %s/%s", address, token)
		p("# The secret: %s.", guide.Entered)
	default:
		p("# The sender posts to %s", address)
		p("# The secret: %s.", guide.Entered)
	}
	if guide.Issued != "" && guide.VerifyToken {
		p("# The verify_token is entered beside the address; the sender asks for it before it posts.")
	}
	if guide.Signs {
		p("# It signs that address: http.public_url in the configuration must be what stands before /webhooks when it calls.")
	}
	if c.HTTP.PublicURL == "" {
		p("# From elsewhere Baton is reached by another address: set http.public_url, and give --config to see it here.")
	}
	if !guide.WriteKey {
		p("# What it posts and what becomes of it: services/ingest/SENDERS.md. To try a saved request: baton source test %s REQUEST", name)
	}
}

// secretFile is where a secret that the platform gives out is to be put. A variable would not do: a process that runs sees no new
// ones.
func secretFile(name string) string { return name + ".secret" }

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
