package celrules_test

import (
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/pkg/agreement"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// FuzzBinding has any expression look at any properties that a sender may have sent: it compiles or is refused, and what compiles
// gives a verdict, the same each time, whoever else has looked at the view.
func FuzzBinding(f *testing.F) {
	for _, seed := range [][2]string{
		{`event.properties.url.contains("/pricing")`, `{"url": "https://initech.example/pricing"}`},
		{`event.properties.a[0].b in [1, "x", 2.5, true]`, `{"a": [{"b": 1e308}]}`},
		{`event.properties.exists(k, event.properties[k] == null)`, `{"": null, "\u0000": {"a": {"a": {"a": []}}}}`},
		{`has(event.properties.x.y) && event.properties.?x.?y.orValue(0) > 1`, `{"x": {"y": -0}}`},
		{`event.properties.n.matches("^(a+)+$")`, `{"n": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}`},
		{`lead.seniority == "c-level" || account.people > 1 || event.topic == event.properties.t`, `{"t": "pricing"}`},
		{`[1, 2, 3].map(x, x * 2).exists(y, event.properties.n == y)`, `{"n": 4}`},
		{`event.properties`, `{}`},
		{`lead`, `[]`},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	c := compiler(f)
	f.Fuzz(func(t *testing.T, expression string, text []byte) {
		if expression == "" || len(expression) > agreement.MaxExpression || len(text) > 1<<16 {
			return
		}
		var sent map[string]any
		if json.Unmarshal(text, &sent) != nil {
			return
		}
		properties, err := structpb.NewStruct(sent)
		if err != nil {
			return
		}
		a, err := c.Compile(&agreement.Agreement{Qualify: []agreement.QualifyRule{{ID: "x", When: expression}}}, 1)
		if err != nil {
			return
		}
		look := a.Qualify[0].When
		v := view(t)
		v.Event.Raw = &journalv1.Event{Properties: properties}
		first := look.Eval(v)
		if again := look.Eval(v); again != first {
			t.Errorf("%q gives %+v and then %+v", expression, first, again)
		}
		other := view(t)
		other.Event.Raw = &journalv1.Event{Properties: properties}
		if fresh := look.Eval(other); fresh != first {
			t.Errorf("%q gives %+v, and %+v to a view of its own", expression, first, fresh)
		}
		if first.Holds && first.Missing != "" {
			t.Errorf("%q holds, and could not be evaluated: %s", expression, first.Missing)
		}
	})
}
