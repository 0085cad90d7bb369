package lint

import (
	"math"
	"strconv"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// most is what a score is clamped to.
const most = 100.0

// rounding is more than what rounding to micro-points can add to the sum of a lead's contributions.
const rounding = 0.01

const inquiry = core.Inquiry

func stages() []string { return core.Stages() }

func points(m agreement.Micros) float64 { return float64(m) / float64(agreement.Point) }

// fitReach gives the most points of fit that any lead can have: all rules with points at once, those aside that never hold,
// less what is taken from everybody.
func fitReach(rules []agreement.FitRule, when []condition) float64 {
	var sum agreement.Micros
	for i := range rules {
		everybody := when[i].constant.Known && when[i].constant.Holds
		if p := rules[i].Points; p > 0 && !when[i].never || p < 0 && everybody {
			sum += p
		}
	}
	return min(max(points(sum), 0), most)
}

// ruleReach gives a bound of what one rule can give at one moment, for or against, its limit aside. A rule without a cap and
// without a timeframe reaches any height, and so does a capped one that never decays: the next bucket counts again. A capped
// one that decays gives most right at the start of a bucket, when all that counts in it and all of the one before has just
// happened; what the buckets before those can give is halved with every half-life:
//
//	count · points · (1 + 1 + q + q² + …) = count · points · (1 + 1/(1-q)), q = 2^(-per/half-life)
//
// Of a capped one with a timeframe, that many buckets count as a span of its length can touch.
func ruleReach(r *agreement.EngagementRule) float64 {
	each := math.Abs(points(r.Points))
	if r.Cap.Count == 0 {
		return math.Inf(1)
	}
	buckets := math.Inf(1)
	if r.HalfLife > 0 {
		buckets = 1 + 1/(1-math.Exp2(-float64(r.Cap.Per)/float64(r.HalfLife)))
	}
	if r.Timeframe > 0 {
		buckets = min(buckets, 1+math.Ceil(float64(r.Timeframe)/float64(r.Cap.Per)))
	}
	return float64(r.Cap.Count) * each * buckets
}

// limitedReach is ruleReach within the rule's limit.
func limitedReach(r *agreement.EngagementRule) float64 {
	reach := ruleReach(r)
	if r.Limit > 0 {
		reach = min(reach, points(r.Limit))
	}
	return reach
}

// reachOf gives a bound of a score that any lead can have at one moment, "" being the main one. Rules that never hold are
// left aside; whether others can hold together is not asked.
func reachOf(a *agreement.Agreement, when []condition, score string) float64 {
	sum := 0.0
	groups := map[string]float64{}
	for i := range a.Engagement {
		switch r := &a.Engagement[i]; {
		case r.Points <= 0 || when[i].never || r.Score != score:
		case r.Group != "":
			groups[r.Group] += limitedReach(r)
		default:
			sum += limitedReach(r)
		}
	}
	for i := range a.Groups {
		sum += min(groups[a.Groups[i].ID], points(a.Groups[i].Limit))
	}
	return min(sum, most)
}

// reached allows for rounding, where a bound is more than nothing.
func reached(reach float64) float64 {
	if reach > 0 {
		return min(reach+rounding, most)
	}
	return reach
}

// possible gives the values that terms can have under this agreement.
func (c *checker) possible() map[string]domain {
	var grades []string
	for _, g := range []struct {
		letter string
		least  agreement.Micros
	}{{"a", c.Grades.A}, {"b", c.Grades.B}, {"c", c.Grades.C}} {
		if c.fitReach >= points(g.least) {
			grades = append(grades, g.letter)
		}
	}
	if c.Grades.C > 0 {
		grades = append(grades, "d")
	}
	out := map[string]domain{"engagement": between(0, reached(c.engagementReach)), "fit": between(0, c.fitReach), "grade": oneOf(grades...)}
	for _, s := range c.Scores {
		out[scoreTerm(s.ID)] = between(0, reached(reachOf(c.Agreement, c.engagementWhen, s.ID)))
	}
	return out
}

// general gives the values that terms can have under any agreement: points remain from agreements before this one.
func (c *checker) general() map[string]domain {
	out := map[string]domain{
		"engagement": between(0, most), "fit": between(0, most), "grade": oneOf("a", "b", "c", "d"), "stage": oneOf(append(stages(), "")...),
		"account.engagement": between(0, most), "account.people": between(0, core.MaxPeople),
	}
	for _, s := range c.Scores {
		out[scoreTerm(s.ID)] = between(0, most)
	}
	return out
}

const scorePrefix = "scores."

// scoreTerm is how expressions write a score beside the main one.
func scoreTerm(id string) string { return scorePrefix + id }

// figure writes points for people, rounded up.
func figure(f float64) string {
	return strconv.FormatFloat(math.Ceil(f*100-1e-6)/100, 'f', -1, 64)
}
