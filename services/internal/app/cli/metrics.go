package cli

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"google.golang.org/protobuf/proto"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

func metricsCommand() command {
	return command{
		name: "metrics", args: "[NAME]", does: "show the numbers that both teams steer by",
		more: "NAME is " + strings.Join(metricNames(), ", ") + ".\nWithout one, the five numbers: both conversion rates, what a customer costs, pipeline velocity and retention.\n" +
			"Shares carry their 95 % interval; ~ marks what is still young and will grow.",
		example: "baton metrics conversion --from 2026-01-01 --by source --where country:SE",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			q := url.Values{}
			moments(flags, q)
			for _, f := range []struct{ name, says string }{
				{"by", "group by one `dimension` or two, as in source or rep,month"}, {"where", "only this `dimension:value`; may be repeated"},
				{"cohort", "the `moment` that counts: first, mql, routed, accepted, sql, opportunity"}, {"currency", "convert amounts to this `currency`"},
				{"after", "count everything up to this `sequence` of the journal"},
			} {
				flags.Func(f.name, f.says, func(s string) error { q.Add(f.name, s); return nil })
			}
			asJSON := flags.Bool("json", false, "print JSON")
			return func(ctx context.Context, args []string) error {
				if len(args) > 1 {
					return usagef("one number at a time")
				}
				list := []string{"conversion", "cac", "velocity", "retention"}
				if len(args) == 1 {
					if !slices.Contains(metricNames(), args[0]) {
						return usagef("there is no number %q; there are %s", args[0], strings.Join(metricNames(), ", "))
					}
					list = args
				} else if *asJSON {
					return usagef("--json is for one number: name it")
				}
				for i, name := range list {
					m := metricMessage(name)
					if err := a.get(ctx, "metrics/"+name, q, m); err != nil {
						return err
					}
					if *asJSON {
						return printJSON(env, m)
					}
					if i > 0 {
						fmt.Fprintln(env.Stdout)
					}
					printMetric(env, m)
				}
				return nil
			}
		},
	}
}

func metricNames() []string {
	return []string{"conversion", "velocity", "cac", "retention", "sources", "campaigns", "bands", "sla", "speed", "reasons", "leakage", "cohorts", "goals"}
}

func metricMessage(name string) proto.Message {
	switch name {
	case "conversion":
		return new(feedbackv1.ConversionReport)
	case "velocity":
		return new(feedbackv1.VelocityReport)
	case "cac":
		return new(feedbackv1.CACReport)
	case "retention":
		return new(feedbackv1.RetentionReport)
	case "sla":
		return new(feedbackv1.SLAReport)
	case "speed":
		return new(feedbackv1.SpeedReport)
	case "reasons":
		return new(feedbackv1.ReasonsReport)
	case "leakage":
		return new(feedbackv1.LeakageReport)
	case "cohorts":
		return new(feedbackv1.CohortsReport)
	case "goals":
		return new(feedbackv1.GoalsReport)
	}
	return new(feedbackv1.QualityReport)
}

// sheet is a number as lines of a table under its heading.
type sheet struct {
	head  *feedbackv1.MetricHead
	title string
	lines [][]string
}

func (s *sheet) line(cells ...string) { s.lines = append(s.lines, cells) }

func (s *sheet) show(env *Env) {
	fmt.Fprintf(env.Stdout, "%s: %s\n", strings.ReplaceAll(s.head.GetName(), "_", " "), text(s.head.GetDefinition()))
	if s.head.GetFrom() != nil || s.head.GetTo() != nil {
		fmt.Fprintf(env.Stdout, "from %s to %s\n", when(s.head.GetFrom()), when(s.head.GetTo()))
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\t"+s.title)
	for _, l := range s.lines {
		fmt.Fprintln(w, strings.Join(l, "\t"))
	}
	_ = w.Flush()
	for _, l := range s.head.GetLeftOut() {
		fmt.Fprintf(env.Stdout, "%d %s, left out of %s\n", l.Count, strings.ReplaceAll(text(l.Reason), "_", " "), text(l.From))
	}
	if n := s.head.GetMoreGroups(); n > 0 {
		fmt.Fprintf(env.Stdout, "and %d smaller groups\n", n)
	}
}

// keyed gives the name of a group; that of all together is "all".
func keyed(key []string) string {
	if len(key) == 0 {
		return "all"
	}
	return cut(text(strings.Join(key, ", ")), 40)
}

// percent gives a share with its interval; a dash of nothing.
func percent(p *feedbackv1.Proportion) string {
	if p.GetOf() == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %% (%.1f–%.1f)", p.Value*100, p.Low*100, p.High*100)
}

func sumText(s *feedbackv1.Sum) string {
	var parts []string
	if t := s.GetTotal(); t != nil {
		parts = append(parts, text(t.Amount+" "+t.Currency))
	}
	for _, a := range s.GetApart() {
		parts = append(parts, text(a.Amount+" "+a.Currency))
	}
	if parts == nil {
		return "–"
	}
	return strings.Join(parts, " and ")
}

func number(n uint32) string { return fmt.Sprint(n) }

// lasted gives a median with its interval.
func lasted(d *feedbackv1.Durations) string {
	if d.GetCount() == 0 {
		return "–"
	}
	if d.MedianLow == nil {
		return fmt.Sprintf("%.1f", d.Median)
	}
	return fmt.Sprintf("%.1f (%.1f–%.1f)", d.Median, d.GetMedianLow(), d.GetMedianHigh())
}
