package core

import (
	"fmt"
	"math/big"
	"reflect"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// contains is a stand-in for an expression: the event's URL contains a word.
type contains string

func (c contains) Eval(v *View) Verdict {
	if v.Event == nil || v.Event.URL == "" {
		return Verdict{Missing: "event.url is not known"}
	}
	return Verdict{Holds: v.Event.URL == string(c)}
}

func rule(id string, points Micros, halfLife time.Duration, capCount int, capPer time.Duration, when Program) *Rule {
	return &Rule{Terms: Terms{Rule: id, Raw: points, HalfLife: halfLife, CapCount: capCount, CapPer: capPer, Version: 1}, When: when, Because: "because " + id}
}

func testAgreement() *Agreement {
	return &Agreement{Version: 1, Grades: [3]Micros{75 * Point, 50 * Point, 25 * Point}, ByType: map[string][]*Rule{
		"page_viewed":        {rule("page", 3_333_333, 14*day, 2, day, nil), rule("pricing", 8*Point, 3*day, 0, 0, contains("pricing"))},
		"asset_downloaded":   {rule("ebook", 10*Point, 30*day, 3, 7*day, nil)},
		"email_unsubscribed": {rule("left", -25*Point, 0, 0, 0, nil)},
		"email_opened":       {rule("page", 1*Point, 14*day, 2, day, nil)}, // the same rule, two types
	}}
}

type oneBook struct{ *Agreement }

func (b oneBook) Version(v int32) *Agreement {
	if b.Agreement != nil && v == b.Agreement.Version {
		return b.Agreement
	}
	return nil
}

func rulesWith(a *Agreement) *Rules {
	return &Rules{Active: a, Book: oneBook{a}, Handoff: func(l string, e int32) string { return fmt.Sprint("ho", l, e) }, Lasting: func(string) bool { return true }, Peers: func(_, _ string) bool { return false }}
}

var now = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC).UnixNano()

func drawEvents(t *rapid.T, most int) []*Event {
	types := []string{"page_viewed", "asset_downloaded", "email_unsubscribed", "email_opened", "identified", "form_submitted"}
	out := make([]*Event, rapid.IntRange(1, most).Draw(t, "events"))
	for i := range out {
		out[i] = &Event{
			ID: fmt.Sprintf("e%03d", i), Source: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "source"), Type: rapid.SampledFrom(types).Draw(t, "type"),
			At: now - int64(rapid.IntRange(0, 60*24).Draw(t, "hours"))*int64(time.Hour), Now: now,
			URL: rapid.SampledFrom([]string{"", "pricing", "about"}).Draw(t, "url"), Automated: rapid.IntRange(0, 6).Draw(t, "automated") == 0,
			Known: []Value{{"title", rapid.SampledFrom([]string{"VP", "Clerk"}).Draw(t, "title")}},
		}
	}
	return out
}

func folded(r *Rules, events []*Event) *Lead {
	l := &Lead{ID: "ld_e1", Named: true, Lasting: true}
	for _, e := range events {
		if l.Apply(r, e) {
			continue
		}
		for _, f := range l.Decide(r, e) {
			switch f := f.(type) {
			case *StageMove:
				l.Apply(r, &Event{Type: "stage_changed", Fact: true, Moved: f, Now: e.Now})
			case *BandChange:
				l.Apply(r, &Event{Type: "score_band_changed", Fact: true, Band: f, Now: e.Now})
			}
		}
	}
	return l
}

