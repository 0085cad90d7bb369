package desk

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

// slow is the desk's rule written down once more, as it is documented, without anything that makes it fast: it counts a rep's
// assignments anew from the list of all of them, and compares fractions.
type slow struct {
	dir *core.Directory
	// given has the moments of all assignments to each rep, and from each pool.
	given map[string][]time.Time
	// owed to each rep of a pool, in handoffs.
	owed  map[string]map[string]*big.Rat
	hands map[string]map[string]bool
	// steady are those of each pool who are always there.
	steady map[string][]string
	// turns: it follows whose turn it is.
	turns bool
}

func (s *slow) within(who string, c calendar.Capacity, now time.Time, loc *time.Location) int {
	from, _ := c.Per.Window(now, loc)
	n, list := 0, s.given[who]
	for i := len(list) - 1; i >= 0 && !list[i].Before(from); i-- {
		n++
	}
	return n
}

// open reports whether a rep works at a moment, has room, and may have the entry.
func (s *slow) open(e Entry, rep string, now time.Time) bool {
	r := s.dir.Rep(rep)
	local := now.In(r.Calendar.Location)
	minute := local.Hour()*60 + local.Minute()
	works := r.Calendar.Always || slices.ContainsFunc(r.Calendar.Week[local.Weekday()], func(sp calendar.Span) bool { return sp.From <= minute && minute < sp.To })
	if !works || r.Open > 0 && len(s.hands[rep]) >= r.Open {
		return false
	}
	for _, c := range r.Capacities {
		if s.within(rep, c, now, r.Calendar.Location) >= c.Handoffs {
			return false
		}
	}
	for _, need := range e.Needs.Skills {
		if !slices.Contains(r.Skills, need) {
			return false
		}
	}
	return true
}

// decide gives whose turn it is, "" if nobody can take it, and changes nothing.
func (s *slow) decide(e Entry, now time.Time) string {
	p := s.dir.Pool(e.Pool)
	for _, c := range p.Capacities {
		if s.within(p.ID, c, now, time.UTC) >= c.Handoffs {
			return ""
		}
	}
	var eligible []string
	for _, rep := range p.Reps {
		if s.open(e, rep, now) {
			eligible = append(eligible, rep)
		}
	}
	if len(eligible) == 0 {
		return ""
	}
	// Those who are always there are as one; then it is theirs to share.
	owed, weight, as := map[string]*big.Rat{}, map[string]int64{}, ""
	var group []string
	for rep, o := range s.owedNow(p, eligible) {
		owed[rep], weight[rep] = o, p.Weight(s.dir.Rep(rep))
	}
	for _, rep := range eligible {
		if !slices.Contains(s.steady[p.ID], rep) {
			continue
		}
		if group = append(group, rep); as == "" {
			as = rep
			continue
		}
		owed[as].Add(owed[as], owed[rep])
		weight[as] += weight[rep]
		delete(owed, rep)
	}
	best := leastOf(e.Handoff, owed, weight)
	if best != as {
		return best
	}
	owed, weight = s.owedNow(p, group), map[string]int64{}
	for _, rep := range group {
		weight[rep] = p.Weight(s.dir.Rep(rep))
	}
	return leastOf(e.Handoff, owed, weight)
}

// leastOf gives who of those who are owed something, or else of all, has the least (1-owed)/weight.
func leastOf(handoff string, owed map[string]*big.Rat, weight map[string]int64) string {
	best, least, bestOwed := "", new(big.Rat), false
	for rep, o := range owed {
		ratio := new(big.Rat).Quo(new(big.Rat).Sub(big.NewRat(1, 1), o), big.NewRat(weight[rep], 1))
		if is := o.Sign() > 0; best == "" || is && !bestOwed {
			best, least, bestOwed = rep, ratio, is
			continue
		} else if is != bestOwed {
			continue
		}
		if c := ratio.Cmp(least); c < 0 || c == 0 && tie(handoff, rep) < tie(handoff, best) {
			best, least = rep, ratio
		}
	}
	return best
}

