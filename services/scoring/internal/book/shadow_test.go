package book_test

import (
	"testing"

	"github.com/batonhq/baton/services/scoring/internal/book"
)

func TestOneVersionRunsInTheShadow(t *testing.T) {
	b := newBook(t)
	seq := uint64(0)
	apply := func(version int32, what, yaml string) {
		seq++
		ev := change(version, what, yaml, yaml, kim, ana)
		ev.Seq = seq
		b.Apply(ev)
	}
	shadow := func(version int32, run int32) {
		t.Helper()
		r := b.Rules()
		switch {
		case version == 0 && (r.Shadow != nil || b.Running() != nil), version != 0 && (r.Shadow == nil || r.Shadow.Version != version || b.Running().Version != version), r.ShadowRun != run:
			t.Fatalf("in the shadow: %v, run %d; want version %d, run %d", b.Running(), r.ShadowRun, version, run)
		}
	}
	for version, yaml := range map[int32]string{1: text, 2: "agreement: two", 3: "agreement: three", 4: "agreement: x\nfit: [{id: a, points: 1, when: 'lead.title >'}]"} {
		apply(version, book.Proposed, yaml)
	}
	apply(1, book.Activated, text)
	for _, nothing := range []int32{1, 4, 9} { // in force, not compiling, unknown
		apply(nothing, book.Shadowed, text)
		apply(nothing, book.Unshadowed, text)
	}
	shadow(0, 0)
	apply(2, book.Shadowed, "agreement: two")
	began := seq
	apply(2, book.Shadowed, "agreement: two")
	shadow(2, 1)
	if run, ok := b.ShadowRun(2); !ok || run != (book.Run{From: began}) {
		t.Fatalf("got %+v", run)
	}
	apply(3, book.Shadowed, "agreement: three")
	shadow(3, 2)
	if run, _ := b.ShadowRun(2); run != (book.Run{From: began, To: seq}) || b.Find(2).ShadowUntil == nil {
		t.Fatalf("got %+v", run)
	}
	apply(2, book.Unshadowed, "agreement: two")
	shadow(3, 2)
	apply(3, book.Activated, "agreement: three") // nothing is left to compare
	shadow(0, 2)
	apply(1, book.Shadowed, text) // superseded, it may run again
	shadow(1, 3)
	apply(1, book.Unshadowed, text)
	shadow(0, 3)
	if _, ok := b.ShadowRun(4); ok || b.Find(1).State != book.StateSuperseded {
		t.Error("a version that does not compile ran")
	}
}
