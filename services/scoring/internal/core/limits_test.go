package core

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawLimited gives a lead whose items are on the terms of several rules and versions, with limits, groups, timeframes, caps
// and points of both kinds. unit is what half-lives, timeframes and ages are made of.
func drawLimited(t *rapid.T, unit time.Duration, scores ...string) *Lead {
	var terms []*Terms
	groupLimits := map[string]Micros{}
	limit := func(what string) Micros {
		return Micros(rapid.SampledFrom([]int64{0, 5, 20, 45, 80}).Draw(t, what)) * Point
	}
	for version := range rapid.IntRange(1, 2).Draw(t, "versions") {
		for rule := range rapid.IntRange(1, 4).Draw(t, "rules") {
			score := rapid.SampledFrom(scores).Draw(t, "score")
			group := rapid.SampledFrom([]string{"", "g", "h"}).Draw(t, "group")
			if group != "" {
				group += score // a group's rules are of one score
			}
			key := fmt.Sprint(group, version)
			if groupLimits[key] == 0 {
				groupLimits[key] = max(limit("group limit"), Point)
			}
			it := &Terms{
				Rule: fmt.Sprint("r", rule), Version: int32(version + 1), Limit: limit("limit"), Group: group, Score: score,
				Raw:       Micros(rapid.Int64Range(-50, 90).Draw(t, "points"))*Point + Micros(rapid.Int64Range(0, 999).Draw(t, "micros")),
				HalfLife:  time.Duration(rapid.SampledFrom([]int{0, 1, 5, 20}).Draw(t, "half-life")) * unit,
				Timeframe: time.Duration(rapid.SampledFrom([]int{0, 0, 2, 7, 30}).Draw(t, "timeframe")) * unit,
			}
			if group != "" {
				it.GroupLimit = groupLimits[key]
			}
			if rapid.IntRange(0, 3).Draw(t, "capped") == 0 {
				it.CapCount, it.CapPer = 1, 4*unit
			}
			terms = append(terms, it)
		}
	}
	l := &Lead{Looked: now}
	for i := range rapid.IntRange(2, 9).Draw(t, "items") {
		ago := time.Duration(rapid.IntRange(0, 20).Draw(t, "ago")) * unit / 2
		l.addItem(Item{At: now - int64(ago), ID: fmt.Sprint(i), Count: 1, Terms: rapid.SampledFrom(terms).Draw(t, "terms")})
	}
	return l
}

// slowLimited is the definition: items that count are added up by rule, each rule is brought within its limit, each group's
// rules within the group's; the terms are those of the newest version among the items that count.
func slowLimited(l *Lead, score string, at int64) Micros {
	type sum struct {
		points Micros
		newest *Terms
	}
	rules, used := map[string]*sum{}, map[string]int{}
	for i := range l.Items {
		it := &l.Items[i]
		if it.CapCount > 0 {
			bucket := fmt.Sprint(it.Rule, it.CapPer, it.At/int64(it.CapPer))
			if used[bucket]++; used[bucket] > it.CapCount {
				continue
			}
		}
		if it.Score != score || it.Timeframe > 0 && time.Duration(at-it.At) >= it.Timeframe {
			continue
		}
		if rules[it.Rule] == nil {
			rules[it.Rule] = &sum{}
		}
		r := rules[it.Rule]
		r.points += Decayed(it.Raw, time.Duration(at-it.At), it.HalfLife)
		if r.newest == nil || it.Version > r.newest.Version {
			r.newest = it.Terms
		}
	}
	bound := func(points, limit Micros) Micros {
		switch {
		case limit != 0 && points > limit:
			return limit
		case limit != 0 && points < -limit:
			return -limit
		}
		return points
	}
	var total Micros
	groups := map[string]*sum{}
	for _, r := range rules {
		points, name := bound(r.points, r.newest.Limit), r.newest.Group
		if name == "" {
			total += points
			continue
		}
		if groups[name] == nil {
			groups[name] = &sum{newest: r.newest}
		}
		groups[name].points += points
		if r.newest.Version > groups[name].newest.Version {
			groups[name].newest = r.newest
		}
	}
	for _, g := range groups {
		total += bound(g.points, g.newest.GroupLimit)
	}
	return min(max(total, 0), 100*Point)
}

