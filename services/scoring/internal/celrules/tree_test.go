package celrules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/scoring/internal/celrules"
)

// said writes a tree with all its parentheses.
func said(e *celrules.Expr) string {
	args := make([]string, len(e.Args))
	for i, arg := range e.Args {
		args[i] = said(arg)
	}
	switch e.Op {
	case "":
		return "<" + e.Text + ">"
	case "literal":
		return fmt.Sprintf("%#v", e.Value)
	}
	return e.Op + "(" + strings.Join(args, " ") + ")"
}

func reader(t *testing.T) *celrules.Reader {
	t.Helper()
	r, err := compiler(t).Reader()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReadTakesExpressionsApart(t *testing.T) {
	r := reader(t)
	for expression, want := range map[string]string{
		`grade in ["a","b"] && engagement >= 20`:           `&&(in(<grade> list("a" "b")) >=(<engagement> 20))`,
		`lead.a == 1u && (lead.b && lead.c) && !lead.d`:    `&&(==(<lead.a> 1) <lead.b> <lead.c> !(<lead.d>))`,
		`lead.a || (lead.b || -2.5 < lead.c && true)`:      `||(<lead.a> <lead.b> &&(<(-2.5 <lead.c>) true))`,
		`event.properties.url.contains('/p')`:              `<event.properties.url.contains("/p")>`,
		`has(lead.x) && lead.?x.orValue("a") != "b"`:       `&&(<has(lead.x)> !=(<lead.?x.orValue("a")> "b"))`,
		`event.properties.t.exists(x, x == "a" || x=="b")`: `<event.properties.t.exists(x, x == "a" || x == "b")>`,
		`grade == "a" ? lead.x : false`:                    `<(grade == "a") ? lead.x : false>`,
		`lead.x == 9007199254740993`:                       `==(<lead.x> <9007199254740993>)`, // not to be held in a float64
		`lead.x in [1, lead.y]`:                            `in(<lead.x> <[1, lead.y]>)`,
		`lead.x in []`:                                     `in(<lead.x> list())`,
	} {
		got, _, err := r.Read(expression, false)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
		} else if said(got) != want {
			t.Errorf("%s:\ngot  %s\nwant %s", expression, said(got), want)
		}
	}
	if _, _, err := r.Read("engagement > 3", true); err == nil || !strings.Contains(err.Error(), "engagement") {
		t.Errorf("the lead alone: got %v", err)
	}
}

func TestReadKnowsConstants(t *testing.T) {
	r := reader(t)
	for expression, want := range map[string]celrules.Constant{
		`1 < 2`:                      {Known: true, Holds: true},
		`1 > 2`:                      {Known: true},
		`engagement > 3 && 1 > 2`:    {Known: true},
		`lead.x == "a" || true`:      {Known: true, Holds: true},
		`[1, 2].exists(x, x > 3)`:    {Known: true},
		`1 / 0 == 1`:                 {Known: true, Error: "division by zero"},
		`dyn("text")`:                {Known: true, Error: "gives string, not true or false"},
		`engagement > 3`:             {},
		`engagement > 3 || 1 / 0==1`: {},
		`event.type == "x"`:          {},
		`has(lead.x)`:                {},
		`account.employees > 3`:      {},
		`stage == "a" && fit > 1`:    {},
		// Too much to find out.
		"[" + strings.Repeat("1,", 500) + "1].all(a, [" + strings.Repeat("1,", 500) + "1].all(b, a + b > 0))": {},
	} {
		if _, got, err := r.Read(expression, false); err != nil || got != want {
			t.Errorf("%.60s: got %+v, %v, want %+v", expression, got, err, want)
		}
	}
}
