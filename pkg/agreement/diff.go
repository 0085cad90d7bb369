package agreement

import (
	"fmt"
	"time"
)

// Kinds of a Difference.
const (
	DiffAdded   = "added"
	DiffRemoved = "removed"
	DiffChanged = "changed"
)

// Difference is one thing in which two agreements differ.
type Difference struct {
	// Part is scores, groups, engagement, fit, grades, qualify, disqualify, sla, handover, outreach, reject_reasons, recycle_reasons, goals or general.
	Part string
	// ID is the rule's, reason's or goal's id, the grade's letter, or the field's name; "" where the part as a whole differs
	// (the order of its rules).
	ID string
	// Kind is DiffAdded, DiffRemoved or DiffChanged.
	Kind string
	// Text says it in one line for people who never saw the file.
	Text string
}

// Diff tells what becomes different when to takes the place of from; nothing where both mean the same. Rules, reasons and
// goals are matched by id. The order of a list counts only in qualify, where the first rule that holds decides; signatures
// and lines are not content. Differences come in the order of Part above, within it in the order of to, and what was
// removed last. A nil agreement is an empty one.
func Diff(from, to *Agreement) []Difference {
	from, to = orEmpty(from), orEmpty(to)
	d := &differ{}
	d.named(from, to)
	d.part = "engagement"
	diffList(d, from.Engagement, to.Engagement, listed[EngagementRule]{
		id: func(r *EngagementRule) string { return r.ID },
		added: func(r *EngagementRule) string {
			return "gives " + engagementText(r) + capText(", ", r.Cap) + ownHalfLife(r.HalfLife, to.HalfLife) + boundsText(r, to)
		},
		removed: engagementText,
		changed: func(a, b *EngagementRule) {
			d.types(b.ID, a.On, b.On)
			d.condition(b.ID, a.When, b.When)
			d.rulePoints(b.ID, a.Points, b.Points, "")
			// Where the rule follows the agreement's half-life, that is said once, for all of them.
			if follows := a.HalfLife == from.HalfLife && b.HalfLife == to.HalfLife; a.HalfLife != b.HalfLife && !follows {
				d.changed(b.ID, "%s: half-life %s → %s", b.ID, halfLifeText(a.HalfLife), halfLifeText(b.HalfLife))
			}
			d.cap(b.ID, a.Cap, b.Cap)
			d.bounds(a, b, from, to)
			d.because(b.ID, a.Because, b.Because)
		},
	})
	d.part = "fit"
	diffList(d, from.Fit, to.Fit, listed[FitRule]{
		id:      func(r *FitRule) string { return r.ID },
		added:   func(r *FitRule) string { return "gives " + fitText(r) },
		removed: fitText,
		changed: func(a, b *FitRule) {
			d.condition(b.ID, a.When, b.When)
			d.rulePoints(b.ID, a.Points, b.Points, " of fit")
			d.because(b.ID, a.Because, b.Because)
		},
	})
	d.part = "grades"
	for _, g := range []struct {
		letter   string
		old, new Micros
	}{{"a", from.Grades.A, to.Grades.A}, {"b", from.Grades.B, to.Grades.B}, {"c", from.Grades.C, to.Grades.C}} {
		if g.old != g.new {
			d.changed(g.letter, "grade %s from %s → %s of fit", g.letter, FormatMicros(g.old), pointsText(g.new))
		}
	}
	d.part = "qualify"
	d.order(from.Qualify, to.Qualify)
	diffList(d, from.Qualify, to.Qualify, listed[QualifyRule]{
		id:      func(r *QualifyRule) string { return r.ID },
		added:   func(r *QualifyRule) string { return "qualifies " + qualifyText(r) },
		removed: func(r *QualifyRule) string { return "qualified " + qualifyText(r) },
		changed: func(a, b *QualifyRule) {
			d.types(b.ID, a.On, b.On)
			d.matrix(a, b)
		},
	})
	d.disqualify(from, to)
	d.part = "sla"
	d.sla(&from.SLA, &to.SLA)
	d.handover(&from.Handover, &to.Handover)
	d.outreach(&from.Outreach, &to.Outreach)
	d.reasons(from, to)
	d.part = "goals"
	diffList(d, from.Goals, to.Goals, listed[Goal]{
		id: func(g *Goal) string { return g.ID }, added: goalText, removed: goalText,
		changed: func(a, b *Goal) {
			d.value(b.ID, b.ID+": measured by ", a.Metric, b.Metric)
			d.value(b.ID, b.ID+": target ", number(a.Target), number(b.Target))
			if a.Window != b.Window {
				d.changed(b.ID, "%s: measured over %s → %s", b.ID, windowText(a.Window), windowText(b.Window))
			}
		},
	})
	d.part = "general"
	d.value("agreement", "name: ", from.Name, to.Name)
	if from.HalfLife != to.HalfLife {
		d.changed("half_life", "half-life %s → %s%s", halfLifeText(from.HalfLife), halfLifeText(to.HalfLife),
			followers(from, to, from.HalfLife, to.HalfLife, func(r *EngagementRule) time.Duration { return r.HalfLife }))
	}
	if from.Timeframe != to.Timeframe {
		d.changed("timeframe", "events count for %s → %s%s", timeframeText(from.Timeframe), timeframeText(to.Timeframe),
			followers(from, to, from.Timeframe, to.Timeframe, func(r *EngagementRule) time.Duration { return r.Timeframe }))
	}
	return d.out
}