func TestLimitedScoresAreTheirDefinitionAndTheSumOfTheirLines(t *testing.T) {
	by := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		l := drawLimited(t, day, "", "payroll")
		at := now + rapid.Int64Range(0, 40*24).Draw(t, "hours later")*int64(time.Hour)
		s := l.Explain(oneBook{}, at)
		s.Named = append(s.Named, NamedScore{ID: "", Engagement: s.Engagement, Lines: s.Lines})
		for _, n := range s.Named {
			want := slowLimited(l, n.ID, at)
			if got := l.NamedScore(n.ID, at); got != want || n.Engagement != want {
				t.Fatalf("score %q: %d and %d, want %d", n.ID, got, n.Engagement, want)
			}
			var sum Micros
			for i := range n.Lines {
				line := &n.Lines[i]
				sum += line.Points
				by[line.LimitedBy]++
				switch {
				case line.isLimit() && (line.At != at || line.Points == 0 || line.Events != nil || line.Rule == ""):
					t.Fatalf("a correction: %+v", line)
				case line.LimitedBy == LimitedByGroup && line.Group != line.Rule, line.LimitedBy == LimitedByTimeframe && line.Points != 0:
					t.Fatalf("a line: %+v", line)
				}
			}
			if sum != want {
				t.Fatalf("score %q: the lines sum to %d, the score is %d", n.ID, sum, want)
			}
		}
		l.Consent = []Consent{{Purpose: "profiling", Decision: "objected"}}
		s = l.Explain(oneBook{}, at)
		if s.Engagement != 0 || l.NamedScore("payroll", at) != 0 || !reflect.DeepEqual(s.Disqualified, []Disqualifying{{"consent", "the person objected to profiling"}}) {
			t.Fatalf("after an objection: %+v", s)
		}
		for _, n := range s.Named {
			if n.Engagement != 0 {
				t.Fatalf("after an objection: %+v", n)
			}
		}
	})
	for _, kind := range []string{"", LimitedByCap, LimitedByTimeframe, LimitedByRule, LimitedByGroup, LimitedByClamp} {
		if by[kind] == 0 {
			t.Errorf("no line was limited by %q", kind)
		}
	}
}

// TestLimitedCrossingsAreThoseOfBruteForce walks millisecond by millisecond.
func TestLimitedCrossingsAreThoseOfBruteForce(t *testing.T) {
	crossed, raised := 0, 0
	walk := func(t *rapid.T) {
		const ms = int64(time.Millisecond)
		l := drawLimited(t, 20*time.Millisecond, "")
		l.Band = BandOf(l.Engagement(now))
		want := int64(0)
		for at := now + ms; at < now+1000*ms; at += ms {
			if BandOf(slowLimited(l, "", at)) != l.band() {
				want = at
				break
			}
		}
		got := int64(0)
		for _, d := range l.Deadlines(rulesWith(nil)) {
			if d.Timer == TimerBand {
				got = d.At
			}
		}
		if want == 0 {
			if got != 0 && got < now+1000*ms {
				t.Fatalf("the band holds, but it is looked at %v later", time.Duration(got-now))
			}
			return
		}
		crossed++
		if BandOf(l.Engagement(want)) > l.band() {
			raised++
		}
		if got <= want-ms || got >= want+ms || BandOf(l.Engagement(got)) == l.band() {
			t.Fatalf("the band is left %v later, the deadline is %v later, when it is %s", time.Duration(want-now), time.Duration(got-now), BandOf(l.Engagement(got)))
		}
	}
	for crossed < 5 || raised == 0 { // upward ones are rare
		rapid.Check(t, walk)
	}
}

func TestFarCrossingsAreFoundInFewLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLimited(t, day, "")
		for looks := 0; ; looks++ {
			l.Band = BandOf(l.Engagement(l.Looked))
			at := l.leavesBand()
			end := at
			if at == 0 {
				end = l.Looked + int64(1000*day)
			}
			for range 20 {
				moment := rapid.Int64Range(l.Looked, end).Draw(t, "moment")
				if moment < end-int64(time.Millisecond) && BandOf(slowLimited(l, "", moment)) != l.Band {
					t.Fatalf("left %v before the deadline", time.Duration(end-moment))
				}
			}
			if at == 0 {
				return
			}
			if at <= l.Looked || looks > 60 {
				t.Fatalf("look %d: deadline %d does not lie ahead of %d", looks, at, l.Looked)
			}
			l.Looked = at
		}
	})
}

func TestTimersForPointsAgainst(t *testing.T) {
	at := func(terms ...*Terms) int64 {
		l := inquiry(&Agreement{}, 0)
		l.Looked = now
		for i, tm := range terms {
			l.addItem(Item{At: now - int64(day), ID: fmt.Sprint(i), Count: 1, Terms: tm})
		}
		for _, d := range l.Deadlines(rulesWith(&Agreement{})) {
			if d.Timer == TimerQualify {
				return d.At - now
			}
		}
		return 0
	}
	for name, c := range map[string]struct {
		terms []*Terms
		want  time.Duration
	}{
		"none":          {[]*Terms{{Rule: "r", Raw: Point, Timeframe: 3 * day}}, 0},
		"for good":      {[]*Terms{{Rule: "r", Raw: -Point}}, 0},
		"a timeframe":   {[]*Terms{{Rule: "r", Raw: -Point, Timeframe: 3 * day}}, 2 * day},
		"passed":        {[]*Terms{{Rule: "r", Raw: -Point, Timeframe: day}}, 0},
		"both":          {[]*Terms{{Rule: "r", Raw: -Point, Timeframe: 30 * day, HalfLife: 4 * day}}, day},
		"other score":   {[]*Terms{{Rule: "r", Raw: -Point, Timeframe: 3 * day, Score: "s"}}, 2 * day},
		"wider before":  {[]*Terms{{Rule: "r", Raw: 50 * Point, Limit: 40 * Point, Version: 1}, {Rule: "r", Raw: Point, Limit: 5 * Point, Version: 2, Timeframe: 4 * day}}, 3 * day},
		"one version's": {[]*Terms{{Rule: "r", Raw: 50 * Point, Limit: 40 * Point}, {Rule: "r", Raw: Point, Limit: 40 * Point, Timeframe: 4 * day}}, 0},
	} {
		if got := at(c.terms...); got != int64(c.want) {
			t.Errorf("%s: got %v, want %v", name, time.Duration(got), c.want)
		}
	}
}