// slowScore is the definition of the engagement score: of all events, those of a rule and bucket that come first count;
// each decays by itself and is rounded; the sum is clamped.
func slowScore(a *Agreement, events []*Event, at int64) *big.Float {
	type grant struct {
		e *Event
		r *Rule
	}
	buckets := map[string][]grant{}
	for _, e := range events {
		for i, r := range a.ByType[e.Type] {
			if e.Automated || r.When != nil && !r.When.Eval(&View{Event: e}).Holds {
				continue
			}
			key := fmt.Sprint(r.Rule, i, e.ID)
			if r.CapCount > 0 {
				key = fmt.Sprint(r.Rule, time.Unix(0, e.At).UTC().Truncate(0).Unix()/int64(r.CapPer.Seconds()))
			}
			buckets[key] = append(buckets[key], grant{e, r})
		}
	}
	sum := new(big.Float)
	for _, grants := range buckets {
		sort.Slice(grants, func(i, k int) bool {
			if grants[i].e.At != grants[k].e.At {
				return grants[i].e.At < grants[k].e.At
			}
			return grants[i].e.ID < grants[k].e.ID
		})
		for i, g := range grants {
			if g.r.CapCount > 0 && i >= g.r.CapCount {
				break
			}
			exact := slowDecayed(g.r.Raw, time.Duration(at-g.e.At), g.r.HalfLife)
			sum.Add(sum, roundHalfEven(exact))
		}
	}
	if sum.Sign() < 0 {
		return new(big.Float)
	}
	if most := new(big.Float).SetInt64(int64(100 * Point)); sum.Cmp(most) > 0 {
		return most
	}
	return sum
}

func roundHalfEven(x *big.Float) *big.Float {
	n, _ := new(big.Float).Add(x, new(big.Float).SetFloat64(0.5)).Int(nil)
	half := new(big.Float).Sub(new(big.Float).SetInt(n), x)
	if x.Sign() < 0 {
		return new(big.Float).Neg(roundHalfEven(new(big.Float).Neg(x)))
	}
	if half.Cmp(big.NewFloat(0.5)) == 0 && n.Bit(0) == 1 {
		n.Sub(n, big.NewInt(1))
	}
	return new(big.Float).SetInt(n)
}

func TestScoreIsItsDefinition(t *testing.T) {
	a := testAgreement()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, 25)
		at := now + int64(rapid.IntRange(0, 40*24*60).Draw(t, "minutes later"))*int64(time.Minute)
		l := folded(rulesWith(a), events)
		want, _ := slowScore(a, events, at).Int64()
		if got := l.Engagement(at); int64(got) != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	})
}

func TestScoreIsTheSumOfItsLines(t *testing.T) {
	a := testAgreement()
	a.Fit = []*FitRule{{ID: "one", Points: 80 * Point}, {ID: "two", Points: 30*Point + 1}, {ID: "three", Points: -5 * Point, When: contains("x")}}
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, 40)
		if rapid.IntRange(0, 4).Draw(t, "objects") == 0 {
			events = append(events, &Event{ID: "no", Type: "consent_changed", At: now, Now: now, Purposes: []Purpose{{"profiling", "objected"}}})
		}
		at := now + int64(rapid.IntRange(0, 90*24).Draw(t, "hours later"))*int64(time.Hour)
		l := folded(rulesWith(a), events)
		s := l.Explain(oneBook{a}, at)
		sums := map[string]Micros{}
		for _, line := range s.Lines {
			sums[line.Side] += line.Points
		}
		if sums[SideEngagement] != s.Engagement || s.Engagement != l.Engagement(at) || sums[SideFit] != s.Fit || s.Fit != l.FitScore() {
			t.Fatalf("lines %v, score %d, engagement %d, fit %d, %d", sums, s.Engagement, l.Engagement(at), s.Fit, l.FitScore())
		}
		if s.Engagement < 0 || s.Engagement > 100*Point || s.Fit < 0 || s.Fit > 100*Point {
			t.Fatalf("out of range: %+v", s)
		}
		s.Shorten()
		clear(sums)
		for _, line := range s.Lines {
			sums[line.Side] += line.Points
		}
		if sums[SideEngagement] != s.Engagement || sums[SideFit] != s.Fit {
			t.Fatal("shortened, the sum is another one")
		}
	})
}

