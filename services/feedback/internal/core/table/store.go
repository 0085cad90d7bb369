package table

import (
	"cmp"
	"slices"
	"strings"
)

// Table holds the rows of all leads. It is changed by one goroutine and scanned by others under the owner's lock.
type Table struct {
	Names *Names

	ids   []string
	leads map[string]uint32
	// places of each lead's rows, by number.
	places [][]int32
	chunks [][]Row
	used   int
	free   []int32
	deals  map[Sym]*Deal
}

// chunkRows is how many rows are allocated at once: growing never copies what is there.
const chunkRows = 4096

// New gives an empty table.
func New() *Table {
	return &Table{Names: NewNames(), leads: map[string]uint32{}, deals: map[Sym]*Deal{}}
}

// Lead gives the number of a lead, a new one for a lead that is not known.
func (t *Table) Lead(id string) uint32 {
	if n, ok := t.leads[id]; ok {
		return n
	}
	id = strings.Clone(id)
	n := uint32(len(t.ids))
	t.ids = append(t.ids, id)
	t.leads[id] = n
	t.places = append(t.places, nil)
	return n
}

// LeadID gives a lead's id.
func (t *Table) LeadID(n uint32) string { return t.ids[n] }

// Leads gives how many leads have a number; every Row.Lead is below it.
func (t *Table) Leads() int { return len(t.ids) }

// Len gives how many rows there are.
func (t *Table) Len() int { return t.used - len(t.free) }

// Replace puts a lead's rows in the place of those it had; none removes them. The rows' Lead is set to lead.
func (t *Table) Replace(lead uint32, rows []Row) {
	places := t.places[lead]
	for len(places) > len(rows) {
		last := places[len(places)-1]
		*t.at(last) = Row{Stage: NoStage}
		t.free = append(t.free, last)
		places = places[:len(places)-1]
	}
	for len(places) < len(rows) {
		places = append(places, t.place())
	}
	for i, r := range rows {
		r.Lead = lead
		*t.at(places[i]) = r
	}
	if len(places) == 0 {
		places = nil
	}
	t.places[lead] = places
}

// Rows gives a copy of a lead's rows, in the order in which they were put.
func (t *Table) Rows(lead uint32) []Row {
	var out []Row
	for _, p := range t.places[lead] {
		out = append(out, *t.at(p))
	}
	return out
}

func (t *Table) at(p int32) *Row { return &t.chunks[p/chunkRows][p%chunkRows] }

func (t *Table) place() int32 {
	if n := len(t.free); n > 0 {
		p := t.free[n-1]
		t.free = t.free[:n-1]
		return p
	}
	if t.used%chunkRows == 0 {
		t.chunks = append(t.chunks, make([]Row, chunkRows))
	}
	t.used++
	return int32(t.used - 1)
}

// Chunks gives all rows, in pieces that may be scanned side by side. A row whose Stage is NoStage is empty: skip it. They must not
// be changed, and are those of the table: the owner's lock must be held while they are read.
func (t *Table) Chunks() [][]Row {
	out := slices.Clone(t.chunks)
	if n := len(out); n > 0 {
		if rest := t.used % chunkRows; rest != 0 {
			out[n-1] = out[n-1][:rest]
		}
	}
	return out
}

// PutDeal puts a deal in the place of the one of its id.
func (t *Table) PutDeal(d Deal) { t.deals[d.ID] = &d }

// RemoveDeal forgets a deal.
func (t *Table) RemoveDeal(id Sym) { delete(t.deals, id) }

// Deals gives all deals, by id's number: the order in which they were first seen.
func (t *Table) Deals() []*Deal {
	out := make([]*Deal, 0, len(t.deals))
	for _, d := range t.deals {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *Deal) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
