package directory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/directory"
)

const example = `teams: [ {id: emea} ]
reps: [ {id: ana, weight: 0.5} ]
routes: [ {id: default, to: {pool: p}} ]
assets:
  - { id: pricing-guide, kind: white-paper, topic: pricing, stage: decision, persona: economic-buyer, url: "https://us.example/p" }
  - { id: poster }
`

func TestAssets(t *testing.T) {
	got, err := directory.Assets([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	want := directory.Asset{ID: "pricing-guide", Kind: "white-paper", Topic: "pricing", Stage: "decision", Persona: "economic-buyer", URL: "https://us.example/p"}
	if len(got) != 2 || got[0] != want || got[1] != (directory.Asset{ID: "poster"}) {
		t.Errorf("got %+v", got)
	}
}

func TestAssetsRefuses(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"an unknown part", example + "others: []\n", "others"},
		{"an unknown field", strings.Replace(example, "topic:", "topics:", 1), "topics"},
		{"a list that is none", "assets: 3\n", "line 1"},
		{"an anchor", "assets: [ {id: &a poster} ]\n", "anchors"},
		{"nothing", "", "is empty"},
	} {
		_, err := directory.Assets([]byte(tc.text))
		var errs directory.Errors
		if !errors.As(err, &errs) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

// A directory that is long, with lists in lists, is no deep one.
func TestALongDirectoryIsRead(t *testing.T) {
	var text strings.Builder
	text.WriteString("reps:\n")
	for range 500 {
		text.WriteString("  - id: ana\n    hours:\n      mon-fri:\n        - 09:00-12:00\n        - 13:00-17:30\n")
	}
	text.WriteString("assets:\n  - id: poster\n")
	if got, err := directory.Assets([]byte(text.String())); err != nil || len(got) != 1 || got[0].ID != "poster" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func FuzzAssets(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("assets: [{id: [}]"))
	f.Add([]byte("{\"assets\": [{\"id\": 1}]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := directory.Assets(text)
		var errs directory.Errors
		if err != nil && (!errors.As(err, &errs) || len(errs) == 0) {
			t.Fatalf("an error without reasons: %v", err)
		}
	})
}
