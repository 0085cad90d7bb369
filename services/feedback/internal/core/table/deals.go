package table

import (
	"cmp"
	"iter"
	"slices"
)

// gone marks the place of a deal that was removed.
const gone DealStatus = 255

// Gone tells that a deal of DealPieces is none.
func (d *Deal) Gone() bool { return d.Status == gone }

// PutDeal puts a deal in the place of the one of its id.
func (t *Table) PutDeal(d Deal) {
	p, known := t.dealAt[d.ID]
	if !known {
		p = t.dealPlace()
		t.dealAt[d.ID] = p
	}
	*t.deal(p) = d
}

func (t *Table) deal(p int32) *Deal { return &t.dealChunks[p/chunkRows][p%chunkRows] }

func (t *Table) dealPlace() int32 {
	if n := len(t.freeDeals); n > 0 {
		p := t.freeDeals[n-1]
		t.freeDeals = t.freeDeals[:n-1]
		return p
	}
	if t.usedDeals%chunkRows == 0 {
		t.dealChunks = append(t.dealChunks, make([]Deal, chunkRows))
	}
	t.usedDeals++
	return int32(t.usedDeals - 1)
}

// RemoveDeal forgets a deal.
func (t *Table) RemoveDeal(id Sym) {
	p, known := t.dealAt[id]
	if !known {
		return
	}
	delete(t.dealAt, id)
	*t.deal(p) = Deal{Status: gone}
	t.freeDeals = append(t.freeDeals, p)
}

// Deal gives a deal by its id's number, nil where there is none. It must not be changed, and the owner's lock must be held while it is read.
func (t *Table) Deal(id Sym) *Deal {
	p, known := t.dealAt[id]
	if !known {
		return nil
	}
	return t.deal(p)
}

// Deals gives all deals, by id's number: the order in which they were first seen. As with Deal, they are those of the table.
func (t *Table) Deals() []*Deal {
	out := slices.AppendSeq(make([]*Deal, 0, len(t.dealAt)), t.EachDeal())
	slices.SortFunc(out, func(a, b *Deal) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// EachDeal gives all deals in no order: for what does not depend on one. As with Deal, they are those of the table.
func (t *Table) EachDeal() iter.Seq[*Deal] {
	return func(yield func(*Deal) bool) {
		for _, deals := range t.DealPieces(0) {
			for i := range deals {
				if !deals[i].Gone() && !yield(&deals[i]) {
					return
				}
			}
		}
	}
}
