package metrics

import (
	"slices"
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

// count says how one metric is counted.
type count struct {
	// cohort gives the moment of a row. Of First each lead is counted once, all its epochs together; otherwise each epoch is.
	cohort Cohort
	// add counts a row in the window, and gives how long the outcome took, none where it did not come or its duration cannot be told.
	add func(c *tally, r *table.Row, at table.Time) table.Time
	// span gives how long the outcome took of a row outside the window, where counted.all is asked for; nil otherwise.
	span func(r *table.Row, at table.Time) table.Time
	// spans asks for the durations that add gives, ages for how old each row is.
	spans, ages bool
}

// age is how many days old a row of a group is.
type age struct {
	group int32
	days  int32
}

// blocks keeps values in pieces: it grows without copying what is there.
type blocks[T any] struct {
	last []T
	full [][]T
}

const blockLen = 8192

func (b *blocks[T]) add(v T) {
	if len(b.last) == cap(b.last) {
		b.grow()
	}
	b.last = append(b.last, v)
}

func (b *blocks[T]) grow() {
	if b.last != nil {
		b.full = append(b.full, b.last)
	}
	b.last = make([]T, 0, min(blockLen, max(64, 2*cap(b.last))))
}

// list gives all pieces.
func (b *blocks[T]) list() [][]T {
	if len(b.last) == 0 {
		return b.full
	}
	return append(slices.Clip(b.full), b.last)
}

// part is what one scanner counted.
type part struct {
	*index
	tallies []tally
	// spans are the durations of rows in the window and, where there is more than one group, groups theirs; outside are those of others.
	spans, outside blocks[table.Time]
	groups         blocks[int32]
	ages           blocks[age]
	also           []*part
	// unknown counts rows whose moment is not known, and which a window leaves out for that.
	unknown int
	// buf is for the epochs of one lead, merged the row that they come to.
	buf    []*table.Row
	merged table.Row
}

// counted is what a scan of the table gives.
type counted struct {
	plan *plan
	*index
	tallies []tally
	total   tally
	parts   []*part
	// places has the group of each part's groups.
	places [][]int32
	also   []*counted
	// unknown: see part.
	unknown int
}

// job is one question to a scan.
type job struct {
	plan  *plan
	count *count
	// also are plans of the same query that group otherwise: rows are tallied by those too, without durations and ages.
	also  []*plan
	parts []*part
	// wide: there are too many groups to tell all apart.
	wide atomic.Bool
}

// run scans the table for one question.
func (p *plan) run(t *table.Table, c *count) *counted {
	j := &job{plan: p, count: c}
	scan(t, j)
	return j.counted()
}

// scan scans the table for several questions, and once more for those that turned out to be wide.
func scan(t *table.Table, jobs ...*job) {
	scanAll(t, jobs)
	var again []*job
	for _, j := range jobs {
		if j.wide.Load() {
			j.wide.Store(false)
			j.plan.listed = j.plan.list(t, j.count.cohort)
			again = append(again, j)
		}
	}
	scanAll(t, again)
}

// scanAll scans in pieces side by side: a piece is asked all questions while it is near.
func scanAll(t *table.Table, jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	side := jobs[0].plan.q.side
	pieces := t.Pieces(side.piece)
	workers := table.Workers(len(pieces), side.workers)
	for _, j := range jobs {
		j.parts = make([]*part, workers)
		for i := range j.parts {
			j.parts[i] = &part{index: j.plan.newIndex()}
			for _, p := range j.also {
				j.parts[i].also = append(j.parts[i].also, &part{index: p.newIndex()})
			}
		}
	}
	table.Side(len(pieces), workers, func(worker, piece int) {
		for _, j := range jobs {
			if j.wide.Load() {
				continue
			}
			s := j.parts[worker]
			s.piece(t, pieces[piece], j.count)
			if j.plan.mayBeWide() && len(s.keys) > j.plan.q.wideAbove() {
				j.wide.Store(true)
			}
		}
	})
}

// counted adds up what the workers found.
func (j *job) counted() *counted {
	c := j.plan.merge(j.parts)
	for i, p := range j.also {
		parts := make([]*part, len(j.parts))
		for k := range parts {
			parts[k] = j.parts[k].also[i]
		}
		c.also = append(c.also, p.merge(parts))
	}
	return c
}

func (s *part) piece(t *table.Table, piece table.Piece, c *count) {
	stage := c.cohort.stage()
	rows := piece.Rows[:len(piece.Kinds)]
	moments := piece.Moments(stage)[:len(rows)]
	inside := c.span == nil // rows outside the window are not looked at
	if stage != table.NoStage {
		for i, at := range moments {
			if at != 0 && piece.Kinds[i] != table.Empty && !(inside && !s.plan.in(at)) {
				s.row(&rows[i], at, c)
			}
		}
		return
	}
	for i, kind := range piece.Kinds {
		if inside && moments[i] != 0 && !s.plan.in(moments[i]) { // the same for all rows of a lead
			continue
		}
		r := &rows[i]
		switch kind {
		case table.Empty, table.Further:
			continue
		case table.Head:
			s.buf = t.Epochs(r.Lead, s.buf[:0])
			s.merged = whole(s.buf)
			r = &s.merged
		case table.Only:
		}
		s.row(r, r.First, c)
	}
}

func (s *part) row(r *table.Row, at table.Time, c *count) {
	if !s.plan.in(at) {
		switch {
		case at != 0 && c.span == nil || !s.plan.keeps(r, at):
		case at == 0:
			s.unknown++
		default:
			if d := c.span(r, at); d != none {
				s.outside.add(d)
			}
		}
		return
	}
	if !s.plan.keeps(r, at) {
		return
	}
	g := s.of(s.plan.key(r, at))
	if int(g) == len(s.tallies) {
		s.tallies = append(grown(s.tallies), tally{})
	}
	if d := c.add(&s.tallies[g], r, at); c.spans && d != none {
		s.spans.add(d)
		if len(s.plan.by) > 0 {
			s.groups.add(g)
		}
	}
	for _, o := range s.also {
		g := o.of(o.plan.key(r, at))
		if int(g) == len(o.tallies) {
			o.tallies = append(grown(o.tallies), tally{})
		}
		c.add(&o.tallies[g], r, at)
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
	out := &counted{plan: p, parts: parts, places: make([][]int32, len(parts)), index: parts[0].index, tallies: parts[0].tallies}
	for i, s := range parts {
		out.unknown += s.unknown
		out.places[i] = make([]int32, len(s.keys))
		for g, key := range s.keys {
			at := int32(g)
			if i > 0 { // the first one's groups keep their numbers
				at = out.of(key)
				if int(at) == len(out.tallies) {
					out.tallies = append(grown(out.tallies), tally{})
				}
				out.tallies[at].add(&s.tallies[g])
			}
			out.places[i][g] = at
		}
	}
	for g := range out.tallies {
		out.total.add(&out.tallies[g])
	}
	return out
}

// inside gives the durations of all rows in the window, in pieces.
func (c *counted) inside() (out [][]table.Time) {
	for _, s := range c.parts {
		out = append(out, s.spans.list()...)
	}
	return out
}

// all gives those of every row that the filter keeps, in the window or not.
func (c *counted) all() [][]table.Time {
	out := c.inside()
	for _, s := range c.parts {
		out = append(out, s.outside.list()...)
	}
	return out
}

// young counts the rows of each group that are younger than so many days, and those of all together.
func (c *counted) young(days int) (groups []uint32, all uint32) {
	by := make([][]uint32, len(c.parts))
	table.Side(len(c.parts), c.plan.q.side.workers, func(_, i int) {
		by[i] = make([]uint32, len(c.places[i]))
		for _, block := range c.parts[i].ages.list() {
			for _, a := range block {
				if int(a.days) < days {
					by[i][a.group]++
				}
			}
		}
	})
	groups = make([]uint32, len(c.keys))
	for i, counts := range by {
		for g, n := range counts {
			groups[c.places[i][g]] += n
			all += n
		}
	}
	return groups, all
}

// spread puts the durations of some groups beside each other, as listed: counted first, so that all have one piece of memory.
func (c *counted) spread(groups []int) [][]table.Time {
	if len(c.plan.by) == 0 {
		return [][]table.Time{slices.Concat(c.inside()...)}
	}
	place := make([]int32, len(c.keys)) // in the list, from 1
	for i, g := range groups {
		place[g] = int32(i + 1)
	}
	lengths, total := make([]int, len(groups)+1), 0
	for i, s := range c.parts {
		for _, block := range s.groups.list() {
			for _, g := range block {
				lengths[place[c.places[i][g]]]++
			}
		}
	}
	for _, n := range lengths[1:] {
		total += n
	}
	memory, out := make([]table.Time, 0, total), make([][]table.Time, len(groups))
	at := 0
	for i, n := range lengths[1:] {
		out[i] = memory[at : at : at+n]
		at += n
	}
	for i, s := range c.parts {
		of := s.groups.list()
		for b, block := range s.spans.list() {
			for k, d := range block {
				if to := place[c.places[i][of[b][k]]]; to != 0 {
					out[to-1] = append(out[to-1], d)
				}
			}
		}
	}
	return out
}
