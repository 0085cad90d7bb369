package mautic

import (
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/mailing"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// event is one event being read.
type event struct {
	*fact.Builder
	name string
	// v is the event; inner is what it is of (a submission, a stat, a hit) or v itself, and lead the contact within.
	v, inner, lead strictjson.Value
	hasPerson      bool
}

// innerOf gives the member that holds what an event is of.
func innerOf(name string) string {
	switch name {
	case "mautic.form_on_submit":
		return "submission"
	case "mautic.email_on_open":
		return "stat"
	case "mautic.page_on_hit":
		return "hit"
	}
	return ""
}

func (s *source) read(docs pair, name string, v strictjson.Value, received fact.Received, item *sender.Item) {
	e := &event{Builder: fact.NewBuilder(s.cfg.Name, received, true, ""), name: name, v: v, inner: v}
	if inner := innerOf(name); inner != "" {
		if e.inner = v.Get(inner); e.inner.Kind() != strictjson.Object {
			item.Errors = fact.Errors{{Field: inner, Reason: "is required: what the event is of"}}
			return
		}
	}
	e.lead = contact(e.inner, v)
	item.ID = identity(name, v, e.inner, e.lead)
	if strings.HasPrefix(name, "mautic.company_") {
		item.Ignored = "about a company and none of its contacts"
		return
	}
	e.ID("timestamp", item.ID)
	e.who(docs.fields)
	if !e.hasPerson && innerOf(name) == "" {
		item.Ignored = "about no contact"
		return
	}
	kind := e.tell()
	if mapped, ok := s.cfg.Map[name]; ok {
		kind = mapped
	}
	if mapped, ok := s.cfg.Map[name+"/"+mailing.First(e.inner.Get("form").Get("alias"))]; ok { // what this one form is for
		kind = mapped
	}
	mailing.SetKind(e.Builder, Name, strings.TrimPrefix(name, "mautic."), kind)
	mailing.Occurred(e.Builder, "timestamp", e.inner.Get("dateSubmitted"), e.inner.Get("dateHit"), e.inner.Get("lastOpened"), e.inner.Get("dateRead"), v.Get("timestamp"))
	e.Properties("", strictjson.Value{})
	mailing.KeepMembers(e.Builder, e.inner, "lead", "contact")
	mailing.Keep(e.Builder, "timestamp", v.Get("timestamp"))
	mailing.KeepText(e.Builder, "user_agent", mailing.First(e.inner.Get("userAgent")))
	item.Fact, item.Errors = e.Finish("lead")
}

// contact finds the person: Mautic calls it lead or contact.
func contact(inner, v strictjson.Value) strictjson.Value {
	for _, at := range []strictjson.Value{inner.Get("lead"), inner.Get("contact"), v.Get("lead"), v.Get("contact")} {
		if at.Kind() == strictjson.Object {
			return at
		}
	}
	return strictjson.Value{}
}

// identity makes the event's id, for Mautic gives it none: of what it is of, where that can be told apart, else of its bytes.
func identity(name string, v, inner, lead strictjson.Value) string {
	switch id := mailing.First(inner.Get("id")); name {
	case "mautic.form_on_submit":
		if id != "" {
			return sender.ID(name, id)
		}
	case "mautic.email_on_open":
		if count := mailing.First(inner.Get("openCount")); id != "" && count != "" {
			return sender.ID(name, id, count)
		}
	case "mautic.page_on_hit":
		if at, who := mailing.First(inner.Get("dateHit")), mailing.First(lead.Get("id")); at != "" && who != "" {
			return sender.ID(name, at, who, mailing.First(inner.Get("url")), id)
		}
	case "mautic.email_on_send":
		if hash := mailing.First(v.Get("idHash")); hash != "" {
			return sender.ID(name, hash)
		}
	}
	return sender.ID(name, sender.BodyID(v.Raw()))
}

// tell says what the event is to us, and how it came about; "" for custom.
func (e *event) tell() string {
	switch e.name {
	case "mautic.lead_post_save_new", "mautic.lead_post_save_update":
		e.utm(e.lead.Get("utmtags"))
		return "identified"
	case "mautic.form_on_submit":
		return e.submission()
	case "mautic.email_on_open":
		e.email(e.inner.Get("email"))
		e.Email("stat.emailAddress", e.orElse(e.inner.Get("emailAddress")))
		return "email_opened"
	case "mautic.email_on_send":
		e.email(e.v.Get("email"))
		return "email_sent"
	case "mautic.page_on_hit":
		return e.hit()
	case "mautic.lead_channel_subscription_changed":
		return e.subscription()
	case "mautic.lead_company_change":
		if added := e.v.Get("added"); added.Given() && !mailing.True(added) {
			return "" // it has left the company
		}
		return "identified"
	}
	return ""
}

// orElse gives an address where the contact has none.
func (e *event) orElse(v strictjson.Value) string {
	if e.HasEmail() {
		return ""
	}
	return v.Text()
}

func (e *event) submission() string {
	form := e.inner.Get("form")
	page := e.inner.Get("page")
	e.Say("form", mailing.First(form.Get("name"), form.Get("alias"), form.Get("id")))
	// The form stands on the page that the browser came from.
	e.Say("url", mailing.First(page.Get("url"), e.inner.Get("referer")))
	e.Say("referrer", mailing.First(e.inner.Get("referer")))
	if !e.HasEmail() { // whoever has the browser of a contact without an address may enter anybody's
		e.Email("submission.results.email", e.inner.Get("results").Get("email").Text())
		e.Unproven()
	}
	e.utm(e.inner.Get("utmtags"))
	return "form_submitted"
}

// email says which mail it was.
func (e *event) email(mail strictjson.Value) {
	e.Say("channel", "email")
	e.utm(mail.Get("utmTags"))
	e.Say("campaign", mailing.First(mail.Get("name"), mail.Get("subject")))
	e.Say("email_id", mailing.First(mail.Get("id")))
	e.Say("title", mailing.First(mail.Get("subject")))
}

// hit is a page that was seen, or a link in a mail that was followed: Mautic leads those over a redirect of its own.
func (e *event) hit() string {
	redirect, page, mail := e.inner.Get("redirect"), e.inner.Get("page"), e.inner.Get("email")
	e.Say("referrer", mailing.First(e.inner.Get("referer")))
	e.Say("title", mailing.First(e.inner.Get("urlTitle"), page.Get("title")))
	e.utm(e.inner.Get("query"))
	if redirect.Kind() == strictjson.Object && (mail.Kind() == strictjson.Object || e.inner.Get("source").Is("email")) {
		e.Say("url", mailing.First(redirect.Get("url"), e.inner.Get("url")))
		e.email(mail)
		return "email_clicked"
	}
	e.Say("url", mailing.First(e.inner.Get("url"), redirect.Get("url")))
	return "page_viewed"
}

// utm says what campaign parameters do: an object of them, or a list of which the latest counts.
func (e *event) utm(v strictjson.Value) {
	for list := v.Elements(); ; {
		one, ok := list.Next()
		if !ok {
			break
		}
		v = one
	}
	e.Say("channel", mailing.First(v.Get("utm_medium"), v.Get("utmMedium")))
	e.Say("campaign", mailing.First(v.Get("utm_campaign"), v.Get("utmCampaign")))
}

// subscription is a change of what a contact may be sent. bounced and manual are not its own doing.
func (e *event) subscription() string {
	channel := mailing.First(e.v.Get("channel"))
	if channel == "" {
		channel = "email"
	}
	e.Say("channel", channel)
	switch status := mailing.First(e.v.Get("new_status")); {
	case status == "unsubscribed" && channel == "email":
		return "email_unsubscribed"
	case status == "unsubscribed":
		e.Consent(channel, "withdrawn")
	case status == "manual":
		e.Consent(channel, "denied")
	case status == "contactable":
		e.Consent(channel, "granted")
	case status == "bounced" && channel == "email":
		return "email_bounced"
	default:
		return ""
	}
	return "consent_changed"
}
