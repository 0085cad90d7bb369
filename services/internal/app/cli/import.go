package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/batonhq/baton/services/internal/app/history"
)

func importCommand() command {
	return command{
		name: "import", args: "--map MAP.yaml FILE|- | --release", does: "load records of before Baton: measured, and handed over on request alone",
		more: "Each row of FILE (CSV or NDJSON) gives the events that the map says, sent as history: folded, scored and counted, and no\n" +
			"reason to hand a lead over. Somebody known from history alone is held until they do something, or until\n" +
			"`baton import --release`, which hands over those who qualify today. It may be repeated.\n\n" +
			"An import that was interrupted goes on where it was when it is started again: FILE.progress says where. Rows that\n" +
			"cannot be read and events that are refused are written to FILE.errors.ndjson, and the rest goes on.\n" +
			"Exit 1 when there were any.",
		example: "baton import --map map.yaml --check deals.csv",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			i := &importer{env: env, api: apiFlags(env, flags), sender: sender{env: env, now: time.Now}}
			i.sender.answered = i.answered
			mapFile := flags.String("map", "", "`file` that says how rows become events")
			flags.BoolVar(&i.check, "check", false, "read and map everything, show what would be sent, and send nothing")
			flags.StringVar(&i.errors, "errors", "", "`file` for what is wrong with rows (default FILE.errors.ndjson)")
			flags.IntVar(&i.maxErrors, "max-errors", 0, "stop after `so many` rows or events that are wrong; 0 for never")
			secret := env.get("BATON_SOURCE_SECRET", "")
			flags.Func("secret", "the source's `secret` (better in BATON_SOURCE_SECRET, where others do not see it)", func(v string) error {
				secret = v
				return nil
			})
			config := flags.String("config", env.get("BATON_CONFIG", ""), "`file` to take the source's secret from")
			flags.IntVar(&i.sender.inFlight, "in-flight", 4, "`batches` under way at once; those about the same lead go one after another")
			flags.DurationVar(&i.sender.patience, "patience", 2*time.Minute, "how `long` a batch is tried, or a release asked for while Baton still reads what was loaded")
			release := flags.Bool("release", false, "hand over those who are held and qualify today")
			dryRun := flags.Bool("dry-run", false, "with --release: only count them")
			return func(ctx context.Context, args []string) error {
				switch {
				case *release && (*mapFile != "" || len(args) > 0):
					return usagef("--release goes by itself: it concerns all that was loaded")
				case *release:
					return i.release(ctx, *dryRun)
				case *dryRun:
					return usagef("--dry-run belongs to --release; --check shows what an import would send")
				case *mapFile == "":
					return usagef("--map is needed")
				case i.sender.inFlight < 1 || i.sender.inFlight > 16:
					return usagef("--in-flight is from 1 to 16")
				case i.maxErrors < 0:
					return usagef("--max-errors is 0 or more")
				}
				file, err := oneArgument(args, "file of rows (- for standard input)")
				if err != nil {
					return err
				}
				if i.rows, err = readMap(*mapFile); err != nil {
					return err
				}
				i.mapFile, i.file, i.sender.source, i.sender.base = *mapFile, file, i.rows.Source, i.api.url
				if secret == "" && *config != "" && !i.check {
					if secret, err = sourceSecret(*config, i.rows.Source, env.Environ); err != nil {
						return err
					}
				}
				if err := i.sender.signWith(secret); err != nil {
					return err
				}
				return i.run(ctx)
			}
		},
	}
}

func readMap(file string) (*history.Map, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m, err := history.Parse(text)
	if err != nil {
		return nil, inFile(file, err)
	}
	return m, nil
}

// inFile says of each of several faults which file it is in.
func inFile(file string, err error) error {
	var faults history.Errors
	if !errors.As(err, &faults) {
		return fmt.Errorf("%s: %w", file, err)
	}
	lines := make([]error, len(faults))
	for i, f := range faults {
		lines[i] = fmt.Errorf("%s: %w", file, f)
	}
	return errors.Join(lines...)
}
