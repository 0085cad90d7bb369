package celrules

import (
	"reflect"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

func TestFields(t *testing.T) {
	c, err := NewFieldCompiler()
	if err != nil {
		t.Fatal(err)
	}
	vars := destination.Variables{
		"event": "handoff.routed",
		"lead":  map[string]any{"first_name": "Ana", "external_ids": map[string]any{"hubspot": "7"}},
		"score": map[string]any{"fit": 80.0},
		"brief": map[string]any{"why_now": []any{"Asked for a demo.", "Read the prices."}},
	}
	for _, tc := range []struct {
		source string
		want   any
	}{
		{`lead.first_name`, "Ana"},
		{`lead.last_name`, nil},
		{`lead.?last_name.orValue("–")`, "–"},
		{`lead.?last_name`, nil},
		{`lead.?first_name`, "Ana"},
		{`account.name`, nil},
		{`score.fit`, 80.0},
		{`score.fit >= 80`, true},
		{`int(score.fit)`, int64(80)},
		{`brief.why_now[0]`, "Asked for a demo."},
		{`brief.why_now[2]`, nil},
		{`brief.why_now`, []any{"Asked for a demo.", "Read the prices."}},
		{`{"id": lead.external_ids.hubspot}`, map[string]any{"id": "7"}},
		{`"from " + event`, "from handoff.routed"},
	} {
		e, err := c.Compile(tc.source)
		if err != nil {
			t.Errorf("%s: %v", tc.source, err)
			continue
		}
		got, ok := e.Value(vars)
		if ok != (tc.want != nil) || ok && !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s gives %#v, %t; want %#v", tc.source, got, ok, tc.want)
		}
	}
	for _, source := range []string{"", "lead.", "nobody.name", strings.Repeat("(", 5000)} {
		if _, err := c.Compile(source); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.20q: %v", source, err)
		}
	}
}
