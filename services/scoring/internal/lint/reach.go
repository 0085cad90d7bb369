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

// engagementReach gives a bound of the engagement that any lead can have at one moment. A rule without a cap reaches any
// height, and so does a capped one that never decays: the next bucket counts again. A capped one that decays gives most
// right at the start of a bucket, when all that counts in it and all of the one before has just happened; what the buckets
// before those can give is halved with every half-life:
//
//	count · points · (1 + 1 + q + q² + …) = count · points · (1 + 1/(1-q)), q = 2^(-per/half-life)
//
// Rules that never hold are left aside; whether others can hold together is not asked.
func engagementReach(rules []agreement.EngagementRule, when []condition) float64 {
	sum := 0.0
	for i := range rules {
		r := &rules[i]
		switch {
		case r.Points <= 0 || when[i].never:
		case r.Cap.Count == 0 || r.HalfLife == 0:
			return most
		default:
			q := math.Exp2(-float64(r.Cap.Per) / float64(r.HalfLife))
			sum += float64(r.Cap.Count) * points(r.Points) * (1 + 1/(1-q))
		}
	}
	return min(sum, most)
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
	engagement := c.engagementReach
	if engagement > 0 {
		engagement = min(engagement+rounding, most)
	}
	return map[string]domain{"engagement": between(0, engagement), "fit": between(0, c.fitReach), "grade": oneOf(grades...)}
}

// general gives the values that terms can have under any agreement: points remain from agreements before this one.
func general() map[string]domain {
	return map[string]domain{
		"engagement": between(0, most), "fit": between(0, most), "grade": oneOf("a", "b", "c", "d"), "stage": oneOf(append(stages(), "")...),
		"account.engagement": between(0, most), "account.people": between(0, core.MaxPeople),
	}
}

// figure writes points for people, rounded up.
func figure(f float64) string {
	return strconv.FormatFloat(math.Ceil(f*100-1e-6)/100, 'f', -1, 64)
}
