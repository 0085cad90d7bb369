package metrics

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// tally counts what a metric counts of one group; the metric says what each place is.
type tally [24]uint32

func (t *tally) add(o *tally) {
	for i := range t {
		t[i] += o[i]
	}
}

// none is the duration of a row that has none.
const none = table.Time(-1)

// noGroup marks a duration outside the window: it tells how long things take, and is no group's.
const noGroup = -1

// count says how one metric is counted.
type count struct {
	// leads counts each lead once, all its epochs together; otherwise each epoch is counted.
	leads bool
	// at gives the cohort's moment of a row, and false for a row that is in no cohort.
	at func(r *table.Row) (table.Time, bool)
	// span gives how long the outcome took, none where it did not come or its duration cannot be told.
	span func(r *table.Row, at table.Time) table.Time
	// add counts a row in the window.
	add func(c *tally, r *table.Row, at table.Time)
	// ages asks for how old each row is.
	ages bool
}

// sample is a duration of a group.
type sample struct {
	span  table.Time
	group int32
}

// age is how many days old a row of a group is.
type age struct {
	group int32
	days  int32
}

// blocks keeps values in pieces: it grows without copying what is there.
type blocks[T any] struct {
	list [][]T
}

const blockLen = 8192

func (b *blocks[T]) add(v T) {
	n := len(b.list)
	if n == 0 || len(b.list[n-1]) == blockLen {
		b.list = append(b.list, make([]T, 0, blockLen))
		n++
	}
	b.list[n-1] = append(b.list[n-1], v)
}

// part is what one scanner counted.
type part struct {
	*index
	tallies []tally
	spans   blocks[sample]
	ages    blocks[age]
	// unknown counts rows whose moment is not known, and which a window leaves out for that.
	unknown int
	// buf is for the epochs of one lead, merged the row that they come to.
	buf    []*table.Row
	merged table.Row
}

// counted is what a scan of the table gives.
type counted struct {
	plan    *plan
	keys    []uint64
	tallies []tally
	total   tally
	// spans are the durations of each group, in no order; all are those of every row that the filter keeps, in the window or not.
	spans [][]table.Time
	all   []table.Time
	ages  [][]int32
	// unknown: see part.
	unknown int
}

// run scans the table, in pieces side by side: each scanner takes the next chunk until none is left.
func (p *plan) run(t *table.Table, c *count) *counted {
	chunks := t.Chunks()
	workers := max(1, min(runtime.GOMAXPROCS(0), len(chunks)))
	parts := make([]*part, workers)
	var next atomic.Int64
	var scanners sync.WaitGroup
	for i := range parts {
		parts[i] = &part{index: p.newIndex()}
		scanners.Go(func() {
			for {
				k := int(next.Add(1)) - 1
				if k >= len(chunks) {
					return
				}
				parts[i].chunk(t, chunks[k], c)
			}
		})
	}
	scanners.Wait()
	return p.merge(parts)
}

func (s *part) chunk(t *table.Table, rows []table.Row, c *count) {
	for i := range rows {
		r := &rows[i]
		if r.Stage == table.NoStage {
			continue
		}
		if c.leads {
			single, head := t.Single(r)
			if !head {
				continue
			}
			if !single {
				s.buf = t.Epochs(r.Lead, s.buf[:0])
				s.merged = whole(s.buf)
				r = &s.merged
			}
		}
		s.row(r, c)
	}
}

func (s *part) row(r *table.Row, c *count) {
	at, ok := c.at(r)
	if !ok || !s.plan.keeps(r, at) {
		return
	}
	if !s.plan.in(at) {
		if at == 0 {
			s.unknown++
			return
		}
		if c.span != nil {
			if d := c.span(r, at); d != none {
				s.spans.add(sample{d, noGroup})
			}
		}
		return
	}
	g := s.of(s.plan.key(r, at))
	for int(g) >= len(s.tallies) {
		s.tallies = append(s.tallies, tally{})
	}
	c.add(&s.tallies[g], r, at)
	if c.span != nil {
		if d := c.span(r, at); d != none {
			s.spans.add(sample{d, g})
		}
	}
	if c.ages && at != 0 {
		s.ages.add(age{g, int32(max(0, s.plan.q.Now-at) / dayMillis)})
	}
}

