package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

var limits = Limits{Depth: 32, Keys: 10_000, Values: 20_000, Digits: 64}

func parse(text string) (*Doc, Value, error) {
	d := NewDoc()
	v, err := d.Parse([]byte(text), 0, len(text), limits)
	return d, v, err
}

// plain rebuilds a value as encoding/json with UseNumber has it.
func plain(v Value) any {
	switch v.Kind() {
	case Object:
		out := map[string]any{}
		for m := v.Members(); ; {
			k, e, ok := m.Next()
			if !ok {
				return out
			}
			out[k.Text()] = plain(e)
		}
	case Array:
		out := []any{}
		for e := v.Elements(); ; {
			x, ok := e.Next()
			if !ok {
				return out
			}
			out = append(out, plain(x))
		}
	case String:
		return v.Text()
	case Number:
		return json.Number(v.Text())
	case True:
		return true
	case False:
		return false
	default:
		return nil
	}
}

func reference(t testing.TB, text []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var want any
	if err := dec.Decode(&want); err != nil {
		t.Fatal(err)
	}
	return want
}

func TestReads(t *testing.T) {
	for _, text := range []string{
		`null`, ` true `, `false`, `0`, `-0`, `12.5e-3`, `1E+2`, `""`, `"é漢 \u00e9 \ud83d\ude00 \"\\\/\b\f\n\r\t"`,
		`[]`, `[ ]`, `{}`, "{ }\r\n\t", `[1,[2,[]],{"a":{}}]`, `{"a":1,"b":[true,null],"c":{"a":"x"}}`,
		`{"":0," ":1,"\u0061b":2}`, `123456789012345678901234567890`, `1e-400`,
	} {
		_, v, err := parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, want := plain(v), reference(t, []byte(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, want %#v", text, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	deep := strings.Repeat(`[`, 33) + strings.Repeat(`]`, 33)
	var wide strings.Builder
	wide.WriteString(`{"a":{`)
	for i := range 10_001 {
		fmt.Fprintf(&wide, `"k%d":0,`, i)
	}
	wide.WriteString(`"z":0}}`)
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, `"k%d":0,`, i)
	}
	for _, tc := range []struct {
		name, text, reason, path string
		offset                   int
		syntax                   bool
	}{
		{"empty", "", "ends in the middle", "", 0, true},
		{"blank", "  \n", "ends in the middle", "", 3, true},
		{"cut", `{"a":[1,`, "ends in the middle", "a[1]", 8, true},
		{"cut string", `{"a":"b`, "ends in the middle", "a", 7, true},
		{"cut escape", `"\u12`, "ends in the middle", "", 5, true},
		{"cut pair", `"\ud83d\u`, "lone surrogate", "", 1, false},
		{"trailing", `{} {}`, "more behind the end", "", 3, true},
		{"trailing comma", `[1,]`, "not a JSON value", "[1]", 3, true},
		{"trailing comma in object", `{"a":1,}`, "expected a key", "", 7, true},
		{"no colon", `{"a" 1}`, "expected :", "", 5, true},
		{"no comma", `{"a":[1 2]}`, "expected , or ]", "a", 8, true},
		{"comment", `{/**/}`, "expected a key", "", 1, true},
		{"single quotes", `{'a':1}`, "expected a key", "", 1, true},
		{"bare word", `{"a":nul}`, "not a JSON value", "a", 5, true},
		{"NaN", `NaN`, "not a JSON value", "", 0, true},
		{"leading zero", `[01]`, "must not start with 0", "[0]", 2, true},
		{"bare minus", `-`, "ends in the middle", "", 1, true},
		{"no fraction", `1.`, "ends in the middle", "", 2, true},
		{"no exponent", `{"a":1e}`, "without digits", "a", 7, true},
		{"plus", `+1`, "not a JSON value", "", 0, true},
		{"escape", `"\x41"`, "unknown escape", "", 1, true},
		{"hex", `"\u00g0"`, "four hexadecimal", "", 7, true},
		{"raw newline", "\"a\nb\"", "control character", "", 2, true},
		{"raw NUL", "{\"a\":\"x\x00\"}", "NUL", "a", 7, true},
		{"escaped NUL", `{"a":"x\u0000"}`, "NUL", "a", 7, false},
		{"too deep", deep, "nested more than 32", strings.Repeat("[0]", 32), 32, false},
		{"too many keys", wide.String(), "more than 10000 keys", "a", 0, false},
		{"too many values", "[" + strings.Repeat("0,", 20_000) + "0]", "more than 20000 values", "[19999]", 0, false},
		{"long number", `{"a":` + strings.Repeat("1", 65) + `}`, "65 characters", "a", 5, false},
		{"out of range", `{"a":[1e400]}`, "out of range", "a[0]", 6, false},
		{"out of range, negative", `-1e999`, "out of range", "", 0, false},
		{"invalid UTF-8", "{\"a\":{\"b\":\"x\xff\"}}", "invalid UTF-8", "a.b", 12, false},
		{"overlong UTF-8", "\"\xc0\xaf\"", "invalid UTF-8", "", 1, false},
		{"surrogate in UTF-8", "\"\xed\xa0\x80\"", "invalid UTF-8", "", 1, false},
		{"invalid UTF-8 in a key", "{\"\xff\":1}", "invalid UTF-8", "", 2, false},
		{"high surrogate", `{"a":"x\ud800"}`, `lone surrogate (\ud800)`, "a", 7, false},
		{"low surrogate", `"\udc00\ud800"`, `lone surrogate (\udc00)`, "", 1, false},
		{"two high surrogates", `"\ud800\ud800"`, "lone surrogate", "", 1, false},
		{"duplicate key", `{"a":{"b":1,"c":2,"b":3}}`, "given twice", "a.b", 18, false},
		{"duplicate key, escaped", `{"ab":1,"\u0061b":3}`, "given twice", "ab", 8, false},
		{"duplicate among many", `{` + many.String() + `"k7":1}`, "given twice", "k7", 0, false},
		{"duplicate among many, escaped", `{` + many.String() + `"\u006b7":1}`, "given twice", "k7", 0, false},
		{"hostile key in the path", `{"` + strings.Repeat("x", 99) + `":{"a\nb":x}}`, "not a JSON", strings.Repeat("x", 40) + "….a·b", 0, true},
		{"byte order mark", "\ufeff{}", "not a JSON value", "", 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := parse(tc.text)
			var f *Fault
			if !errors.As(err, &f) {
				t.Fatalf("accepted (%v)", err)
			}
			if !strings.Contains(f.Error(), tc.reason) || f.Path != tc.path || f.Syntax != tc.syntax {
				t.Errorf("%v: path %q, syntax %v; want %q at %q, syntax %v", f, f.Path, f.Syntax, tc.reason, tc.path, tc.syntax)
			}
			if tc.offset != 0 && f.Offset != tc.offset {
				t.Errorf("byte %d, want %d", f.Offset, tc.offset)
			}
		})
	}
}

