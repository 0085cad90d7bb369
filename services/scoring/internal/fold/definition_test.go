package fold_test

import (
	"math/big"
	"slices"
	"strings"
	"time"
)

// What follows is the definition of a score once more, written from the formulas alone: slow, obvious, and without a line of
// the engine. TestTheEngineFollowsTheDefinition compares the two.

// defRule is an engagement rule of a definition.
type defRule struct {
	id, group, score    string
	on                  []string
	when                condition
	points, limit       int64 // micro-points; a limit of 0 is none
	halfLife, timeframe time.Duration
	capCount            int
	capPer              time.Duration
}

type defFit struct {
	id     string
	when   condition
	points int64
}

type defQualify struct {
	id     string
	on     []string
	when   condition
	matrix map[string]int64
}

// definition is one version of an agreement.
type definition struct {
	version    int
	rules      []defRule
	groups     map[string]int64
	fit        []defFit
	grades     [3]int64
	disqualify []condition
	qualify    []defQualify
}

// condition is an expression, and what it means.
type condition struct {
	cel   string
	holds func(*sight) bool
}

// sight is what a condition may look at.
type sight struct {
	event *story
	of    *defLead
	at    time.Time
}

// story is an event that happens to the one lead.
type story struct {
	id, kind, url, title, country string
	// message is what its sender calls the message that it is about, campaign what it was sent for.
	message, campaign  string
	employees          int
	size               int
	objects, automated bool
	occurred, received time.Time
	// version in force when it is read.
	version int
}

// grant is a rule's points for an event.
type grant struct {
	event *story
	rule  *defRule
	from  *definition
}

// defLead is everything that was ever read of the lead.
type defLead struct {
	versions map[int]*definition
	events   []*story
	grants   []grant
	active   *definition
}

// read takes the next event of the log.
func (l *defLead) read(e *story) {
	for _, known := range l.events {
		if known.id == e.id {
			return
		}
	}
	l.events = append(l.events, e)
	l.active = l.versions[e.version]
	if e.automated {
		return
	}
	var granted []grant // every rule sees what the lead was worth before the event
	for i := range l.active.rules {
		r := &l.active.rules[i]
		if slices.Contains(r.on, e.kind) && (r.when.holds == nil || r.when.holds(&sight{e, l, e.received})) {
			granted = append(granted, grant{e, r, l.active})
		}
	}
	l.grants = append(l.grants, granted...)
}

// latest gives the event that last said something, by when it happened, then by id.
func (l *defLead) latest(says func(*story) bool) *story {
	var last *story
	for _, e := range l.events {
		if says(e) && (last == nil || e.occurred.After(last.occurred) || e.occurred.Equal(last.occurred) && e.id > last.id) {
			last = e
		}
	}
	return last
}

func (l *defLead) objected() bool {
	return l.latest(func(e *story) bool { return e.objects }) != nil
}

// counting gives the grants that their caps let count: of each rule's bucket, the earliest by (occurred, id).
func (l *defLead) counting() []grant {
	sorted := slices.Clone(l.grants)
	slices.SortStableFunc(sorted, func(a, b grant) int {
		if c := a.event.occurred.Compare(b.event.occurred); c != 0 {
			return c
		}
		return strings.Compare(a.event.id, b.event.id)
	})
	type bucket struct {
		rule   string
		per    time.Duration
		number int64
	}
	used := map[bucket]int{}
	var out []grant
	scanned := l.scanned()
	for _, g := range sorted {
		if scanned[g.event.id] {
			continue
		}
		if g.rule.capCount > 0 {
			b := bucket{g.rule.id, g.rule.capPer, g.event.occurred.Unix() / int64(g.rule.capPer.Seconds())}
			used[b]++
			if used[b] > g.rule.capCount {
				continue
			}
		}
		out = append(out, g)
	}
	return out
}

// scanned gives the events that are a mail scanner's, by id: of all that is known, whatever came first.
func (l *defLead) scanned() map[string]bool {
	out := map[string]bool{}
	of := func(kinds ...string) (found []*story) {
		for _, e := range l.events {
			if slices.Contains(kinds, e.kind) {
				found = append(found, e)
			}
		}
		return found
	}
	same := func(a, b *story) bool { // message
		return a.message == b.message && (a.message != "" || a.campaign == b.campaign)
	}
	clicks := of("email_clicked")
	for _, first := range clicks { // three links of a message within ten seconds from this click on
		var burst []*story
		links := map[string]bool{}
		for _, e := range clicks {
			if after := e.occurred.Sub(first.occurred); same(e, first) && after >= 0 && after <= 10*time.Second {
				burst = append(burst, e)
				if e.url != "" {
					links[e.url] = true
				}
			}
		}
		for _, e := range burst {
			out[e.id] = out[e.id] || len(links) >= 3
		}
	}
	for _, arrived := range of("email_sent", "email_delivered") { // within two seconds of the message's arrival
		for _, e := range of("email_opened", "email_clicked") {
			apart := e.occurred.Sub(arrived.occurred).Abs()
			named := e.message != "" || e.campaign != ""
			stated := e.occurred != e.received && arrived.occurred != arrived.received
			if named && stated && same(e, arrived) && apart <= 2*time.Second {
				out[e.id] = true
			}
		}
	}
	return out
}

