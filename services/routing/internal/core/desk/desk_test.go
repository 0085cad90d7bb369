package desk

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

var monday = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

func rep(id string, weight int64) core.Rep {
	return core.Rep{ID: id, Weight: weight, Active: true, Calendar: calendar.Calendar{Location: time.UTC, Always: true}}
}

func inHours(r core.Rep, from, to int) core.Rep {
	r.Calendar.Always = false
	for d := range r.Calendar.Week {
		r.Calendar.Week[d] = []calendar.Span{{From: from * 60, To: to * 60}}
	}
	return r
}

func limited(r core.Rep, per calendar.Per, n int) core.Rep {
	r.Capacities = append(r.Capacities, calendar.Capacity{Handoffs: n, Per: per})
	return r
}

// onePool puts all reps into pool p, which is the default.
func onePool(reps ...core.Rep) *core.Directory {
	d := &core.Directory{Reps: reps, Routes: []core.Route{{ID: "default", Pool: "p"}}}
	p := core.Pool{ID: "p"}
	for _, r := range reps {
		p.Reps = append(p.Reps, r.ID)
	}
	d.Pools = []core.Pool{p}
	d.Index()
	return d
}

// settle lets the desk look until nothing is due, as the fold does, and returns all rulings.
func settle(s *State, d *core.Directory, limit int) []Ruling {
	var all []Ruling
	for {
		rulings := s.Look(d, limit)
		if len(rulings) == 0 {
			return all
		}
		for _, r := range rulings {
			if r.Rep != "" {
				s.Assign(d, r.Entry.Handoff, r.Entry.Attempt, r.Pool, r.Rep, r.Considered)
			} else {
				s.Tell(r.Entry.Handoff, r.Until)
			}
		}
		all = append(all, rulings...)
	}
}

func ask(t testing.TB, s *State, d *core.Directory, handoff string) Ruling {
	t.Helper()
	if !s.Ask(Entry{Handoff: handoff, Pool: "p"}) {
		t.Fatalf("%s is taken for a repeat", handoff)
	}
	rulings := settle(s, d, 100)
	if len(rulings) != 1 {
		t.Fatalf("%d rulings on one question", len(rulings))
	}
	return rulings[0]
}

// reference is the quota method in exact fractions, as it is written in the books.
func reference(handoff string, reps []core.Rep, assigned map[string]int64) string {
	n, total := int64(1), int64(0)
	for _, r := range reps {
		n += assigned[r.ID]
		total += r.Weight
	}
	best, bestRatio := "", new(big.Rat)
	for _, r := range reps {
		quota := new(big.Rat).Mul(big.NewRat(n, 1), big.NewRat(r.Weight, total))
		if new(big.Rat).SetInt64(assigned[r.ID]).Cmp(quota) >= 0 {
			continue
		}
		ratio := new(big.Rat).Quo(new(big.Rat).SetInt64(assigned[r.ID]+1), new(big.Rat).SetInt64(r.Weight))
		if c := ratio.Cmp(bestRatio); best == "" || c < 0 || c == 0 && tie(handoff, r.ID) < tie(handoff, best) {
			best, bestRatio = r.ID, ratio
		}
	}
	return best
}

func TestEverybodyStaysWithinOneOfTheirShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var reps []core.Rep
		for i := range rapid.IntRange(1, 12).Draw(t, "reps") {
			weight := rapid.OneOf(rapid.Just(int64(1000)), rapid.Int64Range(1, 20_000)).Draw(t, "weight")
			reps = append(reps, rep(fmt.Sprintf("r%d", i), weight))
		}
		total := int64(0)
		for _, r := range reps {
			total += r.Weight
		}
		d, s, assigned := onePool(reps...), New(), map[string]int64{}
		s.Advance(monday)
		for n := int64(1); n <= 400; n++ {
			handoff := fmt.Sprintf("ho_%d", n)
			s.Ask(Entry{Handoff: handoff, Pool: "p"})
			r := settle(s, d, 10)[0]
			if want := reference(handoff, reps, assigned); r.Rep != want {
				t.Fatalf("handoff %d goes to %s, the reference says %s", n, r.Rep, want)
			}
			if len(r.Considered) != len(reps)-1 {
				t.Fatalf("handoff %d: %d reps, %d of them explained", n, len(reps), len(r.Considered))
			}
			assigned[r.Rep]++
			for _, r := range reps {
				// |assigned − n·w/W| < 1, without dividing.
				if off := assigned[r.ID]*total - n*r.Weight; off >= total || off <= -total {
					t.Fatalf("after %d handoffs %s has %d of weight %d in %d", n, r.ID, assigned[r.ID], r.Weight, total)
				}
			}
		}
	})
}

