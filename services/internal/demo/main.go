// Command demo shows what Baton does: it starts the real binary, plays a made-up week of several hundred leads into it over
// HTTP, lets a small CRM and its reps answer, and prints one lead's brief, the funnel and the proof that nothing was lost.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/batonhq/baton/pkg/telemetry"
)

// options of a run.
type options struct {
	binary, data string
	seed         uint64
	// pace is how long two hours of the week take at least: somebody should be able to follow it, and Baton should be shown
	// at work rather than under a flood.
	pace time.Duration
	// keep Baton running once everything is printed, until the demo is stopped.
	keep bool
	out  io.Writer
	// terminal: out is one.
	terminal bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stopped := ctx.Err() != nil
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case stopped:
		fmt.Fprintln(os.Stderr, "\ndemo: stopped")
		os.Exit(1)
	default:
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, args []string, out, errs io.Writer) error {
	opt := options{out: out, terminal: telemetry.Terminal(out)}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&opt.binary, "binary", "../bin/baton", "the baton `program` to start")
	flags.StringVar(&opt.data, "data-dir", "", "empty `folder` for everything that is written; by default one that is removed at the end")
	flags.Uint64Var(&opt.seed, "seed", 20, "`number` that the week is made from: the same seed, the same week")
	flags.DurationVar(&opt.pace, "pace", 200*time.Millisecond, "how `long` two hours of the week take at least; 0s is full speed")
	flags.BoolVar(&opt.keep, "keep", opt.terminal, "keep Baton running until Ctrl-C; by default on a terminal only")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return run(ctx, opt)
}