// Offsets count from the start of the body, and nothing outside the span is looked at.
func TestParsesASpan(t *testing.T) {
	body := []byte(`[{"a":1},{"a":nul},{"b":"\u0062"}]`)
	d := NewDoc()
	if v, err := d.Parse(body, 1, 8, limits); err != nil || v.Get("a").Text() != "1" {
		t.Errorf("%v %v", v.Get("a").Text(), err)
	}
	_, err := d.Parse(body, 9, 18, limits)
	var f *Fault
	if !errors.As(err, &f) || f.Offset != 14 {
		t.Errorf("%v, want byte 14", err)
	}
	if v, err := d.Parse(body, 19, 33, limits); err != nil || !v.Get("b").Is("b") || v.Offset() != 19 || v.Get("b").Offset() != 24 {
		t.Errorf("%v %v", v, err)
	}
	if _, err := d.Parse(body, 19, 32, limits); err == nil {
		t.Error("read on behind the span")
	}
}

func TestAccessors(t *testing.T) {
	_, v, err := parse(`{"n":null,"i":42,"f":-2.5,"s":"\u0041","l":[1,2,3],"o":{"x":true},"big":900719925474099312345}`)
	if err != nil {
		t.Fatal(err)
	}
	if v.Get("n").Given() || v.Get("absent").Given() || !v.Get("i").Given() {
		t.Error("null and absent are not given, 42 is")
	}
	if v.Get("i").Float() != 42 || v.Get("f").Float() != -2.5 || v.Get("big").Float() != 900719925474099312345 || v.Get("s").Float() != 0 {
		t.Error("floats")
	}
	if !v.Get("s").Is("A") || v.Get("s").Is("B") || v.Get("i").Is("42") || v.Get("s").Text() != "A" || v.Get("o").Text() != "" {
		t.Error("texts")
	}
	if v.Len() != 7 || v.Get("l").Len() != 3 || v.Get("s").Len() != 0 || string(v.Get("o").Raw()) != `{"x":true}` {
		t.Error("lengths and raw text")
	}
	var none Value
	if none.Kind() != Invalid || none.Raw() != nil || none.Text() != "" || none.Get("x").Kind() != Invalid || none.Offset() != 0 || none.Float() != 0 {
		t.Error("the zero value is not there")
	}
}