// The plain divisor rule strays by 5 here.
func TestOneHeavyAmongTenLight(t *testing.T) {
	reps := []core.Rep{rep("heavy", 10_000)}
	for i := range 10 {
		reps = append(reps, rep(fmt.Sprintf("light%d", i), 1000))
	}
	d, s, got := onePool(reps...), New(), 0
	for n := 1; n <= 200; n++ {
		if ask(t, s, d, fmt.Sprintf("ho_%d", n)).Rep == "heavy" {
			got++
		}
		if off := 2*got - n; off >= 2 || off <= -2 {
			t.Fatalf("after %d handoffs the heavy one has %d, half is theirs", n, got)
		}
	}
}

func TestWhyEachWasPassedOver(t *testing.T) {
	away, inactive := rep("away", 1000), rep("inactive", 1000)
	away.Calendar.Away = []calendar.Absence{{From: monday, To: monday.AddDate(0, 0, 1)}}
	inactive.Active = false
	d := onePool(away, inactive, inHours(rep("night", 1000), 20, 24), limited(rep("full", 1000), calendar.Day, 1), rep("had", 1000), rep("free", 1000))
	s := New()
	s.Advance(monday)
	s.Assign(d, "ho_0", 0, "", "full", nil)
	s.Ask(Entry{Handoff: "ho_1", Pool: "p", Exclude: []string{"had"}})
	r := settle(s, d, 10)[0]
	want := []Considered{{"away", Away}, {"inactive", Inactive}, {"night", OutsideHours}, {"full", AtCapacity}, {"had", HadIt}}
	if r.Rep != "free" || r.Pool != "p" || !slices.Equal(r.Considered, want) {
		t.Errorf("got %s from %s, considered %v, want free, %v", r.Rep, r.Pool, r.Considered, want)
	}
	second, third := ask(t, s, d, "ho_2"), ask(t, s, d, "ho_3")
	if !slices.Contains(second.Considered, Considered{third.Rep, NotTheirTurn}) || !slices.Contains(third.Considered, Considered{second.Rep, AboveQuota}) {
		t.Errorf("two of a kind share two handoffs as\n%+v\n%+v", second, third)
	}
}

func TestTheOwnerFirstThenThePool(t *testing.T) {
	d := onePool(inHours(rep("owner", 1000), 8, 12), rep("other", 1000))
	s := New()
	s.Advance(monday)
	s.Ask(Entry{Handoff: "ho_1", Rep: "owner", Pool: "p"})
	if r := settle(s, d, 10)[0]; r.Rep != "owner" || r.Pool != "" || len(r.Considered) != 0 {
		t.Errorf("in hours: %+v", r)
	}
	s.Advance(monday.Add(4 * time.Hour))
	s.Ask(Entry{Handoff: "ho_2", Rep: "owner", Pool: "p"})
	if r := settle(s, d, 10)[0]; r.Rep != "other" || r.Pool != "p" || !slices.Equal(r.Considered, []Considered{{"owner", OutsideHours}}) {
		t.Errorf("outside hours: %+v", r)
	}
}

