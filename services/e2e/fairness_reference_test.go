package e2e

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/batonhq/baton/pkg/journal"
)

// owedUnit is one handoff, as shares are counted: they are rounded down to a ten-thousand-millionth.
const owedUnit = 10_000_000_000

// asked is a handoff that has asked for an owner.
type asked struct {
	id, lead, pool, rep string
	core                bool
	since               time.Time
	told                bool
	until               time.Time
}

// judge follows the desk through the journal and holds every assignment and every wait against the rule, as the routing service's
// README has it, written down once more without anything that makes it fast: what counts against a capacity is counted anew from the
// list of all assignments, and when somebody opens is found by walking from minute to minute.
type judge struct {
	h        *house
	problems []string
	now      time.Time

	queue    []*asked
	given    map[string][]time.Time // by rep and by pool
	hands    map[string]map[string]bool
	owed     map[string]map[string]int64 // by pool and rep
	got      map[string]map[string]int64 // the same; only those who are always there
	assigned map[string]string
	attempts map[string]bool

	worst           float64
	waits, overflow int
	named           int
	checkShares     map[string]bool
}

func newJudge(h *house) *judge {
	return &judge{h: h, given: map[string][]time.Time{}, hands: map[string]map[string]bool{}, owed: map[string]map[string]int64{},
		got: map[string]map[string]int64{}, assigned: map[string]string{}, attempts: map[string]bool{}, checkShares: map[string]bool{}}
}

func (j *judge) bad(format string, args ...any) {
	if len(j.problems) < 30 {
		j.problems = append(j.problems, fmt.Sprintf(format, args...))
	}
}

// run reads the desk's events, in the order in which it took them: each with the facts that it decided on it.
func (j *judge) run(log []*journal.Event) {
	facts := map[uint64][]*journal.Event{}
	for _, ev := range log {
		if own(ev) {
			facts[ev.Origin.Cause] = append(facts[ev.Origin.Cause], ev)
		}
	}
	for _, ev := range log {
		if own(ev) {
			continue
		}
		if ev.Time().After(j.now) {
			j.now = ev.Time()
		}
		j.take(ev)
		list := facts[ev.Seq]
		slices.SortFunc(list, func(a, b *journal.Event) int { return a.Origin.N - b.Origin.N })
		for _, f := range list {
			j.fact(f)
		}
		if len(list) < 200 { // more than that is not decided at once
			j.nobodyForgotten(ev)
		}
	}
}

// own: what the desk told itself.
func own(ev *journal.Event) bool { return ev.Origin != nil && ev.Origin.Entity == "desk" }

func (j *judge) take(ev *journal.Event) {
	if m := ev.Body.GetMatched(); m != nil {
		if j.find(m.HandoffId) != nil || j.assigned[m.HandoffId] != "" {
			return // asked for before: the same input was decided on twice
		}
		j.queue = append(j.queue, &asked{id: m.HandoffId, lead: m.Lead, pool: m.Pool, rep: m.Rep, core: slices.Contains(m.GetNeeds().GetSkills(), "core"), since: j.now})
	}
	if c := ev.Body.GetClosed(); c != nil {
		delete(j.hands[c.Rep], c.HandoffId)
		j.queue = slices.DeleteFunc(j.queue, func(a *asked) bool { return a.id == c.HandoffId })
		if back := c.Outcome == "given_back" || c.Outcome == "recalled" || c.Outcome == "too_late"; back && j.owed[c.Pool] != nil {
			j.owed[c.Pool][c.Rep] += owedUnit
		}
	}
}

func (j *judge) find(handoff string) *asked {
	for _, a := range j.queue {
		if a.id == handoff {
			return a
		}
	}
	return nil
}

// fact checks one ruling and lets it take effect.
func (j *judge) fact(ev *journal.Event) {
	if s := ev.Body.GetAssigned(); s != nil {
		a := j.find(s.HandoffId)
		if a == nil {
			j.bad("at %d %s goes to %s, and nobody asked for it (any more)", ev.Seq, s.HandoffId, s.Rep)
			return
		}
		if key := fmt.Sprint(a.lead, " ", s.HandoffId, " ", s.Attempt); j.attempts[key] || j.assigned[a.id] != "" {
			j.bad("at %d %s is assigned twice", ev.Seq, key)
		} else {
			j.attempts[key] = true
		}
		j.queue = slices.DeleteFunc(j.queue, func(b *asked) bool { return a == b })
		j.assign(ev.Seq, a, s.Pool, s.Rep)
	}
	if w := ev.Body.GetWaiting(); w != nil {
		a := j.find(w.HandoffId)
		if a == nil {
			j.bad("at %d %s is said to wait, and nobody asked for it", ev.Seq, w.HandoffId)
			return
		}
		j.waits++
		var until time.Time
		if w.Until != nil {
			until = w.Until.AsTime()
		}
		a.told, a.until = true, until
		if pool, who := j.decide(a); len(who) > 0 {
			j.bad("at %d %s waits, and %v of %s could take it", ev.Seq, a.id, who, pool)
		} else if want := j.opens(a); !until.Equal(want) {
			j.bad("at %d (%s) %s of %s waits until %s; somebody could take it from %s on", ev.Seq, j.now, a.id, a.pool, until, want)
		}
	}
	if ev.Body.GetDeclined() != nil {
		j.bad("at %d %s is declined", ev.Seq, ev.Body.GetDeclined().HandoffId)
	}
}

