package klaviyo

import (
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/mailing"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// read turns one event of the list into a fact. Its payload is what the API's Get Event gives.
func (s *source) read(v strictjson.Value, received fact.Received, item *sender.Item) {
	payload := v.Get("payload")
	event := payload.Get("data")
	attributes := event.Get("attributes")
	properties := attributes.Get("event_properties")
	topic := mailing.First(v.Get("topic"))
	item.ID = mailing.First(v.Get("external_id"), event.Get("id"))
	if item.ID == "" {
		item.ID = sender.BodyID(v.Raw())
	}
	if topic == "" {
		item.Errors = fact.Errors{{Field: "topic", Reason: "is required: event:klaviyo.opened_email and its like"}}
		return
	}
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	b.ID("external_id", item.ID)
	ours := kind(b, topic)
	if mapped, ok := s.cfg.Map[topic]; ok {
		ours = mapped
	}
	mailing.SetKind(b, Name, strings.TrimPrefix(strings.TrimPrefix(topic, "event:"), "klaviyo."), ours)
	mailing.Occurred(b, "payload.data.attributes.timestamp", attributes.Get("datetime"), attributes.Get("timestamp"))

	id := mailing.First(event.Get("relationships").Get("profile").Get("data").Get("id"), attributes.Get("profile_id"))
	profile := included(payload, id)
	who(b, id, profile, properties)
	automated(b, properties)
	if strings.Contains(topic, "email") {
		b.Say("channel", "email")
	} else if strings.Contains(topic, "sms") {
		b.Say("channel", "sms")
	}
	b.Say("campaign", mailing.First(properties.Get("Campaign Name"), properties.Get("campaign_name"), properties.Get("$campaign"), properties.Get("$flow")))
	b.Say("url", mailing.First(properties.Get("URL"), properties.Get("url")))
	b.Say("list", mailing.First(properties.Get("List"), properties.Get("list_name"), properties.Get("list_id")))
	b.Say("email_id", mailing.First(properties.Get("$message"), properties.Get("message"), properties.Get("message_id")))
	b.Say("reason", mailing.First(properties.Get("Bounce Type"), properties.Get("bounce_type"), properties.Get("Drop Reason")))
	b.Say("form", mailing.First(properties.Get("form_name"), properties.Get("Form Name"), properties.Get("form_id")))
	b.Properties("payload.data.attributes.event_properties", properties)
	mailing.KeepText(b, "user_agent", mailing.First(properties.Get("User Agent"), properties.Get("user_agent")))
	mailing.KeepText(b, "topic", topic)
	mailing.KeepMembers(b, attributes, "event_properties", "datetime", "timestamp")
	mailing.Keep(b, "relationships", event.Get("relationships"))
	item.Fact, item.Errors = b.Finish("payload.included")
}

// kind gives our type for a topic; "" for custom. Topics that are not Klaviyo's own are the account's metrics: one whose name is
// one of our engagements is that.
func kind(b *fact.Builder, topic string) string {
	name, own := strings.CutPrefix(topic, "event:klaviyo.")
	if !own {
		_, name, _ = strings.Cut(topic, ".")
		if t := core.Snake(name); core.ClassOf(t) == core.Engagement {
			return t
		}
		return ""
	}
	switch name {
	case "received_email", "email_delivered":
		return "email_delivered"
	case "sent_email":
		return "email_sent"
	case "opened_email":
		return "email_opened"
	case "clicked_email":
		return "email_clicked"
	case "bounced_email":
		return "email_bounced"
	case "unsubscribed_from_email_marketing":
		return "email_unsubscribed"
	case "form_submitted_by_profile":
		return "form_submitted"
	case "subscribed_to_email_marketing":
		b.Consent("email", "granted")
	case "manually_suppressed_from_email_marketing":
		b.Consent("email", "denied")
	case "marked_email_as_spam":
		b.Consent("email", "objected")
	case "subscribed_to_sms_marketing":
		b.Consent("sms", "granted")
	case "unsubscribed_from_sms_marketing":
		b.Consent("sms", "withdrawn")
	default:
		return ""
	}
	return "consent_changed"
}

// included finds the event's profile among what has been sent along with it.
func included(payload strictjson.Value, id string) strictjson.Value {
	for e := payload.Get("included").Elements(); ; {
		v, ok := e.Next()
		if !ok {
			return strictjson.Value{}
		}
		if v.Get("type").Is("profile") && (id == "" || v.Get("id").Text() == id) {
			return v
		}
	}
}

// who says whom the event is about.
func who(b *fact.Builder, id string, profile, properties strictjson.Value) {
	a := profile.Get("attributes")
	b.Email("payload.included.attributes.email", mailing.First(a.Get("email"), properties.Get("email_address"), properties.Get("$email"),
		properties.Get("Recipient Email Address"), properties.Get("email")))
	if id == "" {
		id = mailing.First(profile.Get("id"))
	}
	b.ExternalID("payload.data.relationships.profile", Name, id)
	b.UserID("payload.included.attributes.external_id", mailing.First(a.Get("external_id")))
	b.Traits("payload.included.attributes", a, trait)
	b.Trait("country", mailing.First(a.Get("location").Get("country")))
	b.Address(a.Get("location"))
	b.Trait("phone", mailing.First(properties.Get("phone_number"), properties.Get("$phone_number")))
	b.Company(mailing.First(a.Get("organization")), "")
}

// trait gives our names for a profile's attributes.
func trait(key strictjson.Value) string {
	switch name := key.Text(); name {
	case "email", "external_id":
		return fact.Drop
	case "first_name", "last_name", "title":
		return name
	case "phone_number":
		return "phone"
	case "organization":
		return "company"
	case "locale":
		return "language"
	}
	return ""
}

// automated marks the opens of mail programs and the clicks of scanners, as far as Klaviyo tells them.
func automated(b *fact.Builder, properties strictjson.Value) {
	for _, flag := range []string{"machine_open", "Machine Open", "is_machine_open", "Apple Privacy Open", "apple_privacy_open", "bot_click", "Bot Click", "is_bot"} {
		if mailing.True(properties.Get(flag)) {
			b.Automated("Klaviyo says that a machine did it (" + flag + ")")
			return
		}
	}
}
