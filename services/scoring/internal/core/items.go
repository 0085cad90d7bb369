package core

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	// maxItems is how many contributions a lead keeps one by one; above it the oldest are folded together, down to foldTo.
	maxItems = 2000
	foldTo   = 1500
)

// Terms are what a rule grants for an event, in one version of the agreement. They are shared and do not change.
type Terms struct {
	Rule string
	// Raw points before decay.
	Raw Micros
	// HalfLife and CapPer are whole seconds; 0 is no decay.
	HalfLife time.Duration
	// CapCount events count in each UTC bucket of CapPer; 0 is no cap.
	CapCount int
	CapPer   time.Duration
	Version  int32
	// Timeframe is the age, in whole seconds, from which on an event is worth nothing; 0 for none.
	Timeframe time.Duration
	// Limit bounds what the rule gives in all, both ways; 0 for none.
	Limit Micros
	// Group of rules whose points GroupLimit bounds together, both ways; "" for none.
	Group      string
	GroupLimit Micros
	// Score that the points count for: "" is the main one.
	Score string
}

// Item is one rule's points for one event, on the terms of the agreement in force at the event's place in the log. They
// never change; what they are worth is computed from them.
type Item struct {
	At int64
	// ID and Source of the event; of several folded together, the first one's.
	ID, Source string
	*Terms
	// Count is how many events it stands for: 1, or more after folding. Folded points were counted under their cap already.
	Count int
	// Automated says why it is a scanner's or a bot's doing: then it is worth nothing, and uses up no cap. "" for all others.
	Automated string
}

func (i *Item) compare(o *Item) int {
	return cmp.Or(cmp.Compare(i.At, o.At), strings.Compare(i.ID, o.ID), strings.Compare(i.Source, o.Source), strings.Compare(i.Rule, o.Rule))
}

// Decayed gives what the item is worth at a time, caps and limits aside.
func (i *Item) Decayed(at int64) Micros {
	if i.over(at) {
		return 0
	}
	return Decayed(i.Raw, time.Duration(at-i.At), i.HalfLife)
}

// over reports whether the item's timeframe has passed at a time.
func (i *Item) over(at int64) bool { return i.Timeframe > 0 && at-i.At >= int64(i.Timeframe) }

// score evaluates the rules for an event's type and keeps the points of those that fire. Each sees what the lead was worth
// before the event, whatever the others give.
func (l *Lead) score(a *Agreement, e *Event, v *View) {
	var few [8]*Rule
	fired := few[:0]
	automated := l.automated(e)
	for _, r := range a.ByType[e.Type] {
		verdict := holds(r.When, v)
		if verdict.Missing != "" && automated == "" {
			l.missed(r.Rule, verdict.Missing)
		}
		if verdict.Holds {
			fired = append(fired, r)
		}
	}
	for _, r := range fired {
		l.addItem(Item{At: e.At, ID: clip(e.ID, maxID), Source: e.Source, Terms: &r.Terms, Count: 1, Automated: automated})
	}
	if automated != "" && len(fired) > 0 {
		l.Items = trimAutomated(l.Items)
	}
	if len(l.Items) > maxItems {
		l.foldItems(e.Now)
	}
}

// addItem keeps an item, each rule's points for an event once: those of the earliest version, should there be two.
func (l *Lead) addItem(it Item) {
	i, found := slices.BinarySearchFunc(l.Items, it, func(a, b Item) int { return a.compare(&b) })
	switch {
	case !found:
		l.Items = slices.Insert(l.Items, i, it)
	case it.Version < l.Items[i].Version:
		it.Automated = stronger(it.Automated, l.Items[i].Automated)
		l.Items[i] = it
	default:
		l.Items[i].Automated = stronger(l.Items[i].Automated, it.Automated)
	}
}

