package table

import "slices"

// Table holds the rows of all leads. It is changed by one goroutine and scanned by others under the owner's lock.
type Table struct {
	Names *Names

	leads *ids
	// first has the place of each lead's first row, by number, -1 for none; more has those of its others, which few leads have.
	first  []int32
	more   map[uint32][]int32
	chunks [][]Row
	// kinds has the kind of each row, beside chunks.
	kinds [][]Kind
	// columns has the moments of each row, beside chunks.
	columns []*column
	used    int
	free    []int32
	// Deals are kept as rows are, without a pointer to each: dealAt has the place of each by its id.
	dealChunks [][]Deal
	dealAt     map[Sym]int32
	usedDeals  int
	freeDeals  []int32
}

// chunkRows is how many rows are allocated at once: growing never copies what is there.
const chunkRows = 4096

// New gives an empty table.
func New() *Table {
	return &Table{Names: NewNames(), leads: newIDs(), more: map[uint32][]int32{}, dealAt: map[Sym]int32{}}
}

// Lead gives the number of a lead, a new one for a lead that is not known.
func (t *Table) Lead(id string) uint32 {
	n, added := t.leads.add(id)
	if added {
		t.first = append(t.first, -1)
	}
	return n
}

// LeadID gives a lead's id.
func (t *Table) LeadID(n uint32) string { return t.leads.text(n) }

// Leads gives how many leads have a number; every Row.Lead is below it.
func (t *Table) Leads() int { return t.leads.len() }

// Len gives how many rows there are.
func (t *Table) Len() int { return t.used - len(t.free) }

// Find gives the number of a lead, false for one that has none.
func (t *Table) Find(id string) (uint32, bool) {
	n, _, ok := t.leads.find(id)
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
		t.put(last, Row{Stage: NoStage})
		*t.kind(last) = Empty
		t.free = append(t.free, last)
		places = places[:len(places)-1]
	}
	for len(places) < len(rows) {
		places = append(places, t.place())
	}
	for i, r := range rows {
		r.Lead = lead
		t.put(places[i], r)
		switch {
		case r.Stage == NoStage: // as one that was removed
			*t.kind(places[i]) = Empty
		case len(rows) == 1:
			*t.kind(places[i]) = Only
		case i == 0:
			*t.kind(places[i]) = Head
		default:
			*t.kind(places[i]) = Further
		}
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
	if *t.kind(t.first[lead]) == Only { // as most have one: without a look at where others stand
		return to
	}
	for _, p := range t.more[lead] {
		to = append(to, *t.at(p))
	}
	return to
}

func (t *Table) at(p int32) *Row { return &t.chunks[p/chunkRows][p%chunkRows] }

func (t *Table) put(p int32, r Row) {
	*t.at(p) = r
	t.columns[p/chunkRows].put(int(p%chunkRows), &r)
}

func (t *Table) kind(p int32) *Kind { return &t.kinds[p/chunkRows][p%chunkRows] }

func (t *Table) place() int32 {
	if n := len(t.free); n > 0 {
		p := t.free[n-1]
		t.free = t.free[:n-1]
		return p
	}
	if t.used%chunkRows == 0 {
		t.chunks = append(t.chunks, make([]Row, chunkRows))
		t.kinds = append(t.kinds, make([]Kind, chunkRows))
		t.columns = append(t.columns, newColumn())
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
