package state_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// draw fills a value of any of the stored types with anything.
func draw(t *rapid.T, v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.StringN(0, 12, 300).Draw(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Int, reflect.Int32:
		v.SetInt(int64(rapid.Int32Range(0, 1<<31-2).Draw(t, name)))
	case reflect.Uint8:
		v.SetUint(rapid.Uint64Range(0, 2).Draw(t, name))
	case reflect.Uint32:
		v.SetUint(uint64(rapid.Uint32().Draw(t, name)))
	case reflect.Int64:
		v.SetInt(rapid.Int64Range(0, 1<<62).Draw(t, name))
	case reflect.Slice:
		n := rapid.IntRange(0, 3).Draw(t, name+" length")
		if n == 0 {
			return
		}
		s := reflect.MakeSlice(v.Type(), n, n)
		for i := range n {
			draw(t, s.Index(i), fmt.Sprint(name, i))
		}
		v.Set(s)
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*core.Lead]() { // drawLead's to draw: it is one level deep
			return
		}
		if rapid.Bool().Draw(t, name+" there") {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, v.Elem(), name)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				draw(t, v.Field(i), f.Name)
			}
		}
	}
}

func drawLead(t *rapid.T) *core.Lead {
	l := drawAlone(t)
	if rapid.Bool().Draw(t, "met others") {
		l.Own = normal(drawAlone(t))
		l.Own.Gathering = nil
	}
	if g := l.Gathering; g != nil {
		g.Lead = normal(drawAlone(t))
		g.Lead.Gathering = nil
		g.Asked = min(g.Asked, len(g.Waiting))
	}
	return l
}

func drawAlone(t *rapid.T) *core.Lead {
	l := &core.Lead{}
	draw(t, reflect.ValueOf(l).Elem(), "lead")
	l.ID, l.Named, l.Lasting = "", false, false
	items := make([]*core.Item, 0, 6)
	for i := range l.Items {
		items = append(items, &l.Items[i])
	}
	if l.Shadow != nil {
		for i := range l.Shadow.Items {
			items = append(items, &l.Shadow.Items[i])
		}
	}
	for _, it := range items {
		it.Count = max(it.Count, 1)
		if it.Terms == nil {
			it.Terms = &core.Terms{}
		}
		it.CapPer = max(it.CapPer%(1<<30), 1) * time.Second
		it.HalfLife = it.HalfLife % (1 << 30) * time.Second
		it.Timeframe = it.Timeframe % (1 << 30) * time.Second
		it.Raw -= 1 << 40
	}
	for i := range l.Timeline {
		touch := core.Touch{}
		draw(t, reflect.ValueOf(&touch).Elem(), "touch")
		l.Timeline[i] = core.Pack(&touch)
	}
	for range rapid.IntRange(0, 5).Draw(t, "seen") {
		l.Seen.Add(core.KeyOf("s", rapid.String().Draw(t, "id")), rapid.Int64Range(0, 1<<50).Draw(t, "received"), rapid.Bool().Draw(t, "counts"))
	}
	return l
}

// normal lets lists without entries be equal.
func normal(l *core.Lead) *core.Lead {
	if l.Shadow != nil && len(l.Shadow.Items) == 0 {
		l.Shadow.Items = nil
	}
	v := reflect.ValueOf(l).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Len() == 0 && f.CanSet() {
			f.SetZero()
		}
	}
	return l
}

func TestWhatWasStoredIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, beside := drawLead(t), state.Beside{}
		draw(t, reflect.ValueOf(&beside).Elem(), "beside")
		blob := state.Append(nil, l, beside)
		got, gotBeside, err := state.Decode(blob)
		if err != nil {
			t.Fatal(err)
		}
		if gotBeside != beside {
			t.Fatalf("got  %+v\nwant %+v", gotBeside, beside)
		}
		if again := state.Append(nil, got, gotBeside); !bytes.Equal(again, blob) {
			t.Fatal("stored again it gives other bytes")
		}
		if !reflect.DeepEqual(normal(got), normal(l)) {
			t.Fatalf("got  %+v\nwant %+v", got, l)
		}
	})
}

// The generated code reads and writes the very same bytes: the hand-written code and the contract cannot drift apart.
func TestStoredFormIsTheContract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blob := state.Append(nil, drawLead(t), state.Beside{QuarantinedAt: 5, Indexed: state.Indexed{Known: true, Stage: "mql", LastMs: 3}})
		var m scoringv1.LeadState
		if err := proto.Unmarshal(blob, &m); err != nil {
			t.Fatal(err)
		}
		if len(m.ProtoReflect().GetUnknown()) > 0 {
			t.Fatal("fields that the contract does not know")
		}
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, blob) {
			t.Fatalf("the generated code writes it differently:\n%x\n%x", again, blob)
		}
	})
}

