package fold

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/brief"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

const (
	typeBriefChanged = "brief_changed"
	timerBrief       = "brief"
)

// BriefVersions is what DestinationsChanged states from where on briefs have versions.
const BriefVersions = 1

// material reports whether an input of a type changes what sales should know, and whether it must know at once. What a lead
// asks of sales, and what sales may not do any more, cannot wait.
func material(eventType string) (matters, atOnce bool) {
	switch eventType {
	case "demo_requested", "meeting_booked", "meeting_canceled", "consent_changed", "email_unsubscribed":
		return true, true
	case "pricing_requested", "trial_started", "event_attended", "form_submitted":
		return true, false
	}
	return false, false
}

// states reports whether an input states what holds, rather than what was done: briefs show the latest such word, no line of it.
func states(eventType string) bool {
	return eventType == "consent_changed" || eventType == "email_unsubscribed"
}

// heard takes what the brief that sales gets first tells of as taken: a sender that repeats it later says nothing new.
func (l *lead) heard(g *Globals, q *journalv1.Qualified, now time.Time) {
	if !g.briefVersions {
		return
	}
	for _, i := range q.GetLead().GetTimeline() {
		if matters, _ := material(i.GetType()); matters {
			l.take(i.GetSource(), i.GetEventId(), now)
		}
	}
}

// engaged notes what a lead did whom a rep or the desk has: of all others nothing is kept, nor of what bots did and what was
// loaded from before. An event that comes again changes nothing.
func (l *lead) engaged(g *Globals, ev *journal.Event) journal.Outcome {
	h := l.Handoff("")
	if !g.briefVersions || h == nil || !h.Open() || ev.Body.GetAutomated() || ev.Body.GetHistory() {
		l.steady = l.steady || !contact(ev.Type) // of a contact it is known by now
		return journal.Applied
	}
	l.steady = false
	if !l.take(ev.Body.GetSource(), ev.Body.GetId(), ev.Time()) {
		return journal.Duplicate
	}
	if states(ev.Type) && ev.OccurredAt().Before(h.QualifiedAt) {
		return journal.Applied // the brief has it from when the lead qualified
	}
	_, atOnce := material(ev.Type)
	l.news(h, handoff.Change{What: ev.Type, Event: ev.Body.GetId(), At: ev.OccurredAt(), Detail: detail(ev.Body)}, ev.Time(), atOnce)
	return journal.Applied
}

// detail gives what a change says beyond its type, where a brief could not find it again.
func detail(body *journalv1.Event) string {
	switch {
	case body.GetConsentChanged() != nil:
		var pairs []string
		for purpose, decision := range body.GetConsentChanged().GetPurposes() {
			pairs = append(pairs, purpose+"="+decision)
		}
		slices.Sort(pairs)
		return strings.Join(pairs, ",")
	case body.GetEmailUnsubscribed() != nil:
		return body.GetEmailUnsubscribed().GetList()
	}
	return ""
}

func (l *lead) news(h *handoff.Handoff, c handoff.Change, now time.Time, atOnce bool) {
	by := now
	if !atOnce {
		by = now.Add(handoff.Settle)
	}
	h.NoteChange(c, by)
	l.touch(h)
}

// bandChanged notes that the lead's score left its band since it qualified.
func (l *lead) bandChanged(g *Globals, ev *journal.Event) {
	c, h := ev.Body.GetScoreBandChanged(), l.Handoff("")
	if !g.briefVersions || h == nil || !h.Open() || c.GetHistory() || c.GetFrom() == c.GetTo() || !ev.Time().After(h.QualifiedAt) {
		return
	}
	l.news(h, handoff.Change{What: brief.Band, Event: ev.Body.GetId(), At: ev.OccurredAt(), Detail: c.GetFrom() + ">" + c.GetTo()}, ev.Time(), false)
}

// colleague notes what the account told of a colleague's handoff.
func (l *lead) colleague(ev *journal.Event) {
	c := ev.Body.GetBriefChanged()
	h := l.find(c.GetHandoffId())
	if h == nil || h.Passed {
		l.forward = l.WentOn() != ""
		return
	}
	for _, b := range c.GetBecause() {
		if h.Open() && b.GetLead() != l.id {
			l.news(h, handoff.Change{What: b.GetWhat(), Event: b.GetEvent(), At: instant(b.GetAt()), Detail: b.GetDetail(), Lead: b.GetLead()}, ev.Time(), false)
		}
	}
}

