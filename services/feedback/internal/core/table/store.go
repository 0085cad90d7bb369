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
	// first has the place of each lead's first row, by number, -1 for none; more has those of its others, which few leads have.
	first  []int32
	more   map[uint32][]int32
	chunks [][]Row
	used   int
	free   []int32
	deals  map[Sym]*Deal
}

// chunkRows is how many rows are allocated at once: growing never copies what is there.
const chunkRows = 4096

// New gives an empty table.
func New() *Table {
	return &Table{Names: NewNames(), leads: map[string]uint32{}, more: map[uint32][]int32{}, deals: map[Sym]*Deal{}}
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
	t.first = append(t.first, -1)
	return n
}

// LeadID gives a lead's id.
func (t *Table) LeadID(n uint32) string { return t.ids[n] }

// Leads gives how many leads have a number; every Row.Lead is below it.
func (t *Table) Leads() int { return len(t.ids) }

// Len gives how many rows there are.
func (t *Table) Len() int { return t.used - len(t.free) }

// Find gives the number of a lead, false for one that has none.
func (t *Table) Find(id string) (uint32, bool) {
	n, ok := t.leads[id]
	return n, ok
}

// Replace puts a lead's rows in the place of those it had; none removes them. The rows' Lead is set to lead.
func (t *Table) Replace(lead uint32, rows []Row) {
	var places []int32
	if t.first[lead] >= 0 {
		places = append(append(places, t.first[lead]), t.more[lead]...)
	}
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
	t.first[lead] = -1
	if len(places) > 0 {
		t.first[lead] = places[0]
	}
	if len(places) > 1 {
		t.more[lead] = places[1:]
	} else {
		delete(t.more, lead)
	}
}

// Rows gives a copy of a lead's rows, in the order in which they were put.
func (t *Table) Rows(lead uint32) []Row { return t.AppendRows(nil, lead) }

// AppendRows appends a copy of a lead's rows, in the order in which they were put.
func (t *Table) AppendRows(to []Row, lead uint32) []Row {
	if t.first[lead] < 0 {
		return to
	}
	to = append(to, *t.at(t.first[lead]))
	for _, p := range t.more[lead] {
		to = append(to, *t.at(p))
	}
	return to
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

// Deal gives a deal by its id's number, nil where there is none. It must not be changed.
func (t *Table) Deal(id Sym) *Deal { return t.deals[id] }

// Deals gives all deals, by id's number: the order in which they were first seen.
func (t *Table) Deals() []*Deal {
	out := make([]*Deal, 0, len(t.deals))
	for _, d := range t.deals {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *Deal) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
