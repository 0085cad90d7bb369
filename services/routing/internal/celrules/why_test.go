package celrules

import (
	"slices"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/routing/internal/core"
)

func TestWhyAConditionDoesNotHold(t *testing.T) {
	f := core.Facts{Lead: core.LeadFacts{Country: "SE"}, Account: core.AccountFacts{Domain: "initech.example"}}
	for _, tc := range []struct {
		source string
		absent []string
		failed string
	}{
		{`lead.country == "DE"`, nil, ""},
		{`account.owner != "" && lead.country == "SE" && account.owner != "bo"`, []string{"account.owner"}, ""},
		{`account.employees >= 200 || lead.title == "CTO"`, []string{"account.employees", "lead.title"}, ""},
		{`has(account.owner)`, nil, ""},
		{`account.?owner.orValue("") == "ana"`, nil, ""},
		{`lead.external_ids["hubspot"] == "1"`, []string{"lead.external_ids"}, ""},
		{`lead.country.matches(account.domain + "(")`, nil, "error parsing regexp"},
		{`score.fit >= 50`, nil, ""},
	} {
		rule, err := compiler(t).Compile(tc.source)
		if err != nil {
			t.Fatal(err)
		}
		why, ok := rule.(core.Explained)
		if !ok || why.Source() != tc.source || why.Holds(f) {
			t.Fatalf("%s: it holds, or does not explain itself", tc.source)
		}
		absent, failed := why.Why(f)
		if !slices.Equal(absent, tc.absent) || !strings.Contains(failed, tc.failed) || (failed == "") != (tc.failed == "") {
			t.Errorf("%s: absent %v, failed %q", tc.source, absent, failed)
		}
	}
}