func TestNobodyEligibleWaitsAndEmptiesInOrder(t *testing.T) {
	d := onePool(limited(inHours(rep("ana", 1000), 9, 17), calendar.Day, 2), inHours(rep("bo", 1000), 13, 14))
	s := New()
	s.Advance(monday.Add(-2 * time.Hour)) // 07:00
	for i := range 7 {
		s.Ask(Entry{Handoff: fmt.Sprintf("ho_%d", i), Pool: "p"})
		for _, r := range settle(s, d, 10) {
			if r.Rep != "" || !r.Until.Equal(monday) {
				t.Fatalf("at 07:00: %+v", r)
			}
		}
	}
	if next := s.Next(); !next.Equal(monday) {
		t.Fatalf("looks again at %s, ana opens at %s", next, monday)
	}
	var got []string
	for day := 0; len(s.Queue) > 0; day++ {
		if day > 20 {
			t.Fatalf("does not empty: %d left", len(s.Queue))
		}
		s.Advance(s.Next())
		for _, r := range settle(s, d, 1) { // one at a time: the limit must not lose the order
			if r.Rep != "" {
				got = append(got, r.Entry.Handoff+" "+r.Rep+" "+s.Now.Format("2 15:04"))
			}
		}
	}
	want := []string{
		"ho_0 ana 16 09:00", "ho_1 ana 16 09:00", // ana's two of the day
		"ho_2 bo 16 13:00", "ho_3 bo 16 13:00", "ho_4 bo 16 13:00", "ho_5 bo 16 13:00", "ho_6 bo 16 13:00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("emptied as %v,\nwant %v", got, want)
	}
}

func TestUntilIsExact(t *testing.T) {
	d := onePool(limited(inHours(rep("ana", 1000), 9, 17), calendar.Day, 1))
	s := New()
	s.Advance(monday)
	ask(t, s, d, "ho_1")
	tomorrow := monday.AddDate(0, 0, 1)
	if r := ask(t, s, d, "ho_2"); r.Rep != "" || !r.Until.Equal(tomorrow) || !slices.Equal(r.Considered, []Considered{{"ana", AtCapacity}}) {
		t.Errorf("at capacity: %+v, want until %s", r, tomorrow)
	}
	s.Ask(Entry{Handoff: "ho_3", Pool: "p", Exclude: []string{"ana"}})
	if r := settle(s, d, 10)[0]; r.Rep != "" || !r.Until.IsZero() {
		t.Errorf("with nobody left: %+v, want no time", r)
	}
	if next := s.Next(); !next.Equal(tomorrow) {
		t.Errorf("looks again at %s, want %s", next, tomorrow)
	}
}

func TestADirectoryChangeFreesWhoWaits(t *testing.T) {
	inactive := rep("ana", 1000)
	inactive.Active = false
	s := New()
	s.Advance(monday)
	if r := ask(t, s, nil, "ho_1"); r.Rep != "" || !r.Until.IsZero() {
		t.Fatalf("without a directory: %+v", r)
	}
	d := onePool(inactive)
	s.Changed(d)
	if r := settle(s, d, 10); len(r) != 1 || r[0].Rep != "" || !slices.Equal(r[0].Considered, []Considered{{"ana", Inactive}}) {
		t.Fatalf("with nobody active: %+v", r)
	}
	d = onePool(rep("ana", 1000))
	s.Changed(d)
	if r := settle(s, d, 10); len(r) != 1 || r[0].Rep != "ana" || r[0].Pool != "p" {
		t.Fatalf("with somebody: %+v", r)
	}
}

func TestAPoolThatIsGoneFallsToTheDefault(t *testing.T) {
	s, d := New(), onePool(rep("ana", 1000))
	s.Ask(Entry{Handoff: "ho_1", Pool: "gone"})
	if r := settle(s, d, 10)[0]; r.Rep != "ana" || r.Pool != "p" {
		t.Errorf("%+v, want ana from the default pool", r)
	}
}