// whole gives what several epochs of one lead come to: the earliest moment of each stage, the place of the latest epoch, and of every
// dimension the value of the latest epoch that has one.
func whole(epochs []*table.Row) table.Row {
	var m table.Row
	latest := epochs[0]
	for _, e := range epochs[1:] {
		if e.Epoch > latest.Epoch {
			latest = e
		}
	}
	m = *latest
	for below := int(latest.Epoch) - 1; ; {
		// The next one below: leads have a handful of epochs.
		var e *table.Row
		for _, o := range epochs {
			if o != latest && int(o.Epoch) <= below && (e == nil || o.Epoch > e.Epoch) {
				e = o
			}
		}
		if e == nil {
			return m
		}
		below = int(e.Epoch) - 1
		earlier(&m, e)
	}
}

// earlier adds an earlier epoch to what the later ones come to.
func earlier(m, e *table.Row) {
	for i, at := range e.Entered {
		if at != 0 && (m.Entered[i] == 0 || at < m.Entered[i]) {
			m.Entered[i] = at
		}
	}
	if e.Contacted != 0 && (m.Contacted == 0 || e.Contacted < m.Contacted) {
		m.Contacted = e.Contacted
	}
	m.Furthest = max(m.Furthest, e.Furthest)
	m.Flags |= e.Flags
	for _, d := range []struct {
		into *table.Sym
		from table.Sym
	}{
		{&m.Account, e.Account}, {&m.Country, e.Country}, {&m.Industry, e.Industry}, {&m.Persona, e.Persona}, {&m.Rep, e.Rep}, {&m.Team, e.Team},
		{&m.Route, e.Route}, {&m.Rule, e.Rule}, {&m.Rules, e.Rules}, {&m.Reason, e.Reason},
	} {
		if *d.into == 0 {
			*d.into = d.from
		}
	}
	if m.Version == 0 {
		m.Version = e.Version
	}
	if m.Size == table.NoSize {
		m.Size = e.Size
	}
	if m.Grade == 0 {
		m.Grade, m.Fit, m.Engagement = e.Grade, e.Fit, e.Engagement
	}
}

// merge adds up what the scanners counted.
func (p *plan) merge(parts []*part) *counted {
	out := &counted{plan: p}
	x := p.newIndex()
	places := make([][]int32, len(parts))
	for i, s := range parts {
		out.unknown += s.unknown
		places[i] = make([]int32, len(s.keys))
		for g, key := range s.keys {
			at := x.of(key)
			places[i][g] = at
			for int(at) >= len(out.tallies) {
				out.tallies = append(out.tallies, tally{})
			}
			out.tallies[at].add(&s.tallies[g])
			out.total.add(&s.tallies[g])
		}
	}
	out.keys = x.keys
	out.spread(parts, places)
	return out
}

// spread puts durations and ages beside each other by group: counted first, so that each has one piece of memory.
func (c *counted) spread(parts []*part, places [][]int32) {
	spans, ages, total, old := make([]int, len(c.keys)), make([]int, len(c.keys)), 0, 0
	for i, s := range parts {
		for _, block := range s.spans.list {
			total += len(block)
			for _, v := range block {
				if v.group != noGroup {
					spans[places[i][v.group]]++
				}
			}
		}
		for _, block := range s.ages.list {
			old += len(block)
			for _, v := range block {
				ages[places[i][v.group]]++
			}
		}
	}
	c.spans, c.ages = pieces[table.Time](spans, total), pieces[int32](ages, old)
	c.all = make([]table.Time, 0, total)
	for i, s := range parts {
		for _, block := range s.spans.list {
			for _, v := range block {
				c.all = append(c.all, v.span)
				if v.group != noGroup {
					g := places[i][v.group]
					c.spans[g] = append(c.spans[g], v.span)
				}
			}
		}
		for _, block := range s.ages.list {
			for _, v := range block {
				g := places[i][v.group]
				c.ages[g] = append(c.ages[g], v.days)
			}
		}
	}
}

func pieces[T any](lengths []int, total int) [][]T {
	all, out := make([]T, 0, total), make([][]T, len(lengths))
	at := 0
	for i, n := range lengths {
		out[i] = all[at : at : at+n]
		at += n
	}
	return out
}
