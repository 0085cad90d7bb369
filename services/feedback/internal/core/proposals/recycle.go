package proposals

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

const (
	// soon is how shortly after its span a lead must qualify to have been ready when it ended, in days.
	soon = 7
	// usual is how many leads do so where the span is right, at most: more say that it is too long.
	usual = 0.25
)

// recycles compares the span after which recycled leads wake with when they qualified again.
func recycles(seen *Seen, a *Agreement, opt Options) []candidate {
	rows := make([]*table.Row, len(seen.back))
	for i := range rows {
		rows[i] = &seen.back[i]
	}
	slices.SortFunc(rows, func(x, y *table.Row) int { return cmp.Or(cmp.Compare(x.Lead, y.Lead), cmp.Compare(x.Epoch, y.Epoch)) })
	var out []candidate
	for i := range a.Recycle {
		r := &a.Recycle[i]
		sym, known := seen.known[r.ID]
		if r.Wake == 0 || !known {
			continue
		}
		var back []float64
		var again Share
		e := Evidence{Outcome: "qualified again", Expected: -1, Population: "leads that were recycled for " + r.ID + " and qualified again"}
		for j := 0; j+1 < len(rows); j++ {
			from, to := rows[j], rows[j+1]
			if from.Lead != to.Lead || from.Flags&table.WasRecycled == 0 || from.Reason != sym || to.Epoch != from.Epoch+1 || from.Ended == 0 ||
				to.Entered[table.MQL] < from.Ended || !r.Versions.has(from.Version) || from.Ended < opt.Since[KindRecycle+"/"+r.ID] {
				continue
			}
			back = append(back, float64(to.Entered[table.MQL]-from.Ended)/day)
			e.at(from)
			if to.Flags&(table.WasRecycled|table.Rejected) != 0 || sqlAt(to) != 0 {
				again.N++
				if to.Flags&table.WasRecycled != 0 && to.Reason == sym {
					again.K++
				}
			}
		}
		if len(back) >= MinReturns {
			out = append(out, recycle(r, back, again, e)...)
		}
	}
	return out
}

// recycle tests two things: whether leads were ready before the span ended, and whether those that came back had to be sent back for the same reason.
func recycle(r *Recycle, back []float64, again Share, e Evidence) []candidate {
	slices.Sort(back)
	wake := float64(r.Wake) / day
	early := Share{N: len(back)}
	for _, d := range back {
		if d <= wake+soon {
			early.K++
		}
	}
	median := stats.Quantile(back, 0.5)
	earlier, later := e, e
	earlier.With, earlier.WithLabel = early, fmt.Sprintf("at most %d days after %s", soon, Span(r.Wake))
	earlier.Effect, earlier.Value = "days until they qualified again, median", median
	earlier.Low, earlier.High, _ = stats.QuantileInterval(back, 0.5, 0.95)
	earlier.P, earlier.Test = min(1, 2*binomialTail(early.K, early.N, usual)), fmt.Sprintf("binomial against %s", percent(usual))
	next := rounded(max(0.5*wake, min(2./3*wake, median)))
	out := []candidate{r.candidate(earlier, next, 2*early.K > early.N, len(back),
		fmt.Sprintf("%s of the leads recycled for %s qualified again within %d days of waking (n = %d, median %.0f days): they were ready before.",
			percent(early.Rate()), r.ID, soon, early.N, median))}
	if again.N < MinReturns {
		return out
	}
	later.With, later.WithLabel = again, "sent back for the same reason"
	later.Effect, later.Value = "share", again.Rate()
	later.Low, later.High = again.Interval()
	later.P, later.Test = min(1, 2*binomialTail(again.K, again.N, 0.5)), "binomial against one half"
	return append(out, r.candidate(later, rounded(1.5*wake), again.Rate() > 0.5, again.N,
		fmt.Sprintf("%s of the leads that came back after being recycled for %s were recycled for it again (n = %d): it is too early.",
			percent(again.Rate()), r.ID, again.N)))
}

// rounded gives whole days, from 20 on in fives, in milliseconds.
func rounded(days float64) int64 {
	if days >= 20 {
		return int64(math.Round(days/5)) * 5 * day
	}
	return max(1, int64(math.Round(days))) * day
}

func (r *Recycle) candidate(e Evidence, next int64, propose bool, n int, sentence string) candidate {
	c := candidate{propose: propose && next != r.Wake}
	c.Kind, c.Subject, c.Cases, c.Evidence = KindRecycle, r.ID, n, e
	c.Title = fmt.Sprintf("Recycled for %s: wake after %s → %s", r.ID, Span(r.Wake), Span(next))
	c.Sentence = fmt.Sprintf("%s %s → %s.", sentence, Span(r.Wake), Span(next))
	c.Change = Change{Op: ChangeValue, Part: "recycle_reasons", ID: r.ID, Field: "wake_after", From: Span(r.Wake), To: Span(next)}
	c.Estimate = Estimate{Leads: n, Of: n, Text: fmt.Sprintf("Leads recycled for %s wake after %s instead of %s.", r.ID, Span(next), Span(r.Wake))}
	return c
}