// capped walks the items in order and tells which count: of each rule's UTC bucket, the earliest by (occurred_at, id),
// and nothing that is automated.
func (l *Lead) capped(each func(it *Item, counts bool)) {
	type bucket struct {
		rule  string
		per   time.Duration
		start int64
		used  int
	}
	var few [8]bucket
	open := few[:0]
	for n := range l.Items {
		it := &l.Items[n]
		if it.Automated != "" {
			each(it, false)
			continue
		}
		if it.CapCount == 0 {
			each(it, true)
			continue
		}
		start := floorDiv(it.At, int64(it.CapPer))
		k := slices.IndexFunc(open, func(b bucket) bool { return b.rule == it.Rule && b.per == it.CapPer })
		if k < 0 {
			open = append(open, bucket{rule: it.Rule, per: it.CapPer, start: start})
			k = len(open) - 1
		}
		b := &open[k]
		if b.start != start {
			b.start, b.used = start, 0
		}
		each(it, b.used < it.CapCount || it.Count > 1)
		b.used += it.Count
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// raw gives the main score at a time before the clamp: the sum of all that counts, within its limits.
func (l *Lead) raw(at int64) Micros { return l.rawOf("", at) }

func (l *Lead) rawOf(score string, at int64) Micros {
	var sum Micros
	limited := false
	l.capped(func(it *Item, counts bool) {
		if counts && it.Score == score {
			sum += it.Decayed(at)
			limited = limited || it.limited()
		}
	})
	if limited {
		return newLedger(l, score).at(at)
	}
	return sum
}

// Engagement gives the engagement score at a time: 0 to 100 points, 0 where the person objected to profiling.
func (l *Lead) Engagement(at int64) Micros {
	return l.NamedScore("", at)
}

// NamedScore gives one of the scores beside the main one, or, by "", the main one, like Engagement.
func (l *Lead) NamedScore(id string, at int64) Micros {
	if len(l.Items) == 0 || l.Objected() {
		return 0
	}
	return clamp(l.rawOf(id, at))
}

func clamp(m Micros) Micros { return min(max(m, 0), 100*Point) }

// foldItems makes room. First goes what is worth nothing any more; then the points of the oldest items of one rule, version
// (and so on the same terms) and day are added up into one, at the time of the first of them, and where that is not enough, of a week, a month or a
// year. A folded item decays a little early, by less than that span, and an event that comes later still for a span that
// was folded may count beyond its cap: this happens only to leads with more than maxItems contributions.
func (l *Lead) foldItems(now int64) {
	l.Items = slices.DeleteFunc(l.Items, func(it Item) bool { return it.past(now) })
	const day = int64(24 * time.Hour)
	for _, span := range [...]int64{day, 7 * day, 30 * day, 365 * day} {
		if len(l.Items) <= foldTo {
			return
		}
		l.foldSpan(span)
	}
	if len(l.Items) > maxItems {
		l.Items = slices.Delete(l.Items, 0, len(l.Items)-maxItems)
	}
}

// past reports whether an item may be forgotten: it is worth nothing any more. One whose timeframe has passed still uses up
// its cap, as long as another event of its bucket may count.
func (i *Item) past(now int64) bool {
	if i.CapCount > 0 && i.over(now) {
		bucketEnd := (floorDiv(i.At, int64(i.CapPer)) + 1) * int64(i.CapPer)
		return now-bucketEnd >= int64(i.Timeframe)
	}
	return i.Decayed(now) == 0
}

func (l *Lead) foldSpan(span int64) {
	type group struct {
		Terms
		start int64
	}
	excess := len(l.Items) - foldTo
	first := make(map[group]int)
	kept := make([]Item, 0, len(l.Items))
	l.capped(func(it *Item, counts bool) {
		g := group{*it.Terms, floorDiv(it.At, span)}
		g.Raw = 0 // of a folded item it is a sum
		k, open := first[g]
		switch {
		case it.Automated != "":
			excess--
		case excess > 0 && open:
			into := &kept[k]
			if counts {
				sum := *into.Terms
				sum.Raw += it.Raw
				into.Terms = &sum
			}
			into.Count += it.Count
			excess--
		case !counts:
			excess-- // worth nothing, and nothing to be folded into
		default:
			first[g] = len(kept)
			kept = append(kept, *it)
		}
	})
	l.Items = kept
}
