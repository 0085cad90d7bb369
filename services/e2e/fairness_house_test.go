package e2e

import (
	"fmt"
	"strings"
	"time"
)

// shift is one rep of the fairness test's directory, as the test's own reference knows them.
type shift struct {
	id     string
	zone   *time.Location
	weight int64 // in thousandths
	always bool  // else there from one minute of each local day to another
	from   int
	to     int
	away   [][2]time.Time
	limits []limit
	open   int // how many may be in hand, 0 for any number
	core   bool
}

// limit is how many handoffs there may be in one window: 1h of UTC, 1d and 7d of local days.
type limit struct {
	per   string
	count int
}

// bench is one pool.
type bench struct {
	id      string
	reps    []string
	weights map[string]int64 // where they differ from the reps' own
	limits  []limit
	// after is how long one waits until it may go to the pool over, 0 for never.
	after time.Duration
	over  string
}

// house is a whole directory.
type house struct {
	reps  map[string]*shift
	order []string
	pools map[string]*bench
	list  []*bench
	owned map[string]string // an account to its owner
}

// steady: there at any time, without any limit.
func (s *shift) steady() bool {
	return s.always && len(s.away)+len(s.limits) == 0 && s.open == 0
}

func (h *house) weight(p *bench, rep string) int64 {
	if w, ok := p.weights[rep]; ok {
		return w
	}
	return h.reps[rep].weight
}

// newHouse gives 50 reps in seven pools, for so many handoffs in a run from now to end. Five pools have four reps each who are
// always there, with others who have hours in four zones that begin and end about now, who are away for a part of the run, who have
// one or two capacities, limits on what they have in hand, and skills, some of them in two pools. In `late` everybody is away until
// half of the run is over, but for one who comes tomorrow: who asks waits, and then there is little room. In `spill` nobody comes
// before somebody else may take it.
func newHouse(handoffs int, now, end time.Time) *house {
	now = now.UTC()
	h := &house{reps: map[string]*shift{}, pools: map[string]*bench{}, owned: map[string]string{"ac-one": "r20", "ac-two": "r21", "ac-three": "r22"}}
	var zones []*time.Location
	for _, name := range []string{"UTC", "Europe/Stockholm", "America/New_York", "Asia/Kolkata"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			panic(err) // Go brings them along
		}
		zones = append(zones, loc)
	}
	second := func(part float64) time.Time {
		return now.Add(time.Duration(part * float64(end.Sub(now)))).Truncate(time.Second)
	}
	for i := range 5 {
		h.list = append(h.list, &bench{id: fmt.Sprintf("p%d", i)})
	}
	share := handoffs / 50
	for i := range 44 {
		r := &shift{id: fmt.Sprintf("r%02d", i), zone: zones[i%4], weight: []int64{1000, 2000, 500, 3000, 1000, 10_000}[i%6], always: true}
		home := h.list[i%5]
		home.reps = append(home.reps, r.id)
		r.core = i < 20 || i%3 == 0
		if i >= 20 {
			minute := now.In(r.zone).Hour()*60 + now.In(r.zone).Minute()
			switch i % 6 {
			case 0: // their day is over in some minutes
				r.always, r.from, r.to = false, max(0, minute-200), min(24*60, minute+1+i%5)
			case 1: // it begins in some
				r.always, r.from, r.to = false, min(24*60-2, minute+1+i%4), 24*60
			case 2: // not now
				r.always, r.from, r.to = false, (minute+200)%(23*60), (minute+200)%(23*60)+60
			case 3:
				r.away = [][2]time.Time{{second(0.2), second(0.4)}, {second(0.6), second(0.8)}} // of the shortest run more than a second each
			case 4:
				r.limits = []limit{{"1h", 1 + share/3}, {"1d", 2 + share}}
			case 5:
				r.limits = []limit{{"7d", 1 + share/2}}
			}
			if i%7 == 0 {
				r.open = 3
			}
			if i%2 == 0 {
				other := h.list[(i+1)%5]
				other.reps = append(other.reps, r.id)
			}
		}
		h.add(r)
	}
	h.list[1].weights = map[string]int64{h.list[1].reps[0]: 4000}
	h.list[3].limits = []limit{{"1h", handoffs}, {"1d", 2 * handoffs}}
	back := [][2]time.Time{{now.Add(-time.Hour).Truncate(time.Second), second(0.5)}}
	noon := now.Hour()*60 + now.Minute()
	h.add(&shift{id: "l1", zone: zones[0], weight: 1000, always: true, away: back, limits: []limit{{"1d", 2 + handoffs/200}}})
	h.add(&shift{id: "l2", zone: zones[1], weight: 2000, always: true, away: back, open: 2 + handoffs/1000})
	h.add(&shift{id: "l3", zone: zones[0], weight: 1000, from: (noon + 300) % (23 * 60), to: (noon+300)%(23*60) + 60})
	h.add(&shift{id: "s1", zone: zones[0], weight: 1000, always: true, away: [][2]time.Time{{back[0][0], end.Add(time.Hour).Truncate(time.Second)}}})
	h.add(&shift{id: "s2", zone: zones[2], weight: 1000, always: true, limits: []limit{{"1d", 1}}})
	h.add(&shift{id: "s3", zone: zones[2], weight: 1000, always: true, limits: []limit{{"1d", 1}, {"7d", 1}}})
	h.list = append(h.list,
		&bench{id: "late", reps: []string{"l1", "l2", "l3"}},
		&bench{id: "spill", reps: []string{"s1", "s2", "s3"}, after: max(2*time.Second, end.Sub(now)/20).Truncate(time.Second), over: "p0"})
	for _, p := range h.list {
		h.pools[p.id] = p
	}
	return h
}

