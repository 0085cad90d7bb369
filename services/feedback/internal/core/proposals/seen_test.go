package proposals

import (
	"reflect"
	"testing"
)

// TestSeenIsACopy: what was seen of a table does not change with it, so that it need not be held meanwhile.
func TestSeenIsACopy(t *testing.T) {
	w := plain(4000, 6)
	w.rules[0].factor = 0.1
	tab, a := w.table(1), w.agreement()
	want := Find(tab, a, Options{Now: now})
	if len(want) == 0 {
		t.Fatal("there is nothing to find")
	}
	seen := See(tab, a, now)
	for n := range tab.Leads() {
		tab.Replace(uint32(n), nil)
	}
	tab.Names.Sym("another")
	if got := seen.Find(a, Options{Now: now}); !reflect.DeepEqual(got, want) {
		t.Errorf("found %+v, want %+v", got, want)
	}
	if got := Find(tab, a, Options{Now: now}); reflect.DeepEqual(got, want) {
		t.Error("the empty table says the same")
	}
}