func TestJoinersAndReturnersAreNotFlooded(t *testing.T) {
	ana, bo := rep("ana", 1000), inHours(rep("bo", 1000), 13, 17)
	d, s := onePool(ana, bo), New()
	s.Advance(monday)
	for i := range 40 {
		ask(t, s, d, fmt.Sprintf("ho_a%d", i)) // all to ana
	}
	count := func(label string, n int) map[string]int {
		got := map[string]int{}
		for i := range n {
			got[ask(t, s, d, fmt.Sprintf("ho_%s%d", label, i)).Rep]++
		}
		return got
	}
	s.Advance(monday.Add(5 * time.Hour))
	if got := count("b", 10); got["bo"] < 5 || got["bo"] > 6 {
		t.Errorf("bo comes back and gets %d of 10", got["bo"])
	}
	d = onePool(ana, bo, rep("cy", 2000))
	s.Changed(d)
	if got := count("c", 40); got["cy"] < 19 || got["cy"] > 21 || got["ana"] < 9 || got["ana"] > 11 {
		t.Errorf("cy joins with double weight, and 40 go as %v", got)
	}
	// A changed weight starts the pool anew instead of making up for the past.
	heavy := rep("ana", 3000)
	d = onePool(heavy, bo, rep("cy", 2000))
	s.Changed(d)
	if got := count("d", 60); got["ana"] != 30 || got["bo"] != 10 || got["cy"] != 20 {
		t.Errorf("with new weights 60 go as %v", got)
	}
}

func TestATurnIsGivenBack(t *testing.T) {
	d, s := onePool(rep("ana", 1000), rep("bo", 1000)), New()
	first := ask(t, s, d, "ho_1").Rep
	ask(t, s, d, "ho_2")
	s.Close("ho_1", "p", first, true)
	if got := ask(t, s, d, "ho_3").Rep; got != first {
		t.Errorf("the turn given back to %s goes to %s", first, got)
	}
	// Given back while away: it waits for them, whatever the tie says.
	for trial := range 20 {
		d, s := onePool(rep("ana", 1000), rep("bo", 1000)), New()
		name := func(n int) string { return fmt.Sprintf("ho_%d.%d", trial, n) }
		first := ask(t, s, d, name(0)).Rep
		ask(t, s, d, name(1))
		away := onePool(rep("ana", 1000), rep("bo", 1000))
		away.Rep(first).Active = false
		for n := range 9 {
			ask(t, s, away, name(2+n))
		}
		s.Close(name(0), "p", first, true)
		if got := ask(t, s, d, name(20)).Rep; got != first {
			t.Fatalf("back with a turn owed, %s does not get the next", first)
		}
	}
	s.Close("ho_unknown", "p", "nobody", true)
	s.Close("ho_unknown", "no pool", first, true)
}

func TestARepeatedQuestionIsIgnored(t *testing.T) {
	d, s := onePool(rep("ana", 1000), inHours(rep("bo", 1000), 9, 10)), New()
	s.Advance(monday)
	ask(t, s, d, "ho_1")
	if s.Ask(Entry{Handoff: "ho_1", Pool: "p"}) {
		t.Error("a question that was answered is asked again")
	}
	if !s.Ask(Entry{Handoff: "ho_1", Pool: "p", Attempt: 1, Exclude: []string{"ana", "bo"}}) {
		t.Error("the next attempt is taken for a repeat")
	}
	settle(s, d, 10)
	if s.Ask(Entry{Handoff: "ho_1", Pool: "p", Attempt: 1}) {
		t.Error("a question that waits is asked again")
	}
	s.Close("ho_1", "", "", false)
	if len(s.Queue) != 0 || s.Waits("ho_1") != nil {
		t.Errorf("a withdrawn question still waits")
	}
}

