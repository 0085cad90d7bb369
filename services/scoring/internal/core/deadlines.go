package core

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// Timers of a lead.
const (
	TimerWake    = "wake"
	TimerBand    = "band"
	TimerQualify = "qualify"
	// TimerShadow is for the agreement in the shadow alone: a firing changes nothing that is live.
	TimerShadow = "shadow"
)

// Deadline is the time at which a timer must fire.
type Deadline struct {
	Timer string
	At    int64
}

// Deadlines gives when time alone may change something: a recycled lead wakes, the score leaves its band, or, where points
// against the lead decay and its score rises, it may qualify.
func (l *Lead) Deadlines(r *Rules) []Deadline {
	if l.Parent != "" {
		return nil
	}
	var out []Deadline
	if l.Stage() == Recycled && l.Run.WakeAt != 0 && !l.Held {
		out = append(out, Deadline{TimerWake, l.Run.WakeAt})
	}
	if at := l.shadowLook(r); at != 0 {
		out = append(out, Deadline{TimerShadow, at})
	}
	if len(l.Items) == 0 || l.Objected() {
		return out
	}
	rises := l.rises()
	if l.band() != Cold || rises != 0 {
		if at := l.leavesBand(); at != 0 {
			out = append(out, Deadline{TimerBand, at})
		}
	}
	if rises != 0 && l.Stage() == Inquiry && l.Lasting && !l.Held && r.Active != nil {
		out = append(out, Deadline{TimerQualify, rises})
	}
	return out
}

// early reports a band's timer that fired before the band is left. It is a step of the search for that moment, which starts
// from when the lead was last looked at, be it by the shadow's timer: nothing may follow from where the steps lie.
func (l *Lead) early(e *Event) bool {
	return e.Timer == TimerBand && BandOf(l.Engagement(e.Now)) == l.band()
}

// rises gives when the lead is to be looked at because time alone may take a score up, 0 for never. Where points against it
// decay, that is after a quarter of the shortest half-life of those that are still worth something: the moment at which it
// qualifies depends on expressions. Where their timeframe ends, it is that end; and so is any end of a timeframe where items
// are on different terms, since the limit of an older version may be wider.
func (l *Lead) rises() int64 {
	var shortest time.Duration
	var against, any int64 // the first end of a timeframe
	limited := false
	sooner := func(a *int64, at int64) {
		if *a == 0 || at < *a {
			*a = at
		}
	}
	for i := range l.Items {
		it := &l.Items[i]
		if it.Automated != "" {
			continue
		}
		limited = limited || it.limited()
		if it.over(l.Looked) {
			continue
		}
		if it.Timeframe > 0 {
			sooner(&any, it.At+int64(it.Timeframe))
		}
		if it.Raw >= 0 || it.Decayed(l.Looked) == 0 {
			continue
		}
		if it.Timeframe > 0 {
			sooner(&against, it.At+int64(it.Timeframe))
		}
		if it.HalfLife > 0 && (shortest == 0 || it.HalfLife < shortest) {
			shortest = it.HalfLife
		}
	}
	if limited && any != 0 && l.mixed() {
		sooner(&against, any)
	}
	if shortest > 0 {
		sooner(&against, l.Looked+int64(max(shortest/4, time.Hour)))
	}
	return against
}

// mixed reports whether the items' terms come from several versions.
func (l *Lead) mixed() bool {
	for i := range l.Items {
		if l.Items[i].Version != l.Items[0].Version {
			return true
		}
	}
	return false
}

// leavesBand gives the first millisecond at which decay alone has taken the score out of its band, 0 for never.
func (l *Lead) leavesBand() int64 {
	c := crossing{band: l.band()}
	var end int64
	against, bounded := false, false
	l.capped(func(it *Item, counts bool) {
		bounded = bounded || counts && it.Score == "" && (it.Timeframe > 0 || it.limited())
		switch {
		case !counts || it.Score != "":
		case it.HalfLife <= 0:
			c.constant += it.Raw
		default:
			c.decaying = append(c.decaying, it)
			end = max(end, it.gone())
			against = against || it.Raw < 0
		}
	})
	if bounded {
		return l.leavesBandBounded()
	}
	start := c.at(l.Looked)
	switch {
	case c.bandOf(start.pro+start.con) != c.band:
		return l.Looked
	case against:
		return c.search(l.Looked, max(end, l.Looked), start)
	}
	return c.fall(l.Looked, start.pro)
}

// gone gives a time at which nothing is left of an item that decays or has a timeframe, or the far future.
func (i *Item) gone() int64 {
	const far = 1 << 62
	lives := bits.Len64(uint64(max(i.Raw, -i.Raw))) + 1
	hi, span := bits.Mul64(uint64(lives), uint64(i.HalfLife))
	if hi > 0 || span > far || i.HalfLife == 0 {
		span = far
	}
	if i.Timeframe > 0 {
		span = min(span, uint64(i.Timeframe))
	}
	return min(i.At, far) + int64(span)
}