func orEmpty(a *Agreement) *Agreement {
	if a == nil {
		return &Agreement{}
	}
	return a
}

// differ gathers the differences of one part after the other.
type differ struct {
	part string
	out  []Difference
}

func (d *differ) add(kind, id, text string) {
	d.out = append(d.out, Difference{Part: d.part, ID: id, Kind: kind, Text: text})
}

func (d *differ) changed(id, format string, args ...any) {
	d.add(DiffChanged, id, fmt.Sprintf(format, args...))
}

// listed says how the entries of one list are told apart and told of.
type listed[T any] struct {
	id             func(*T) string
	added, removed func(*T) string
	// changed tells what differs between two entries with the same id.
	changed func(before, after *T)
}

func diffList[T any](d *differ, from, to []T, l listed[T]) {
	old := make(map[string]*T, len(from))
	for i := range from {
		old[l.id(&from[i])] = &from[i]
	}
	stays := make(map[string]bool, len(to))
	for i := range to {
		id := l.id(&to[i])
		stays[id] = true
		if before, known := old[id]; known {
			l.changed(before, &to[i])
		} else {
			d.add(DiffAdded, id, "new: "+id+" "+l.added(&to[i]))
		}
	}
	for i := range from {
		if id := l.id(&from[i]); !stays[id] {
			d.add(DiffRemoved, id, "removed: "+id+" ("+l.removed(&from[i])+")")
		}
	}
}

func (d *differ) value(id, what, before, after string) {
	if before != after {
		d.changed(id, "%s%s → %s", what, orNone(before), orNone(after))
	}
}

func (d *differ) rulePoints(id string, before, after Micros, of string) {
	if before != after {
		d.changed(id, "%s: %s → %s%s", id, FormatMicros(before), pointsText(after), of)
	}
}

func (d *differ) condition(id, before, after string) {
	was, is := plain(before), plain(after)
	switch {
	case before == after:
	case before == "":
		d.changed(id, "%s: had no condition, now only when `%s`", id, is)
	case after == "":
		d.changed(id, "%s: condition `%s` dropped, now always", id, was)
	case was == is:
		d.changed(id, "%s: condition changed in its spaces only: `%s`", id, is)
	default:
		d.changed(id, "%s: condition changed from `%s` to `%s`", id, was, is)
	}
}

func (d *differ) because(id, before, after string) {
	if before != after {
		d.changed(id, "%s: because %s → %s", id, quoted(before), quoted(after))
	}
}

// types tells which event types a rule looks at that it did not, and the reverse. Their order has no meaning.
func (d *differ) types(id string, before, after []string) {
	gone, fresh := without(before, after), without(after, before)
	switch {
	case len(gone)+len(fresh) == 0:
	case len(before) == 0:
		d.changed(id, "%s: looked at with any event, now with %s alone", id, either(after))
	case len(after) == 0:
		d.changed(id, "%s: looked at with %s alone, now with any event", id, either(before))
	case len(gone) == 0:
		d.changed(id, "%s: now also for %s", id, either(fresh))
	case len(fresh) == 0:
		d.changed(id, "%s: no longer for %s", id, either(gone))
	default:
		d.changed(id, "%s: for %s → %s", id, either(before), either(after))
	}
}

