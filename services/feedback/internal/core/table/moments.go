package table

// moments is how many moments of a row are kept beside it as well: when the lead was first seen, and when the epoch entered mql and the
// stages after it, up to opportunity. A scan by one of them reads that column, 8 bytes for each row, and only those rows that it keeps.
const moments = 1 + int(Opportunity-MQL) + 1

// column is the moments of a chunk's rows, by kind of moment, and their accounts, which are what leads have most different ones of.
type column struct {
	moments  [moments][]Time
	accounts []Sym
}

func newColumn() *column {
	c, memory := &column{accounts: make([]Sym, chunkRows)}, make([]Time, moments*chunkRows)
	for i := range c.moments {
		c.moments[i] = memory[i*chunkRows : (i+1)*chunkRows : (i+1)*chunkRows]
	}
	return c
}

// put keeps what there is of a row at its place in the chunk.
func (c *column) put(at int, r *Row) {
	c.accounts[at] = r.Account
	c.moments[0][at] = r.First
	for s := MQL; s <= Opportunity; s++ {
		c.moments[s][at] = r.Entered[s]
	}
}

// cut gives the column of some of the rows.
func (c *column) cut(from, to int) (out column) {
	for i := range c.moments {
		out.moments[i] = c.moments[i][from:to]
	}
	out.accounts = c.accounts[from:to]
	return out
}

// Moments gives when each row entered a stage, MQL to Opportunity; of NoStage it is when its lead was first seen. 0 is never, or not known.
// As the rows, they must not be changed.
func (p *Piece) Moments(s Stage) []Time {
	return p.column.moments[max(s, 0)]
}

// Accounts gives the account of each row. As the rows, they must not be changed.
func (p *Piece) Accounts() []Sym { return p.column.accounts }