func TestShortenKeepsTheSumOfManyLines(t *testing.T) {
	l := &Lead{}
	terms := &Terms{Rule: "r", Raw: 7, Version: 1}
	other := &Terms{Rule: "s", Raw: 9, Version: 1}
	for i := range 300 {
		l.addItem(Item{At: int64(i), ID: fmt.Sprint(i), Terms: []*Terms{terms, other}[i%2], Count: 1})
	}
	s := l.Explain(oneBook{}, now)
	before := s.Engagement
	s.Shorten()
	var sum Micros
	for _, line := range s.Lines {
		sum += line.Points
	}
	if sum != before || before != 2400 || len(s.Lines) != maxSnapshotLines+2 {
		t.Errorf("sum %d, want %d, in %d lines", sum, before, len(s.Lines))
	}
}

func TestOrderOfArrivalDoesNotMatter(t *testing.T) {
	a := testAgreement()
	a.Fit = []*FitRule{{ID: "vp", Points: 40 * Point, When: titled("VP")}}
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, 70)
		one := folded(rulesWith(a), events)
		two := folded(rulesWith(a), rapid.Permutation(events).Draw(t, "order"))
		if !reflect.DeepEqual(one, two) {
			t.Fatalf("one order gives\n%+v\nanother\n%+v", one, two)
		}
		if len(one.Timeline) > maxTimeline {
			t.Fatal("the timeline grows without end")
		}
		for i := 1; i < len(one.Timeline); i++ {
			if one.Timeline[i-1].At < one.Timeline[i].At {
				t.Fatal("the timeline is not newest first")
			}
		}
	})
}

type titled string

func (c titled) Eval(v *View) Verdict {
	return Verdict{Holds: v.Lead.Profile.Text("title") == string(c)}
}

func TestManyContributionsAreFolded(t *testing.T) {
	a := &Agreement{Version: 1, ByType: map[string][]*Rule{"page_viewed": {rule("page", 1000, 30*day, 5, day, nil)}, "ad_clicked": {rule("ad", 1000, 0, 0, 0, nil)}}}
	r := rulesWith(a)
	l := &Lead{}
	days := map[int64]int{}
	ads := 0
	for i := range 6000 {
		at := now - int64(i%400)*int64(day) - int64(i)*int64(time.Second)
		if i%3 == 0 {
			ads++
			l.Apply(r, &Event{ID: fmt.Sprint(i), Type: "ad_clicked", At: at, Now: now})
			continue
		}
		days[at/int64(day)]++
		l.Apply(r, &Event{ID: fmt.Sprint(i), Type: "page_viewed", At: at, Now: now})
		if len(l.Items) > maxItems {
			t.Fatalf("%d items", len(l.Items))
		}
	}
	var undecayed, decayed Micros
	l.capped(func(it *Item, counts bool) {
		if it.Rule == "ad" {
			undecayed += it.Raw
		}
	})
	if undecayed != Micros(ads)*1000 {
		t.Errorf("points without decay: got %d, want %d", undecayed, ads*1000)
	}
	for d, n := range days {
		decayed += Micros(min(n, 5)) * Decayed(1000, time.Duration(now-d*int64(day)-int64(day/2)), 30*day)
	}
	got := l.raw(now) - undecayed
	if got < decayed*8/10 || got > decayed*12/10 {
		t.Errorf("decaying points: got %d, want about %d", got, decayed)
	}
}

func TestRulesOfOtherTypesAreNotLookedAt(t *testing.T) {
	looked := 0
	count := counting{&looked}
	a := &Agreement{Version: 1, ByType: map[string][]*Rule{"page_viewed": {rule("page", 1, 0, 0, 0, count)}}}
	for i := range 1000 {
		a.ByType[fmt.Sprint("type", i)] = []*Rule{rule("x", 1, 0, 0, 0, count)}
	}
	l := &Lead{}
	l.Apply(rulesWith(a), &Event{ID: "1", Type: "page_viewed", At: now, Now: now})
	if looked != 1 {
		t.Errorf("%d rules were evaluated for one event", looked)
	}
}

type counting struct{ n *int }

func (c counting) Eval(*View) Verdict {
	*c.n++
	return Verdict{}
}
