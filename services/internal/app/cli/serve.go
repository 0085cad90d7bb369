package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/internal/app"
)

// serviceCommands run Baton: everything, or one service.
func serviceCommands() []command {
	does := map[app.Target]string{
		app.Up:       "run everything in one process, on embedded engines where none are configured",
		app.Ingest:   "run ingest alone: it takes events, and serves the JSON API",
		app.Scoring:  "run scoring alone: who is ready, and why",
		app.Routing:  "run routing alone: to whom, with what brief",
		app.Feedback: "run feedback alone: was it right",
	}
	var out []command
	for _, t := range app.Targets() {
		out = append(out, command{
			name: string(t), does: does[t],
			more:    "Every setting is also an environment variable: http.addr is BATON_HTTP_ADDR.\nIt stops in order on SIGTERM and SIGINT, within 20 seconds. On SIGHUP it reads the\nconfiguration's sources again.",
			example: "baton " + string(t) + " --config baton.yaml",
			prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
				c := configFlags(env, flags)
				check := flags.Bool("check-config", false, "verify the configuration and all that it names, and exit")
				return func(ctx context.Context, args []string) error {
					if err := noArguments(args); err != nil {
						return err
					}
					return serve(ctx, env, t, c, *check)
				}
			},
		})
	}
	return out
}

// configSource is where a command finds its configuration.
type configSource struct{ file, dataDir string }

func configFlags(env *Env, flags *flag.FlagSet) *configSource {
	c := &configSource{}
	flags.StringVar(&c.file, "config", env.get("BATON_CONFIG", ""), "`file` with the configuration")
	flags.StringVar(&c.dataDir, "data-dir", "", "`folder` of the embedded engines' files, over the configuration's")
	return c
}

func (s *configSource) load(env *Env) (app.Config, error) {
	c, err := app.LoadConfig(s.file, env.Environ)
	if err != nil {
		return c, err
	}
	if s.dataDir != "" {
		c.DataDir = config.Path(s.dataDir)
	}
	return c, nil
}

func serve(ctx context.Context, env *Env, t app.Target, source *configSource, check bool) error {
	c, err := source.load(env)
	if err == nil {
		err = app.Check(&c, t)
	}
	if err != nil {
		return told(env, "the configuration is not right", err)
	}
	for _, name := range config.Unknown(&c, env.Environ, clientVariables()...) {
		fmt.Fprintf(env.Stderr, "note: the environment variable %s is no setting\n", name)
	}
	if check {
		fmt.Fprintln(env.Stdout, "ok: the configuration is right")
		return nil
	}
	reload, done := onHangup()
	defer done()
	return app.Run(ctx, app.Options{
		Reload: reload, Load: func() (app.Config, error) { return source.load(env) },
		Target: t, Config: c, Version: env.Version, Log: env.Stderr,
		Getenv: func(name string) string { return env.get(name, "") },
		Started: func(a app.Addrs) {
			if t == app.Up {
				announce(env.Stdout, &c, a)
			}
		},
	})
}

// onHangup tells of each SIGHUP, several that come at once only once, until done is called.
func onHangup() (reload <-chan struct{}, done func()) {
	signals, out := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for range signals {
			select {
			case out <- struct{}{}:
			default:
			}
		}
	}()
	return out, func() {
		signal.Stop(signals)
		close(signals)
	}
}

// clientVariables are those of the commands that ask a running Baton.
func clientVariables() []string {
	return []string{"BATON_CONFIG", "BATON_URL", "BATON_TOKEN", "BATON_SOURCE_SECRET"}
}

// told prints every problem on a line of its own.
func told(env *Env, what string, err error) error {
	fmt.Fprintf(env.Stderr, "baton: %s\n", what)
	for _, e := range flatten(err) {
		fmt.Fprintf(env.Stderr, "  %v\n", e)
	}
	return errSilent
}

// announce says what runs where.
func announce(w io.Writer, c *app.Config, a app.Addrs) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	p("")
	p("Baton is running.")
	p("")
	scheme := "http"
	if c.HTTP.TLS.On() {
		scheme = "https"
	}
	p("  events    %s://%s/webhooks/{source}", scheme, a.HTTP)
	p("  API       %s://%s/api/v1", scheme, a.HTTP)
	p("  gRPC      %s", a.GRPC)
	p("  health    http://%s/readyz, metrics at /metrics", a.Admin)
	dir, err := filepath.Abs(c.DataDir.String())
	if err != nil {
		dir = c.DataDir.String()
	}
	if c.NATS.URL.IsZero() {
		p("  journal   %s, embedded", dir)
	} else {
		p("  journal   on NATS")
	}
	if len(c.Tokens) == 0 {
		p("  callers   from this machine only: no tokens are configured")
	}
	if len(c.Sources) == 0 {
		p("\nNo sources are configured, so no events come in. `baton source app` prints one to start with.")
	}
	if c.Agreement == "" {
		p("No agreement is configured: leads are kept and shown, and nothing is scored or handed over.")
	}
	if c.Directory == "" {
		p("No directory is configured: nobody can be handed a lead yet.")
	}
	p("")
}

// exists reports whether there is something at a path.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
