package core

import (
	"cmp"
	"testing"

	"pgregory.net/rapid"
)

func drawTouch(t *rapid.T, name string) Touch {
	touch := Touch{At: rapid.Int64Range(-1, 2).Draw(t, name+" at"), Automated: rapid.Bool().Draw(t, name+" automated")}
	for _, text := range touch.texts() {
		*text = rapid.OneOf(rapid.SampledFrom([]string{"", "a", "b"}), rapid.StringN(0, 300, -1)).Draw(t, name)
	}
	return touch
}

func TestPackedTouch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTouch(t, "a"), drawTouch(t, "b")
		pa, pb := Pack(&a), Pack(&b)
		if got := pa.Touch(); got != a {
			t.Fatalf("packed %+v, read %+v", a, got)
		}
		if got := PackedForm(pa.Form); got != pa {
			t.Fatalf("stored %+v, read %+v", pa, got)
		}
		if got, want := pa.compare(pb), a.compare(&b); cmp.Compare(got, 0) != cmp.Compare(want, 0) {
			t.Fatalf("packed %d, not packed %d", got, want)
		}
		// What is added to the form later is passed over.
		more := Packed{At: a.At, Form: pa.Form + "\x6a\x03new\x70\x96\x01\x79\x01\x02\x03\x04\x05\x06\x07\x08"}
		if got := more.Touch(); got != a {
			t.Fatalf("with fields to come: %+v, want %+v", got, a)
		}
	})
}

func FuzzPackedTouch(f *testing.F) {
	f.Add(Pack(&Touch{At: 5, ID: "e-1", Type: "page_viewed", Title: "Pricing", Automated: true}).Form)
	f.Add("\x09\x01")
	f.Add("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
	f.Add("\x7f\x80")
	f.Fuzz(func(t *testing.T, form string) {
		p := PackedForm(form)
		read := p.Touch()
		again := Pack(&read)
		if got := again.Touch(); got != read {
			t.Fatalf("read %+v, packed again %+v", read, got)
		}
		if p.compare(again) != 0 {
			t.Fatalf("what was read of %q has another place", form)
		}
	})
}
