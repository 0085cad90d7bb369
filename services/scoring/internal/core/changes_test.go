package core

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestChangesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, limited := testAgreement(), rapid.Bool().Draw(t, "limited")
		if limited {
			a = limitedAgreement()
		}
		events := drawEvents(t, 30)
		since := now - int64(rapid.IntRange(-60, 60*24).Draw(t, "since, hours ago"))*int64(time.Hour)
		at := max(since, now) + int64(rapid.IntRange(0, 30*24*60).Draw(t, "minutes later"))*int64(time.Minute)
		l := folded(rulesWith(a), events)
		c := l.Changes(oneBook{a}, since, at)
		var added Micros
		later := map[string]bool{}
		for _, line := range c.Added {
			added += line.Points
			if line.isLimit() && limited {
				continue
			}
			if line.At <= since || line.Side != SideEngagement || line.LimitedBy == LimitedByClamp {
				t.Fatalf("added since %d: %+v", since, line)
			}
			for _, id := range line.Events {
				later[id] = true
			}
		}
		if got := c.BeforeClamp + added + c.Decayed; got != l.raw(at) {
			t.Fatalf("%d before, %d added, %d decayed: %d, not %d", c.BeforeClamp, added, c.Decayed, got, l.raw(at))
		}
		// What was before is what a lead is worth to whom nothing later has happened.
		var earlier []*Event
		against := false
		for _, e := range events {
			if e.At <= since {
				earlier = append(earlier, e)
				against = against || e.Type == "email_unsubscribed"
			}
		}
		then := folded(rulesWith(a), earlier)
		if c.Before != then.Engagement(since) || c.BeforeClamp != then.raw(since) || c.Decayed != then.raw(at)-then.raw(since) {
			t.Fatalf("got %d before and %d decayed, want %d and %d", c.Before, c.Decayed, then.Engagement(since), then.raw(at)-then.raw(since))
		}
		if c.Decayed > 0 && !against {
			t.Fatalf("decay gave %d", c.Decayed)
		}
		for _, it := range l.Items {
			if it.At > since && it.Score == "" && !later[it.ID] {
				t.Fatalf("%s at %d is not told", it.ID, it.At)
			}
		}
	})
}

func TestChanges(t *testing.T) {
	half := &Terms{Rule: "half", Raw: 40 * Point, HalfLife: day, CapCount: 2, CapPer: 30 * day, Version: 1}
	against := &Terms{Rule: "against", Raw: -10 * Point, HalfLife: day}
	full := &Terms{Rule: "full", Raw: 120 * Point}
	tight := &Terms{Rule: "tight", Raw: 30 * Point, Limit: 40 * Point}
	brief := &Terms{Rule: "brief", Raw: 9 * Point, Timeframe: 2 * day}
	item := func(daysAgo time.Duration, id string, terms *Terms) Item {
		return Item{At: now - int64(daysAgo*day), ID: id, Terms: terms, Count: 1}
	}
	for name, c := range map[string]struct {
		items                       []Item
		before, clamped, added, dec Micros
		lines                       int
	}{
		"nothing":                  {},
		"decay":                    {items: []Item{item(1, "a", half)}, before: 40 * Point, clamped: 40 * Point, dec: -20 * Point},
		"points against":           {items: []Item{item(1, "a", against)}, before: -10 * Point, dec: 5 * Point},
		"a cap, used up then":      {items: []Item{item(3, "a", half), item(2, "b", half), item(0, "c", half)}, before: 30 * Point, clamped: 30 * Point, dec: -15 * Point, lines: 1},
		"a cap, half used up":      {items: []Item{item(2, "b", half), item(0, "c", half)}, before: 20 * Point, clamped: 20 * Point, dec: -10 * Point, added: 40 * Point, lines: 1},
		"a limit, reached by both": {items: []Item{item(1, "a", tight), item(0, "b", tight)}, before: 30 * Point, clamped: 30 * Point, added: 10 * Point, lines: 2},
		"a limit, reached before":  {items: []Item{item(1, "a", tight), item(1, "b", tight), item(0, "c", tight)}, before: 40 * Point, clamped: 40 * Point, added: 0, lines: 2},
		"a limit, left behind":     {items: []Item{item(1, "a", tight), item(1, "b", tight), item(0, "c", &Terms{Rule: "tight", Raw: -35 * Point, Limit: 40 * Point})}, before: 40 * Point, clamped: 40 * Point, added: -15 * Point, lines: 2},
		"a timeframe":              {items: []Item{item(2, "a", brief)}, before: 9 * Point, clamped: 9 * Point, dec: -9 * Point},
		"another score":            {items: []Item{item(0, "a", &Terms{Rule: "r", Raw: Point, Score: "s"})}},
		"the clamp":                {items: []Item{item(1, "a", full), item(0, "b", full)}, before: 120 * Point, clamped: 100 * Point, added: 120 * Point, lines: 1},
	} {
		l := &Lead{}
		for _, it := range c.items {
			l.addItem(it)
		}
		got := l.Changes(oneBook{}, now-int64(day), now)
		var added Micros
		for _, line := range got.Added {
			added += line.Points
		}
		if got.BeforeClamp != c.before || got.Before != c.clamped || got.Decayed != c.dec || added != c.added || len(got.Added) != c.lines || got.Since != now-int64(day) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	l := &Lead{Items: []Item{item(1, "a", half), item(0, "b", half)}, Consent: []Consent{{Purpose: "profiling", Decision: "objected"}}}
	if got := l.Changes(oneBook{}, now-int64(day), now); got.Before != 0 || got.Decayed != 0 || len(got.Added) != 1 || got.Added[0].Points != 0 || got.Added[0].LimitedBy != LimitedByConsent {
		t.Errorf("an objection: %+v", got)
	}
}
