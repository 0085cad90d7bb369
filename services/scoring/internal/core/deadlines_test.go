package core

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawItems(t *rapid.T, l *Lead, negative bool) {
	for i := range rapid.IntRange(1, 12).Draw(t, "items") {
		low := int64(1)
		if negative {
			low = -60
		}
		raw := Micros(rapid.Int64Range(low, 60).Draw(t, "points"))*Point + Micros(rapid.Int64Range(0, 999_999).Draw(t, "micros"))
		l.addItem(Item{At: now - rapid.Int64Range(0, int64(40*day)).Draw(t, "ago"), ID: fmt.Sprint(i), Count: 1, Terms: &Terms{
			Rule: "r", Raw: raw, Version: 1, HalfLife: rapid.SampledFrom([]time.Duration{0, day, 14 * day, 30 * day, 90 * time.Minute}).Draw(t, "half-life"),
		}})
	}
	l.Looked = now
	l.Band = BandOf(l.Engagement(now))
}

func TestLeavingABandIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &Lead{}
		drawItems(t, l, false)
		at := l.leavesBand()
		if at == 0 {
			for _, later := range []time.Duration{time.Hour, day, 30 * day, 10_000 * day} {
				if got := BandOf(l.Engagement(now + int64(later))); got != l.band() {
					t.Fatalf("no crossing was found, but after %v it is %s, not %s", later, got, l.Band)
				}
			}
			return
		}
		// A deadline far ahead may be early; looked at again, it comes to the very millisecond.
		for looks := 0; BandOf(l.Engagement(at)) == l.Band; looks++ {
			if at <= l.Looked || looks > 5 {
				t.Fatalf("look %d: deadline %d does not lie ahead of %d", looks, at, l.Looked)
			}
			l.Looked = at
			at = l.leavesBand()
		}
		if before := at - int64(time.Millisecond); before > now && BandOf(l.Engagement(before)) != l.Band {
			t.Fatal("it was left earlier")
		}
	})
}

func TestLeavingABandUpOrDownIsNeverMissed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &Lead{}
		drawItems(t, l, true)
		at := l.leavesBand()
		end := at
		if at == 0 {
			end = now + int64(2000*day)
		}
		for range 60 { // nowhere before is it another band
			moment := rapid.Int64Range(now, end).Draw(t, "moment")
			if moment < end-int64(time.Millisecond) && BandOf(l.Engagement(moment)) != l.Band {
				t.Fatalf("left %v before the deadline", time.Duration(end-moment))
			}
		}
		if at != 0 && at <= now {
			t.Fatal("a deadline that does not lie ahead")
		}
	})
}

func TestManyItemsGiveASafeDeadline(t *testing.T) {
	l := &Lead{}
	for i := range 500 {
		l.addItem(Item{At: now - int64(i)*int64(time.Hour), ID: fmt.Sprint(i), Count: 1, Terms: &Terms{Rule: "r", Raw: 1_234_567, Version: 1, HalfLife: time.Duration(10+i%3) * day}})
	}
	l.Looked, l.Band = now, BandOf(l.Engagement(now))
	looks := 0
	for l.Band != Cold {
		at := l.leavesBand()
		if before := at - int64(time.Millisecond); at <= l.Looked || before > now && BandOf(l.Engagement(before)) != l.Band {
			t.Fatalf("deadline %d is wrong", at)
		}
		l.Looked, l.Band = at, BandOf(l.Engagement(at))
		if looks++; looks > 20 {
			t.Fatal("too many looks")
		}
	}
}

func TestDeadlinesOfARecycledLead(t *testing.T) {
	l := &Lead{Run: Run{Epoch: 1, Stage: Recycled, WakeAt: now + 5}, Looked: now}
	if d := l.Deadlines(rulesWith(nil)); len(d) != 1 || d[0] != (Deadline{TimerWake, now + 5}) {
		t.Errorf("got %v", d)
	}
	l.become("ld_e2", Joined{})
	if d := l.Deadlines(rulesWith(nil)); d != nil {
		t.Errorf("an absorbed lead waits for %v", d)
	}
}
