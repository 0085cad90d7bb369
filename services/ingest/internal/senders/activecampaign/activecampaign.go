// Package activecampaign receives the webhooks of ActiveCampaign, of its own events and of its automations: one form-encoded
// event a request, unsigned, at least once and, where it fails, never again (ActiveCampaign: "Webhooks").
package activecampaign

import (
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/mailing"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Name is the type's, and what its ids of people go by.
const Name = "activecampaign"

// Type is the table's row. ActiveCampaign repeats nothing that fails: while the journal is down it is kept waiting.
func Type() sender.Type {
	return sender.Type{
		Name: Name, Path: sender.Webhooks, Token: true,
		Rules:  sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Hold, Reply: sender.OK},
		Stages: stages(),
		New:    New,
	}
}

// stages are what a deal's status means.
func stages() map[string]string {
	return map[string]string{"open": "deal_stage_changed", "won": "deal_won", "lost": "deal_lost"}
}

type source struct {
	cfg    sender.Config
	stages map[string]string
	docs   sender.Docs
}

// New makes the sender of a source; it needs a secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the token that the webhook's address ends with, for ActiveCampaign signs nothing"); err != nil {
		return nil, err
	}
	if err := sender.CheckMap("stages", cfg.Stages); err != nil {
		return nil, err
	}
	s := &source{cfg: cfg, stages: stages()}
	for name, t := range cfg.Stages {
		s.stages[strings.ToLower(strings.TrimSpace(name))] = t
	}
	return s, nil
}

// Verify checks the token.
func (s *source) Verify(r *sender.Request) (string, error) {
	return "", sender.HasToken(r, s.cfg.Secrets)
}

// Decode reads one event. It has no id but its own bytes.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	return mailing.Form(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) {
		item.ID = sender.BodyID(d.Body)
		s.read(v, d.Received, item)
	})
}

func (s *source) read(v strictjson.Value, received fact.Received, item *sender.Item) {
	kind := mailing.First(v.Get("type"))
	contact, deal := v.Get("contact"), v.Get("deal")
	person := mailing.First(contact.Get("id"), deal.Get("contactid"), deal.Get("contact_id"), v.Get("contact_id"))
	email := mailing.First(contact.Get("email"), deal.Get("contact_email"))
	if person == "0" {
		person = ""
	}
	if person == "" && email == "" {
		if kind == "" {
			item.Errors = fact.Errors{{Field: "contact", Reason: "says of nobody: contact[id] or contact[email] is required"}}
		} else {
			item.Ignored = "about no contact"
		}
		return
	}
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	b.ID("type", item.ID)
	switch {
	case kind == "": // an automation's webhook has no type and no time: it says what is known of the contact
		b.Type("type", "identified")
	case strings.HasPrefix(kind, "deal_"):
		mailing.Kind(b, &s.cfg, Name, kind, s.deal(b, kind, v))
	default:
		mailing.Kind(b, &s.cfg, Name, kind, s.event(b, kind, v))
	}
	mailing.Occurred(b, "date_time", v.Get("date_time"))
	b.Email("contact.email", email)
	b.ExternalID("contact.id", Name, person)
	b.Traits("contact", contact, trait)
	b.Trait("first_name", mailing.First(deal.Get("contact_firstname")))
	b.Trait("last_name", mailing.First(deal.Get("contact_lastname")))
	company := mailing.First(contact.Get("orgname"), contact.Get("customer_acct_name"), deal.Get("orgname"), v.Get("orgname"), v.Get("customer_acct_name"))
	b.Trait("company", company)
	b.Company(company, "")
	s.came(b, kind, v)
	b.Properties("", strictjson.Value{})
	mailing.KeepMembers(b, v, "contact", "type")
	mailing.KeepText(b, "user_agent", mailing.First(v.Get("user_agent"), v.Get("open").Get("ua"), v.Get("click").Get("ua")))
	item.Fact, item.Errors = b.Finish("contact.email")
}

