package proposals

import (
	"cmp"
	"math"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/stats"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

const day = 24 * 60 * 60 * 1000

// Bounds of the time that an outcome has to come, in days; Default where too few came to tell.
const (
	minHorizon, maxHorizon         = 14, 365
	defaultToWon, defaultToSQL     = 90, 45
	enoughForHorizon, enoughOfWins = 20, 30
)

// cases are the leads that proposals are made from: of each lead the first epoch that qualified.
type cases struct {
	*Seen
	rows []*table.Row
	// toSQL and toWon are how long a lead has for the outcome, in milliseconds: the 90th percentile of those that had it.
	toSQL, toWon int64
	// wonBefore are leads that were won before they were seen: nothing that was done here led there.
	wonBefore int
	members   map[table.Sym][]string
	// of gives the places of a rule's id among the agreement's, and masks has a bit at each place for each set of rules.
	of    map[string]int
	masks map[table.Sym]mask
}

// mask has a bit for each rule of the agreement.
type mask []uint64

func (m mask) has(rule int) bool { return m[rule/64]>>(rule%64)&1 != 0 }

// mask gives which of the agreement's rules a set has.
func (c *cases) mask(set table.Sym) mask {
	m, ok := c.masks[set]
	if !ok {
		m = make(mask, len(c.of)/64+1)
		for _, id := range c.names.Members(set) {
			if i, known := c.of[id]; known {
				m[i/64] |= 1 << (i % 64)
			}
		}
		c.masks[set] = m
	}
	return m
}

// Seen is what a table says about proposals at one moment: a copy, so that the table may go on while they are looked for.
type Seen struct {
	now   table.Time
	names table.NameList
	// known has the numbers of the names that the agreement looks for.
	known map[string]table.Sym
	// qualified has of each lead the first epoch that qualified; back has the epochs of recycled leads, each lead's beside each other, ascending.
	qualified, back []table.Row
}

// See copies what Find needs out of a table.
func See(t *table.Table, a *Agreement, now table.Time) *Seen {
	s := &Seen{now: now, names: t.Names.List(), known: map[string]table.Sym{}}
	know := func(name string) {
		if sym, ok := t.Names.Find(name); ok {
			s.known[name] = sym
		}
	}
	for i := range a.Recycle {
		know(a.Recycle[i].ID)
	}
	for i := range a.Thresholds {
		know(a.Thresholds[i].Rule)
	}
	first := make([]int32, t.Leads()) // the place of each lead's row among the qualified, from 1
	for _, p := range t.Pieces(0) {
		for i, kind := range p.Kinds {
			if kind == table.Empty {
				continue
			}
			r := &p.Rows[i]
			if r.Flags&table.WasRecycled != 0 || r.Epoch > 1 {
				s.back = append(s.back, *r)
			}
			if r.Entered[table.MQL] == 0 || r.Entered[table.MQL] > now || r.Rule == 0 {
				continue
			}
			switch f := &first[r.Lead]; {
			case *f == 0:
				s.qualified = append(s.qualified, *r)
				*f = int32(len(s.qualified))
			case r.Epoch < s.qualified[*f-1].Epoch:
				s.qualified[*f-1] = *r
			}
		}
	}
	return s
}

func collect(t *table.Table, a *Agreement, now table.Time) *cases { return See(t, a, now).cases(a) }

// cases puts what was seen in the order of leads.
func (s *Seen) cases(a *Agreement) *cases {
	c := &cases{Seen: s, members: map[table.Sym][]string{}, masks: map[table.Sym]mask{}, of: map[string]int{}}
	for i := range a.Rules {
		if _, twice := c.of[a.Rules[i].ID]; !twice {
			c.of[a.Rules[i].ID] = len(c.of)
		}
	}
	for i := range s.qualified {
		if r := &s.qualified[i]; r.Flags&table.WonBeforeSeen != 0 {
			c.wonBefore++
		} else {
			c.rows = append(c.rows, r)
		}
	}
	slices.SortFunc(c.rows, func(x, y *table.Row) int { return cmp.Compare(x.Lead, y.Lead) })
	c.toSQL, c.toWon = c.horizon(sqlAt, defaultToSQL), c.horizon(wonAt, defaultToWon)
	return c
}

// sqlAt is when a lead became an SQL, or went beyond without having been called one; 0 is never.
func sqlAt(r *table.Row) table.Time {
	at := table.Time(0)
	for _, s := range []table.Stage{table.SQL, table.Opportunity, table.Won} {
		if e := r.Entered[s]; e != 0 && (at == 0 || e < at) {
			at = e
		}
	}
	return at
}

func wonAt(r *table.Row) table.Time { return r.Entered[table.Won] }

func (c *cases) horizon(at func(*table.Row) table.Time, absent float64) int64 {
	var took []float64
	for _, r := range c.rows {
		if when := at(r); when != 0 && when >= r.Entered[table.MQL] {
			took = append(took, float64(when-r.Entered[table.MQL])/day)
		}
	}
	days := absent
	if len(took) >= enoughForHorizon {
		slices.Sort(took)
		days = stats.Quantile(took, 0.9)
	}
	return int64(math.Ceil(min(maxHorizon, max(minHorizon, days)))) * day
}

// outcome is what is counted of leads.
type outcome struct {
	words   string
	at      func(*table.Row) table.Time
	horizon int64
}

func (o outcome) days() float64 { return float64(o.horizon) / day }

// mature: the lead has had the time for its outcome.
func (o outcome) mature(r *table.Row, now table.Time) bool {
	return r.Entered[table.MQL]+o.horizon <= now
}

// had: the outcome came within that time. One that came later does not count, for all alike.
func (o outcome) had(r *table.Row) bool {
	at := o.at(r)
	return at != 0 && at <= r.Entered[table.MQL]+o.horizon
}

func (c *cases) sql() outcome { return outcome{"became SQLs", sqlAt, c.toSQL} }

// outcome gives what rules are judged by: won deals, or SQLs as long as there are too few of them; false without either.
func (c *cases) outcome() (outcome, bool) {
	for _, o := range []outcome{{"were won", wonAt, c.toWon}, c.sql()} {
		n := 0
		for _, r := range c.rows {
			if o.mature(r, c.now) && o.had(r) {
				n++
			}
		}
		if n >= enoughOfWins {
			return o, true
		}
	}
	return outcome{}, false
}

// rulesOf gives the ids of the rules that a lead had when it qualified.
func (c *cases) rulesOf(set table.Sym) []string {
	m, ok := c.members[set]
	if !ok {
		m = c.names.Members(set)
		c.members[set] = m
	}
	return m
}

// kind of leads that are alike in all that rules are compared by.
type kind struct {
	set, source table.Sym
	version     uint16
	mature, had bool
}

// alike is how many leads are of a kind, and when they qualified.
type alike struct {
	kind
	mask     mask
	n        int
	from, to table.Time
}

// kinds counts the leads that qualified from since on by their kind, so that many rules cost little more than one.
func (c *cases) kinds(o outcome, since table.Time) []alike {
	places, out := map[kind]int{}, []alike(nil)
	for _, r := range c.rows {
		at := r.Entered[table.MQL]
		if at < since {
			continue
		}
		k := kind{r.Rules, r.Source, r.Version, o.mature(r, c.now), o.had(r)}
		i, ok := places[k]
		if !ok {
			i = len(out)
			places[k] = i
			out = append(out, alike{kind: k, mask: c.mask(k.set), from: at, to: at})
		}
		out[i].n++
		out[i].from, out[i].to = min(out[i].from, at), max(out[i].to, at)
	}
	return out
}

// window keeps the first and the last moment of qualifying.
func (e *Evidence) window(from, to table.Time) {
	if e.From == 0 || from < e.From {
		e.From = from
	}
	e.To = max(e.To, to)
}

func (e *Evidence) at(r *table.Row) { e.window(r.Entered[table.MQL], r.Entered[table.MQL]) }
