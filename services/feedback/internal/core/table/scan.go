package table

// Epochs appends the rows of a lead to buf, in the order in which they were put. They are those of the table: they must not be changed,
// and the owner's lock must be held while they are read.
func (t *Table) Epochs(lead uint32, buf []*Row) []*Row {
	if int(lead) >= len(t.first) || t.first[lead] < 0 {
		return buf
	}
	buf = append(buf, t.at(t.first[lead]))
	if *t.kind(t.first[lead]) == Only { // as most have one: without a look at where others stand
		return buf
	}
	for _, p := range t.more[lead] {
		buf = append(buf, t.at(p))
	}
	return buf
}

// Single tells whether a row of Chunks is the only one of its lead. For a lead with several, head tells whether it is the first that
// was put: exactly one row of each lead is.
func (t *Table) Single(r *Row) (single, head bool) {
	if _, several := t.more[r.Lead]; !several { // as most have one: without a look at where it stands
		return true, true
	}
	return false, t.at(t.first[r.Lead]) == r
}
