package backtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const week = 7 * 24 * time.Hour

func monday(ns int64) time.Time {
	day := time.Unix(0, ns).UTC().Truncate(24 * time.Hour)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}

// weeks counts qualifications by ISO week, from the first week with any to the last, empty ones included.
func weeks(all []*person, sides []side, happened side) []Week {
	counts := map[time.Time]*Week{}
	add := func(q *qualification, to func(*Week)) {
		if q == nil {
			return
		}
		m := monday(q.at)
		if counts[m] == nil {
			counts[m] = newWeek(m, len(sides))
		}
		to(counts[m])
	}
	for _, p := range all {
		for i, s := range sides {
			add(s.of(p), func(w *Week) { w.Qualified[i]++ })
		}
		add(happened.of(p), func(w *Week) { w.HandedOver++ })
	}
	out := []Week{}
	if len(counts) == 0 {
		return out
	}
	mondays := slices.SortedFunc(maps.Keys(counts), time.Time.Compare)
	for m := mondays[0]; !m.After(mondays[len(mondays)-1]); m = m.Add(week) {
		w := counts[m]
		if w == nil {
			w = newWeek(m, len(sides))
		}
		out = append(out, *w)
	}
	return out
}

func newWeek(monday time.Time, sides int) *Week {
	year, n := monday.ISOWeek()
	return &Week{Week: fmt.Sprintf("%d-W%02d", year, n), Monday: monday.Format(time.DateOnly), Qualified: make([]int, sides)}
}

// load sets a contender's weeks against what sales can take.
func load(capacity map[string]int, weeks []Week, i int) *Load {
	l := &Load{Reps: len(capacity), Above: []string{}}
	for _, n := range capacity {
		l.Capacity += n
	}
	total := 0
	for _, w := range weeks {
		n := w.Qualified[i]
		total += n
		l.Busiest = max(l.Busiest, n)
		if n > l.Capacity {
			l.Above = append(l.Above, w.Week)
		}
	}
	l.WeeksAbove = len(l.Above)
	if len(weeks) > 0 {
		l.Mean = float64(total) / float64(len(weeks))
	}
	l.MeanShare, l.BusiestShare = ratio(total, l.Capacity*len(weeks)), ratio(l.Busiest, l.Capacity)
	return l
}

func leadTimes(seen []*person, s side) LeadTimes {
	var out LeadTimes
	var toQualify, toWin []int64
	for _, p := range seen {
		q := s.of(p)
		if q == nil {
			continue
		}
		switch {
		case p.untold:
		case p.firstTouch == 0:
			out.WithoutTouch++
		case q.at < p.firstTouch:
			out.BeforeTouch++
		default:
			toQualify = append(toQualify, q.at-p.firstTouch)
		}
		if p.outcome == Won && q.before(p.end) {
			toWin = append(toWin, p.end.at-q.at)
		}
	}
	out.ToQualify, out.ToWin = days(toQualify), days(toWin)
	return out
}

func days(durations []int64) Days {
	slices.Sort(durations)
	return Days{len(durations), percentile(durations, 50), percentile(durations, 75), percentile(durations, 90)}
}

// percentile gives, in days, the smallest of some sorted durations that at least a share of them does not exceed.
func percentile(sorted []int64, percent int) *float64 {
	if len(sorted) == 0 {
		return nil
	}
	k := (len(sorted)*percent + 99) / 100
	return new(float64(sorted[max(k, 1)-1]) / float64(24*time.Hour))
}

// maxExamples is how many leads a comparison shows of each side.
const maxExamples = 50

func compare(seen []*person, base, with side) *Comparison {
	c := &Comparison{Base: base.name, With: with.name}
	var earlier []int64
	var gained, dropped []Example
	for _, p := range seen {
		b, w := base.of(p), with.of(p)
		switch {
		case b != nil && w != nil:
			c.Both++
			d := b.at - w.at
			earlier = append(earlier, d)
			switch {
			case d > 0:
				c.Earlier++
			case d < 0:
				c.Later++
			default:
				c.Same++
			}
		case w != nil:
			c.Gained.Outcomes.add(p.outcome)
			gained = append(gained, p.example(w, with.score))
		case b != nil:
			c.Dropped.Outcomes.add(p.outcome)
			dropped = append(dropped, p.example(b, base.score))
		}
	}
	slices.Sort(earlier)
	c.MedianEarlier = percentile(earlier, 50)
	c.Gained.Leads, c.Gained.Examples = len(gained), first(gained)
	c.Dropped.Leads, c.Dropped.Examples = len(dropped), first(dropped)
	return c
}

func (p *person) example(q *qualification, contender int) Example {
	e := Example{Lead: p.id, FirstSeen: at(p.firstSeen), QualifiedAt: at(q.at), Rule: q.rule, Micros: p.runs[contender].score, Outcome: p.outcome}
	if p.outcome != Open {
		e.OutcomeAt = at(p.end.at)
	}
	return e
}

// first gives the examples that are shown.
func first(all []Example) []Example {
	order := func(outcome string) int { return slices.Index([]string{Won, Lost, Open}, outcome) }
	slices.SortFunc(all, func(a, b Example) int {
		return cmp.Or(cmp.Compare(order(a.Outcome), order(b.Outcome)), cmp.Compare(b.Micros, a.Micros), strings.Compare(a.Lead, b.Lead))
	})
	return append([]Example{}, all[:min(len(all), maxExamples)]...)
}