// owedNow gives what each of those who are there is owed with one handoff more, in handoffs cut behind the tenth digit.
func (s *slow) owedNow(p *core.Pool, eligible []string) map[string]*big.Rat {
	sum, total := new(big.Rat), int64(0)
	for _, rep := range eligible {
		sum.Add(sum, s.owed[p.ID][rep])
		total += p.Weight(s.dir.Rep(rep))
	}
	cut := func(r *big.Rat) *big.Rat {
		r = new(big.Rat).Mul(r, big.NewRat(1e10, 1))
		return new(big.Rat).SetFrac(new(big.Int).Quo(r.Num(), r.Denom()), big.NewInt(1e10))
	}
	out := map[string]*big.Rat{}
	for _, rep := range eligible {
		part := big.NewRat(p.Weight(s.dir.Rep(rep)), total)
		owed := new(big.Rat).Sub(s.owed[p.ID][rep], cut(new(big.Rat).Mul(sum, part)))
		out[rep] = owed.Add(owed, cut(part))
	}
	return out
}

func (s *slow) turn(e Entry, rep string, now time.Time) {
	p := s.dir.Pool(e.Pool)
	var eligible []string
	for _, r := range p.Reps {
		if s.open(e, r, now) {
			eligible = append(eligible, r)
		}
	}
	for r, owed := range s.owedNow(p, eligible) {
		s.owed[p.ID][r] = owed
	}
	s.owed[p.ID][rep].Sub(s.owed[p.ID][rep], big.NewRat(1, 1))
}

func (s *slow) take(e Entry, rep string, now time.Time) {
	p := s.dir.Pool(e.Pool)
	if s.turns {
		s.turn(e, rep, now)
	}
	s.given[rep], s.given[p.ID] = append(s.given[rep], now), append(s.given[p.ID], now)
	if s.dir.Rep(rep).Open > 0 {
		if s.hands[rep] == nil {
			s.hands[rep] = map[string]bool{}
		}
		s.hands[rep][e.Handoff] = true
	}
}

// house is 50 reps in five pools: in each four who are always there, and others with hours in three zones, one or two
// capacities, limits on what they have in hand, and skills; some of them in two pools.
func house() (*core.Directory, map[string][]string) {
	d, steady := &core.Directory{}, map[string][]string{}
	zones := []*time.Location{time.UTC, time.FixedZone("east", 2*3600), time.FixedZone("west", -5*3600)}
	pools := make([]core.Pool, 5)
	for i := range 50 {
		r := rep(fmt.Sprintf("r%02d", i), []int64{1000, 2000, 500, 3000, 1000, 10_000}[i%6])
		r.Calendar.Location = zones[i%3]
		home := i % 5
		pools[home].ID = fmt.Sprintf("p%d", home)
		pools[home].Reps = append(pools[home].Reps, r.ID)
		if i < 20 {
			steady[pools[home].ID] = append(steady[pools[home].ID], r.ID)
		} else {
			if i%4 != 0 {
				r = inHours(r, 6+i%5, 15+i%6)
			} else {
				r = limited(r, calendar.Week, 500)
			}
			if i%3 == 0 {
				r = limited(limited(r, calendar.Hour, 6+i%4), calendar.Day, 30+i%9)
			}
			if i%7 == 0 {
				r.Open = 10
			}
			if i%2 == 0 {
				other := &pools[(home+1)%5]
				other.Reps = append(other.Reps, r.ID)
			}
		}
		if i < 20 || i%3 == 0 {
			r.Skills = []string{"core"}
		}
		d.Reps = append(d.Reps, r)
	}
	pools[1].Weights = map[string]int64{pools[1].Reps[0]: 4000}
	pools[4].Capacities = []calendar.Capacity{{Handoffs: 60, Per: calendar.Hour}}
	d.Pools = pools
	d.Routes = []core.Route{{ID: "default", Pool: "p0"}}
	d.ExactTurns = true
	d.Index()
	return d, steady
}

