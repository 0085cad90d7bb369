package strictyaml_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/strictyaml"
)

func parse(t testing.TB, text string) *strictyaml.Document {
	t.Helper()
	doc, err := strictyaml.Parse([]byte(text), limits)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// faults gives what was found wrong with a document.
func faults(doc *strictyaml.Document) strictyaml.Errors {
	var errs strictyaml.Errors
	errors.As(doc.Err(), &errs)
	return errs
}

func TestScalars(t *testing.T) {
	text := "- plain\n- 'quoted 1'\n- \"1\"\n- |\n  a\n  b\n- 0x1F\n- 1.50\n- True\n- ~\n- null\n-\n- .inf\n- .nan\n- [1]\n- {a: 1}\n- a: 1\n- ''\n"
	type value struct {
		text string
		kind strictyaml.Kind
	}
	want := []value{
		{"plain", strictyaml.Text}, {"quoted 1", strictyaml.Text}, {"1", strictyaml.Text}, {"a\nb\n", strictyaml.Text}, {"0x1F", strictyaml.Number},
		{"1.50", strictyaml.Number}, {"True", strictyaml.Truth}, {"~", strictyaml.Null}, {"null", strictyaml.Null}, {"", strictyaml.Null},
		{".inf", strictyaml.Special}, {".nan", strictyaml.Special}, {"", strictyaml.List}, {"", strictyaml.Mapping}, {"", strictyaml.Mapping}, {"", strictyaml.Text},
	}
	doc := parse(t, text)
	list := doc.Root().List()
	if len(list) != len(want) {
		t.Fatalf("%d entries", len(list))
	}
	for i, n := range list {
		s, kind := n.Scalar()
		if got := (value{s, kind}); got != want[i] || n.Kind() != kind || !n.Exists() {
			t.Errorf("%s: %+v, want %+v", n.Path, got, want[i])
		}
		isText := kind == strictyaml.Text || kind == strictyaml.Number || kind == strictyaml.Truth
		before := n.Faults()
		if got := n.Text(8); isText && got != s || !isText && (got != "" || n.Faults() != before+1) {
			t.Errorf("%s: text %q, %d faults", n.Path, got, n.Faults()-before)
		}
	}
	if got := list[0].Text(4); got != "" || !strings.Contains(doc.Err().Error(), "line 1: [0]: is 5 bytes long, at most 4 are allowed") {
		t.Errorf("%q, %v", got, doc.Err())
	}
}

func TestFieldsAndMembers(t *testing.T) {
	doc := parse(t, "a: 1\nb:\n  x: 1\n  7: 2\n  ~: 3\n\"c\": [p, q]\nd: ~\n")
	f := doc.Root().Fields("a", "b", "c", "d", "e")
	if len(f) != 5 || f["a"].Text(9) != "1" || f["d"].Exists() || f["e"].Exists() || f["e"].Kind() != strictyaml.Absent {
		t.Errorf("%+v", f)
	}
	var members []string
	for _, m := range f["b"].Members() {
		s, _ := m.Scalar()
		members = append(members, fmt.Sprint(m.Key, "=", s, " ", m.Path, " ", m.Line))
	}
	if want := []string{"x=1 b.x 3", "7=2 b.7 4", "~=3 b.~ 5"}; !reflect.DeepEqual(members, want) {
		t.Errorf("%q, want %q", members, want)
	}
	if l := f["c"].List(); len(l) != 2 || l[1].Path != "c[1]" || l[1].Line != 6 || l[1].Text(9) != "q" {
		t.Errorf("%+v", l)
	}
	// Nothing stands in what is absent, and that is no fault.
	for _, name := range []string{"d", "e"} {
		if n := f[name]; n.List() != nil || n.Members() != nil || n.Text(1) != "" || n.Fields("x")["x"].Path != name+".x" {
			t.Errorf("%s: %+v", name, n)
		}
	}
	if err := doc.Err(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotAsItMustBe(t *testing.T) {
	doc := parse(t, "a: 1\nbee: 1\nc: {\"\": 1}\nd: [1]\n"+strings.Repeat("e", 100)+": 1\n")
	f := doc.Root().Fields("a", "c", "d")
	f["a"].Fields("x", "y")
	f["a"].Members()
	f["a"].List()
	f["c"].Members()
	f["d"].Text(9)
	want := strictyaml.Errors{
		{Line: 2, Field: "bee", Reason: "is not known here; known are a, c, d"},
		{Line: 5, Field: strings.Repeat("e", 64) + "…", Reason: "is not known here; known are a, c, d"},
		{Line: 1, Field: "a", Reason: "must be a mapping of x, y"},
		{Line: 1, Field: "a", Reason: "must be a mapping of keys to values"},
		{Line: 1, Field: "a", Reason: "must be a list"},
		{Line: 3, Field: "c", Reason: "has a key that is no name"},
		{Line: 4, Field: "d", Reason: "must be text"},
	}
	if got := faults(doc); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// walk reads every node and gives how many it saw.
func walk(t *testing.T, n strictyaml.Node, depth int) int {
	if depth > 2*limits.Depth+2 {
		t.Fatalf("%s is %d levels deep", n.Path, depth)
	}
	seen := 1
	switch s, kind := n.Scalar(); kind {
	case strictyaml.Mapping:
		for _, m := range n.Members() {
			seen += walk(t, m.Node, depth+1)
		}
	case strictyaml.List:
		for _, e := range n.List() {
			seen += walk(t, e, depth+1)
		}
	case strictyaml.Absent, strictyaml.Other:
		t.Fatalf("%s has kind %d", n.Path, kind)
	default:
		n.Text(len(s))
	}
	return seen
}

// FuzzParse: no text makes it fail, what is taken is bounded and can be read and decoded, and every fault is told with a
// reason.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a: 1", "a: [b, {c: d}]\ne:\n  - f: |\n      g\n    h: ~\n", "a: &x [*x]", "<<: {a: b}", "? a\n: b", "---\n...\n---\n", "%YAML 1.2\n---\n",
		"- - - a\n-\n", "{a: 1, a: 2}", "a: \"\\uD800\"", "\ufeffa: 1", "a: >-\n x\n\n  y\n", "[]: 1", "\t", "a:\r\n - b\r\n"} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, own bool) {
		l := limits
		l.References, l.Empty = own, own
		doc, err := strictyaml.Parse(text, l)
		if err == nil && !own {
			if walk(t, doc.Root(), 0) > len(text)+1 {
				t.Fatal("more nodes than the text has bytes")
			}
			doc.Fail("a.b[0]", "is wrong")
			err = doc.Err()
		}
		var into struct{ A, B any }
		if doc != nil {
			if decoding := doc.Decode(&into); decoding != nil {
				err = decoding
			}
		}
		var errs strictyaml.Errors
		if err != nil && (!errors.As(err, &errs) || len(errs) == 0 || len(errs) > strictyaml.MaxErrors) {
			t.Fatalf("%T %v", err, err)
		}
		for _, e := range errs {
			if e.Reason == "" || e.Line < 0 {
				t.Fatalf("%+v", e)
			}
		}
	})
}
