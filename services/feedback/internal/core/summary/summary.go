// Package summary says in plain words what a week was like, for marketing and sales together: the five numbers against the week before and the
// quarter so far with what moved them, the promises kept, campaigns, reasons, what waits, goals, and what went well for both. It counts nothing
// by itself: every figure is one of package metrics. Weeks are ISO 8601's, from Monday 00:00 UTC, as the days of all numbers are UTC's.
package summary

import (
	"fmt"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Input is what a summary is made of.
type Input struct {
	Table *table.Table
	// Week is the Monday it begins on; see Parse.
	Week time.Time
	// Now is the moment of asking: what waits, and how goals stand, is of then.
	Now    time.Time
	Goals  []metrics.Goal
	Spends []metrics.Spend
	// Currency that money is given in; "" leaves each amount in its own. Conv may be nil.
	Currency string
	Conv     metrics.Converter
	// Proposals are the changes that wait for an answer, the surest first; nil where nobody keeps any.
	Proposals []Proposal
	// Unread: what is proposed could not be asked for.
	Unread bool
}

// Summary is a week in words. Empty sections are left out.
type Summary struct {
	// Week as 2026-W47; From and To bound it, From <= moment < To.
	Week           string
	From, To, AsOf time.Time
	// Leads is how many leads there are at all: of none there is nothing to tell.
	Leads    int
	Sections []Section
}

// Section is a heading with its sentences.
type Section struct {
	Title string
	Lines []string
}

// windows are the three that are compared.
type windows[N any] struct{ week, before, quarter N }

// builder makes one summary.
type builder struct {
	in      Input
	windows windows[metrics.Query]
	// what went well, by team; filled while the rest is counted.
	marketing, sales []string
}

// Of makes the summary of a week. The error is the metrics'.
func Of(in Input) (*Summary, error) {
	from, to := in.Week, in.Week.AddDate(0, 0, 7)
	quarter := time.Date(from.Year(), (from.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
	of := func(from, to time.Time) metrics.Query {
		return metrics.Query{From: from.UnixMilli(), To: to.UnixMilli(), Now: in.Now.UnixMilli(), Currency: in.Currency}
	}
	b := &builder{in: in, windows: windows[metrics.Query]{of(from, to), of(from.AddDate(0, 0, -7), from), of(quarter, to)}}
	s := &Summary{Week: Name(from), From: from, To: to, AsOf: in.Now, Leads: in.Table.Len()}
	for _, part := range []struct {
		title string
		lines func() ([]string, error)
	}{
		{"The five numbers", b.numbers},
		{"Promises to leads", b.promises},
		{"Campaigns", b.campaigns},
		{"Why sales gave leads back", b.reasons},
		{"Waiting now", b.waiting},
		{"Our goals", b.goals},
		{"Proposed changes", b.proposals},
		{"What went well for both", b.well},
	} {
		lines, err := part.lines()
		if err != nil {
			return nil, fmt.Errorf("summary of %s: %s: %w", s.Week, part.title, err)
		}
		if len(lines) > 0 {
			s.Sections = append(s.Sections, Section{part.title, lines})
		}
	}
	return s, nil
}

// Name gives the week that a moment lies in, as 2026-W47.
func Name(at time.Time) string {
	year, week := at.UTC().ISOWeek()
	return fmt.Sprintf("%04d-W%02d", year, week)
}

// Parse gives the Monday of a week such as 2026-W47.
func Parse(week string) (time.Time, error) {
	var year, n int
	if len(week) == len("2026-W47") {
		if _, err := fmt.Sscanf(week, "%4d-W%2d", &year, &n); err == nil && year > 1970 {
			monday := firstMonday(year).AddDate(0, 0, 7*(n-1))
			if Name(monday) == week {
				return monday, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%.20q is not a week such as 2026-W47", week)
}

// firstMonday gives the Monday of the week that the fourth of January is in: the first of an ISO year.
func firstMonday(year int) time.Time { return Monday(time.Date(year, 1, 4, 0, 0, 0, 0, time.UTC)) }

// Monday gives the beginning of the week that a moment lies in.
func Monday(at time.Time) time.Time {
	at = at.UTC()
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}

// each counts a number over the three windows.
func each[N any](w windows[metrics.Query], count func(metrics.Query) (N, error)) (out windows[N], err error) {
	for _, c := range []struct {
		q    metrics.Query
		into *N
	}{{w.week, &out.week}, {w.before, &out.before}, {w.quarter, &out.quarter}} {
		if *c.into, err = count(c.q); err != nil {
			return out, err
		}
	}
	return out, nil
}
