package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/embedded"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/telemetry"
	"github.com/batonhq/baton/services/internal/app"
	"github.com/batonhq/baton/services/internal/app/backup"
)

func backupCommand() command {
	return command{
		name: "backup", args: "DIR", does: "write the journal, all there is to back up, into a new folder; Baton may run meanwhile",
		more: "The folder holds personal data and the key of all lead ids: keep it as safe as the journal itself. Back up the\n" +
			"configuration, the agreement and the directory as files, beside it.",
		example: "baton backup --data-dir data backup-2026-01-31",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			source := configFlags(env, flags)
			return func(ctx context.Context, args []string) error {
				dir, err := oneArgument(args, "folder for the backup")
				if err != nil {
					return err
				}
				return withNATS(env, source, false, func(nc *nats.Conn) error {
					meta, err := backup.Take(ctx, nc, journal.StreamName, dir, progress(env))
					if err != nil {
						return err
					}
					fmt.Fprintf(env.Stdout, "%s: %d messages, up to sequence %d, %d bytes\n", dir, meta.Messages, meta.LastSeq, meta.Bytes)
					return nil
				})
			}
		},
	}
}

func restoreCommand() command {
	return command{
		name: "restore", args: "DIR", does: "put a backup back where there is no journal, every message at its sequence and time",
		more: "With embedded engines, stop Baton and move the old data folder aside first. With a NATS server of your own, stop the\n" +
			"services and delete the stream " + journal.StreamName + " first, and should this command be killed, delete what it left there\n" +
			"before anything is started. A Redis is rebuilt by itself.",
		example: "baton restore --data-dir data backup-2026-01-31",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			source := configFlags(env, flags)
			return func(ctx context.Context, args []string) error {
				dir, err := oneArgument(args, "folder with the backup")
				if err != nil {
					return err
				}
				return withNATS(env, source, true, func(nc *nats.Conn) error {
					meta, err := backup.Restore(ctx, nc, dir, progress(env))
					if errors.Is(err, backup.ErrExists) {
						return fmt.Errorf("%w: a restore never overwrites one. Stop the services, delete the stream %s, and restore again", err, journal.StreamName)
					}
					if err != nil {
						return err
					}
					fmt.Fprintf(env.Stdout, "restored %d messages, up to sequence %d\n", meta.Messages, meta.LastSeq)
					return nil
				})
			}
		},
	}
}

// withNATS connects to the journal's NATS: the configured one, else that of a Baton which runs on the data folder, else
// the folder's own for as long as work takes. With fresh there must be no journal yet, nor a Baton that runs.
func withNATS(env *Env, source *configSource, fresh bool, work func(*nats.Conn) error) error {
	c, err := source.load(env)
	if err != nil {
		return told(env, "the configuration is not right", err)
	}
	if !c.NATS.URL.IsZero() {
		nc, err := nats.Connect(c.NATS.URL.Reveal(), nats.Name("baton command"))
		if err != nil {
			return fmt.Errorf("connect to NATS at nats.url: %w", err)
		}
		defer nc.Close()
		return work(nc)
	}
	dir := c.DataDir.String()
	if address, err := os.ReadFile(app.NATSURLPath(dir)); err == nil {
		// A run that was killed leaves its file behind; then nobody answers there.
		if nc, err := nats.Connect(strings.TrimSpace(string(address)), nats.Name("baton command"), nats.Timeout(time.Second)); err == nil {
			defer nc.Close()
			if fresh {
				return fmt.Errorf("a Baton runs on %s: stop it first, and move the folder aside", dir)
			}
			return work(nc)
		}
	}
	there := filepath.Join(dir, app.NATSDir)
	switch {
	case fresh && exists(there):
		return fmt.Errorf("%w in %s: a restore never overwrites one. Stop Baton, move the data folder aside, and restore again", backup.ErrExists, dir)
	case fresh:
		return whole(there, func(part string) error { return onFolder(part, false, work) })
	case !exists(there):
		return fmt.Errorf("there is no journal in %s: is --data-dir or --config right?", dir)
	}
	return onFolder(there, true, work)
}

// onFolder runs an engine on a folder for as long as work takes. What it writes is on disk when it has stopped.
func onFolder(dir string, sync bool, work func(*nats.Conn) error) error {
	n, err := embedded.StartNATS(embedded.Options{Dir: dir, SyncAlways: sync, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	nc, err := n.Conn()
	if err != nil {
		return errors.Join(err, n.Shutdown())
	}
	err = work(nc)
	nc.Close()
	return errors.Join(err, n.Shutdown())
}

// whole makes a folder that is there only once it is complete: make fills another one, which then gets its name. What a
// run that was killed had begun is thrown away.
func whole(dir string, make func(part string) error) error {
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := make(part); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	if err := os.Rename(part, dir); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

func progress(env *Env) backup.Progress {
	if !telemetry.Terminal(env.Stderr) {
		return nil
	}
	return func(n int64) { fmt.Fprintf(env.Stderr, "\r%d MB \033[K\r", n>>20) }
}