// engagement gives one of the lead's scores, "" for the main one: criterion, rule, group, total.
func (l *defLead) engagement(score string, at time.Time) int64 {
	if l.objected() {
		return 0
	}
	type sum struct {
		points, limit int64
		version       int
		group         string
	}
	rules := map[string]*sum{}
	var order []string
	for _, g := range l.counting() {
		r := g.rule
		age := at.Sub(g.event.occurred)
		if r.score != score || r.timeframe > 0 && age >= r.timeframe {
			continue
		}
		s := rules[r.id]
		if s == nil {
			s = &sum{}
			rules[r.id] = s
			order = append(order, r.id)
		}
		s.points += decayedBy(r.points, age, r.halfLife)
		if g.from.version >= s.version {
			s.version, s.limit, s.group = g.from.version, r.limit, r.group
		}
	}
	groups := map[string]*sum{}
	var total int64
	for _, id := range order {
		s := rules[id]
		points := within(s.points, s.limit)
		if s.group == "" {
			total += points
			continue
		}
		g := groups[s.group]
		if g == nil {
			g = &sum{}
			groups[s.group] = g
		}
		g.points += points
		if s.version >= g.version {
			g.version, g.limit = s.version, l.versions[s.version].groups[s.group]
		}
	}
	for _, g := range groups {
		total += within(g.points, g.limit)
	}
	return min(max(total, 0), 100_000_000)
}

func within(points, limit int64) int64 {
	if limit == 0 {
		return points
	}
	return min(max(points, -limit), limit)
}

func (l *defLead) fit() int64 {
	if l.objected() {
		return 0
	}
	var sum int64
	for _, r := range l.active.fit {
		if r.when.holds(&sight{of: l}) {
			sum += r.points
		}
	}
	return min(max(sum, 0), 100_000_000)
}

func (l *defLead) grade() string {
	fit := l.fit()
	for i, least := range l.active.grades {
		if fit >= least {
			return "abc"[i : i+1]
		}
	}
	return "d"
}

// qualifies gives the rule by which the lead qualifies because of an event, nil for a mere look at a time.
func (l *defLead) qualifies(e *story, at time.Time) string {
	if l.objected() {
		return ""
	}
	for _, c := range l.active.disqualify {
		if c.holds(&sight{of: l, at: at}) {
			return ""
		}
	}
	for _, q := range l.active.qualify {
		if len(q.on) > 0 && (e == nil || e.automated || l.scanned()[e.id] || !slices.Contains(q.on, e.kind)) {
			continue
		}
		if q.matrix != nil {
			if least, listed := q.matrix[l.grade()]; listed && l.engagement("", at) >= least {
				return q.id
			}
			continue
		}
		if q.when.holds == nil || q.when.holds(&sight{e, l, at}) {
			return q.id
		}
	}
	return ""
}

// decayedBy gives points * 2^(-age/halfLife), rounded half to even, from 120 bits of the exponential series.
func decayedBy(points int64, age, halfLife time.Duration) int64 {
	if halfLife == 0 || age <= 0 || points == 0 {
		return points
	}
	const bits = 120
	number := func(n int64) *big.Float { return new(big.Float).SetPrec(bits).SetInt64(n) }
	halves := int64(age / halfLife)
	if halves > 62 {
		return 0
	}
	x := number(int64(age % halfLife))
	x.Quo(x, number(int64(halfLife))).Mul(x, ln2)
	left, term := number(1), number(1)
	for n := int64(1); n < 40; n++ {
		term.Mul(term, x).Quo(term, number(-n))
		left.Add(left, term)
	}
	left.Mul(left, number(points)).Quo(left, number(1<<halves))
	return halfEven(left)
}

// ln2 to 45 digits.
var ln2, _, _ = big.ParseFloat("0.693147180559945309417232121458176568075500134", 10, 160, big.ToNearestEven)

func halfEven(x *big.Float) int64 {
	whole, _ := x.Int(nil)
	rest := new(big.Float).Sub(x, new(big.Float).SetPrec(x.Prec()).SetInt(whole))
	rest.Abs(rest)
	n := whole.Int64()
	if c := rest.Cmp(big.NewFloat(0.5)); c > 0 || c == 0 && n%2 != 0 {
		if x.Sign() < 0 {
			return n - 1
		}
		return n + 1
	}
	return n
}