// event gives our type for what happened to a contact; "" for custom.
func (s *source) event(b *fact.Builder, kind string, v strictjson.Value) string {
	switch kind {
	case "subscribe":
		b.Consent("email", "granted")
		return "consent_changed"
	case "unsubscribe":
		b.Say("list", mailing.First(v.Get("list")))
		b.Say("reason", mailing.First(v.Get("unsubscribe").Get("reason")))
		return "email_unsubscribed"
	case "sms_unsub":
		b.Consent("sms", "withdrawn")
		return "consent_changed"
	case "update", "contact_add", "contact_update":
		return "identified"
	case "sent":
		return "email_sent"
	case "open":
		return "email_opened"
	case "click":
		b.Say("url", mailing.First(v.Get("link").Get("url")))
		return "email_clicked"
	case "bounce":
		bounce := v.Get("bounce")
		b.Say("reason", mailing.First(bounce.Get("info"), bounce.Get("code"), bounce.Get("type")))
		return "email_bounced"
	case "share":
		b.Say("network", mailing.First(v.Get("share").Get("network")))
		return "social_engaged"
	}
	return ""
}

// deal gives our type for a change of a deal: by its status where that is won or lost, else by its stage's name as configured,
// else by what has been changed.
func (s *source) deal(b *fact.Builder, kind string, v strictjson.Value) string {
	deal := v.Get("deal")
	status := map[string]string{"": "", "0": "open", "1": "won", "2": "lost"}[mailing.First(deal.Get("status"))]
	stage := mailing.First(deal.Get("stage_title"), deal.Get("stage"), deal.Get("stageid"))
	b.Say("deal_id", mailing.First(deal.Get("id")))
	if owner := mailing.First(deal.Get("owner")); owner != "" {
		b.Say("owner", "activecampaign:"+owner)
	}
	b.Say("stage", stage)
	b.Say("amount", mailing.First(deal.Get("value_raw"), deal.Get("value")))
	b.Say("currency", strings.ToUpper(mailing.First(deal.Get("currency"))))
	b.Say("created_at", mailing.First(deal.Get("create_date_iso"))) // create_date is in the account's own zone, which nobody says
	if kind != "deal_add" && kind != "deal_update" {
		return "" // a note, a task
	}
	if status == "won" || status == "lost" {
		return s.stages[status]
	}
	if t, ok := s.stages[strings.ToLower(stage)]; ok && stage != "" {
		return t
	}
	fields := v.Get("updated_fields")
	switch {
	case kind == "deal_add":
		return "deal_opened"
	case contains(fields, "status"): // it is open, and was not
		return "deal_reopened"
	case contains(fields, "stage") || contains(fields, "stageid") || !fields.Given():
		return s.stages["open"]
	}
	return "" // its value, its owner
}

func contains(list strictjson.Value, name string) bool {
	for e := list.Elements(); ; {
		v, ok := e.Next()
		if !ok {
			return list.Is(name)
		}
		if v.Is(name) {
			return true
		}
	}
}

// came says how an engagement came about.
func (s *source) came(b *fact.Builder, kind string, v strictjson.Value) {
	campaign := v.Get("campaign")
	if campaign.Given() || strings.HasPrefix(kind, "sms") {
		channel := "email"
		if strings.HasPrefix(kind, "sms") {
			channel = "sms"
		}
		b.Say("channel", channel)
	}
	b.Say("campaign", mailing.First(campaign.Get("name"), campaign.Get("id")))
	b.Say("email_id", mailing.First(campaign.Get("id")))
}

// trait gives our names for a contact's fields. Its own fields are numbered (contact[fields][39]) and are kept so.
func trait(key strictjson.Value) string {
	switch name := key.Text(); name {
	case "id", "email":
		return fact.Drop
	case "first_name", "last_name", "phone", "country", "company", "title", "language":
		return name
	case "orgname", "customer_acct_name":
		return "company"
	case "job_title":
		return "title"
	}
	return ""
}
