package cli

import (
	"strings"
	"testing"
)

func TestProposals(t *testing.T) {
	const one = `{"id":"pr_1","kind":"points","title":"Rule ebook: 10 → 5 points","sentence":"Leads with rule ebook do worse.","state":"open","agreement_version":3,"cases":812,
		"yaml":"agreement: a\n","differences":["ebook: 10 → 5 points"],"estimate":{"text":"812 of 4000 had it."},
		"evidence":{"population":"leads that qualified","outcome":"were won","with":{"label":"with rule ebook","count":9,"of":812,"rate":0.011,"low":0.006,"high":0.021},
		"effect":"odds ratio","value":0.27,"low":0.1,"high":0.5,"test":"Mantel-Haenszel","p":0.001,"q":0.012,"tests":40,"immature":12}}`
	s := answers(t, "", map[string]string{
		"/api/v1/proposals":               `{"agreement_version":3,"proposals":[` + one + `]}`,
		"/api/v1/proposals/pr_1":          one,
		"/api/v1/proposals/pr_1/backtest": `{"result":{"text":"Backtest","done":true}}`,
		"/api/v1/proposals/pr_1/propose":  `{"sequence":"9","proposal":` + strings.Replace(one, `"state":"open"`, `"state":"proposed","proposed_version":4,"by":"kim"`, 1) + `}`,
		"/api/v1/proposals/pr_1/dismiss":  `{"sequence":"9","proposal":` + strings.Replace(one, `"state":"open"`, `"state":"dismissed","reason":"the fair","by":"kim"`, 1) + `}`,
	})
	env := []string{"BATON_URL=" + s.URL}
	for _, tc := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"pr_1", "open", "812", "q = 0.012", "Rule ebook: 10 → 5 points"}},
		{[]string{"show", "pr_1"}, []string{"do worse", "9 of 812 were won, 1.1 % [0.6 to 2.1]", "among 40 tests", "12 leads", "change       ebook: 10 → 5 points"}},
		{[]string{"show", "pr_1", "--yaml"}, []string{"agreement: a"}},
		{[]string{"backtest", "pr_1"}, []string{"Backtest"}},
		{[]string{"propose", "pr_1"}, []string{"as version 4 by kim"}},
		{[]string{"dismiss", "pr_1", "--reason", "the fair"}, []string{"dismissed    by kim", "the fair"}},
	} {
		code, out, errOut := run(t, "", env, append([]string{"proposals"}, tc.args...)...)
		for _, w := range tc.want {
			if code != exitOK || !strings.Contains(out, w) {
				t.Errorf("%v: %d, no %q in\n%s%s", tc.args, code, w, out, errOut)
			}
		}
	}
	for _, args := range [][]string{{"forget", "pr_1"}, {"show"}, {"show", "pr_1", "pr_2"}} {
		if code, _, errOut := run(t, "", env, append([]string{"proposals"}, args...)...); code == exitOK || errOut == "" {
			t.Errorf("%v: %d %q", args, code, errOut)
		}
	}
}