func (d *differ) cap(id string, before, after Cap) {
	switch {
	case before == after:
	case before.Count == 0:
		d.changed(id, "%s: counted every time → %s", id, capText("", after))
	case after.Count == 0:
		d.changed(id, "%s: counted %s → every time", id, capText("", before))
	case before.Per == after.Per:
		d.changed(id, "%s: counts %d → %s", id, before.Count, times(after))
	default:
		d.changed(id, "%s: counts %s → %s", id, times(before), times(after))
	}
}

// order tells that rules of both agreements have changed places, and names those between the first and the last that did.
func (d *differ) order(from, to []QualifyRule) {
	common := func(list, other []QualifyRule) (ids []string) {
		known := make(map[string]bool, len(other))
		for i := range other {
			known[other[i].ID] = true
		}
		for i := range list {
			if known[list[i].ID] {
				ids = append(ids, list[i].ID)
			}
		}
		return ids
	}
	before, after := common(from, to), common(to, from)
	for len(before) > 0 && len(after) > 0 && before[0] == after[0] {
		before, after = before[1:], after[1:]
	}
	for len(before) > 0 && len(after) > 0 && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	if len(before) > 0 {
		d.changed("", "order (the first that holds decides): %s → %s", some(before), some(after))
	}
}

func (d *differ) sla(from, to *SLA) {
	promise := func(id, what string, before, after time.Duration) {
		switch {
		case before == after:
		case before == 0:
			d.changed(id, "%s at any time → within %s", what, FormatDuration(after))
		case after == 0:
			d.changed(id, "%s within %s → at any time", what, FormatDuration(before))
		default:
			d.changed(id, "%s within %s → %s", what, FormatDuration(before), FormatDuration(after))
		}
	}
	promise("accept_within", "accept", from.AcceptWithin, to.AcceptWithin)
	promise("contact_within", "contact", from.ContactWithin, to.ContactWithin)
	if from.Clock != to.Clock {
		d.changed("clock", "time runs %s → %s", clockText(from.Clock), clockText(to.Clock))
	}
	if from.MaxReassigns != to.MaxReassigns {
		d.changed("max_reassigns", "given to another rep at most %d → %d times", from.MaxReassigns, to.MaxReassigns)
	}
	if before, after := pauseText(from.Pause), pauseText(to.Pause); before != after {
		d.changed("pause", "%s → %s", before, after)
	}
	d.ladders(from, to)
}

func (d *differ) reasons(from, to *Agreement) {
	d.part = "reject_reasons"
	diffList(d, from.RejectReasons, to.RejectReasons, listed[RejectReason]{
		id: func(r *RejectReason) string { return r.ID }, added: rejectText, removed: rejectText,
		changed: func(a, b *RejectReason) {
			if a.FixableBy != b.FixableBy {
				d.changed(b.ID, "%s: %s → %s", b.ID, mendText(a.FixableBy), mendText(b.FixableBy))
			}
			if gone := without(a.Sub, b.Sub); len(gone) > 0 {
				d.changed(b.ID, "%s: no longer has the finer reason %s", b.ID, either(gone))
			}
			if fresh := without(b.Sub, a.Sub); len(fresh) > 0 {
				d.changed(b.ID, "%s: has the new finer reason %s", b.ID, either(fresh))
			}
		},
	})
	d.part = "recycle_reasons"
	diffList(d, from.RecycleReasons, to.RecycleReasons, listed[RecycleReason]{
		id: func(r *RecycleReason) string { return r.ID }, added: wakeText, removed: wakeText,
		changed: func(a, b *RecycleReason) {
			if a.WakeAfter != b.WakeAfter || a.WakeOn != b.WakeOn {
				d.changed(b.ID, "%s: %s → %s", b.ID, wakeText(a), wakeText(b))
			}
		},
	})
}
