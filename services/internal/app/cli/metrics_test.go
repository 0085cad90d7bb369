package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

const conversionJSON = `{"lead_conversion_rate":{"head":{"name":"lead_conversion_rate","definition":"leads to customers","left_out":[{"reason":"unknown_time","from":"durations","count":3}],"more_groups":2},
 "total":{"rate":{"count":20,"of":100,"value":0.2,"low":0.133,"high":0.289},"maturity":{"immature":true},"days_to_outcome":{"count":20,"median":14.65}},
 "groups":[{"key":["si\u001b[31mte"],"rate":{"count":20,"of":90,"value":0.2222,"low":0.15,"high":0.32}}]},
 "mql_to_sql_rate":{"head":{"name":"mql_to_sql_rate"},"total":{"rate":{}}}}`

func TestMetrics(t *testing.T) {
	s := answers(t, "tok", map[string]string{
		"/api/v1/metrics/conversion?by=source&from=2026-01-01T00%3A00%3A00Z": conversionJSON,
		"/api/v1/metrics/goals": `{"goals":[{"id":"mql-to-sql","metric":"mql_to_sql_rate","target":0.3,"value":0.25,"status":"behind",
 "contributions":[{"by":"rep","name":"ana","share":{"count":1,"of":4,"value":0.25},"value":0.25,"against_target":-0.05}],"statement":"ranks nobody"}]}`,
	})
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"metrics", "conversion", "--by", "source", "--from", "2026-01-01"}, 0, []string{"~20.0 % (13.3–28.9)", "14.7", "3 unknown time, left out of durations", "and 2 smaller groups", "si·[31mte"}},
		{[]string{"metrics", "goals"}, 0, []string{"behind", "ana", "-0.05", "ranks nobody"}},
		{[]string{"metrics", "luck"}, 2, []string{"there is no number"}},
		{[]string{"metrics", "goals", "--from", "yesterday"}, 2, []string{"not a day"}},
		{[]string{"metrics", "speed"}, 1, []string{"404"}},
	} {
		var out bytes.Buffer
		env := &Env{Stdout: &out, Stderr: &out, Environ: []string{"BATON_URL=" + s.URL, "BATON_TOKEN=tok"}}
		if code := Run(context.Background(), env, c.args); code != c.code {
			t.Errorf("%v: exit code %d\n%s", c.args, code, out.String())
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v: no %q in\n%s", c.args, want, out.String())
			}
		}
	}
}
