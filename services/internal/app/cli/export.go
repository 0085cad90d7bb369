package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func exportCommand() command {
	return command{
		name: "export", args: "leads|deals|credits|metrics", does: "write leads, deals, credits or numbers to a file",
		more: "leads: one row for each lead and epoch, first seen in the window. deals: those opened in it. credits: what each touch of each deal\n" +
			"earned under a model. metrics: the numbers, a row for each and each group. There is no person's data in any of them, ids alone.\n" +
			"The file appears under its name when it is whole; without --out it goes to the standard output.",
		example: "baton export credits --model u --from 2026-01-01 --format parquet --out credits.parquet",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			q := url.Values{}
			format := flags.String("format", "", "csv, ndjson or parquet (by default as the `ending` of --out says, else csv)")
			out := flags.String("out", "", "the `file`; one that is there is replaced")
			moments(flags, q)
			for _, f := range []struct{ name, says string }{
				{"where", "of leads, deals, metrics: only this `dimension:value`; may be repeated"}, {"by", "of metrics one `dimension` or two, as in rep,month; of credits one: channel, campaign, asset, source, sales"},
				{"currency", "of metrics: convert amounts to this `currency`"}, {"cohort", "of metrics: the `moment` that counts: first, mql, routed, accepted, sql, opportunity"},
				{"model", "of credits: the `model`: linear, first, last, u, w, full_path, time_decay, markov, shapley, …"}, {"basis", "of credits: `won` or pipeline"},
				{"scope", "of credits: `lead` or account"}, {"lookback", "of credits: how `long` before the end a touch counts: 365d, or none"},
				{"half_life", "of credits by time_decay: the `time`, as 7d"}, {"weights", "of credits by custom: a `weight`, four times"},
				{"order", "of credits by markov: `1` to 4"}, {"after", "export everything up to this `sequence` of the journal"},
			} {
				flags.Func(f.name, f.says, func(s string) error { q.Add(f.name, s); return nil })
			}
			sales := flags.Bool("sales", false, "of credits: what sales did counts, too")
			return func(ctx context.Context, args []string) error {
				name, err := oneArgument(args, "what to export (leads, deals, credits or metrics)")
				if err != nil {
					return err
				}
				if !slices.Contains([]string{"leads", "deals", "credits", "metrics"}, name) {
					return usagef("there is no export of %q; there are leads, deals, credits, metrics", name)
				}
				if *format == "" && slices.Contains([]string{".ndjson", ".parquet"}, filepath.Ext(*out)) {
					*format = strings.TrimPrefix(filepath.Ext(*out), ".")
				}
				if *format != "" {
					q.Set("format", *format)
				}
				if *sales {
					q.Set("sales", "true")
				}
				return export(ctx, env, a, name, q, *out)
			}
		},
	}
}

// moments defines --from and --to.
func moments(flags *flag.FlagSet, q url.Values) {
	for _, f := range []struct{ name, says string }{{"from", "from this `day` or moment on"}, {"to", "to this `day` or moment, which is not in it"}} {
		flags.Func(f.name, f.says+" (2026-01-01, or 2026-01-01T12:00:00Z)", func(s string) error {
			if at, err := time.Parse(time.DateOnly, s); err == nil {
				s = at.Format(time.RFC3339)
			} else if _, err := time.Parse(time.RFC3339, s); err != nil {
				return fmt.Errorf("%q is not a day or a moment", s)
			}
			q.Set(f.name, s)
			return nil
		})
	}
}

// export asks, and writes the answer where it is wanted.
func export(ctx context.Context, env *Env, a *api, name string, q url.Values, out string) error {
	resp, err := a.unlimited().do(ctx, http.MethodGet, "export/"+name, q, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if out == "" || out == "-" {
		if _, err := io.Copy(env.Stdout, resp.Body); err != nil {
			return broken(name, err)
		}
		return nil
	}
	n, err := wholeFile(out, func(f io.Writer) (int64, error) {
		n, err := io.Copy(f, &counting{Reader: resp.Body, to: env.Stderr, name: name})
		if err != nil {
			return n, broken(name, err)
		}
		return n, nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stderr, "%s: %s, %d bytes\n", name, out, n)
	return nil
}

func broken(name string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("the export of %s broke off, and is not whole: %w", name, err)
}

// wholeFile makes a file that has its name only once all of it is on disk: make fills another one beside it, which goes away when it fails.
func wholeFile(path string, make func(io.Writer) (int64, error)) (n int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return 0, fmt.Errorf("begin the file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if n, err = make(f); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return n, err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return n, fmt.Errorf("name the file: %w", err)
	}
	return n, nil
}

// progressEvery is how many bytes come between two lines of progress.
const progressEvery = 64 << 20

// counting tells how far a long export is.
type counting struct {
	io.Reader
	to   io.Writer
	name string
	n    int64
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if before := c.n / progressEvery; (c.n+int64(n))/progressEvery > before {
		fmt.Fprintf(c.to, "%s: %d MB so far\n", c.name, (c.n+int64(n))>>20)
	}
	c.n += int64(n)
	return n, err
}
