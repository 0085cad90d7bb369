package metrics

import (
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// A query by something that has very many values, as accounts, is answered in two scans: the first counts no more than how many rows each
// group has, which tells the groups that are shown, and the second counts those, and all others as one. So what is kept of a group
// is kept of the groups that are shown alone, and stays near the processor. The answer is that of one scan that tells all apart.

// wideAbove is how many groups one scanner meets until a query is wide. They are met after a few thousand rows: little is lost by beginning again.
const wideAbove = 2 * maxGroups

// wideAbove gives it for a query.
func (q *Query) wideAbove() int {
	if q.side.wide != 0 {
		return q.side.wide
	}
	return wideAbove
}

// mayBeWide tells whether a query can turn out to be wide: what has an order of its own has not that many values.
func (p *plan) mayBeWide() bool {
	return p.listed == nil && len(p.by) > 0 && p.q.By[0].kind() == byName
}

// shown gives how many groups a query answers at most.
func (q *Query) shown() int {
	if q.side.shown != 0 {
		return q.side.shown
	}
	return maxGroups
}

// listed is the groups that are told apart, in the order in which they are shown, and how many there are beside them.
type listed struct {
	keys []uint64
	more int
	// firsts tells that keys are values of the first dimension, and the second's are told apart in each, and in rest.
	firsts bool
	// rest is a value of the first dimension that no key has: it stands for all that are not listed.
	rest uint64
	// has tells for a value of the first dimension whether it is listed; pairs are the keys of two dimensions.
	has   []bool
	pairs *index
}

func newListed(p *plan, keys []uint64, more int) *listed {
	l := &listed{keys: keys, more: more, firsts: p.families || len(p.by) < maxBy}
	most := uint64(0)
	for _, key := range keys {
		most = max(most, key>>32)
	}
	l.has = make([]bool, most+2)
	for _, key := range keys {
		l.has[key>>32] = true
	}
	l.rest = uint64(slices.Index(l.has, false))
	if !l.firsts {
		l.pairs = p.newIndex()
		for _, key := range keys {
			l.pairs.of(key)
		}
	}
	return l
}

// fold gives the key that a key is counted by.
func (l *listed) fold(key uint64) uint64 {
	switch {
	case !l.firsts:
		if !l.pairs.knows(key) {
			return l.rest << 32
		}
	case key>>32 >= uint64(len(l.has)) || !l.has[key>>32]:
		return l.rest<<32 | key&(1<<32-1)
	}
	return key
}

// order gives the numbers of the listed groups among those that have these keys, in the order of the list.
func (l *listed) order(keys []uint64) (groups []int, more int) {
	at := make(map[uint64]int, len(keys))
	for g, key := range keys {
		at[key] = g
	}
	for _, key := range l.keys {
		if g, met := at[key]; met {
			groups = append(groups, g)
		}
	}
	return groups, l.more
}

// list finds the groups that are shown.
func (p *plan) list(t *table.Table, cohort Cohort) *listed {
	by, q := *p, *p.q
	if p.families {
		by.by, q.By = p.by[:1], q.By[:1]
	}
	by.q = &q
	pieces := t.Pieces(q.side.piece)
	workers := make([]*sizes, table.Workers(len(pieces), q.side.workers))
	for i := range workers {
		workers[i] = &sizes{index: by.newIndex()}
	}
	stage := cohort.stage()
	table.Side(len(pieces), len(workers), func(worker, piece int) { workers[worker].piece(t, pieces[piece], stage) })
	all := workers[0]
	for _, w := range workers[1:] {
		all.join(w)
	}
	if len(by.by) == 1 {
		for v, n := range all.values {
			if n > 0 {
				all.keys, all.list = append(grown(all.keys), uint64(v)<<32), append(grown(all.list), n)
			}
		}
	}
	groups, more := by.order(all.keys, func(g int) int { return int(all.list[g]) })
	keys := make([]uint64, len(groups))
	for i, g := range groups {
		keys[i] = all.keys[g]
	}
	return newListed(p, keys, more)
}

// sizes is how many rows each group has: of one dimension by its value, of two by the group's number.
type sizes struct {
	*index
	list, values []uint32
	// buf is for the epochs of one lead, merged the row that they come to.
	buf    []*table.Row
	merged table.Row
}

func (s *sizes) join(o *sizes) {
	if len(o.values) > len(s.values) {
		s.values, o.values = o.values, s.values
	}
	for v, n := range o.values {
		s.values[v] += n
	}
	for g, key := range o.keys {
		s.add(key, o.list[g])
	}
}

func (s *sizes) add(key uint64, n uint32) {
	if s.two == nil {
		v := int(key >> 32)
		if v >= len(s.values) {
			s.values = append(s.values, make([]uint32, v+1+v/2-len(s.values))...)
		}
		s.values[v] += n
		return
	}
	g := s.of(key)
	if int(g) == len(s.list) {
		s.list = append(grown(s.list), 0)
	}
	s.list[g] += n
}

// piece counts the rows that part.piece counts.
func (s *sizes) piece(t *table.Table, piece table.Piece, stage table.Stage) {
	p, moments, whose := s.plan, piece.Moments(stage), stage == table.NoStage
	accounts := piece.Accounts()
	quick := len(p.filters) == 0 && len(p.by) == 1 && p.q.By[0] == ByAccount // the columns have all that is asked
	for i, kind := range piece.Kinds[:len(moments)] {
		at := moments[i]
		switch {
		case kind == table.Empty, !p.in(at), whose && kind == table.Further, !whose && at == 0:
			continue
		}
		if quick && (!whose || kind == table.Only) {
			s.add(uint64(accounts[i])<<32, 1)
			continue
		}
		r := &piece.Rows[i]
		if whose && kind == table.Head {
			s.buf = t.Epochs(r.Lead, s.buf[:0])
			s.merged = whole(s.buf)
			r = &s.merged
		}
		if p.keeps(r, at) {
			s.add(p.key(r, at), 1)
		}
	}
}
