package strictyaml_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/strictyaml"
)

var limits = strictyaml.Limits{Bytes: 1 << 20, Depth: 16}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		line             int
	}{
		{"nothing", "", "is empty", 0},
		{"comments alone", "# a\n---\n# b\n", "is empty", 0},
		{"too long", strings.Repeat("#", limits.Bytes+1), "is 1048577 bytes long, at most 1048576 are read", 0},
		{"not UTF-8", "a: \xff", "is not UTF-8 text", 0},
		{"NUL", "a: \x00", "is not UTF-8 text", 0},
		{"not closed", "a: 1\nb: [1\n", "is not YAML: ", 2},
		{"two values", "a: b\n...\nx\n", "is not YAML: ", 3},
		{"two documents", "a: 1\n---\na: 2\n", "holds more than one document", 3},
		{"a second document of null", "a: 1\n---\n~\n", "holds more than one document", 3},
		{"a key twice", "a: 1\n\na: 2\n", `mapping key "a" already defined at [1:1]`, 3},
		{"a key twice, inside", "x: {a: 1, 'a': 2}", `mapping key "a" already defined`, 1},
		{"an anchor", "a: 1\nb: &x 1\n", "anchors and aliases are not allowed", 2},
		{"an alias", "a: *x\n", "anchors and aliases are not allowed", 1},
		{"a tag", "a: !!str 1\n", "tags, directives and merge keys are not allowed", 1},
		{"a directive", "%YAML 1.2\n---\na: 1\n", "tags, directives and merge keys are not allowed", 1},
		{"a merge key", "a: 1\n<<: {b: 1}\n", "tags, directives and merge keys are not allowed", 2},
		{"a key that is a mapping", "? {a: 1}\n: b\n", "keys are plain names, without ?", 1},
	} {
		_, err := strictyaml.Parse([]byte(c.text), limits)
		var errs strictyaml.Errors
		if !errors.As(err, &errs) || len(errs) != 1 || !strings.HasPrefix(errs[0].Reason, c.want) || errs[0].Line != c.line {
			t.Errorf("%s: %v, want line %d: %s", c.name, err, c.line, c.want)
		}
	}
}

func TestReferencesAndEmptyTextsMayBeAllowed(t *testing.T) {
	own := strictyaml.Limits{Bytes: 100, Depth: 4, References: true, Empty: true}
	type settings struct {
		A, B map[string]int
		C    string
	}
	for text, want := range map[string]settings{
		"": {C: "kept"}, "# nothing": {C: "kept"}, "---\n": {C: "kept"},
		"%YAML 1.2\n---\na: &x {n: 1}\nb: {<<: *x, m: 2}\n": {A: map[string]int{"n": 1}, B: map[string]int{"n": 1, "m": 2}, C: "kept"},
		"c: !!str 5\n": {C: "5"},
	} {
		doc, err := strictyaml.Parse([]byte(text), own)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := settings{C: "kept"}
		if err := doc.Decode(&got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	if _, err := strictyaml.Parse([]byte("a: &x [[[[[1]]]]]"), own); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("%v: the other limits hold", err)
	}
}

// nested gives texts with exactly so many levels.
func nested(levels int) map[string]string {
	indented, mixed, literals := "", "", ""
	for i := range levels {
		blank := strings.Repeat(" ", i)
		indented += blank + "a:\n"
		mixed += strings.Repeat(" ", 2*i) + "- a:\n"
		literals += blank + "l: |\n" + blank + " x\n" + blank + "a:\n"
	}
	return map[string]string{
		"brackets": strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1), // on the level of their line
		"braces":   strings.Repeat("{a: ", levels-1) + "1" + strings.Repeat("}", levels-1),
		"dashes":   strings.Repeat("- ", levels) + "a",
		"indented": indented,
		// The list in a mapping may stand at the mapping's own column: one level for the dash, none more for its key.
		"dash and key": mixed,
		"literals":     literals,
		"comments":     strings.ReplaceAll(indented, "a:\n", "a: # x\n# y\n"),
	}
}

