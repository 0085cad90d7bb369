package celrules_test

import (
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

func TestAnAccountThatWasNotRatedIsNotKnown(t *testing.T) {
	v := view(t)
	v.Lead.Rated = core.Rating{}
	for _, expression := range []string{"account.engagement < 50", "account.people == 0"} {
		p, err := rule(t, expression)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Eval(v); got.Holds || !strings.HasSuffix(got.Missing, "is not known") {
			t.Errorf("%s: %+v", expression, got)
		}
	}
	if p, err := rule(t, "!has(account.people)"); err != nil || !p.Eval(v).Holds {
		t.Errorf("has: %v", err)
	}
}

// Fit is computed when the profile changes: it must not depend on what people do.
func TestFitRulesDoNotSeeTheAccountsEngagement(t *testing.T) {
	for _, expression := range []string{"account.engagement > 50", "account.people > 1", "has(account.engagement)"} {
		_, err := compiler(t).Compile(&agreement.Agreement{Fit: []agreement.FitRule{{ID: "x", When: expression, Line: 7}}}, 1)
		if err == nil || !strings.Contains(err.Error(), "line 7") || !strings.Contains(err.Error(), "undefined field") {
			t.Errorf("%s: %v", expression, err)
		}
	}
	// A sender's own attribute of that name stays hidden behind a dynamic look-up, too.
	a, err := compiler(t).Compile(&agreement.Agreement{Fit: []agreement.FitRule{
		{ID: "dynamic", When: `dyn(account)["engagement"] == "x"`}, {ID: "name", When: `account.name == "Initech"`}, {ID: "own", When: `account.tier == "gold"`},
	}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	v := view(t)
	if got := a.Fit[0].When.Eval(v); got.Holds || got.Missing == "" {
		t.Errorf("got %+v", got)
	}
	if !a.Fit[1].When.Eval(v).Holds {
		t.Error("the account's name is not seen")
	}
}
