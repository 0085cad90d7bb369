package formjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

var limits = strictjson.Limits{Depth: 6, Keys: 1000, Values: 2000, Digits: 64}

func TestConvert(t *testing.T) {
	for form, want := range map[string]string{
		"type=subscribe&data[merges][EMAIL]=ana%40initech.example&data%5Bmerges%5D%5BFNAME%5D=Ana+M.": `{"type":"subscribe","data":{"merges":{"EMAIL":"ana@initech.example","FNAME":"Ana M."}}}`,
		"contact[fields][39]=a[b]%5Bc%5D=d&contact[fields][7]=":                                       `{"contact":{"fields":{"39":"a[b][c]=d","7":""}}}`,
		"u[]=stage&u[]=status&v[0]=x&v[1]=y&w[1]=z":                                                   `{"u":["stage","status"],"v":["x","y"],"w":{"1":"z"}}`,
		"a=1&a=2&b=1&b[c]=2&d[e]=1&d=2":                                                               `{"a":"2","b":{"c":"2"},"d":"2"}`,
		"a[b=1&c[d]e=2&[f]=3&=4&g":                                                                    `{"a[b":"1","c[d]e":"2","[f]":"3"," ":"4","g":""}`,
		"a=%zz%4&b=100%&c=%e4&d=%00\x00&e=\"\\\x01f":                                                  `{"a":"%zz%4","b":"100%","c":"` + "\ufffd" + `","d":"` + "\ufffd\ufffd" + `","e":"\"\\\u0001f"}`,
		"&&a=1&":                `{"a":"1"}`,
		"a[5]=x&a[]=y&a[][k]=z": `{"a":{"5":"x","6":"y","7":{"k":"z"}}}`,
	} {
		got, err := Convert([]byte(form), limits)
		if err != nil || string(got) != want {
			t.Errorf("%s:\n got %s, %v\nwant %s", form, got, err, want)
		}
	}
}

func TestConvertBounds(t *testing.T) {
	for form, want := range map[string]error{
		"":                          ErrNoForm,
		`["a"]`:                     ErrNoForm,
		"a[b][c][d][e]=1":           nil,
		"a[b][c][d][e][f]=1":        ErrDeep,
		strings.Repeat("a=&", 1000): nil,
		strings.Repeat("a=&", 1001): ErrMany,
	} {
		if _, err := Convert([]byte(form), limits); !errors.Is(err, want) {
			t.Errorf("%.40s: %v, want %v", form, err, want)
		}
	}
}

// Whatever nested text is written as a form comes back the same.
func TestConvertIsTheInverseOfEncoding(t *testing.T) {
	key := rapid.StringMatching(`[a-zA-Z_-]{1,6}`)
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]map[string]string{}
		var form []string
		for i := range rapid.IntRange(1, 20).Draw(t, "names") {
			outer, inner := key.Draw(t, "outer"), fmt.Sprintf("%s%d", key.Draw(t, "inner"), i)
			value := strings.ReplaceAll(strings.ToValidUTF8(rapid.String().Draw(t, "value"), "?"), "\x00", "")
			if want[outer] == nil {
				want[outer] = map[string]string{}
			}
			want[outer][inner] = value
			form = append(form, url.QueryEscape(outer+"["+inner+"]")+"="+url.QueryEscape(value))
		}
		text, err := Convert([]byte(strings.Join(form, "&")), limits)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]map[string]string
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// What comes out is acceptable to the strict reader, and no larger than six times what went in: the longest escape.
func FuzzConvert(f *testing.F) {
	f.Add([]byte("type=a&data[b][]=%e4&data[b][]=+&data=x&data[b"))
	f.Add([]byte("a[b][c][d][e][f]=1"))
	f.Add([]byte("%00=\x01&[=]&a[]b=&a[0]=1&a[-1]=2&a[01]=3&a[99999999999999999999]=4&a[]=5"))
	f.Fuzz(func(t *testing.T, body []byte) {
		text, err := Convert(body, limits)
		if err != nil {
			if !errors.Is(err, ErrNoForm) && !errors.Is(err, ErrMany) && !errors.Is(err, ErrDeep) {
				t.Fatal(err)
			}
			return
		}
		if len(text) > 12*len(body)+16 {
			t.Fatalf("%d bytes of %d", len(text), len(body))
		}
		v, err := strictjson.NewDoc().Parse(text, 0, len(text), strictjson.Limits{Depth: limits.Depth + 1, Keys: 20_000, Values: 20_000, Digits: 64})
		if err != nil || v.Kind() != strictjson.Object {
			t.Fatalf("%v: %s", err, text)
		}
	})
}
