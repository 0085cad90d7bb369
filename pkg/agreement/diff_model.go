package agreement

import (
	"slices"
	"strings"
	"time"
)

// named tells of the scores and groups that rules name.
func (d *differ) named(from, to *Agreement) {
	d.part = "scores"
	diffList(d, from.Scores, to.Scores, listed[Score]{
		id:      func(s *Score) string { return s.ID },
		added:   func(*Score) string { return "is a score of its own" },
		removed: func(*Score) string { return "was a score of its own" },
		changed: func(_, _ *Score) {},
	})
	d.part = "groups"
	limit := func(g *Group) string { return "limited to " + pointsText(g.Limit) + " together" }
	diffList(d, from.Groups, to.Groups, listed[Group]{
		id: func(g *Group) string { return g.ID }, added: limit, removed: limit,
		changed: func(a, b *Group) {
			if a.Limit != b.Limit {
				d.changed(b.ID, "%s: limited to %s → %s together", b.ID, FormatMicros(a.Limit), pointsText(b.Limit))
			}
		},
	})
}

// bounds tells what has changed of a rule's timeframe, limit, group and score.
func (d *differ) bounds(a, b *EngagementRule, from, to *Agreement) {
	// Where the rule follows the agreement's timeframe, that is said once, for all of them.
	if follows := a.Timeframe == from.Timeframe && b.Timeframe == to.Timeframe; a.Timeframe != b.Timeframe && !follows {
		d.changed(b.ID, "%s: counts for %s → %s", b.ID, timeframeText(a.Timeframe), timeframeText(b.Timeframe))
	}
	switch {
	case a.Limit == b.Limit:
	case a.Limit == 0:
		d.changed(b.ID, "%s: without a limit → limited to %s together", b.ID, pointsText(b.Limit))
	case b.Limit == 0:
		d.changed(b.ID, "%s: limited to %s together → without a limit", b.ID, pointsText(a.Limit))
	default:
		d.changed(b.ID, "%s: limited to %s → %s together", b.ID, FormatMicros(a.Limit), pointsText(b.Limit))
	}
	d.value(b.ID, b.ID+": group ", a.Group, b.Group)
	if a.Score != b.Score {
		d.changed(b.ID, "%s: counts for %s → %s", b.ID, scoreText(a.Score), scoreText(b.Score))
	}
}

// boundsText tells a new rule's timeframe, limit, group and score.
func boundsText(r *EngagementRule, a *Agreement) string {
	var b strings.Builder
	if r.Timeframe != a.Timeframe {
		b.WriteString(", for " + timeframeText(r.Timeframe))
	}
	if r.Limit != 0 {
		b.WriteString(", limited to " + pointsText(r.Limit) + " together")
	}
	if r.Group != "" {
		b.WriteString(", in group " + r.Group)
	}
	if r.Score != "" {
		b.WriteString(", counting for " + scoreText(r.Score))
	}
	return b.String()
}

func timeframeText(d time.Duration) string {
	if d == 0 {
		return "good"
	}
	return FormatDuration(d)
}

// matrix tells how a qualify rule's condition has changed, grade by grade where both have a matrix.
func (d *differ) matrix(a, b *QualifyRule) {
	switch {
	case slices.Equal(a.Matrix, b.Matrix):
		d.condition(b.ID, a.When, b.When)
	case len(a.Matrix) > 0 && len(b.Matrix) > 0:
		for _, c := range b.Matrix {
			switch was := slices.IndexFunc(a.Matrix, func(o Cell) bool { return o.Grade == c.Grade }); {
			case was < 0:
				d.changed(b.ID, "%s: grade %s never → from %s of engagement", b.ID, c.Grade, pointsText(c.Engagement))
			case a.Matrix[was] != c:
				d.changed(b.ID, "%s: grade %s from %s → %s of engagement", b.ID, c.Grade, FormatMicros(a.Matrix[was].Engagement), pointsText(c.Engagement))
			}
		}
		for _, c := range a.Matrix {
			if !slices.ContainsFunc(b.Matrix, func(o Cell) bool { return o.Grade == c.Grade }) {
				d.changed(b.ID, "%s: grade %s from %s of engagement → never", b.ID, c.Grade, pointsText(c.Engagement))
			}
		}
	case a.When != b.When:
		d.condition(b.ID, a.When, b.When)
	case len(b.Matrix) > 0:
		d.changed(b.ID, "%s: the same condition, now written as a matrix", b.ID)
	default:
		d.changed(b.ID, "%s: the same condition, no longer written as a matrix", b.ID)
	}
}

func matrixText(cells []Cell) string {
	parts := make([]string, len(cells))
	for i, c := range cells {
		parts[i] = "grade " + c.Grade + " from " + pointsText(c.Engagement)
	}
	return strings.Join(parts, ", ") + " of engagement"
}

func (d *differ) disqualify(from, to *Agreement) {
	d.part = "disqualify"
	diffList(d, from.Disqualify, to.Disqualify, listed[DisqualifyRule]{
		id:      func(r *DisqualifyRule) string { return r.ID },
		added:   func(r *DisqualifyRule) string { return "keeps leads from qualifying" + whenText(r.When) },
		removed: func(r *DisqualifyRule) string { return "kept leads from qualifying" + whenText(r.When) },
		changed: func(a, b *DisqualifyRule) {
			d.condition(b.ID, a.When, b.When)
			d.because(b.ID, a.Because, b.Because)
		},
	})
}