func (j *judge) assign(seq uint64, a *asked, pool, rep string) {
	r := j.h.reps[rep]
	if r == nil || !j.free(r, j.now) {
		j.bad("at %d (%s) %s goes to %s, who is not there or has no room", seq, j.now, a.id, rep)
		return
	}
	wantPool, who := j.decide(a)
	switch {
	case wantPool != pool || !slices.Contains(who, rep):
		j.bad("at %d (%s) %s goes to %s of %q; the reference has %v of %q", seq, j.now, a.id, rep, pool, who, wantPool)
	case pool == "":
		j.named++
	case pool != a.pool:
		j.overflow++
	}
	// Who has waited longer, for the same, is first.
	for _, b := range j.queue {
		if b.since.Before(a.since) && b.pool == a.pool && b.core == a.core && b.rep == "" && a.rep == "" && b.told && pool == a.pool {
			j.bad("at %d %s is assigned before %s, which has waited longer", seq, a.id, b.id)
			break
		}
	}
	j.assigned[a.id] = rep
	if p := j.h.pools[pool]; p != nil {
		eligible := j.eligible(a, p)
		if j.owed[pool] == nil {
			j.owed[pool], j.got[pool] = map[string]int64{}, map[string]int64{}
		}
		for other, owed := range j.owedWith(p, eligible) {
			j.owed[pool][other] = owed
		}
		j.owed[pool][rep] -= owedUnit
		if len(p.limits) > 0 {
			j.given[pool] = append(j.given[pool], j.now)
		}
		if r.steady() {
			j.got[pool][rep]++
			j.shares(p)
		}
	}
	if len(r.limits) > 0 {
		j.given[rep] = append(j.given[rep], j.now)
	}
	if r.open > 0 {
		if j.hands[rep] == nil {
			j.hands[rep] = map[string]bool{}
		}
		j.hands[rep][a.id] = true
	}
}

// shares measures how far somebody who is always there is from their part of what they got together.
func (j *judge) shares(p *bench) {
	if !j.checkShares[p.id] {
		return
	}
	var sum, weight float64
	for _, rep := range p.reps {
		if j.h.reps[rep].steady() {
			sum += float64(j.got[p.id][rep])
			weight += float64(j.h.weight(p, rep))
		}
	}
	for _, rep := range p.reps {
		if j.h.reps[rep].steady() {
			off := float64(j.got[p.id][rep]) - sum*float64(j.h.weight(p, rep))/weight
			j.worst = max(j.worst, off, -off)
		}
	}
}

