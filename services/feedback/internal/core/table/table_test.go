package table

import (
	"maps"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// TestTableIsItsLastRows: whatever is replaced, in whatever order, a scan finds each lead's last rows and nothing else.
func TestTableIsItsLastRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, want := New(), map[string][]Row{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"ld_a", "ld_b", "ld_c", "ld_d"}).Draw(t, "lead")
			rows := make([]Row, rapid.IntRange(0, 3).Draw(t, "rows"))
			for i := range rows {
				rows[i] = Row{Epoch: uint16(i + 1), First: rapid.Int64Range(1, 9).Draw(t, "first"), Stage: Inquiry}
			}
			tab.Replace(tab.Lead(id), rows)
			want[id] = rows
		}
		got, n := map[string][]Row{}, 0
		for _, chunk := range tab.Chunks() {
			for _, r := range chunk {
				if r.Stage != NoStage {
					got[tab.LeadID(r.Lead)] = append(got[tab.LeadID(r.Lead)], r)
					n++
				}
			}
		}
		for id, rows := range want {
			slices.SortFunc(got[id], func(a, b Row) int { return int(a.Epoch) - int(b.Epoch) })
			for i := range rows {
				rows[i].Lead = tab.Lead(id)
			}
			if !slices.Equal(got[id], rows) || !slices.Equal(tab.Rows(tab.Lead(id)), rows) {
				t.Fatalf("%s has %v, want %v", id, got[id], rows)
			}
		}
		if total := slices.Collect(maps.Values(want)); tab.Len() != n || n != len(slices.Concat(total...)) {
			t.Fatalf("%d rows of %d", n, tab.Len())
		}
	})
}

func TestNames(t *testing.T) {
	n := NewNames()
	a, b := n.Sym("a"), n.Sym("b")
	if a == b || n.Sym("a") != a || n.Name(b) != "b" || n.Sym("") != 0 {
		t.Error(a, b)
	}
	set := n.Set([]string{"b", "a", "b"})
	if set != n.Set([]string{"a", "b"}) || !slices.Equal(n.Members(set), []string{"a", "b"}) || n.Members(0) != nil || n.Set(nil) != 0 {
		t.Error(n.Members(set))
	}
	if _, ok := n.Find("c"); ok {
		t.Error("c is known")
	}
}

func TestSizes(t *testing.T) {
	if r, d := unsafe.Sizeof(Row{}), unsafe.Sizeof(Deal{}); r != 152 || d != 112 {
		t.Errorf("a row has %d bytes, a deal %d: say so where they are declared", r, d)
	}
}
