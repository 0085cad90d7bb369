package table

// moments is how many moments of a row are kept beside it as well: when the lead was first seen, and when the epoch entered mql and the
// stages after it, up to opportunity. A scan by one of them reads that column, 8 bytes for each row, and only those rows that it keeps.
const moments = 1 + int(Opportunity-MQL) + 1

// column is the moments of a chunk's rows, by kind of moment.
type column [moments][]Time

func newColumn() *column {
	c, memory := &column{}, make([]Time, moments*chunkRows)
	for i := range c {
		c[i] = memory[i*chunkRows : (i+1)*chunkRows : (i+1)*chunkRows]
	}
	return c
}

// put keeps a row's moments at its place in the chunk.
func (c *column) put(at int, r *Row) {
	c[0][at] = r.First
	for s := MQL; s <= Opportunity; s++ {
		c[s][at] = r.Entered[s]
	}
}

// cut gives the moments of some of the rows.
func (c *column) cut(from, to int) (out column) {
	for i := range c {
		out[i] = c[i][from:to]
	}
	return out
}

// Moments gives when each row entered a stage, MQL to Opportunity; of NoStage it is when its lead was first seen. 0 is never, or not known.
// As the rows, they must not be changed.
func (p *Piece) Moments(s Stage) []Time {
	return p.moments[max(s, 0)]
}
