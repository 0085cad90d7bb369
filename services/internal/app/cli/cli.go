// Package cli is the baton command: one small table of commands, each with its flags, its help and one example.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Env is the world a command runs in.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Environ as os.Environ gives it.
	Environ []string
	Version string
}

// get gives an environment variable, or otherwise where it is not set or empty.
func (e *Env) get(name, otherwise string) string {
	for _, kv := range e.Environ {
		if k, v, _ := strings.Cut(kv, "="); k == name && v != "" {
			return v
		}
	}
	return otherwise
}

// command is one line of the table.
type command struct {
	name string
	// args as the usage line shows them.
	args string
	// does says in a line what it does; more is added in its own help.
	does, more string
	example    string
	// prepare defines the flags and gives what runs with the arguments that are left.
	prepare func(env *Env, flags *flag.FlagSet) func(ctx context.Context, args []string) error
}

func commands() []command {
	return slices.Concat(serviceCommands(), []command{
		sendCommand(), importCommand(), sourceCommand(), leadCommand(), inboxCommand(), handoffsCommand(), briefCommand(), destinationCommand(), deliveriesCommand(), verifyCommand(), rebuildCommand(), backupCommand(),
		restoreCommand(), agreementCommand(), proposalsCommand(), directoryCommand(), ratesCommand(), metricsCommand(), exportCommand(), weeklyCommand(), healthzCommand(), versionCommand(),
	})
}

// Exit codes.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2
)

// errUsage marks an error that the command's usage explains.
var errUsage = errors.New("usage")

// errSilent is a failure that has been told already.
var errSilent = errors.New("failed")

func usagef(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

// Run runs the command that args name (without the program's own name) until it is done or ctx ends, and gives the exit
// code: 0 when all went well, 1 when it did not, 2 when it was called wrongly.
func Run(ctx context.Context, env *Env, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		if len(args) > 1 {
			return Run(ctx, env, []string{args[1], "--help"})
		}
		overview(env.Stdout)
		if len(args) == 0 {
			return exitUsage
		}
		return exitOK
	}
	name := strings.TrimPrefix(args[0], "--") // --version is a command, too
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, env, args[1:])
		}
	}
	fmt.Fprintf(env.Stderr, "baton: there is no command %q\n\n", args[0])
	overview(env.Stderr)
	return exitUsage
}

func (c command) run(ctx context.Context, env *Env, args []string) int {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	work := c.prepare(env, flags)
	left, err := parse(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		c.help(env.Stdout, flags)
		return exitOK
	}
	if err == nil {
		err = work(ctx, left)
	} else {
		err = usagef("%v", err)
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage):
		_, text, _ := strings.Cut(err.Error(), ": ")
		fmt.Fprintf(env.Stderr, "baton %s: %s\n\n", c.name, text)
		c.help(env.Stderr, flags)
		return exitUsage
	case errors.Is(err, errSilent):
		return exitFail
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintf(env.Stderr, "baton %s: stopped\n", c.name)
		return exitFail
	}
	tell(env, "baton "+c.name, err)
	return exitFail
}

// shownErrors is how many of several joined errors are told.
const shownErrors = 20

// tell prints an error; several joined ones each on a line of its own.
func tell(env *Env, what string, err error) {
	all := flatten(err)
	if len(all) == 1 {
		fmt.Fprintf(env.Stderr, "%s: %v\n", what, err)
		return
	}
	fmt.Fprintf(env.Stderr, "%s:\n", what)
	for i, e := range all {
		if i == shownErrors {
			fmt.Fprintf(env.Stderr, "  … and %d more\n", len(all)-i)
			return
		}
		fmt.Fprintf(env.Stderr, "  %v\n", e)
	}
}

// flatten takes joined errors apart; not those that one sentence wraps, which would lose what was being done.
func flatten(err error) []error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var lines []string
	for _, e := range many.Unwrap() {
		lines = append(lines, e.Error())
	}
	if strings.Join(lines, "\n") != err.Error() {
		return []error{err}
	}
	var out []error
	for _, e := range many.Unwrap() {
		out = append(out, flatten(e)...)
	}
	return out
}

// parse takes flags wherever they stand, so that `baton lead ana@x.example --json` works.
func parse(flags *flag.FlagSet, args []string) (left []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		rest := flags.Args()
		if len(rest) == 0 {
			return left, nil
		}
		if len(args) > len(rest) && args[len(args)-len(rest)-1] == "--" {
			return append(left, rest...), nil
		}
		left, args = append(left, rest[0]), rest[1:]
	}
}

func (c command) help(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintf(w, "baton %s: %s\n", c.name, c.does)
	if c.more != "" {
		fmt.Fprintf(w, "\n%s\n", c.more)
	}
	fmt.Fprintf(w, "\nUsage:    baton %s\nExample:  %s\n", strings.TrimSpace(c.name+" [flags] "+c.args), c.example)
	some := false
	flags.VisitAll(func(f *flag.Flag) {
		if !some {
			fmt.Fprint(w, "\nFlags:\n")
			some = true
		}
		value, text := flag.UnquoteUsage(f)
		name := "--" + f.Name
		if value != "" {
			name += " " + strings.ToUpper(value)
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			text += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, "  %-22s %s\n", name, text)
	})
}

func overview(w io.Writer) {
	fmt.Fprint(w, "Baton hands leads from marketing to sales.\n\nUsage: baton COMMAND [flags] [arguments]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-11s %s\n", c.name, c.does)
	}
	fmt.Fprint(w, "\nbaton COMMAND --help tells more of each. Commands that ask a running Baton find it at --url (or BATON_URL, by\n"+
		"default http://127.0.0.1:8080) and present --token (or BATON_TOKEN).\n")
}

func noArguments(args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q", args[0])
	}
	return nil
}

func oneArgument(args []string, what string) (string, error) {
	switch len(args) {
	case 0:
		return "", usagef("%s is needed", what)
	case 1:
		return args[0], nil
	}
	return "", usagef("one %s, not %d", what, len(args))
}

func versionCommand() command {
	return command{
		name: "version", does: "say which version this is", example: "baton version",
		prepare: func(env *Env, _ *flag.FlagSet) func(context.Context, []string) error {
			return func(_ context.Context, args []string) error {
				if err := noArguments(args); err != nil {
					return err
				}
				fmt.Fprintln(env.Stdout, "baton "+env.Version)
				return nil
			}
		},
	}
}
