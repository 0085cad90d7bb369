package summary

import (
	"fmt"
	"strings"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// kept is the share of promises kept that is worth a word of praise.
const kept = 0.9

func (b *builder) promises() ([]string, error) {
	w, err := each(b.windows, func(q metrics.Query) (*metrics.SLA, error) { return metrics.SLAKept(b.in.Table, q) })
	if err != nil || w.week.Total.Routed == 0 && w.before.Total.Routed == 0 {
		return nil, err
	}
	var lines []string
	for _, p := range []struct {
		words string
		of    func(*metrics.SLA) metrics.Share
		open  int
	}{
		{"accepted in time", func(s *metrics.SLA) metrics.Share { return s.Total.Accept }, w.week.Total.AcceptOpen},
		{"contacted in time", func(s *metrics.SLA) metrics.Share { return s.Total.Contact }, w.week.Total.ContactOpen},
	} {
		now, was := p.of(w.week), p.of(w.before)
		verdict, differs := compare(now, was)
		line := fmt.Sprintf("Leads %s: %s; the week before %s; this quarter so far %s.%s", p.words, counted(now), counted(was), counted(p.of(w.quarter)), verdict)
		if p.open > 0 {
			line += fmt.Sprintf(" For %d the time is still running.", p.open)
		}
		lines = append(lines, line)
		if now.Of > 0 && now.Value >= kept || differs && now.Value > was.Value {
			b.sales = append(b.sales, fmt.Sprintf("%s leads were %s.", counted(now), p.words))
		}
	}
	return lines, nil
}

const (
	// quarterDays is the window that campaigns are judged in: a week's leads are too young.
	quarterDays = 90
	// judged is how many leads a campaign must have brought to be named best or worst.
	judged = 20
)

func (b *builder) campaigns() ([]string, error) {
	q := b.windows.week
	q.From = q.To - quarterDays*int64(24*time.Hour/time.Millisecond)
	r, err := metrics.Campaigns(b.in.Table, q, b.in.Spends, b.in.Conv)
	if err != nil {
		return nil, err
	}
	var list []metrics.QualityOf
	small := 0
	for _, g := range r.Groups {
		switch {
		case len(g.Key) == 0 || g.Key[0] == metrics.None || g.Leads == 0:
		case g.Leads < judged:
			small++
		default:
			list = append(list, g)
		}
	}
	tell := func(g *metrics.QualityOf) string {
		line := fmt.Sprintf("%s: of %s %d were confirmed by sales and %d became customers", short(g.Key[0]), plural(g.Leads, "lead"), g.SQL.Count, g.Won.Count)
		if g.Cost.Sum.Micros != 0 || len(g.Cost.Apart) > 0 {
			line += ", at " + money(g.Cost)
		}
		if g.Maturity.Immature {
			line += " so far"
		}
		return line + "."
	}
	var lines []string
	if len(list) > 0 {
		lines = append(lines, fmt.Sprintf("Best by what became of its leads, of the last %d days: %s", quarterDays, tell(&list[0])))
		if list[0].Won.Count > 0 {
			b.marketing = append(b.marketing, "The campaign "+short(list[0].Key[0])+" brings leads that become customers.")
		}
	}
	if n := len(list); n > 1 {
		lines = append(lines, "Weakest: "+tell(&list[n-1]))
	}
	if small > 0 {
		lines = append(lines, fmt.Sprintf("%s brought fewer than %d leads each: too few to judge.", plural(small, "campaign"), judged))
	}
	return lines, nil
}

func (b *builder) reasons() ([]string, error) {
	week, err := metrics.GivenBack(b.in.Table, b.windows.week)
	if err != nil {
		return nil, err
	}
	before, err := metrics.GivenBack(b.in.Table, b.windows.before)
	if err != nil {
		return nil, err
	}
	now, was := week.Total.Rejected, before.Total.Rejected
	if now.Of == 0 {
		return nil, nil
	}
	verdict, differs := compare(now, was)
	if differs && now.Value < was.Value {
		b.marketing = append(b.marketing, "Sales rejected a clearly smaller share of the leads than the week before.")
	}
	lines := []string{fmt.Sprintf("Rejected: %s leads handed over; the week before %s.%s", counted(now), counted(was), verdict)}
	var top []string
	for _, r := range week.Total.Reasons {
		if r.Rejected > 0 && len(top) < 3 {
			top = append(top, fmt.Sprintf("%s (%d)", short(r.Reason), r.Rejected))
		}
	}
	if len(top) > 0 {
		lines = append(lines, "Most frequent reasons: "+strings.Join(top, ", ")+".")
	}
	if f := week.Total.Fixable; f.Count > 0 {
		lines = append(lines, fmt.Sprintf("%d of %d rejections were for a reason that marketing can mend.", f.Count, f.Of))
	}
	return lines, nil
}

// waiting tells what stands still as of now, whichever week is told.
func (b *builder) waiting() ([]string, error) {
	counts, oldest := map[table.Stage]int{}, map[table.Stage]table.Time{}
	for _, chunk := range b.in.Table.Chunks() {
		for i := range chunk {
			r := &chunk[i]
			if r.Stage != table.MQL && r.Stage != table.Routed {
				continue
			}
			counts[r.Stage]++
			if at := r.Entered[r.Stage]; at != 0 && (oldest[r.Stage] == 0 || at < oldest[r.Stage]) {
				oldest[r.Stage] = at
			}
		}
	}
	var lines []string
	for _, s := range []struct {
		stage table.Stage
		words string
	}{{table.MQL, "qualified, with nobody to go to yet"}, {table.Routed, "with a rep, not accepted yet"}} {
		n := counts[s.stage]
		if n == 0 {
			continue
		}
		line := plural(n, "lead") + " " + s.words
		if at := oldest[s.stage]; at != 0 {
			line += fmt.Sprintf(", the oldest since %s", time.UnixMilli(at).UTC().Format("2006-01-02 15:04 UTC"))
		}
		lines = append(lines, line+".")
	}
	if lines == nil {
		lines = []string{"No lead waits for a rep."}
	}
	return lines, nil
}

func (b *builder) goals() ([]string, error) {
	list, err := metrics.Track(b.in.Table, b.in.Goals, b.in.Now.UnixMilli(), b.in.Spends, b.in.Currency, b.in.Conv)
	if err != nil {
		return nil, err
	}
	var lines []string
	for i := range list {
		p := &list[i]
		show := func(v float64) string {
			if p.HasInterval {
				return percent(v)
			}
			return strings.TrimSuffix(fmt.Sprintf("%.2f", v), ".00")
		}
		line := fmt.Sprintf("%s (%s): %s of %s, %s", short(p.ID), strings.ReplaceAll(p.Metric, "_", " "), show(p.Value), show(p.Target), strings.ReplaceAll(p.Status, "_", " "))
		if p.Of == 0 && p.HasInterval { // a share of nobody is not 0 %
			lines = append(lines, fmt.Sprintf("%s (%s): nothing to tell yet, for %s; the goal is %s.", short(p.ID), strings.ReplaceAll(p.Metric, "_", " "), p.Problem, show(p.Target)))
			continue
		}
		if p.Window > 0 {
			line += fmt.Sprintf(" with %.0f %% of the time gone", p.Elapsed*100)
			if !p.HasInterval {
				line += ", by now " + show(p.Pace) + " would be even pace"
			}
		}
		if p.HasProjection {
			line += "; as things go it ends at " + show(p.Projection)
		}
		if p.Problem != "" {
			line += "; " + p.Problem
		}
		if p.HasInterval && p.Of > 0 && p.Of < few {
			line += fmt.Sprintf("; only %d so far", p.Of)
		}
		lines = append(lines, line+".")
		if p.Status == "reached" || p.Status == "on_track" {
			both := "Together you are on the way to the goal " + short(p.ID) + "."
			b.marketing, b.sales = append(b.marketing, both), append(b.sales, both)
		}
	}
	return lines, nil
}

// praised is how much is told of each team.
const praised = 3

// well tells what went well: of both teams, or that nothing stands out. It is asked last, when the rest is counted.
func (b *builder) well() ([]string, error) {
	var lines []string
	for _, team := range []struct {
		name string
		list []string
	}{{"Marketing", b.marketing}, {"Sales", b.sales}} {
		if len(team.list) == 0 {
			lines = append(lines, team.name+": nothing stands out in this week's numbers.")
			continue
		}
		lines = append(lines, team.name+": "+strings.Join(team.list[:min(len(team.list), praised)], " "))
	}
	return lines, nil
}
