package table

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIDsAreAMap: numbers ascend from 0, each text keeps its own and is found again, through blocks and growing.
func TestIDsAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, want := newIDs(), map[string]uint32{}
		var order []string
		text := rapid.StringMatching(`[a-c]{0,4}`)
		if rapid.Bool().Draw(t, "many") {
			text = rapid.StringN(0, 6, -1)
		}
		for range rapid.IntRange(0, 600).Draw(t, "steps") {
			id := text.Draw(t, "id")
			n, known := want[id]
			if got, _, ok := x.find(id); ok != known || ok && got != n {
				t.Fatalf("%q is %d (%t), want %d (%t)", id, got, ok, n, known)
			}
			got, added := x.add(id)
			if !known {
				n = uint32(len(order))
				want[id], order = n, append(order, id)
			}
			if got != n || added == known {
				t.Fatalf("%q became %d, want %d", id, got, n)
			}
		}
		if x.len() != len(order) {
			t.Fatalf("%d of %d", x.len(), len(order))
		}
		for n, id := range order {
			if x.text(uint32(n)) != id {
				t.Fatalf("%d is %q, want %q", n, x.text(uint32(n)), id)
			}
		}
	})
}

// TestPiecesAreTheRows: pieces of any size have each row and deal once, with its kind; what was removed is in none.
func TestPiecesAreTheRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, want, deals := New(), map[uint32]int{}, map[Sym]int64{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			lead := tab.Lead(rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "lead"))
			want[lead] = rapid.IntRange(0, 3).Draw(t, "rows")
			rows := make([]Row, want[lead])
			for i := range rows {
				rows[i].Epoch = uint16(i + 1)
			}
			tab.Replace(lead, rows)
			id := tab.Names.Sym(rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "deal"))
			if rapid.Bool().Draw(t, "remove") {
				tab.RemoveDeal(id)
				delete(deals, id)
			} else {
				deals[id] = rapid.Int64().Draw(t, "amount")
				tab.PutDeal(Deal{ID: id, Amount: deals[id]})
			}
		}
		most := rapid.IntRange(0, 5).Draw(t, "most")
		seen := map[uint32]int{}
		for _, p := range tab.Pieces(most) {
			for i, k := range p.Kinds {
				r := &p.Rows[i]
				if k == Empty {
					continue
				}
				seen[r.Lead]++
				if (k == Only) != (want[r.Lead] == 1) || (k == Only || k == Head) != (r.Epoch == 1) {
					t.Fatalf("epoch %d of %d has kind %d", r.Epoch, want[r.Lead], k)
				}
			}
		}
		for lead, n := range want {
			if seen[lead] != n {
				t.Fatalf("%d rows of lead %d, want %d", seen[lead], lead, n)
			}
		}
		found := 0
		for _, p := range tab.DealPieces(most) {
			for i := range p {
				if d := &p[i]; !d.Gone() {
					found++
					if amount, ok := deals[d.ID]; !ok || amount != d.Amount || tab.Deal(d.ID) != d {
						t.Fatalf("deal %d stands at %d, want %d", d.ID, d.Amount, amount)
					}
				}
			}
		}
		if found != len(deals) || len(tab.Deals()) != found {
			t.Fatalf("%d deals, want %d", found, len(deals))
		}
	})
}
