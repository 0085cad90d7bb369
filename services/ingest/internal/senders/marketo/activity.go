package marketo

import (
	"cmp"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// doing is an activity, wherever it comes from.
type doing struct {
	id, named string
	// primary is what it was done to: a page, a form, a mail, a field, a programme.
	primary string
	attr    func(name string) string
}

// activity reads one of the activity log, with the lead that it names, as far as that could be found.
func (s *source) activity(b *fact.Builder, v, lead strictjson.Value, item *sender.Item) {
	attrs := map[string]strictjson.Value{}
	var order []string
	for e := v.Get("attributes").Elements(); ; {
		attr, ok := e.Next()
		if !ok {
			break
		}
		key := core.Snake(attr.Get("name").Text())
		if _, twice := attrs[key]; key != "" && !twice {
			attrs[key], order = attr.Get("value"), append(order, key)
		}
	}
	id := digits(v.Get("activityTypeId"))
	d := doing{id: id, named: name(id), primary: digits(v.Get("primaryAttributeValue")), attr: func(name string) string { return said(attrs[name]) }}

	item.ID = digits(v.Get("marketoGUID"))
	if item.ID == "" && digits(v.Get("id")) != "" {
		item.ID = sender.ID("id", digits(v.Get("id"))) // subscriptions from before the activity service
	}
	b.ID("marketoGUID", item.ID)
	occurred(b, "activityDate", digits(v.Get("activityDate")))
	b.ExternalID("leadId", "marketo", digits(v.Get("leadId")))
	b.Email("email", digits(lead.Get("email")))
	s.say(b, d)
	person(b, lead)
	b.Properties("activity", v)
	for _, key := range order {
		if attrs[key].Given() {
			b.SetProperty(key, fact.Value(attrs[key]))
		}
	}
	if d.named != "" {
		b.SetProperty("activity", structpb.NewStringValue(d.named))
	}
	if item.Fact, item.Errors = b.Finish("leadId"); item.Errors == nil {
		delete(item.Fact.Event.Properties.GetFields(), "attributes") // each stands under its name
	}
}

// template reads what our template for webhooks makes.
func (s *source) template(b *fact.Builder, v strictjson.Value, item *sender.Item) {
	theirs := digits(v.Get("activity"))
	d := doing{id: theirs, named: cmp.Or(name(theirs), theirs), attr: func(name string) string { return said(v.Get(name)) }}
	d.primary = cmp.Or(d.attr("primary"), d.attr("asset"))
	if theirs == "" {
		b.Refuse("activity", "is required: the name or the number of an activity's type, such as Fill Out Form")
	}
	if item.ID = digits(v.Get("id")); item.ID == "" {
		item.ID = sender.BodyID(v.Raw())
	} else {
		item.ID = sender.ID("webhook", item.ID)
	}
	b.ID("id", item.ID)
	if at, err := moment(digits(v.Get("occurred_at"))); err == nil { // its form is up to the subscription
		b.Occurred("occurred_at", at, at)
	}
	b.ExternalID("lead_id", "marketo", digits(v.Get("lead_id")))
	b.Email("email", digits(v.Get("email")))
	for _, name := range []string{"campaign", "channel", "asset", "url", "referrer", "form", "list"} {
		b.Say(name, d.attr(name))
	}
	s.say(b, d)
	for _, name := range []string{"first_name", "last_name", "title", "phone", "country", "company", "language"} {
		b.Trait(name, d.attr(name))
	}
	b.Company(d.attr("company"), d.attr("country"))
	for theirs, ours := range map[string]string{"website": "domain", "industry": "industry", "employees": "employees"} {
		if text := d.attr(theirs); text != "" {
			b.GiveAccount(ours, structpb.NewStringValue(text))
		}
	}
	b.Properties("properties", v)
	item.Fact, item.Errors = b.Finish("email")
}

// say states the type of an activity and what Baton has words for.
func (s *source) say(b *fact.Builder, d doing) {
	ours := s.kind(d.id, d.named, cmp.Or(d.attr("new_status"), d.attr("status")))
	if d.named == "Change Data Value" && ours == "identified" {
		ours = change(b, d)
	}
	b.Type("activityTypeId", ours)
	if ours == core.Custom && d.id != "" {
		b.Name("activityTypeId", "marketo: "+cmp.Or(d.named, "activity "+d.id))
	}
	switch d.named {
	case "Visit Webpage":
		b.Say("url", address(cmp.Or(d.attr("webpage_url"), d.primary), d.attr("query_parameters")))
		b.Say("title", d.primary)
	case "Fill Out Form":
		b.Say("form", d.primary)
		b.Say("url", address("", d.attr("query_parameters")))
	case "Click Link":
		b.Say("url", d.primary)
	case "Send Email", "Email Delivered", "Open Email", "Email Bounced", "Email Bounced Soft":
		b.Say("email_id", d.primary)
		b.Say("channel", "email")
		b.Say("campaign", program(d.primary))
		b.Say("reason", cmp.Or(d.attr("details"), d.attr("reason")))
	case "Click Email":
		b.Say("email_id", d.primary)
		b.Say("channel", "email")
		b.Say("campaign", program(d.primary))
		b.Say("url", cmp.Or(d.attr("link"), d.attr("url")))
	case "Unsubscribe Email":
		b.Say("channel", "email")
		b.Say("campaign", program(d.primary))
	case "Change Status in Progression":
		b.Say("campaign", d.primary)
		b.Say("event", d.primary)
	}
	b.Say("referrer", d.attr("referrer_url"))
	if truth(d.attr("is_bot_activity")) {
		b.Automated(cmp.Or(cut(d.attr("bot_activity_pattern"), 256), "Marketo says so"))
	}
}

// change says what a changed field means, and gives the type.
func change(b *fact.Builder, d doing) string {
	field, value := core.Snake(d.primary), d.attr("new_value")
	switch field {
	case "unsubscribed":
		if truth(value) {
			b.Consent("email", "withdrawn")
		} else {
			b.Consent("email", "granted")
		}
		return "consent_changed"
	case "first_name", "last_name", "country", "company":
		b.Trait(field, value)
	case "job_title":
		b.Trait("title", value)
	case "phone_number":
		b.Trait("phone", value)
	case "company_name":
		b.Trait("company", value)
	}
	return "identified"
}

// person states what the lead's record has.
func person(b *fact.Builder, lead strictjson.Value) {
	b.Traits("lead", lead, func(key strictjson.Value) string {
		switch name := key.Text(); name {
		case "id", "email", "industry", "website", "numberOfEmployees":
			return fact.Drop
		case "firstName":
			return "first_name"
		case "lastName":
			return "last_name"
		default:
			return name // title, phone, country and company are ours, too
		}
	})
	b.Company(lead.Get("company").Text(), lead.Get("country").Text())
	for _, f := range []struct{ theirs, ours string }{{"website", "domain"}, {"industry", "industry"}, {"numberOfEmployees", "employees"}} {
		if v := lead.Get(f.theirs); v.Given() && digits(v) != "" {
			b.GiveAccount(f.ours, fact.Value(v))
		}
	}
}

func occurred(b *fact.Builder, field, text string) {
	if text == "" {
		return
	}
	at, err := moment(text)
	if err != nil {
		b.Refuse(field, err.Error())
		return
	}
	b.Occurred(field, at, at)
}

// program gives the programme that a mail belongs to, whose name stands before its own: Q4 launch.Invitation.
func program(mail string) string {
	name, _, _ := strings.Cut(mail, ".")
	return name
}

// address joins a page and what was behind its question mark.
func address(page, query string) string {
	if query == "" || strings.Contains(page, "?") {
		return page
	}
	return page + "?" + strings.TrimPrefix(query, "?")
}

// said gives a text, the digits of a number, true or false.
func said(v strictjson.Value) string {
	switch v.Kind() {
	case strictjson.True:
		return "true"
	case strictjson.False:
		return "false"
	}
	return digits(v)
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