func TestEveryFieldOfTheContractIsWritten(t *testing.T) {
	l := &core.Lead{}
	fill(reflect.ValueOf(l).Elem())
	l.Timeline[0] = core.Pack(l.Entry)
	l.Items = append(l.Items, core.Item{At: 1, ID: "x", Source: "x", Terms: &core.Terms{Rule: "y"}, Count: 2, Automated: "x"}, l.Items[0])
	l.Shadow.Items = l.Items
	l.Seen.Add(core.KeyOf("s", "1"), int64(time.Hour), true)
	l.Seen.Forgotten = 1
	l.Gathering.Asked = 1
	beside := state.Beside{}
	fill(reflect.ValueOf(&beside).Elem())
	var m scoringv1.LeadState
	if err := proto.Unmarshal(state.Append(nil, l, beside), &m); err != nil {
		t.Fatal(err)
	}
	for _, part := range []proto.Message{
		&m, m.Run, m.Run.Stages[0], m.Deal, m.Profile[0], m.Consent[0], m.Terms[0], m.Items[1], m.Timeline[0], m.Entry, m.Missed[0], m.History[0],
		m.History[0].Stages[0], m.Rated, m.ToldAccount, m.Indexed, m.Shadow, m.Shadow.Terms[0], m.Shadow.Items[1],
		m.Gathering, m.Joined, m.Severed,
	} {
		r := part.ProtoReflect()
		for i := range r.Descriptor().Fields().Len() {
			if f := r.Descriptor().Fields().Get(i); !r.Has(f) {
				t.Errorf("%s is not written", f.FullName())
			}
		}
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(7e9)
	case reflect.Int, reflect.Int32:
		v.SetInt(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if v.Type() != reflect.TypeFor[*core.Lead]() { // without end
			fill(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	}
}

func TestSplitLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLead(t)
		parts := state.Split(l, rapid.IntRange(1, 2000).Draw(t, "most"))
		if len(parts) == 0 {
			t.Fatal("no part at all")
		}
		var joined scoringv1.LeadState
		for i, p := range parts {
			got, _, err := state.Decode(p)
			if err != nil {
				t.Fatalf("a part cannot be read by itself: %v", err)
			}
			if i > 0 && !got.Run.Zero() {
				t.Fatal("the run is not in the first part")
			}
			var m scoringv1.LeadState
			if err := proto.Unmarshal(p, &m); err != nil {
				t.Fatal(err)
			}
			m.Terms = nil
			if m.Shadow != nil {
				m.Shadow.Terms = nil
			}
			if (m.Shadow != nil) != (l.Shadow != nil) || l.Shadow != nil && got.Shadow.Run != l.Shadow.Run {
				t.Fatal("every part must tell which run the shadow is of")
			}
			proto.Merge(&joined, &m)
		}
		var whole scoringv1.LeadState
		if err := proto.Unmarshal(state.Append(nil, l, state.Beside{}), &whole); err != nil {
			t.Fatal(err)
		}
		whole.Terms, whole.Fields, whole.Contributions, whole.Touches = nil, 0, 0, 0
		if whole.Shadow != nil {
			whole.Shadow.Terms = nil
		}
		// What it knows by itself, and how it came to be where it is, stays with it.
		whole.Own, whole.Gathering, whole.Joined, whole.Severed, whole.Gathered = nil, nil, nil, nil, 0
		if !proto.Equal(&joined, &whole) {
			t.Fatalf("joined %v\nwhole %v", &joined, &whole)
		}
	})
}

// However many a lead absorbed, each part fits into a message.
func TestSplitOfALeadThatAbsorbedManyHasSmallParts(t *testing.T) {
	l := &core.Lead{Run: core.Run{Epoch: 1, Stage: core.Inquiry}, Profile: core.Profile{{Name: "title", Value: "VP"}}}
	for i := range 40_000 {
		l.Absorbed = append(l.Absorbed, fmt.Sprintf("ld_x%025d", i))
	}
	var got int
	for i, p := range state.Split(l, 512<<10) {
		part, _, err := state.Decode(p)
		if err != nil || len(p) > 513<<10 {
			t.Fatalf("part %d of %d bytes: %v", i, len(p), err)
		}
		if got += len(part.Absorbed); i == 0 && len(part.Profile) == 0 {
			t.Error("what it knows does not come first")
		}
	}
	if got != 40_000 {
		t.Errorf("got %d", got)
	}
}

