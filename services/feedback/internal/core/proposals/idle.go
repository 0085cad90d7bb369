package proposals

import (
	"fmt"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// idle looks for rules that change nothing: no lead that qualified had them, all had, or none needed them. That is counted, not tested.
// Rules that take points away are left alone: leads that they keep from qualifying are not among those that did.
func (c *cases) idle(a *Agreement, opt Options) []candidate {
	twice := map[string]int{}
	for i := range a.Rules {
		twice[a.Rules[i].ID]++
	}
	all := c.kinds(c.sql(), 0)
	var out []candidate
	for i := range a.Rules {
		r := &a.Rules[i]
		if twice[r.ID] > 1 || r.Points <= 0 {
			continue
		}
		since, kinds := opt.Since[KindIdle+"/"+r.ID], all
		if since != 0 {
			kinds = c.kinds(c.sql(), since)
		}
		e := Evidence{Expected: -1, Outcome: "had the rule", Population: "leads that qualified while rule " + r.ID + " stood as it does"}
		var with Share
		for _, k := range kinds {
			if !r.Versions.has(k.version) {
				continue
			}
			e.window(k.from, k.to)
			with.N += k.n
			if k.mask.has(c.of[r.ID]) {
				with.K += k.n
			}
		}
		never := with.K >= MinSeen && c.neverNeeded(a, r, since)
		if found, ok := idleCandidate(r, with, never, e); ok {
			out = append(out, found)
		}
	}
	return out
}

// neverNeeded: no lead that had the rule needed it.
func (c *cases) neverNeeded(a *Agreement, r *Rule, since table.Time) bool {
	for _, row := range c.rows {
		if r.Versions.has(row.Version) && row.Entered[table.MQL] >= since && c.mask(row.Rules).has(c.of[r.ID]) && !c.needless(a, r, row) {
			return false
		}
	}
	return true
}

// needless: the lead would have qualified in the same moment without the rule, in the same way. It is true only where that is sure: a fit rule's
// points, or as many points of engagement as the rule can give at most, could be taken away without a grade or a threshold being lost.
func (c *cases) needless(a *Agreement, r *Rule, row *table.Row) bool {
	if r.Part == "fit" {
		if a.FitUsed || row.Grade == 0 || row.Grade > 4 {
			return false
		}
		least := [...]int64{a.GradeA, a.GradeB, a.GradeC, 0}[row.Grade-1]
		return int64(row.Fit)*Point-r.Points >= least
	}
	if r.Limit == 0 {
		return false
	}
	rule := c.names.Name(row.Rule)
	for i := range a.Thresholds {
		t := &a.Thresholds[i]
		if t.Rule == rule && (t.Grade == "" || t.Grade[0]-'a'+1 == row.Grade) {
			return int64(row.Engagement)*Point-r.Limit >= t.At
		}
	}
	return false
}

func idleCandidate(r *Rule, with Share, never bool, e Evidence) (candidate, bool) {
	c := candidate{propose: true, untested: true}
	c.Kind, c.Subject, c.Cases = KindIdle, r.ID, with.N
	remove := Change{Op: ChangeRemove, Part: r.Part, ID: r.ID}
	e.With, e.WithLabel, e.Test = with, "with rule "+r.ID, "none: it is a count"
	e.Effect, e.Value = "share", with.Rate()
	e.Low, e.High = with.Interval()
	c.Estimate = Estimate{Leads: with.K, Of: with.N}
	switch {
	case with.N >= MinSeen && with.K == 0:
		c.Title = fmt.Sprintf("Rule %s never takes part", r.ID)
		c.Sentence = fmt.Sprintf("None of %d leads that qualified had rule %s: take it out, or look whether its condition can hold.", with.N, r.ID)
		c.Change, c.Estimate.Text = remove, "No lead that qualified would have been scored differently."
	case with.N >= MinSeen && with.K == with.N:
		c.Title = fmt.Sprintf("Rule %s holds for everybody", r.ID)
		c.Sentence = fmt.Sprintf("All of %d leads that qualified had rule %s: it tells none from another. Ask for more in its condition, or take it out and lower what stands above it by as much.", with.N, r.ID)
		c.Estimate.Text = "Taking it out alone would take points from everybody: that is for people to write."
	case never:
		c.Title = fmt.Sprintf("Rule %s never decides", r.ID)
		c.Sentence = fmt.Sprintf("All of %d leads that had rule %s when they qualified would have qualified without it: it can go.", with.K, r.ID)
		e.With = Share{with.K, with.K}
		e.WithLabel, e.Outcome, e.Value = "would have qualified without rule "+r.ID, "did not need it", 1
		e.Low, e.High = e.With.Interval()
		c.Change, c.Cases = remove, with.K
		c.Estimate = Estimate{Of: with.K, Text: "None of them would have qualified later; their scores would be lower."}
	default:
		return c, false
	}
	c.Evidence = e
	return c, true
}