func TestSplit(t *testing.T) {
	spans := func(body string, each func(f func(Span) error) error) string {
		var out []string
		err := each(func(s Span) error { out = append(out, body[s.From:s.To]); return nil })
		if err != nil {
			out = append(out, err.Error())
		}
		return strings.Join(out, "|")
	}
	for _, tc := range []struct{ body, want string }{
		{`[]`, ``}, {` [ ] `, ``}, {`[1, "a,]" ,{"x":[1,2]},null]`, `1|"a,]"|{"x":[1,2]}|null`},
		{`[{"a":"\"]"},2]`, `{"a":"\"]"}|2`},
		{`[{"a":nope},{"b":"\ud800"}]`, `{"a":nope}|{"b":"\ud800"}`},
		{`[1,]`, `1|expected a value (byte 3)`}, {`[,1]`, `expected a value (byte 1)`},
		{`[1 2]`, `1|expected , or ] in an array (byte 3)`},
		{`[1`, `1|the text ends in the middle of a value (byte 2)`}, {`[`, `the text ends in the middle of a value (byte 1)`},
		{`["a`, `the text ends in the middle of a value (byte 3)`}, {`["a\`, `the text ends in the middle of a value (byte 4)`},
		{`[[1]`, `[1]|the text ends in the middle of a value (byte 4)`}, {`[1]x`, `1|there is more behind the end of the value (byte 3)`},
		{`{}`, `expected an array (byte 0)`}, {``, `the text ends in the middle of a value (byte 0)`},
	} {
		got := spans(tc.body, func(f func(Span) error) error { return EachElement([]byte(tc.body), 0, len(tc.body), f) })
		if got != tc.want {
			t.Errorf("elements of %s: %s, want %s", tc.body, got, tc.want)
		}
	}
	for _, tc := range []struct{ body, want string }{
		{`{}`, ``}, {` { "a" : 1, "b":[{}] } `, `"a"=1|"b"=[{}]`},
		{`{"a":1,"a":2}`, `"a"=1|"a"=2`}, {`{"a"}`, `expected : behind a key (byte 4)`}, {`{"a":}`, `expected a value (byte 5)`},
		{`{a:1}`, `expected a key in quotes (byte 1)`}, {`{"a":1 "b":2}`, `"a"=1|expected , or } in an object (byte 7)`},
		{`{"a":1}{`, `"a"=1|there is more behind the end of the value (byte 7)`}, {`[]`, `expected an object (byte 0)`},
	} {
		var out []string
		err := EachMember([]byte(tc.body), 0, len(tc.body), func(k, v Span) error {
			out = append(out, tc.body[k.From:k.To]+"="+tc.body[v.From:v.To])
			return nil
		})
		if err != nil {
			out = append(out, err.Error())
		}
		if got := strings.Join(out, "|"); got != tc.want {
			t.Errorf("members of %s: %s, want %s", tc.body, got, tc.want)
		}
	}
	lines := "{\"a\":1}\n\n  \r\n{\"b\":2}\r\nx"
	if got, want := spans(lines, func(f func(Span) error) error { return EachLine([]byte(lines), f) }), "{\"a\":1}|{\"b\":2}\r|x"; got != want {
		t.Errorf("lines %q, want %q", got, want)
	}
	stop := errors.New("stop")
	for name, err := range map[string]error{
		"elements": EachElement([]byte(`[1,2]`), 0, 5, func(Span) error { return stop }),
		"members":  EachMember([]byte(`{"a":1}`), 0, 7, func(_, _ Span) error { return stop }),
		"lines":    EachLine([]byte("1\n2"), func(Span) error { return stop }),
	} {
		if !errors.Is(err, stop) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// cpuTime is what the process has used of the processors so far: unlike the clock, it hardly minds what else they do.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What hostile texts cost: linear time, memory bounded by the limits.
func TestHostileTextsAreCheap(t *testing.T) {
	var keys strings.Builder
	keys.WriteString(`{`)
	for i := range 200_000 {
		fmt.Fprintf(&keys, `"%d":0,`, i)
	}
	keys.WriteString(`"":0}`)
	for name, text := range map[string]string{
		"two million levels":     strings.Repeat("[", 2_000_000) + strings.Repeat("]", 2_000_000),
		"levels of objects":      strings.Repeat(`{"a":`, 800_000),
		"200,000 keys":           keys.String(),
		"a 100,000-digit number": `{"a":` + strings.Repeat("9", 100_000) + `}`,
		"4 MB of zeros":          "[" + strings.Repeat("0,", 2_000_000) + "0]",
		"one long string":        `"` + strings.Repeat(`\u00e9`, 700_000) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			body := []byte(text)
			var before, after runtime.MemStats
			best := time.Hour
			var err error
			for i := 0; i == 0 || i < 10 && best > 50*time.Millisecond; i++ { // the machine may be busy with something else
				runtime.ReadMemStats(&before)
				start := cpuTime(t)
				d := NewDoc()
				_, err = d.Parse(body, 0, len(body), limits)
				_ = EachElement(body, 0, len(body), func(Span) error { return nil })
				best = min(best, cpuTime(t)-start)
				runtime.ReadMemStats(&after)
				if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
					t.Errorf("allocated %d bytes", grown)
				}
			}
			if (err == nil) != (name == "one long string") {
				t.Errorf("%v", err)
			}
			if best > 50*time.Millisecond {
				t.Errorf("took %v of the processor's time", best)
			}
		})
	}
}

func TestReuseAllocatesNothing(t *testing.T) {
	body := []byte(`{"id":"evt-1","lead":{"email":"a@b.example","ids":["x","\u0041"]},"n":[1,2.5,true,null]}`)
	d := NewDoc()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := d.Parse(body, 0, len(body), limits); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
