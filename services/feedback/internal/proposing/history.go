package proposing

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/batonhq/baton/pkg/agreement"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/proposals"
	"github.com/batonhq/baton/services/feedback/internal/revise"
)

// history is the versions of the agreement that were ever in force, the last one first.
type history struct {
	active    *agreementv1.Agreement
	inForce   *agreement.Agreement
	byVersion map[int32]*agreementv1.Agreement
	past      []version
}

type version struct {
	number int32
	*agreement.Agreement
}

func readHistory(all []*agreementv1.Agreement) (*history, error) {
	h := &history{byVersion: map[int32]*agreementv1.Agreement{}}
	var ever []*agreementv1.Agreement
	for _, v := range all {
		h.byVersion[v.GetVersion()] = v
		if v.GetState() == "active" {
			h.active = v
		} else if v.GetActivatedAt() != nil {
			ever = append(ever, v)
		}
	}
	if h.active == nil {
		return h, nil
	}
	var err error
	if h.inForce, err = agreement.Parse([]byte(h.active.GetYaml())); err != nil {
		return nil, fmt.Errorf("read the agreement in force: %w", err)
	}
	slices.SortStableFunc(ever, func(a, b *agreementv1.Agreement) int {
		return b.GetActivatedAt().AsTime().Compare(a.GetActivatedAt().AsTime())
	})
	h.past = []version{{h.active.GetVersion(), h.inForce}}
	for _, v := range ever {
		if a := parsed(v); a != nil {
			h.past = append(h.past, version{v.GetVersion(), a})
			continue
		}
		break // older than what this program can read: evidence begins later
	}
	return h, nil
}

// parsed gives a version's meaning, nil where it cannot be read.
func parsed(v *agreementv1.Agreement) *agreement.Agreement {
	a, err := agreement.Parse([]byte(v.GetYaml()))
	if err != nil {
		return nil
	}
	return a
}

// since gives the versions, from the one in force backwards, for which same holds without a break.
func (h *history) since(same func(*agreement.Agreement) bool) proposals.Versions {
	var out proposals.Versions
	for _, v := range h.past {
		if !same(v.Agreement) {
			break
		}
		out = append(out, v.number)
	}
	return out
}

// looksAtFit finds conditions on the fit itself, which grades say nothing about.
var looksAtFit = regexp.MustCompile(`\bfit\b`)

// core gives what proposals are about.
func (h *history) core() *proposals.Agreement {
	a := h.inForce
	out := &proposals.Agreement{
		Version: h.active.GetVersion(), GradeA: int64(a.Grades.A), GradeB: int64(a.Grades.B), GradeC: int64(a.Grades.C), FitUsed: fitUsed(a),
	}
	for i := range a.Engagement {
		r := a.Engagement[i]
		out.Taken = append(out.Taken, r.ID)
		out.Rules = append(out.Rules, proposals.Rule{Part: "engagement", ID: r.ID, Points: int64(r.Points), Limit: limit(&r), Versions: h.since(func(o *agreement.Agreement) bool {
			return slices.ContainsFunc(o.Engagement, func(e agreement.EngagementRule) bool { return sameEngagement(&e, &r) })
		})})
	}
	for i := range a.Fit {
		r := a.Fit[i]
		out.Taken = append(out.Taken, r.ID)
		out.Rules = append(out.Rules, proposals.Rule{Part: "fit", ID: r.ID, Points: int64(r.Points), Versions: h.since(func(o *agreement.Agreement) bool {
			return slices.ContainsFunc(o.Fit, func(f agreement.FitRule) bool { return f.ID == r.ID && f.When == r.When && f.Points == r.Points })
		})})
	}
	for i := range a.Disqualify {
		out.Taken = append(out.Taken, a.Disqualify[i].ID)
	}
	for i := range a.Qualify {
		out.Thresholds = append(out.Thresholds, h.thresholds(&a.Qualify[i])...)
	}
	for _, g := range a.Goals {
		if g.Metric == "mql_to_sql_rate" || g.Metric == "mql_to_sql" {
			out.Goal = g.Target
		}
	}
	out.SLA = proposals.SLA{Within: a.SLA.AcceptWithin.Milliseconds(), Versions: h.since(func(o *agreement.Agreement) bool {
		return o.SLA.AcceptWithin == a.SLA.AcceptWithin && o.SLA.Clock == a.SLA.Clock
	})}
	for _, r := range a.RejectReasons {
		out.Reasons = append(out.Reasons, proposals.Reason{ID: r.ID, FixableBy: r.FixableBy})
	}
	for _, r := range a.RecycleReasons {
		out.Recycle = append(out.Recycle, proposals.Recycle{ID: r.ID, Wake: r.WakeAfter.Milliseconds(), Versions: h.since(func(o *agreement.Agreement) bool {
			was, ok := o.RecycleReason(r.ID)
			return ok && was == r
		})})
	}
	return out
}

// limit is the most that a rule gives to the main score, 0 where it is not bounded or counts for another one.
func limit(r *agreement.EngagementRule) int64 {
	if r.Score != "" {
		return 0
	}
	return int64(r.Limit)
}

func sameEngagement(a, b *agreement.EngagementRule) bool {
	return a.ID == b.ID && slices.Equal(a.On, b.On) && a.When == b.When && a.Points == b.Points && a.HalfLife == b.HalfLife && a.Cap == b.Cap &&
		a.Timeframe == b.Timeframe && a.Limit == b.Limit && a.Group == b.Group && a.Score == b.Score
}

// thresholds gives the engagement from which a qualify rule holds: the cells of its matrix, or the one number of its expression.
func (h *history) thresholds(q *agreement.QualifyRule) (out []proposals.Threshold) {
	same := func(match func(*agreement.QualifyRule) bool) proposals.Versions {
		return h.since(func(o *agreement.Agreement) bool {
			return o.Grades == h.inForce.Grades && slices.ContainsFunc(o.Qualify, func(was agreement.QualifyRule) bool {
				return was.ID == q.ID && slices.Equal(was.On, q.On) && match(&was)
			})
		})
	}
	for _, cell := range q.Matrix {
		out = append(out, proposals.Threshold{Rule: q.ID, Grade: cell.Grade, At: int64(cell.Engagement), Versions: same(func(was *agreement.QualifyRule) bool {
			return slices.Contains(was.Matrix, cell)
		})})
	}
	if found := revise.Number.FindAllStringSubmatch(q.When, -1); len(q.Matrix) == 0 && len(found) == 1 {
		if at, err := strconv.ParseFloat(found[0][1], 64); err == nil {
			out = append(out, proposals.Threshold{Rule: q.ID, At: int64(at * proposals.Point), Versions: same(func(was *agreement.QualifyRule) bool { return was.When == q.When })})
		}
	}
	return out
}

func fitUsed(a *agreement.Agreement) bool {
	used := func(when string) bool { return looksAtFit.MatchString(when) }
	return slices.ContainsFunc(a.Engagement, func(r agreement.EngagementRule) bool { return used(r.When) }) ||
		slices.ContainsFunc(a.Qualify, func(r agreement.QualifyRule) bool { return used(r.When) }) ||
		slices.ContainsFunc(a.Disqualify, func(r agreement.DisqualifyRule) bool { return used(r.When) })
}