// window gives when the window of a limit began.
func (l limit) window(at time.Time, zone *time.Location) time.Time {
	if l.per == "1h" {
		return at.UTC().Truncate(time.Hour)
	}
	y, m, d := at.In(zone).Date()
	if l.per == "7d" {
		for time.Date(y, m, d, 0, 0, 0, 0, zone).Weekday() != time.Monday {
			d--
		}
	}
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

func (j *judge) room(who string, limits []limit, zone *time.Location, at time.Time) bool {
	for _, l := range limits {
		from, n := l.window(at, zone), 0
		list := j.given[who]
		for i := len(list) - 1; i >= 0 && !list[i].Before(from); i-- {
			n++
		}
		if n >= l.count {
			return false
		}
	}
	return true
}

// there reports whether a rep works at a moment and has room in all windows.
func (j *judge) there(r *shift, at time.Time) bool {
	if !r.always {
		local := at.In(r.zone)
		if minute := local.Hour()*60 + local.Minute(); minute < r.from || minute >= r.to {
			return false
		}
	}
	for _, a := range r.away {
		if !at.Before(a[0]) && at.Before(a[1]) {
			return false
		}
	}
	return j.room(r.id, r.limits, r.zone, at)
}

func (j *judge) free(r *shift, at time.Time) bool {
	return j.there(r, at) && (r.open == 0 || len(j.hands[r.id]) < r.open)
}

func (j *judge) eligible(a *asked, p *bench) (out []string) {
	if !j.room(p.id, p.limits, time.UTC, j.now) {
		return nil
	}
	for _, rep := range p.reps {
		if r := j.h.reps[rep]; j.free(r, j.now) && (!a.core || r.core) {
			out = append(out, rep)
		}
	}
	return out
}

// decide gives which pool a handoff is to go to now and to whom, more than one where the rule says that they are equal; nobody if it
// waits.
func (j *judge) decide(a *asked) (pool string, who []string) {
	if a.rep != "" && j.free(j.h.reps[a.rep], j.now) {
		return "", []string{a.rep}
	}
	p := j.h.pools[a.pool]
	eligible := j.eligible(a, p)
	if len(eligible) == 0 && p.after > 0 && !j.now.Before(a.since.Add(p.after)) {
		p = j.h.pools[p.over]
		eligible = j.eligible(a, p)
	}
	if len(eligible) == 0 {
		return a.pool, nil
	}
	// Those who are always there are as one; then it is theirs to share.
	owed, weight := j.owedWith(p, eligible), map[string]int64{}
	var group []string
	for _, rep := range eligible {
		weight[rep] = j.h.weight(p, rep)
		if j.h.reps[rep].steady() {
			group = append(group, rep)
		}
	}
	if len(group) > 1 {
		owed["the steady"], weight["the steady"] = 0, 0
		for _, rep := range group {
			owed["the steady"] += owed[rep]
			weight["the steady"] += weight[rep]
			delete(owed, rep)
		}
	}
	for _, rep := range next(owed, weight) {
		if rep == "the steady" {
			who = append(who, next(j.owedWith(p, group), weight)...)
		} else {
			who = append(who, rep)
		}
	}
	return p.id, who
}

// owedWith gives what each of those who are there is owed with one handoff more: what others, who are not there, owe them together is
// theirs to share.
func (j *judge) owedWith(p *bench, eligible []string) map[string]int64 {
	var sum, total int64
	for _, rep := range eligible {
		sum += j.owed[p.id][rep]
		total += j.h.weight(p, rep)
	}
	out := map[string]int64{}
	part := func(n, w int64) int64 {
		return new(big.Int).Quo(new(big.Int).Mul(big.NewInt(n), big.NewInt(w)), big.NewInt(total)).Int64()
	}
	for _, rep := range eligible {
		w := j.h.weight(p, rep)
		out[rep] = j.owed[p.id][rep] - part(sum, w) + part(owedUnit, w)
	}
	return out
}

// next gives who of those who are owed something, or else of all, will be the first to be owed a whole handoff: the least
// (1-owed)/weight.
func next(owed, weight map[string]int64) (who []string) {
	some := false
	for _, o := range owed {
		some = some || o > 0
	}
	var least *big.Rat
	for _, rep := range sortedKeys(owed) {
		if some && owed[rep] <= 0 {
			continue
		}
		ratio := big.NewRat(owedUnit-owed[rep], weight[rep])
		switch {
		case least == nil || ratio.Cmp(least) < 0:
			least, who = ratio, []string{rep}
		case ratio.Cmp(least) == 0:
			who = append(who, rep)
		}
	}
	return who
}

// opens gives the first moment at which somebody could take a handoff, zero if only the end of another one helps.
func (j *judge) opens(a *asked) (first time.Time) {
	p := j.h.pools[a.pool]
	places := []*bench{p}
	if p.after > 0 {
		if over := a.since.Add(p.after); j.now.Before(over) {
			first = over
		} else {
			places = append(places, j.h.pools[p.over])
		}
	}
	try := func(r *shift, p *bench) {
		if at := j.opensFor(r, p, first); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if a.rep != "" {
		try(j.h.reps[a.rep], nil)
	}
	for _, p := range places {
		for _, rep := range p.reps {
			if r := j.h.reps[rep]; !a.core || r.core {
				try(r, p)
			}
		}
	}
	return first
}

// opensFor walks through the minutes of the next nine days, and the ends of absences, until there is room; it gives up at before.
func (j *judge) opensFor(r *shift, p *bench, before time.Time) time.Time {
	if r.open > 0 && len(j.hands[r.id]) >= r.open {
		return time.Time{}
	}
	at := func(t time.Time) bool {
		return !t.Before(j.now) && j.there(r, t) && (p == nil || j.room(p.id, p.limits, time.UTC, t))
	}
	if at(j.now) {
		return j.now
	}
	minute := j.now.Truncate(time.Minute)
	for range 9 * 24 * 60 {
		for _, a := range r.away {
			if a[1].After(minute) && a[1].Before(minute.Add(time.Minute)) && at(a[1]) {
				return a[1]
			}
		}
		if minute = minute.Add(time.Minute); !before.IsZero() && !minute.Before(before) {
			return time.Time{}
		}
		if at(minute) {
			return minute
		}
	}
	return time.Time{}
}

// nobodyForgotten: whoever is due to be looked at was, when the desk looks.
func (j *judge) nobodyForgotten(ev *journal.Event) {
	if ev.Body.GetMatched() == nil && ev.Type != journal.TypeTimerFired {
		return
	}
	for _, a := range j.queue {
		if !a.told || !a.until.IsZero() && !a.until.After(j.now) {
			j.bad("at %d (%s) the desk looked and passed over %s, which waits until %s", ev.Seq, j.now, a.id, a.until)
			return
		}
	}
}