func (h *house) add(r *shift) {
	h.reps[r.id] = r
	h.order = append(h.order, r.id)
}

// yaml writes the directory. A lead goes to the pool of its country; who is titled core needs somebody with that skill.
func (h *house) yaml() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	thousandths := func(w int64) string { return fmt.Sprintf("%d.%03d", w/1000, w%1000) }
	limits := func(list []limit, open int) string {
		var out []string
		for _, l := range list {
			out = append(out, fmt.Sprintf("{per: %s, handoffs: %d}", l.per, l.count))
		}
		if open > 0 {
			out = append(out, fmt.Sprintf("{open: %d}", open))
		}
		if len(out) == 0 {
			return ""
		}
		return ", capacity: [" + strings.Join(out, ", ") + "]"
	}
	p("teams: [ {id: all, manager: r00} ]\nreps:")
	for _, id := range h.order {
		r := h.reps[id]
		line := fmt.Sprintf("  - {id: %s, email: %s@sales.example, team: all, time_zone: %s, weight: %s%s", id, id, r.zone, thousandths(r.weight), limits(r.limits, r.open))
		if !r.always {
			line += fmt.Sprintf(`, hours: {mon-sun: ["%02d:%02d-%02d:%02d"]}`, r.from/60, r.from%60, r.to/60, r.to%60)
		}
		for i, a := range r.away {
			line += map[bool]string{true: ", away: [", false: ", "}[i == 0] + fmt.Sprintf("{from: %q, to: %q}", stamp(a[0]), stamp(a[1]))
		}
		if len(r.away) > 0 {
			line += "]"
		}
		if r.core {
			line += ", skills: [core]"
		}
		p("%s}", line)
	}
	p("pools:")
	for _, pool := range h.list {
		var members []string
		for _, rep := range pool.reps {
			if w, ok := pool.weights[rep]; ok {
				rep = fmt.Sprintf("{rep: %s, weight: %s}", rep, thousandths(w))
			}
			members = append(members, rep)
		}
		line := fmt.Sprintf("  - {id: %s, reps: [%s]%s", pool.id, strings.Join(members, ", "), limits(pool.limits, 0))
		if pool.after > 0 {
			line += fmt.Sprintf(", overflow: {after: %s, pool: %s}", pool.after, pool.over)
		}
		p("%s}", line)
	}
	p("routes:\n  - {id: named, when: 'account.owner != \"\"', to: {owner: account}}")
	for i, pool := range h.list {
		country := countries[i]
		if i < 5 {
			p("  - {id: %s-core, when: 'lead.country == %q && lead.title == \"core\"', to: {pool: %s}, needs: {skills: [core]}}", pool.id, country, pool.id)
		}
		p("  - {id: to-%s, when: 'lead.country == %q', to: {pool: %s}}", pool.id, country, pool.id)
	}
	p("  - {id: default, to: {pool: p0}}\naccounts:")
	for _, id := range sortedKeys(h.owned) {
		p("  - {id: %s, name: Company %s, domain: %s.example, owner: %s}", id, id, id, h.owned[id])
	}
	return b.String()
}

// countries of leads, one for each pool.
var countries = []string{"SE", "DE", "FR", "US", "IN", "NO", "FI"}