// The whole promise at once: those who are always there stay within one of their share, everything is as the slow reference has
// it, nobody is over a capacity, in any of several pools, nobody outside their hours, and nobody is assigned twice.
func TestAHundredThousandHandoffsAreShared(t *testing.T) {
	d, steady := house()
	random := rand.New(rand.NewPCG(1, 2))
	s, ref := New(), &slow{dir: d, given: map[string][]time.Time{}, owed: map[string]map[string]*big.Rat{}, hands: map[string]map[string]bool{}, steady: steady}
	for _, p := range d.Pools {
		ref.owed[p.ID] = map[string]*big.Rat{}
		for _, rep := range p.Reps {
			ref.owed[p.ID][rep] = new(big.Rat)
		}
	}
	got, assigned, worst := map[string]map[string]int64{}, map[string]bool{}, 0.0
	type held struct{ handoff, rep string }
	var open []held
	take := func(rulings []Ruling) {
		for _, r := range rulings {
			// Whose turn it is is compared for the first ten thousand, in exact fractions; who may have it for all.
			ref.turns = len(assigned) < 10_000
			if ref.turns {
				if want := ref.decide(*r.Entry, s.Now); r.Rep != want {
					t.Fatalf("at %s %s goes to %q, the reference has %q", s.Now, r.Entry.Handoff, r.Rep, want)
				}
			}
			if r.Rep == "" {
				continue
			}
			if assigned[r.Entry.Handoff] {
				t.Fatalf("%s is assigned twice", r.Entry.Handoff)
			}
			assigned[r.Entry.Handoff] = true
			if !ref.open(*r.Entry, r.Rep, s.Now) {
				t.Fatalf("at %s %s goes to %s, who is not there, is full, or lacks what is needed", s.Now, r.Entry.Handoff, r.Rep)
			}
			ref.take(*r.Entry, r.Rep, s.Now)
			if d.Rep(r.Rep).Open > 0 {
				open = append(open, held{r.Entry.Handoff, r.Rep})
			}
			if got[r.Pool] == nil {
				got[r.Pool] = map[string]int64{}
			}
			got[r.Pool][r.Rep]++
			worst = max(worst, farthest(d, d.Pool(r.Pool), steady[r.Pool], got[r.Pool]))
		}
	}
	look := func() {
		for {
			// One at a time, so that the reference sees what the desk saw.
			rulings := s.Look(d, 1)
			if len(rulings) == 0 {
				return
			}
			take(rulings)
			for _, r := range rulings {
				if r.Rep == "" {
					s.Tell(r.Entry.Handoff, r.Until)
				} else {
					s.Assign(d, r.Entry.Handoff, r.Entry.Attempt, r.Pool, r.Rep, r.Considered)
				}
			}
		}
	}
	s.Advance(monday)
	const handoffs = 100_000
	for n := range handoffs {
		to := s.Now.Add(time.Duration(random.IntN(60)) * time.Second)
		for next := s.Next(); !next.IsZero() && !next.After(to); next = s.Next() {
			s.Advance(next)
			look()
		}
		s.Advance(to)
		if len(open) > 0 && random.IntN(3) == 0 { // somebody is done with one
			i := random.IntN(len(open))
			h := open[i]
			open = slices.Delete(open, i, i+1)
			delete(ref.hands[h.rep], h.handoff)
			if s.Close(h.handoff, "", h.rep, false) {
				s.Free(d, h.rep)
			}
			look()
		}
		e := Entry{Handoff: fmt.Sprintf("ho_%d", n), Pool: fmt.Sprintf("p%d", random.IntN(5))}
		if random.IntN(10) == 0 {
			e.Needs.Skills = []string{"core"}
		}
		s.Ask(e)
		look()
	}
	if len(assigned)+len(s.Queue) != handoffs {
		t.Errorf("%d assigned and %d wait of %d", len(assigned), len(s.Queue), handoffs)
	}
	if worst > 1+1e-6 {
		t.Errorf("somebody who was always there was %.2f from their share", worst)
	}
	t.Logf("%d assigned, %d wait; the farthest from a share was %.3f", len(assigned), len(s.Queue), worst)
}

// farthest gives how far one of those who are always there is from their weighted share of what they got together.
func farthest(d *core.Directory, p *core.Pool, steady []string, got map[string]int64) float64 {
	var sum, weight float64
	for _, rep := range steady {
		sum += float64(got[rep])
		weight += float64(p.Weight(d.Rep(rep)))
	}
	worst := 0.0
	for _, rep := range steady {
		off := float64(got[rep]) - sum*float64(p.Weight(d.Rep(rep)))/weight
		worst = max(worst, off, -off)
	}
	return worst
}
