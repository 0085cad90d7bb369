package strictyaml

import (
	"reflect"
	"testing"
)

func TestPlaces(t *testing.T) {
	doc, err := Parse([]byte("# a\nlist:\n  # b\n  - { id: ä, when: 'it''s é', points: 10 } # c\n  -  id: b\n     text: |\n       a\n       b\nflow: [ {id: q, points: -3}, ]\nnothing:\n"), Limits{Bytes: 1000, Depth: 10})
	if err != nil {
		t.Fatal(err)
	}
	f := map[string]Node{}
	for _, m := range doc.Root().Members() {
		f[m.Key] = m.Node
	}
	dashes := f["list"].Dashes()
	if !reflect.DeepEqual(dashes, []Place{{Line: 4, Column: 3}, {Line: 5, Column: 3}}) || f["flow"].Dashes() != nil {
		t.Errorf("dashes %+v", dashes)
	}
	first, second := f["list"].List()[0], f["list"].List()[1]
	entry := first.Fields("id", "when", "points")
	for _, tc := range []struct {
		name string
		got  Place
		want Place
	}{
		{"list", f["list"].Place(), Place{Line: 4, Column: 3}},
		{"entry in brackets", first.Place(), Place{Line: 4, Column: 5, Flow: true, EndLine: 4, EndColumn: 42}},
		{"number", entry["points"].Place(), Place{Line: 4, Column: 39, Written: "10"}},
		{"quoted", entry["when"].Place(), Place{Line: 4, Column: 20, Written: "'it''s é'"}},
		{"entry", second.Place(), Place{Line: 5, Column: 6}},
		{"list in brackets", f["flow"].Place(), Place{Line: 9, Column: 7, Flow: true, EndLine: 9, EndColumn: 30}},
		{"nothing", f["nothing"].Place(), Place{}},
		{"absent", Node{}.Place(), Place{}},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, tc.got, tc.want)
		}
	}
}
