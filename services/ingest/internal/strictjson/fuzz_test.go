package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Any value that encoding/json writes is read back as it is.
func TestRoundTrip(t *testing.T) {
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		text := rapid.Map(rapid.String(), func(s string) string { return strings.ReplaceAll(s, "\x00", "") })
		leaves := []*rapid.Generator[any]{
			rapid.Map(text, func(s string) any { return s }),
			rapid.Map(rapid.Int64(), func(n int64) any { return json.Number(fmt.Sprint(n)) }),
			rapid.Map(rapid.Bool(), func(b bool) any { return b }),
			rapid.Just[any](nil),
		}
		if depth == 0 {
			return rapid.OneOf(leaves...)
		}
		return rapid.OneOf(append(leaves,
			rapid.Map(rapid.SliceOfN(value(depth-1), 0, 20), func(s []any) any { return s }),
			rapid.Map(rapid.MapOfN(text, value(depth-1), 0, 30), func(m map[string]any) any { return m }))...)
	}
	rapid.Check(t, func(t *rapid.T) {
		want := value(3).Draw(t, "value")
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		d := NewDoc()
		v, err := d.Parse(text, 0, len(text), limits)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := json.Marshal(plain(v))
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%s, want %s (%v)", again, text, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"id":"1","lead":{"email":"a@b.example"},"properties":{"n":[1,2.5e3,true,null,"\ud83d\ude00"]}}`,
		`[1,]`, `{"a":1,"a":2}`, `"\ud800"`, `1e400`, "\"\xff\"", `{"a":"\u0000"}`, `[[[[[]]]]]`, `{} {}`, `-0.0e-0`, `"\u0041\\\"`, ``,
	} {
		f.Add([]byte(s))
	}
	d := NewDoc()
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := d.Parse(text, 0, len(text), limits)
		var fault *Fault
		errors.As(err, &fault)
		// encoding/json knows the grammar; what it takes may break a rule of ours, what it refuses never passes.
		if valid := json.Valid(text); err == nil && !valid || fault != nil && fault.Syntax && valid {
			t.Fatalf("%q: %v, but encoding/json says valid=%v", text, err, valid)
		}
		if err != nil {
			if fault.Offset < 0 || fault.Offset > len(text) {
				t.Fatalf("%q: byte %d", text, fault.Offset)
			}
			return
		}
		if got, want := plain(v), reference(t, text); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v, want %#v", text, got, want)
		}
		// What parses splits, into parts that parse.
		part := NewDoc()
		check := func(s Span) error {
			_, err := part.Parse(text, s.From, s.To, limits)
			return err
		}
		switch v.Kind() {
		case Array:
			if err := EachElement(text, 0, len(text), check); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		case Object:
			if err := EachMember(text, 0, len(text), func(k, v Span) error { return errors.Join(check(k), check(v)) }); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}

func BenchmarkParse500(b *testing.B) {
	body := []byte(`{"id":"evt-0123456789","type":"asset_downloaded","occurred_at":"2026-11-20T10:00:00Z","lead":{"email":"ana@initech.example","anonymous_id":"an-7","external_ids":{"hubspot":"123"}},"traits":{"first_name":"Ana","last_name":"Lind","title":"VP Engineering","country":"SE"},"account":{"name":"Initech","domain":"initech.example","employees":420,"industry":"software"},"properties":{"asset":"pricing-guide","channel":"email","campaign":"q4-launch","url":"https://www.initech.example/pricing?utm=1"}}`)
	d := NewDoc()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Parse(body, 0, len(body), limits); err != nil {
			b.Fatal(err)
		}
	}
}