func limitedAgreement() *Agreement {
	a := testAgreement()
	a.Scores = []string{"payroll"}
	page, pricing := &a.ByType["page_viewed"][0].Terms, &a.ByType["page_viewed"][1].Terms
	page.Limit, page.Group, page.GroupLimit = 5*Point, "web", 12*Point
	pricing.Group, pricing.GroupLimit, pricing.Timeframe = "web", 12*Point, 40*day
	ebook := &a.ByType["asset_downloaded"][0].Terms
	ebook.Limit, ebook.Timeframe = 15*Point, 20*day
	a.ByType["email_opened"][0] = rule("opened", 7*Point, 14*day, 0, 0, nil)
	a.ByType["email_opened"][0].Score = "payroll"
	a.ByType["email_opened"][0].Limit = 20 * Point
	return a
}

func TestOrderOfArrivalDoesNotMatterWithLimits(t *testing.T) {
	a := limitedAgreement()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, 40)
		at := now + rapid.Int64Range(0, 60*24).Draw(t, "hours later")*int64(time.Hour)
		one := folded(rulesWith(a), events)
		two := folded(rulesWith(a), rapid.Permutation(events).Draw(t, "order"))
		if x, y := one.Explain(oneBook{a}, at), two.Explain(oneBook{a}, at); !reflect.DeepEqual(x, y) {
			t.Fatalf("one order gives\n%+v\nanother\n%+v", x, y)
		}
		if x, y := one.Deadlines(rulesWith(a)), two.Deadlines(rulesWith(a)); !slices.Equal(x, y) {
			t.Fatalf("one order waits for %v, another for %v", x, y)
		}
	})
}

func TestFoldingKeepsTermsApart(t *testing.T) {
	l := &Lead{}
	base := Terms{Rule: "r", Raw: 1000, HalfLife: 30 * day, Version: 1}
	vary := []func(*Terms){
		func(*Terms) {}, func(m *Terms) { m.Version = 2 }, func(m *Terms) { m.Timeframe = 800 * day }, func(m *Terms) { m.Limit = 7 },
		func(m *Terms) { m.Group = "g" }, func(m *Terms) { m.GroupLimit = 9 }, func(m *Terms) { m.Score = "s" }, func(m *Terms) { m.HalfLife = 31 * day },
	}
	terms := make([]*Terms, len(vary))
	for i, change := range vary {
		one := base
		change(&one)
		terms[i] = &one
	}
	for i := range 4000 {
		l.addItem(Item{At: now - int64(i)*int64(2*time.Minute), ID: fmt.Sprintf("%05d", i), Count: 1, Terms: terms[i%len(terms)]})
	}
	l.foldItems(now)
	if len(l.Items) > foldTo {
		t.Fatalf("%d items", len(l.Items))
	}
	sums := map[Terms]Micros{}
	for _, it := range l.Items {
		key := *it.Terms
		key.Raw = 0
		sums[key] += it.Raw
	}
	for _, m := range terms {
		key := *m
		key.Raw = 0
		if sums[key] != 4000/Micros(len(terms))*1000 {
			t.Errorf("%+v: %d", key, sums[key])
		}
	}
}

func TestACapIsUsedUpByWhatIsTooOld(t *testing.T) {
	terms := &Terms{Rule: "r", Raw: 10 * Point, CapCount: 1, CapPer: 30 * day, Timeframe: day}
	start := floorDiv(now, int64(30*day)) * int64(30*day)
	l := &Lead{}
	l.addItem(Item{At: start, ID: "a", Count: 1, Terms: terms})
	l.addItem(Item{At: start + int64(2*day), ID: "b", Count: 1, Terms: terms})
	at := start + int64(2*day)
	if got := l.Engagement(at); got != 0 {
		t.Errorf("got %d", got)
	}
	lines := l.Explain(oneBook{}, at).Lines
	if len(lines) != 2 || lines[0].LimitedBy != LimitedByTimeframe || lines[1].LimitedBy != LimitedByCap {
		t.Errorf("got %+v", lines)
	}
	if l.Items[0].past(at) || !l.Items[0].past(start+int64(31*day)) {
		t.Error("what uses up a cap is forgotten, or kept for good")
	}
}
