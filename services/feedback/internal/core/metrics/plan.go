package metrics

import (
	"slices"
	"strings"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// plan is a query made ready for a table: names are numbers, and filters are sets.
type plan struct {
	q       *Query
	names   *table.Names
	filters []filter
	by      []reader
	// needs are the dimensions that are filtered or grouped by.
	needs []Dimension
	// whole is the window of all times.
	whole bool
	// families: the groups that are shown are those of the first dimension; the second one's are told apart in each.
	families bool
	// listed are the groups that are told apart; nil is all.
	listed *listed
}

type filter struct {
	read reader
	// few are the values; many is a set of them by number where there are more than a handful.
	few  []uint32
	many []bool
}

func (f *filter) keeps(r *table.Row, at table.Time) bool {
	v := f.read(r, at)
	if f.many != nil {
		return int(v) < len(f.many) && f.many[v]
	}
	for _, w := range f.few {
		if v == w {
			return true
		}
	}
	return false
}

// aFew values are compared one by one.
const aFew = 8

func newPlan(t *table.Table, q *Query) (*plan, error) {
	p := &plan{q: q, names: t.Names, whole: q.From == 0 && q.To == 0}
	var bad []Problem
	for _, d := range sorted(q.Filter) {
		f := filter{read: d.reader()}
		if d == ByMember {
			f.few = contributed(t.Names, q.Filter[d])
		} else {
			for _, name := range q.Filter[d] {
				v, ok, err := d.value(t.Names, name)
				if err != nil {
					bad = append(bad, Problem{"where", string(d) + ": " + err.Error()})
				}
				if ok {
					f.few = append(f.few, v)
				}
			}
		}
		if len(f.few) > aFew {
			f.many = make([]bool, slices.Max(f.few)+1)
			for _, v := range f.few {
				f.many[v] = true
			}
		}
		p.filters = append(p.filters, f)
	}
	p.needs = slices.Concat(sorted(q.Filter), q.By)
	for _, d := range q.By {
		p.by = append(p.by, d.reader())
	}
	if bad != nil {
		return nil, &BadQuery{bad}
	}
	return p, nil
}

// contributed gives the numbers of all sets that have one of the rules.
func contributed(n *table.Names, rules []string) []uint32 {
	var sets []uint32
	if slices.Contains(rules, None) {
		sets = append(sets, 0)
	}
	for s := table.Sym(1); int(s) < n.Len(); s++ {
		if !strings.HasPrefix(n.Name(s), "\x00") {
			continue
		}
		for _, m := range n.Members(s) {
			if slices.Contains(rules, m) {
				sets = append(sets, uint32(s))
				break
			}
		}
	}
	return sets
}

// asks tells whether anything about a row is asked for: otherwise it need not be looked up.
func (p *plan) asks() bool { return len(p.filters)+len(p.by) > 0 }

func (p *plan) keeps(r *table.Row, at table.Time) bool {
	for i := range p.filters {
		if !p.filters[i].keeps(r, at) {
			return false
		}
	}
	return true
}

// in tells whether a cohort's moment is in the window. A moment that is not known is only in the window of all times.
func (p *plan) in(at table.Time) bool {
	if at == 0 {
		return p.whole
	}
	return at >= p.q.From && (p.q.To == 0 || at < p.q.To)
}

// key gives the values that a row is grouped by, the first in the upper half.
func (p *plan) key(r *table.Row, at table.Time) uint64 {
	switch len(p.by) {
	case 0:
		return 0
	case 1:
		return uint64(p.by[0](r, at)) << 32
	}
	return uint64(p.by[0](r, at))<<32 | uint64(p.by[1](r, at))
}

// texts gives the names of a key's values.
func (p *plan) texts(key uint64) []string {
	out := make([]string, len(p.q.By))
	for i, d := range p.q.By {
		out[i] = d.text(p.names, value(key, i))
	}
	return out
}

// text gives one of them.
func (p *plan) text(i int, key uint64) string { return p.q.By[i].text(p.names, value(key, i)) }

// value gives one of a key's values.
func value(key uint64, i int) uint32 { return uint32(key >> (32 * (1 - i))) }
