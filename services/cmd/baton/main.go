// Command baton runs Baton, or one of its services, and asks a running one.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // reps work in their own time zones, also on images without a zone database

	"github.com/batonhq/baton/services/internal/app/cli"
)

// version is set when a release is built.
var version = "dev"

func main() {
	// The first signal asks to stop in order; the second one ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	env := &cli.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Version: version}
	code := cli.Run(ctx, env, os.Args[1:])
	stop()
	os.Exit(code)
}