// Whatever comes, and whoever comes and goes: nobody gets more than their capacity, nobody outside their hours, everybody
// who asked is assigned once or waits, and in a pool nobody who asked later overtakes.
func TestNobodyIsOverloadedAndNobodyIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var reps []core.Rep
		for i := range rapid.IntRange(1, 5).Draw(t, "reps") {
			r := rep(fmt.Sprintf("r%d", i), rapid.Int64Range(500, 3000).Draw(t, "weight"))
			from := rapid.IntRange(0, 22).Draw(t, "from")
			r = inHours(r, from, rapid.IntRange(from+1, 24).Draw(t, "to"))
			if rapid.Bool().Draw(t, "limited") {
				r = limited(r, rapid.SampledFrom([]calendar.Per{calendar.Hour, calendar.Day, calendar.Week}).Draw(t, "per"), rapid.IntRange(1, 4).Draw(t, "handoffs"))
			}
			reps = append(reps, r)
		}
		d, s := onePool(reps...), New()
		s.Advance(monday)
		load, assigned, asked, lastIn := map[string]int{}, map[string]bool{}, 0, -1
		take := func(rulings []Ruling) {
			for _, r := range rulings {
				if r.Rep == "" {
					if r.Until.IsZero() || !r.Until.After(s.Now) {
						t.Fatalf("at %s %s waits until %s", s.Now, r.Entry.Handoff, r.Until)
					}
					continue
				}
				rep := d.Rep(r.Rep)
				if assigned[r.Entry.Handoff] {
					t.Fatalf("%s is assigned twice", r.Entry.Handoff)
				}
				assigned[r.Entry.Handoff] = true
				if rep.Calendar.At(s.Now) != calendar.Open {
					t.Fatalf("%s gets one at %s", r.Rep, s.Now)
				}
				var n int
				if _, err := fmt.Sscanf(r.Entry.Handoff, "ho_%d", &n); err != nil || n <= lastIn {
					t.Fatalf("%s overtakes ho_%d", r.Entry.Handoff, lastIn)
				}
				lastIn = n
				for _, c := range rep.Capacities {
					from, _ := c.Per.Window(s.Now, time.UTC)
					key := fmt.Sprint(r.Rep, from, c.Per)
					if load[key]++; load[key] > c.Handoffs {
						t.Fatalf("%s gets %d in the window of %s", r.Rep, load[key], from)
					}
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			to := s.Now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "minutes")) * time.Minute)
			for next := s.Next(); !next.IsZero() && !next.After(to); next = s.Next() {
				s.Advance(next)
				take(settle(s, d, rapid.IntRange(1, 5).Draw(t, "limit")))
			}
			s.Advance(to)
			s.Ask(Entry{Handoff: fmt.Sprintf("ho_%d", asked), Pool: "p"})
			asked++
			take(settle(s, d, 10))
			if len(assigned)+len(s.Queue) != asked {
				t.Fatalf("%d asked, %d assigned, %d wait", asked, len(assigned), len(s.Queue))
			}
		}
	})
}

// Among those who are always there, comings and goings of the others hardly show.
func TestThoseWhoStayShareEvenlyWhileOthersComeAndGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reps := []core.Rep{rep("a", 1000), rep("b", 2000), rep("c", 1000)}
		for i := range 5 {
			reps = append(reps, rep(fmt.Sprintf("x%d", i), rapid.Int64Range(500, 4000).Draw(t, "weight")))
		}
		s, got, among := New(), map[string]int{}, 0
		for n := range 400 {
			today := slices.Clone(reps)
			for i := 3; i < len(today); i++ {
				today[i].Active = rapid.Bool().Draw(t, "there")
			}
			d := onePool(today...)
			s.Ask(Entry{Handoff: fmt.Sprintf("ho_%d", n), Pool: "p"})
			r := settle(s, d, 10)[0]
			if len(r.Rep) == 1 {
				got[r.Rep]++
				among++
			}
		}
		for id, share := range map[string]float64{"a": 0.25, "b": 0.5, "c": 0.25} {
			if off := float64(got[id]) - share*float64(among); off > 3 || off < -3 {
				t.Fatalf("of %d among those who stayed, %s has %d: %.2f off", among, id, got[id], off)
			}
		}
	})
}
