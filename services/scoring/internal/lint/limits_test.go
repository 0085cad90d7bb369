package lint

import (
	"os"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/scoring/internal/celrules"
)

func TestLimits(t *testing.T) {
	const text = `agreement: x
half_life: 14d
timeframe: 90d
groups: [ {id: content, limit: 30} ]
scores: [ {id: payroll} ]
engagement:
  - { id: page, on: page_viewed, points: 8, limit: 20, group: content }
  - { id: ebook, on: asset_downloaded, points: 8, limit: 20, group: content }
  - { id: demo, on: demo_requested, points: 60 }
  - { id: seminar, on: event_attended, points: 10, score: payroll, limit: 40 }
fit:
  - { id: big, when: 'account.employees > 10', points: 100 }
qualify:
  - { id: ready, matrix: {a: 20, b: 60} }
  - { id: payroll, when: 'scores.payroll > 30.0 && grade == "c"' }
disqualify:
  - { id: rival, when: 'account.domain == "rival.example"' }
`
	for name, c := range map[string]struct{ replaced, by, want string }{
		"nothing":                {"", "", ""},
		"a group's limit":        {"limit: 30}", "limit: 41}", "4 groups[0].limit can never matter: by their own limits and caps its rules give at most 40 points together\n"},
		"a group without limits": {"points: 8, limit: 20, group: content }\n  - { id: ebook", "points: 8, group: content }\n  - { id: ebook", ""},
		"an empty group":         {"{id: content, limit: 30}", "{id: content, limit: 30}, {id: new, limit: 1}", "4 groups[1] no rule is in group new\n"},
		"an empty score":         {"{id: payroll}", "{id: payroll}, {id: tax}", "5 scores[1] no rule counts for score tax: it is always 0\n"},
		"a rule's limit":         {"points: 8, limit: 20, group: content }\n  - { id: ebook", "points: 1, half_life: none, timeframe: 7d, cap: {count: 1, per: 7d}, limit: 3, group: content }\n  - { id: ebook", "4 groups[0].limit can never matter: by their own limits and caps its rules give at most 22 points together\n7 engagement[0].limit can never matter: the cap lets the rule give at most 2 points\n"},
		"a score out of reach":   {"scores.payroll > 30.0", "scores.payroll > 45.0", "15 qualify[1].when can never hold: `scores.payroll > 45` is out of reach: with these caps, half-lives and limits score payroll is at most 40\n"},
		"engagement out of reach": {"  - { id: demo, on: demo_requested, points: 60 }\n", "",
			"13 qualify[0].when can never hold by its part `grade == \"b\" && engagement >= 60`: `engagement >= 60` is out of reach: with these caps, half-lives and limits engagement is at most 30\n"},
		"nobody ever":    {`account.domain == "rival.example"`, `engagement >= 0.0`, "17 disqualify[0].when always holds: no lead could ever qualify\n"},
		"nobody by true": {`account.domain == "rival.example"`, `true`, "17 disqualify[0].when always holds: no lead could ever qualify\n"},
		"nobody at all":  {`account.domain == "rival.example"`, `stage == "mql"`, "17 disqualify[0].when can never hold: `stage == \"mql\"` is never so: a lead qualifies while its stage is inquiry, and at no other\n"},
		"any score":      {`account.domain == "rival.example"`, `scores.payroll <= 100.0`, "17 disqualify[0].when always holds: no lead could ever qualify\n"},
	} {
		if !strings.Contains(text, c.replaced) {
			t.Fatalf("%s: nothing is replaced", name)
		}
		if got := report(Check(parsed(t, strings.Replace(text, c.replaced, c.by, 1)))); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
	}
}

// TestTheDocumentedModelIsOne reads the example of the service's README as people would.
func TestTheDocumentedModelIsOne(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```yaml\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("there is no example")
	}
	a := parsed(t, "agreement: documented\nhalf_life: 14d\nfit: [ {id: size, when: 'account.employees > 9', points: 80} ]\n"+text)
	compiler, err := celrules.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compiler.Compile(a, 1); err != nil {
		t.Error(err)
	}
	for _, f := range Check(a) {
		if !strings.Contains(f.Text, "engagement is at most") { // it is an extract: other rules are missing
			t.Errorf("%+v", f)
		}
	}
}
