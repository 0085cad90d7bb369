package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/strictyaml"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

// Bounds of a file of rates: its size in bytes, and the rates that are sent at once.
const (
	maxRatesFile = 16 << 20
	ratesAtOnce  = 10000
)

func ratesCommand() command {
	return command{
		name: "rates", args: "show|apply [FILE]", does: "state what currencies are worth, from YAML or CSV, or show what was stated",
		example: "baton rates apply --base EUR rates.csv",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			base := flags.String("base", "", "`currency` that the rates of a CSV are told in: one unit of it is worth so many of the others")
			return func(ctx context.Context, args []string) error {
				if len(args) == 1 && args[0] == "show" {
					var r feedbackv1.Rates
					if err := a.get(ctx, "rates", nil, &r); err != nil {
						return err
					}
					fmt.Fprintf(env.Stdout, "date,%s\n", "currency,one "+r.GetBase()+" is worth")
					for _, d := range r.GetDays() {
						for _, c := range sortedNames(d.GetRates()) {
							fmt.Fprintf(env.Stdout, "%s,%s,%s\n", d.GetDate(), c, d.GetRates()[c])
						}
					}
					return nil
				}
				file, err := verbAndFile(args, "apply")
				if err != nil {
					return err
				}
				text, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				req, err := readRates(text, strings.HasSuffix(strings.ToLower(file), ".csv"), *base)
				if err != nil {
					return told(env, file+" is not right", err)
				}
				stated := 0
				var r feedbackv1.Rates
				for len(req.Days) > 0 {
					part := &feedbackv1.PutRatesRequest{Base: req.Base}
					n := 0
					for len(req.Days) > 0 && (n == 0 || n+len(req.Days[0].Rates) <= ratesAtOnce) {
						n += len(req.Days[0].Rates)
						part.Days, req.Days = append(part.Days, req.Days[0]), req.Days[1:]
					}
					if err := a.call(ctx, "PUT", "rates", nil, part, &r); err != nil {
						return err
					}
					stated += n
				}
				fmt.Fprintf(env.Stdout, "%d rates are stated, up to sequence %s\n", stated, r.GetSequence())
				return nil
			}
		},
	}
}

// readRates reads a file of rates: YAML as the API has it ({base, days: [{date, rates}]}), or CSV with a column for each currency
// (date,USD,SEK; what is empty or N/A is not stated) or a line for each rate (date,currency,rate).
func readRates(text []byte, isCSV bool, base string) (*feedbackv1.PutRatesRequest, error) {
	if len(text) > maxRatesFile {
		return nil, fmt.Errorf("is longer than %d bytes", maxRatesFile)
	}
	if isCSV {
		if base == "" {
			return nil, usagef("--base is needed: a CSV does not say what currency its rates are told in")
		}
		return ratesFromCSV(text, base)
	}
	var y struct {
		Base string `yaml:"base"`
		Days []struct {
			Date  string            `yaml:"date"`
			Rates map[string]string `yaml:"rates"`
		} `yaml:"days"`
	}
	doc, err := strictyaml.Parse(text, strictyaml.Limits{Bytes: maxRatesFile, Depth: 8})
	if err == nil {
		err = doc.Decode(&y)
	}
	if err != nil {
		return nil, err
	}
	if base != "" && y.Base != base {
		return nil, usagef("--base is %s, the file's is %q", base, y.Base)
	}
	req := &feedbackv1.PutRatesRequest{Base: y.Base}
	for _, d := range y.Days {
		req.Days = append(req.Days, &feedbackv1.RatesOfDay{Date: d.Date, Rates: d.Rates})
	}
	return req, nonEmpty(req)
}

func ratesFromCSV(text []byte, base string) (*feedbackv1.PutRatesRequest, error) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	in.TrimLeadingSpace = true
	lines, err := in.ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) < 2 || len(lines[0]) < 2 || !strings.EqualFold(strings.TrimSpace(lines[0][0]), "date") {
		return nil, fmt.Errorf("the first line must be date and a currency for each column, or date,currency,rate, and rates must follow")
	}
	req := &feedbackv1.PutRatesRequest{Base: base}
	byDay := map[string]*feedbackv1.RatesOfDay{}
	put := func(date, currency, rate string) {
		date, currency, rate = strings.TrimSpace(date), strings.TrimSpace(currency), strings.TrimSpace(rate)
		if rate == "" || rate == "N/A" || currency == "" || currency == base {
			return
		}
		if byDay[date] == nil {
			byDay[date] = &feedbackv1.RatesOfDay{Date: date, Rates: map[string]string{}}
			req.Days = append(req.Days, byDay[date])
		}
		byDay[date].Rates[currency] = rate
	}
	long := len(lines[0]) == 3 && strings.EqualFold(lines[0][1], "currency") && strings.EqualFold(lines[0][2], "rate")
	for _, l := range lines[1:] {
		if long {
			put(l[0], l[1], l[2])
			continue
		}
		for i := 1; i < len(l); i++ {
			put(l[0], lines[0][i], l[i])
		}
	}
	return req, nonEmpty(req)
}

func nonEmpty(req *feedbackv1.PutRatesRequest) error {
	if len(req.GetDays()) == 0 {
		return fmt.Errorf("holds no rates")
	}
	return nil
}

func sortedNames(rates map[string]string) []string { return slices.Sorted(maps.Keys(rates)) }