// crossing searches for the moment at which decay alone takes a score out of a band.
type crossing struct {
	decaying []*Item
	constant Micros
	band     string
	budget   int
	// gaveUp is the start of the span in which the budget ran out.
	gaveUp int64
}

// sums are the decaying points for and against, at one time.
type sums struct{ pro, con Micros }

func (c *crossing) bandOf(decaying Micros) string { return BandOf(clamp(c.constant + decaying)) }

func (c *crossing) at(t int64) sums {
	var s sums
	for _, it := range c.decaying {
		if p := it.Decayed(t); p > 0 {
			s.pro += p
		} else {
			s.con += p
		}
	}
	return s
}

// fall is for points that only shrink: t + h log2(S/θ) where they share a half-life, and near it by Newton's steps where
// they do not. Within a minute of that guess, the exact sums lead to the millisecond.
func (c *crossing) fall(from int64, sum Micros) int64 {
	least := leastOf(c.band) - c.constant
	if least <= 0 || sum == 0 {
		return 0 // what does not decay holds the band
	}
	const ms = int64(time.Millisecond)
	// Rounding adds up to half a micro-point for each: until this moment the band holds for certain. While it is far away,
	// that is enough to know, and costs a fraction of knowing the moment.
	certain := float64(least) + float64(len(c.decaying)) + 2
	if early := from + c.guess(from, certain)*ms; early > from+int64(time.Minute) {
		return early
	}
	holds := func(t int64) bool { return c.at(t*ms).pro >= least }
	first := from/ms + 1
	lo, hi := first-1, first+c.guess(from, float64(least))
	for step := int64(1); holds(hi); step *= 4 {
		lo, hi = hi, hi+step
	}
	for step := int64(1); lo < hi-step; step *= 4 {
		if holds(hi - step) {
			lo = hi - step
			break
		}
		hi -= step
	}
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; holds(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return max(hi*ms, from)
}

// guess gives about how many milliseconds after from the decaying points are worth less than least.
func (c *crossing) guess(from int64, least float64) int64 {
	type group struct{ halfLife, points float64 }
	var few [4]group
	groups := few[:0]
	for _, it := range c.decaying {
		h := float64(it.HalfLife) / float64(time.Millisecond)
		k := slices.IndexFunc(groups, func(g group) bool { return g.halfLife == h })
		if k < 0 {
			groups, k = append(groups, group{halfLife: h}), len(groups)
		}
		groups[k].points += float64(it.Decayed(from))
	}
	// A sum of falling exponentials is convex: from the left, Newton's steps never pass the root.
	t := 0.0
	for range 30 {
		sum, slope := 0.0, 0.0
		for _, g := range groups {
			left := g.points * math.Exp2(-t/g.halfLife)
			sum += left
			slope += left * math.Ln2 / g.halfLife
		}
		if sum <= least || slope == 0 {
			break
		}
		step := (sum - least) / slope
		if len(groups) == 1 {
			step = groups[0].halfLife * math.Log2(sum/least)
		}
		if t += step; step < 0.5 || len(groups) == 1 {
			break
		}
	}
	return int64(min(max(t, 0), 1e14))
}

// leastOf gives the least points of a band that has a lower end.
func leastOf(band string) Micros {
	switch band {
	case Hot:
		return hotFrom
	case Warm:
		return warmFrom
	}
	return 0
}

// search is for points of both kinds. Those for the lead and those against it each only shrink: their sums at both ends of
// a span bound the score within it, so that spans without a crossing are passed over whole. It is exact to the
// millisecond; where that would take too long it gives an earlier moment, a minute or more ahead, at which it goes on.
func (c *crossing) search(from, end int64, start sums) int64 {
	c.budget = max(20, 8000/(len(c.decaying)+1))
	at := c.between(from, end, start, c.at(end))
	if at == 0 && c.gaveUp != 0 {
		return max(c.gaveUp, from+int64(time.Minute))
	}
	return at
}

// wholeMilli gives the first whole millisecond after a moment, a millisecond at most before the band is left, at which it is
// left: the same one from wherever the search began.
func wholeMilli(a int64, holds func(t int64) bool) int64 {
	const ms = int64(time.Millisecond)
	t := (a/ms + 1) * ms
	if holds(t) {
		t += ms
	}
	return t
}

func (c *crossing) between(a, b int64, atA, atB sums) int64 {
	if c.gaveUp != 0 || c.bandOf(atB.pro+atA.con) == c.band && c.bandOf(atA.pro+atB.con) == c.band {
		return 0
	}
	if b-a <= int64(time.Millisecond) {
		if c.bandOf(atB.pro+atB.con) != c.band {
			return wholeMilli(a, func(t int64) bool { s := c.at(t); return c.bandOf(s.pro+s.con) == c.band })
		}
		return 0
	}
	if c.budget--; c.budget < 0 {
		c.gaveUp = a
		return 0
	}
	mid := a + (b-a)/2
	atMid := c.at(mid)
	if t := c.between(a, mid, atA, atMid); t != 0 {
		return t
	}
	return c.between(mid, b, atMid, atB)
}