func TestUnknownFieldsAreSkipped(t *testing.T) {
	l := &core.Lead{Stated: "mql"}
	blob := append(state.Append(nil, l, state.Beside{}), 0xfa, 0x3f, 3, 1, 2, 3, 0xf0, 0x3f, 1)
	got, _, err := state.Decode(blob)
	if err != nil || got.Stated != "mql" {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// Bytes that hold a lead within a lead within a lead are nobody's: reading them must not go as deep as they say.
func TestLeadsAreNestedOnce(t *testing.T) {
	blob := state.Append(nil, &core.Lead{Own: &core.Lead{Own: &core.Lead{Stated: "mql"}}}, state.Beside{})
	if _, _, err := state.Decode(blob); err == nil {
		t.Error("a lead within a lead within a lead was read")
	}
}

func TestOtherIsReadBack(t *testing.T) {
	o := &state.Other{QuarantinedAt: 5, IndexedMs: 6}
	o.Seen.Add(core.KeyOf("a", "b"), int64(time.Hour), true)
	blob := o.Append(nil)
	got, err := state.DecodeOther(blob)
	if err != nil || !bytes.Equal(got.Append(nil), blob) || got.QuarantinedAt != 5 || got.IndexedMs != 6 {
		t.Fatalf("got %+v, %v", got, err)
	}
	var m scoringv1.OtherState
	if err := proto.Unmarshal(blob, &m); err != nil || m.QuarantinedAt != 5 || len(m.Seen) != 1 {
		t.Fatalf("got %+v, %v", &m, err)
	}
}

func FuzzDecode(f *testing.F) {
	l := &core.Lead{}
	fill(reflect.ValueOf(l).Elem())
	l.Seen.Add(core.KeyOf("s", "1"), int64(time.Hour), true)
	f.Add(state.Append(nil, l, state.Beside{QuarantinedAt: 1}))
	f.Add([]byte{})
	f.Add([]byte{0x8a, 0x01, 2, 0x38, 5})
	f.Fuzz(func(t *testing.T, blob []byte) {
		got, beside, err := state.Decode(blob)
		if err != nil {
			return
		}
		_ = got.Engagement(1 << 60) // whatever was read can be worked with
		once := state.Append(nil, got, beside)
		again, beside2, err := state.Decode(once)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if !bytes.Equal(state.Append(nil, again, beside2), once) {
			t.Fatal("the stored form is not canonical")
		}
		if _, err := state.DecodeOther(blob); err != nil {
			return
		}
	})
}

// benchLead is a lead of ten scored engagements.
func benchLead() *core.Lead {
	l := &core.Lead{Email: "ana.lind@initech.example", Stated: core.Inquiry, Highest: core.Inquiry, Run: core.Run{Epoch: 1, Stage: core.Inquiry}, Looked: 1.7e18, LastAt: 1.7e18}
	for i, name := range []string{"account.domain", "account.employees", "account.industry", "account.name", "country", "first_name", "last_name", "title"} {
		l.Profile = append(l.Profile, core.Field{Name: name, Value: "something", At: 1.7e18 + int64(i), By: "0b7f5a1e-6b7c-4f6e-9d7e-000000000000"})
	}
	rules := []string{"pricing", "ebook", "webinar"}
	for i := range 10 {
		id := fmt.Sprintf("0b7f5a1e-6b7c-4f6e-9d7e-%012d", i)
		at := int64(1.7e18) + int64(i)*int64(time.Hour)
		l.Items = append(l.Items, core.Item{At: at, ID: id, Source: "site", Terms: &core.Terms{Rule: rules[i%3], Raw: 8 * core.Point, HalfLife: 336 * time.Hour, CapCount: 2, CapPer: 24 * time.Hour, Version: 1}, Count: 1})
		touch := core.Touch{At: at, ID: id, Source: "site", Type: "page_viewed", Channel: "email", Campaign: "q4-launch", URL: "https://initech.example/pricing", Title: "Pricing"}
		l.Timeline = append(l.Timeline, core.Pack(&touch))
		l.Seen.Add(core.KeyOf("site", id), at, true)
	}
	entry := l.Timeline[0].Touch()
	l.Entry = &entry
	return l
}

func BenchmarkDecode(b *testing.B) {
	blob := state.Append(nil, benchLead(), state.Beside{})
	b.ReportAllocs()
	b.SetBytes(int64(len(blob)))
	for b.Loop() {
		if _, _, err := state.Decode(blob); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	l := benchLead()
	b.ReportAllocs()
	for b.Loop() {
		state.Append(make([]byte, 0, 4096), l, state.Beside{})
	}
}
