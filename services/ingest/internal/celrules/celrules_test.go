package celrules_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/batonhq/baton/services/ingest/internal/celrules"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

const sent = `{"id": 90071992547409931, "n": 12000.50, "t": " Ana Lind ", "yes": true, "no": false, "null": null, "list": [{"a": 1}, {"a": 2}],
 "deep": {"x y": {"z": ["p", "q"]}}, "big": {"a":0,"b":1,"c":2,"d":3,"e":4,"f":5,"g":6,"h":7,"i":8,"j":9,"k":10,"l":11,"m":12,"n":13,"o":14,"p":15,"q":16,
 "r":17,"s":18,"t":19,"u":20,"v":21,"w":22,"x":23,"y":24,"z":25,"aa":26,"ab":27,"ac":28,"ad":29,"ae":30,"af":31,"ag":32,"ah":33}}`

func scope(t testing.TB, text string) *celrules.Scope {
	t.Helper()
	v, err := strictjson.NewDoc().Parse([]byte(text), 0, len(text), strictjson.Limits{Depth: 32, Keys: 1000, Values: 5000, Digits: 64})
	if err != nil {
		t.Fatal(err)
	}
	return celrules.NewScope(v, v, map[string]string{"x-b": "2", "x-a": "1"})
}

// A place is named, or worked out: where both mean the same, they give the same.
func TestEval(t *testing.T) {
	c, err := celrules.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	s := scope(t, sent)
	for expression, want := range map[string]struct{ text, value string }{
		"event.id":                               {"90071992547409931", `"90071992547409931"`},
		"dyn(event).id":                          {"90071992547409931", `"90071992547409931"`},
		"event.n":                                {"12000.50", "12000.5"},
		"event.n * 2.0":                          {"24001", "24001"},
		"event.t":                                {"Ana Lind", `" Ana Lind "`},
		`event.t.trim().before(" ")`:             {"Ana", `"Ana"`},
		`event.t.trim().after(" ")`:              {"Lind", `"Lind"`},
		`event.t.trim().after("?")`:              {"", `""`},
		"event.t.lower().trim()":                 {"ana lind", `"ana lind"`},
		"event.yes":                              {"true", "true"},
		"!event.yes":                             {"false", "false"},
		`event["null"]`:                          {"", ""},
		"event.nothing":                          {"", ""},
		"event.nothing.at.all":                   {"", ""},
		"event.?nothing.?at":                     {"", ""},
		"event.?nothing.orValue(3)":              {"3", "3"},
		"has(event.nothing)":                     {"false", "false"},
		"has(event.list)":                        {"true", "true"},
		"event.list[1].a":                        {"2", "2"},
		"event.list[2].a":                        {"", ""},
		"event.list[1]":                          {"", `{"a":2}`},
		"event.list.map(x, x.a)":                 {"", "[1,2]"},
		"event.list.filter(x, x.a > 1)":          {"", `[{"a":2}]`},
		`event.deep["x y"].z[0]`:                 {"p", `"p"`},
		`event.deep["x y"]["z"]`:                 {"", `["p","q"]`},
		"event.deep":                             {"", `{"x y":{"z":["p","q"]}}`},
		"event.big.ah + event.big.a":             {"33", "33"},
		"event.big.zz":                           {"", ""},
		"event.big.map(k, k)[33]":                {"ah", `"ah"`},
		"event.list[0] == event.list[0]":         {"true", "true"},
		"event.list[0] == event.list[1]":         {"false", "false"},
		"event == body":                          {"true", "true"},
		"event.list == body.list":                {"true", "true"},
		`header["x-a"]`:                          {"1", `"1"`},
		`header["x-c"]`:                          {"", ""},
		`header[?"x-c"].orValue("-")`:            {"-", `"-"`},
		"header.map(k, k)":                       {"", `["x-a","x-b"]`},
		"1 / 0":                                  {"", ""},
		"0.0 / 0.0":                              {"", ""},
		"1e300":                                  {"", "1e+300"},
		"9223372036854775807":                    {"9223372036854775807", `"9223372036854775807"`},
		"18446744073709551615u":                  {"18446744073709551615", `"18446744073709551615"`},
		`"\u0000x"`:                              {"x", `"x"`},
		`timestamp("2026-11-20T11:00:00+01:00")`: {"2026-11-20T10:00:00Z", `"2026-11-20T10:00:00Z"`},
		`duration("1h")`:                         {"", ""},
		`event.t.matches("(?i)ana")`:             {"true", "true"},
	} {
		e, err := c.Compile(expression, celrules.Anything)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		got := e.Eval(s)
		value := ""
		if v := got.Value(); v != nil {
			raw, err := protojson.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			value = strings.NewReplacer(", ", ",", `": `, `":`).Replace(string(raw))
		}
		if got.Text() != want.text || value != want.value {
			t.Errorf("%s: %q %s, want %q %s", expression, got.Text(), value, want.text, want.value)
		}
	}
}

func TestLimits(t *testing.T) {
	c, err := celrules.NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	s := scope(t, `{"l": [`+strings.Repeat("1,", 4000)+`1], "t": "`+strings.Repeat("x", 1<<19)+`"}`)
	for _, expression := range []string{
		"event.l.all(x, event.l.all(y, x == y))",                    // a loop in a loop
		strings.Repeat("event.t + ", 40) + "event.t",                // a text that grows
		"event.l.all(x, event.t.lower() != event.t.trim() + 'x')",   // a function of ours in a loop
		"event.l.exists(x, (x + 1.0) in event.l && x < 0.0)",        // a search in a loop
		"event.l.map(x, event.t.after('y') + event.t).size() > 100", // many large texts
	} {
		e, err := c.Compile(expression, celrules.Anything)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		if got := e.Eval(s); got.Value() != nil {
			t.Errorf("%.40s: evaluated to its end", expression)
		}
	}
}
