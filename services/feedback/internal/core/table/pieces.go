package table

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Kind tells how a row stands to its lead.
type Kind uint8

// The kinds: nobody's row, the only one of its lead, and of several the first that was put and the others.
const (
	Empty Kind = iota
	Only
	Head
	Further
)

// Piece is some rows of the table that stand beside each other, and the kind of each.
type Piece struct {
	Rows  []Row
	Kinds []Kind

	column column
}

// Pieces gives all rows in pieces of at most so many, which may be scanned side by side; 0 is as they are kept. As with Chunks,
// they must not be changed and the owner's lock must be held while they are read.
func (t *Table) Pieces(most int) []Piece {
	if most <= 0 || most > chunkRows {
		most = chunkRows
	}
	out := make([]Piece, 0, t.used/most+len(t.chunks))
	for i, rows := range t.Chunks() {
		for from := 0; from < len(rows); from += most {
			to := min(from+most, len(rows))
			out = append(out, Piece{rows[from:to], t.kinds[i][from:to], t.columns[i].cut(from, to)})
		}
	}
	return out
}

// DealPieces gives all deals, as Pieces does the rows. One that is Gone is nobody's: skip it.
func (t *Table) DealPieces(most int) [][]Deal {
	if most <= 0 || most > chunkRows {
		most = chunkRows
	}
	out := make([][]Deal, 0, t.usedDeals/most+len(t.dealChunks))
	for i, deals := range t.dealChunks {
		deals = deals[:min(len(deals), t.usedDeals-i*chunkRows)]
		for from := 0; from < len(deals); from += most {
			out = append(out, deals[from:min(from+most, len(deals))])
		}
	}
	return out
}

// Side does each of n pieces of work, side by side in so many workers; 0 is one for each processor. do is told which worker it is in, so that
// each may add up by itself: which pieces a worker gets is by chance.
func Side(n, workers int, do func(worker, piece int)) {
	workers = Workers(n, workers)
	if workers == 1 {
		for i := range n {
			do(0, i)
		}
		return
	}
	var next atomic.Int64
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(w, i)
			}
		})
	}
	working.Wait()
}

// Workers gives in how many workers Side does n pieces of work.
func Workers(n, workers int) int {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return max(1, min(workers, n))
}