// adopted notes that a handoff came from a lead which merged into this one: what is known of both is in its brief.
func (l *lead) adopted(g *Globals, from string, now time.Time) {
	if h := l.Handoff(""); g.briefVersions && h != nil && h.Open() && h.Adopted {
		l.news(h, handoff.Change{What: brief.Merged, At: now, Lead: from}, now, false)
	}
}

// decideBriefs tells reps again what they were told of their leads, where enough has changed.
func (l *lead) decideBriefs(g *Globals, ev *journal.Event, d *journal.Decision) {
	if matters, _ := material(ev.Type); !matters {
		switch ev.Type {
		case journal.TypeTimerFired, typeScoreBandChanged, typeBriefChanged, typeAbsorbed:
		default:
			return
		}
	}
	for _, h := range l.Handoffs {
		due := h.Tells()
		if due.IsZero() || due.After(ev.Time()) {
			continue
		}
		version := l.revise(h, ev, d)
		data := map[string]string{"version": itoa(version), "attempt": itoa(h.Current().Attempt)}
		if ev.Input() {
			data["after"] = strconv.FormatUint(ev.Seq, 10) // what is read of the lead then must know of it
		}
		tell(d, g, l.id, EventUpdated, h.ID, h.ID+".v"+itoa(version), data)
	}
}

// revise states the brief's next version, and gives its number.
func (l *lead) revise(h *handoff.Handoff, ev *journal.Event, d *journal.Decision) int {
	c := &journalv1.BriefChanged{HandoffId: h.ID, Version: int32(h.Version() + 1)}
	if ev.Type != journal.TypeTimerFired {
		c.ByEvent = ev.Body.GetId()
	}
	for _, b := range h.Pending.Because {
		c.Because = append(c.Because, &journalv1.BriefChange{What: b.What, Event: b.Event, At: stamp(b.At), Detail: b.Detail, Lead: b.Lead})
	}
	d.Fact(l.id, &journalv1.Event{Type: typeBriefChanged, Payload: &journalv1.Event_BriefChanged{BriefChanged: c}})
	return int(c.Version)
}

// revised folds a version.
func (l *lead) revised(ev *journal.Event) {
	c := ev.Body.GetBriefChanged()
	h := l.find(c.GetHandoffId())
	if h == nil {
		return
	}
	v := handoff.Version{Number: int(c.GetVersion()), At: ev.Time()}
	for _, b := range c.GetBecause() {
		v.Because = append(v.Because, handoff.Change{What: b.GetWhat(), Event: b.GetEvent(), At: instant(b.GetAt()), Detail: b.GetDetail(), Lead: b.GetLead()})
	}
	h.Revise(v)
	l.touch(h)
}

// handed tells the account that a rep has a handoff; what had changed while it waited is in the brief that the rep gets.
func (l *lead) handed(g *Globals, h *handoff.Handoff, ev *journal.Event, d *journal.Decision) {
	if len(h.Pending.Because) > 0 {
		l.revise(h, ev, d)
	}
	if g.briefVersions && h.Owner() == "" {
		l.tellAccount(h, 1, d)
	}
}

// left tells the account that a handoff is over which a rep had.
func (l *lead) left(g *Globals, h *handoff.Handoff, d *journal.Decision) {
	if g.briefVersions && h.Current() != nil {
		l.tellAccount(h, 0, d)
	}
}

func (l *lead) tellAccount(h *handoff.Handoff, version int32, d *journal.Decision) {
	if entity := companyOf(l.key, h); entity != "" {
		d.Fact(entity, &journalv1.Event{Type: typeBriefChanged, Payload: &journalv1.Event_BriefChanged{BriefChanged: &journalv1.BriefChanged{
			HandoffId: h.ID, Version: version, Lead: l.id, Account: entity,
		}}})
	}
}

// tellsBy gives when the next brief must be told again, zero for never.
func (l *lead) tellsBy() time.Time {
	var next time.Time
	for _, h := range l.Handoffs {
		if at := h.Tells(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}
