package formjson

import (
	"encoding/json"
	"net/url"
	"testing"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Whatever names and values a form has, flat ones come out as they went in, the last of a name; and what a form gives is JSON.
func TestFlatForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringMatching(`[a-zA-Z0-9 ."\\\]{}:&=%+é]{1,8}`), 1, 6).Draw(t, "names")
		want := map[string]string{}
		body := ""
		for _, name := range names {
			value := rapid.StringMatching(`[\x01-\x7f\x{80}-\x{ffff}]{0,12}`).Draw(t, "value")
			want[name] = value
			body += "&" + url.QueryEscape(name) + "=" + url.QueryEscape(value)
		}
		text, err := Convert([]byte(body), strictjson.Limits{Depth: 32, Keys: 100})
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%v, want %v", got, want)
		}
		for name, value := range want {
			if got[name] != value {
				t.Fatalf("%q: %q, want %q", name, got[name], value)
			}
		}
	})
}
