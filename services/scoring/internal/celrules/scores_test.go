package celrules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

func TestExpressionsSeeTheOtherScores(t *testing.T) {
	compile := func(when string) (*core.Agreement, error) {
		return compiler(t).Compile(&agreement.Agreement{
			Scores:     []agreement.Score{{ID: "payroll"}, {ID: "tax"}},
			Groups:     []agreement.Group{{ID: "g", Limit: 9}},
			Engagement: []agreement.EngagementRule{{ID: "r", On: []string{"page_viewed"}, When: when, Points: 5, Limit: 7, Group: "g", Score: "payroll", Timeframe: time.Hour, Line: 3}},
			Qualify:    []agreement.QualifyRule{{ID: "q", When: when, Line: 4}},
			Disqualify: []agreement.DisqualifyRule{{ID: "d", When: when, Because: "why", Line: 5}},
		}, 2)
	}
	v := view(t)
	v.Lead.Items = []core.Item{{At: v.Event.Now, ID: "1", Count: 1, Terms: &core.Terms{Rule: "r", Raw: 30 * core.Point, Score: "payroll"}}}
	for when, want := range map[string]core.Verdict{
		`scores.payroll >= 30`:                        {Holds: true},
		`scores.payroll > 30.0`:                       {},
		`scores.tax == 0.0 && engagement == 0.0`:      {Holds: true},
		`has(scores.tax) && scores["payroll"] > 20.0`: {Holds: true},
	} {
		a, err := compile(when)
		if strings.Contains(when, "[") {
			if err == nil {
				t.Errorf("%s: an object has no index", when)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		for _, p := range []core.Program{a.ByType["page_viewed"][0].When, a.Qualify[0].When, a.Disqualify[0].When} {
			if got := p.Eval(v); got != want {
				t.Errorf("%s: got %+v, want %+v", when, got, want)
			}
		}
		want := core.Terms{Rule: "r", Raw: 5, Version: 2, Timeframe: time.Hour, Limit: 7, Group: "g", GroupLimit: 9, Score: "payroll"}
		if got := a.ByType["page_viewed"][0].Terms; got != want || len(a.Scores) != 2 || a.Disqualify[0].Because != "why" {
			t.Errorf("got %+v", got)
		}
	}
	_, err := compile(`scores.sales > 3`)
	for _, want := range []string{"line 3: engagement[0].when: column", "line 4: qualify[0].when", "line 5: disqualify[0].when", "undefined field 'sales'"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := rule(t, `scores.payroll > 3`); err == nil || !strings.Contains(err.Error(), "line 7: qualify[0].when: column 1: undeclared reference to 'scores'") {
		t.Errorf("without scores: %v", err)
	}
	if _, err := compiler(t).Compile(&agreement.Agreement{Scores: []agreement.Score{{ID: "x"}}, Fit: []agreement.FitRule{{ID: "f", When: "scores.x > 1", Line: 2}}}, 1); err == nil {
		t.Error("fit rules must not see scores")
	}
}
