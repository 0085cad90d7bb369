// Package mailchimp receives the webhooks of Mailchimp's audiences: one form-encoded event a request, unsigned, so that a token
// in the address is all that proves who sends (Mailchimp: "Sync Audience Data with Webhooks").
package mailchimp

import (
	"net/http"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/mailing"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Name is the type's, and what its ids of people go by.
const Name = "mailchimp"

// Type is the table's row. Mailchimp gives up after a few attempts: what cannot be read is kept and acknowledged.
func Type() sender.Type {
	return sender.Type{
		Name: Name, Path: sender.Webhooks, Token: true,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		New:   New,
	}
}

type source struct {
	cfg  sender.Config
	docs sender.Docs
}

// New makes the sender of a source; it needs a secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the token that the webhook's address ends with, for Mailchimp signs nothing"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg}, nil
}

// Verify checks the token.
func (s *source) Verify(r *sender.Request) (string, error) {
	return "", sender.HasToken(r, s.cfg.Secrets)
}

// Greet answers the GET by which Mailchimp looks whether an address is there before it takes it. The token is needed for it, too.
func (s *source) Greet(r *sender.Request) (sender.Greeting, error) {
	if err := sender.HasToken(r, s.cfg.Secrets); err != nil {
		return sender.Greeting{}, err
	}
	return sender.Greeting{Status: http.StatusOK, Header: map[string]string{"Content-Type": "text/plain; charset=utf-8"}, Body: []byte("ok\n")}, nil
}

// Decode reads one event.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	return mailing.Form(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) { s.read(v, d.Received, item) })
}

func (s *source) read(v strictjson.Value, received fact.Received, item *sender.Item) {
	kind, fired, data := mailing.First(v.Get("type")), mailing.First(v.Get("fired_at")), v.Get("data")
	if kind == "" {
		item.Errors = fact.Errors{{Field: "type", Reason: "is required: subscribe, unsubscribe, profile, upemail, cleaned or campaign"}}
		return
	}
	// An address that was cleaned or changed has no id, or a new one.
	person := mailing.First(data.Get("id"), data.Get("new_id"))
	list := mailing.First(data.Get("list_id"))
	merges := data.Get("merges")
	email := mailing.First(data.Get("email"), data.Get("new_email"), merges.Get("EMAIL"))
	switch {
	case fired == "" || person == "" && email == "": // nothing else tells it apart
		item.ID = sender.ID(kind, sender.BodyID(v.Raw()))
	case kind == "profile": // fields that are set one after the other are as many events in one second
		item.ID = sender.ID(kind, fired, person, email, list, sender.BodyID(merges.Raw()))
	default:
		item.ID = sender.ID(kind, fired, person, email, list)
	}
	if kind == "campaign" {
		item.Ignored = "a campaign was sent or stopped: about no person"
		return
	}
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	b.ID("type", item.ID)
	ours := ""
	switch kind {
	case "subscribe":
		ours = "consent_changed"
		b.Consent("email", "granted")
	case "unsubscribe", "cleaned":
		ours = "email_unsubscribed"
		if kind == "cleaned" {
			ours = "email_bounced"
		}
		if data.Get("reason").Is("abuse") { // they called it spam
			ours = "consent_changed"
			b.Consent("email", "objected")
		}
	case "profile", "upemail":
		ours = "identified"
	}
	mailing.Kind(b, &s.cfg, Name, kind, ours)
	mailing.Occurred(b, "fired_at", v.Get("fired_at"))
	b.Email("data.email", mailing.First(data.Get("new_email"), data.Get("email"), merges.Get("EMAIL")))
	b.ExternalID("data.id", Name, person)
	b.Traits("data.merges", merges, trait)
	b.Trait("country", mailing.First(merges.Get("ADDRESS").Get("country")))
	b.Address(merges.Get("ADDRESS"))
	b.Company(mailing.First(merges.Get("COMPANY")), "")
	b.Say("channel", "email")
	b.Say("campaign", mailing.First(data.Get("campaign_id")))
	b.Say("list", list)
	b.Say("reason", mailing.First(data.Get("reason")))
	b.Properties("data", strictjson.Value{})
	mailing.KeepMembers(b, data, "merges")
	item.Fact, item.Errors = b.Finish("data.email")
}

// trait gives our names for the merge tags that Mailchimp starts an audience with, and for those that people usually add.
func trait(key strictjson.Value) string {
	switch key.Text() {
	case "EMAIL":
		return fact.Drop
	case "FNAME":
		return "first_name"
	case "LNAME":
		return "last_name"
	case "PHONE":
		return "phone"
	case "COMPANY":
		return "company"
	case "TITLE", "JOBTITLE", "JOB_TITLE":
		return "title"
	case "COUNTRY":
		return "country"
	case "LANGUAGE":
		return "language"
	}
	return ""
}
