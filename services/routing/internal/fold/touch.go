package fold

import (
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/core/outreach"
)

const (
	typeCallLogged    = "call_logged"
	typeMeetingBooked = "meeting_booked"
)

// contact reports whether an event says that somebody was in touch with a lead: the lead itself, marketing, or sales. Routing
// sees all of these, of all leads, and remembers the latest of each kind of those that were handed over.
func contact(eventType string) bool {
	return engagement(eventType) || mailing(eventType) || eventType == typeCallLogged
}

func engagement(eventType string) bool {
	switch eventType {
	case "page_viewed", "asset_downloaded", "email_opened", "email_clicked", "form_submitted", "event_registered", "event_attended",
		"demo_requested", "pricing_requested", "trial_started", "product_used", typeMeetingBooked, "ad_clicked", "social_engaged",
		"chat_started", "custom":
		return true
	}
	return false
}

func mailing(eventType string) bool {
	return eventType == "email_sent" || eventType == "email_delivered"
}

// contacted takes a contact. The past of a lead that was never handed over comes with its qualification.
func (l *lead) contacted(ev *journal.Event) {
	if l.steady = true; len(l.Handoffs) == 0 || l.MergedInto != "" || ev.Body.GetAutomated() {
		return
	}
	b := ev.Body
	c := outreach.Contact{
		At: ev.OccurredAt(), Type: ev.Type, Channel: b.GetTouch().GetChannel(), Campaign: b.GetTouch().GetCampaign(), Who: b.GetSource(), Event: b.GetId(),
	}
	if c.At.After(ev.Time()) {
		c.At = ev.Time()
	}
	owner := ""
	if h := l.Handoff(""); h.Open() {
		owner = h.Owner()
	}
	l.steady = !l.note(c, owner)
}

// note keeps a contact if it is the latest of its kind, and reports whether it is. owner is the rep who has the lead.
func (l *lead) note(c outreach.Contact, owner string) (changed bool) {
	keep := func(last *outreach.Contact, c outreach.Contact) {
		if c.At.After(last.At) {
			*last, changed = c, true
		}
	}
	if mailing(c.Type) {
		keep(&l.Mail, withChannel(c, "email"))
		return changed
	}
	if engagement(c.Type) {
		keep(&l.Touch, c)
	}
	// A call, and a meeting with a lead that somebody has, are the rep's doing as much as the lead's.
	switch {
	case c.Type == typeCallLogged:
		if owner != "" {
			c.Who = owner
		}
		keep(&l.Outreach, withChannel(c, "call"))
	case c.Type == typeMeetingBooked && owner != "":
		c.Who = owner
		keep(&l.Outreach, withChannel(c, "meeting"))
	}
	return changed
}

func withChannel(c outreach.Contact, channel string) outreach.Contact {
	c.Channel = channel
	return c
}

// Changed reports whether the event before changed anything that is stored; see journal.Steady.
func (l *lead) Changed() bool { return !l.steady }

// outreachOf notes that a rep has contacted the lead.
func (l *lead) outreachOf(h *handoff.Handoff, ev *journal.Event) {
	a := ev.Body.GetAnswered()
	if a.GetDisposition() == handoff.DoContact {
		l.Outreach = outreach.Newer(l.Outreach, outreach.Contact{At: ev.Time(), Type: handoff.DoContact, Who: h.Owner(), Event: a.GetRequestId()})
	}
}

// takeContacts takes in how a lead that merged into this one was last in touch.
func (l *lead) takeContacts(touch, mail, by outreach.Contact) {
	l.Touch, l.Mail, l.Outreach = outreach.Newer(l.Touch, touch), outreach.Newer(l.Mail, mail), outreach.Newer(l.Outreach, by)
}
