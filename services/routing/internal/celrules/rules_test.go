package celrules

import (
	"strings"
	"testing"

	"github.com/batonhq/baton/services/routing/internal/core"
)

func compiler(t testing.TB) *Compiler {
	t.Helper()
	c, err := NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHolds(t *testing.T) {
	known := core.Facts{
		Lead:       core.LeadFacts{Title: "VP Engineering", Country: "SE", ExternalIDs: map[string]string{"hubspot": "1"}},
		Account:    core.AccountFacts{Owner: "ana", Employees: 420, Listed: true, Target: true},
		Engagement: 21.4, Fit: 80, Grade: "a",
	}
	for _, tc := range []struct {
		source     string
		know, dont bool
	}{
		{`account.owner != ""`, true, false}, // absent does not match, whatever it is compared with
		{`account.owner == ""`, false, false},
		{`!has(account.owner)`, false, true},
		{`lead.country in ["SE","DE"]`, true, false},
		{`lead.title.matches("(?i)(vp|chief)")`, true, false},
		{`account.employees >= 200`, true, false},
		{`account.employees >= 199.5`, true, false}, // across numeric types
		{`engagement >= 20 && fit > 79`, true, false},
		{`score.fit == fit`, true, true},
		{`grade in ["a","b"] || lead.country == "SE"`, true, false},
		{`account.target`, true, false},
		{`account.?owner.orValue("nobody") == "nobody"`, false, true},
		{`lead.external_ids["hubspot"] == "1"`, true, false},
		{`lead.title.matches(lead.country + "(")`, false, false}, // fails when evaluated
		{`[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, a+b+c+d+e > 0)))))`, false, false}, // costs too much
	} {
		rule, err := compiler(t).Compile(tc.source)
		if err != nil {
			t.Errorf("%s: %v", tc.source, err)
			continue
		}
		if got := rule.Holds(known); got != tc.know {
			t.Errorf("%s of a known lead = %v", tc.source, got)
		}
		if got := rule.Holds(core.Facts{}); got != tc.dont {
			t.Errorf("%s of an unknown lead = %v", tc.source, got)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, tc := range []struct{ source, want string }{
		{`lead.titel == "x"`, "lead.titel is not known"},
		{`has(account.ownr)`, "account.ownr is not known"},
		{`leed.title == "x"`, "undeclared reference to 'leed'"},
		{`engagement`, "not true or false"},
		{`engagement > "20"`, "no matching overload"},
		{`lead.title.matches("(")`, "invalid matches argument"},
		{`lead.country ==`, "Syntax error"},
		{strings.Repeat("(", 300) + "true" + strings.Repeat(")", 300), ""},
		{strings.Repeat("true || ", 1000) + "true", "bytes long"},
	} {
		_, err := compiler(t).Compile(tc.source)
		if err == nil {
			t.Errorf("%.60s compiles", tc.source)
		} else if !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: %q, want one line with %q", tc.source, err, tc.want)
		}
	}
}