func TestDepth(t *testing.T) {
	const depth = 16
	for name, text := range nested(depth) {
		if _, err := strictyaml.Parse([]byte(text), limits); err != nil {
			t.Errorf("%s, just as deep as allowed: %v", name, err)
		}
	}
	for _, levels := range []int{depth + 1, 200} {
		for name, text := range nested(levels) {
			if _, err := strictyaml.Parse([]byte(text), limits); err == nil || !strings.Contains(err.Error(), "is nested too deeply") {
				t.Errorf("%s, %d levels: %v", name, levels, err)
			}
		}
	}
}

// A text is not deep because it is long: the library's own level of indentation rises wherever several levels end at once.
func TestALongTextIsNotDeep(t *testing.T) {
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "rep%d:\n  hours:\n    mon:\n      - from: 1\n        to: {h: [2, 3]}\n  note: |\n    a\n      b\n# done\n", i)
	}
	if _, err := strictyaml.Parse([]byte(b.String()), limits); err != nil {
		t.Error(err)
	}
}

func TestHostileTextsAreRefusedQuickly(t *testing.T) {
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", 100_000), "braces": strings.Repeat("{a: ", 50_000), "dashes": strings.Repeat("- ", 100_000),
		"closed": strings.Repeat("]", 1000) + strings.Repeat("[", 100_000),
	} {
		start := time.Now()
		if _, err := strictyaml.Parse([]byte(text), limits); err == nil || len(err.Error()) > 200 {
			t.Errorf("%s: %.300v", name, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

func TestDecodeTellsThePlaceOfAFault(t *testing.T) {
	type settings struct {
		Reps []struct {
			ID    string
			Count int
		}
	}
	for _, c := range []struct {
		text, want   string
		line, column int
	}{
		{"reps:\n  - id: a\n    cuont: 1\n", `unknown field "cuont"`, 3, 5},
		{"reps:\n  - count: many\n", "cannot unmarshal string", 2, 12},
		{"reps: 3\n", "", 1, 7},
		{"reps: {a: b}\n", "mapping was used where sequence is expected", 1, 7},
	} {
		doc, err := strictyaml.Parse([]byte(c.text), limits)
		if err != nil {
			t.Fatal(err)
		}
		err = doc.Decode(&settings{})
		var errs strictyaml.Errors
		if !errors.As(err, &errs) || len(errs) != 1 || !strings.Contains(errs[0].Reason, c.want) || errs[0].Line != c.line || errs[0].Column != c.column {
			t.Errorf("%q: %+v, want [%d:%d] %s", c.text, err, c.line, c.column, c.want)
		}
		if strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("%q quotes the text: %v", c.text, err)
		}
	}
}

func TestFailFindsTheLineOfAPath(t *testing.T) {
	doc, err := strictyaml.Parse([]byte("teams: []\nreps:\n  - id: a\n  - id: b\n    hours:\n      mon: x\n"), limits)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Err(); err != nil {
		t.Fatalf("%v, and nothing failed", err)
	}
	for path, want := range map[string]int{"reps[1].id": 4, "reps[1].hours.mon": 6, "reps[1].hours.tue": 6, "reps[0].hours.tue": 3, "reps[7].id": 3, "routes": 0, "": 0, "a b[": 0} {
		doc, err := strictyaml.Parse([]byte("teams: []\nreps:\n  - id: a\n  - id: b\n    hours:\n      mon: x\n"), limits)
		if err != nil {
			t.Fatal(err)
		}
		doc.Fail(path, "is %s", "wrong")
		if got := faults(doc); len(got) != 1 || got[0] != (strictyaml.Error{Line: want, Field: path, Reason: "is wrong"}) {
			t.Errorf("%s: %v, want line %d", path, got, want)
		}
	}
	for range 2 * strictyaml.MaxErrors {
		doc.Fail("reps", "is wrong")
		doc.Root().Fail("is wrong")
	}
	if errs := faults(doc); len(errs) != strictyaml.MaxErrors || doc.Root().Faults() != strictyaml.MaxErrors {
		t.Errorf("%d faults are told", len(errs))
	}
}

func TestErrorTexts(t *testing.T) {
	errs := strictyaml.Errors{{Line: 3, Column: 9, Field: "a.b", Reason: "is wrong"}, {Field: "c", Reason: "is missing"}, {Reason: "is empty"}}
	if got, want := errs.Error(), "line 3: a.b: is wrong; c: is missing; is empty"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
