// Package customerio receives Customer.io's reporting webhooks: one event of a message or a person a request, signed with HMAC
// (Customer.io: "Reporting webhooks", "Securely verify requests").
package customerio

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/mailing"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Name is the type's, and what its ids of people go by.
const Name = "customerio"

// The headers that sign a request.
const (
	HeaderSignature = "X-CIO-Signature"
	HeaderTimestamp = "X-CIO-Timestamp"
)

// Tolerance is how far the signed time may lie from ours. Customer.io tries a post again for seven days and holds back all later
// ones behind it: to refuse a repeat as stale would stop everything for a week. What is recorded and sent again within the
// tolerance does no harm, every event is known by its event_id.
const Tolerance = 8 * 24 * time.Hour

// Type is the table's row. What is signed is answered with 200 whatever is in it: a refusal would hold back all that follows.
func Type() sender.Type {
	return sender.Type{
		Name: Name, Path: sender.Webhooks,
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
	if err := cfg.NeedSecrets("the webhook's signing key"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg}, nil
}

// Verify checks the signature, hex of the HMAC-SHA256 of "v0:", the timestamp's text, ":" and the body.
func (s *source) Verify(r *sender.Request) (string, error) {
	signed, stamp := r.Header.Get(HeaderSignature), r.Header.Get(HeaderTimestamp)
	if signed == "" || stamp == "" {
		return "", sender.ErrUnsigned
	}
	signature, err := hex.DecodeString(signed)
	if err != nil || !sender.SignedBy(s.cfg.Secrets, signature, func(secret string) []byte {
		return sender.MAC(sha256.New, secret, []byte("v0:"), []byte(stamp), []byte(":"), r.Body)
	}) {
		return "", sender.ErrForged
	}
	at, err := sender.Seconds(stamp)
	if err != nil {
		return "", err
	}
	return "", sender.Fresh(at, r.Now, Tolerance)
}

// Decode reads one event, or a list of them.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	return sender.Objects(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) { s.read(v, d.Received, item) })
}

func (s *source) read(v strictjson.Value, received fact.Received, item *sender.Item) {
	object, metric, data := mailing.First(v.Get("object_type")), mailing.First(v.Get("metric")), v.Get("data")
	item.ID = mailing.First(v.Get("event_id"))
	if metric == "" {
		item.Errors = fact.Errors{{Field: "metric", Reason: "is required: what happened to the message"}}
		return
	}
	name := metric
	if object != "" {
		name = object + "_" + metric
	}
	if _, mapped := s.cfg.Map[name]; !mapped {
		switch metric {
		case "drafted", "attempted", "deferred":
			item.Ignored = "not sent yet: Customer.io has drafted the message, or tries again"
			return
		}
	}
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	b.ID("event_id", item.ID)
	mailing.Kind(b, &s.cfg, Name, name, kind(b, object, metric))
	mailing.Occurred(b, "timestamp", v.Get("timestamp"))
	who(b, data)
	automated(b, data)
	channel := object
	if channel == "customer" {
		channel = ""
	}
	b.Say("channel", channel)
	b.Say("campaign", mailing.First(data.Get("campaign_name"), data.Get("newsletter_name"), data.Get("broadcast_name"),
		data.Get("campaign_id"), data.Get("broadcast_id"), data.Get("newsletter_id"), data.Get("transactional_message_id")))
	b.Say("url", mailing.First(data.Get("href"), data.Get("link_url")))
	b.Say("email_id", mailing.First(data.Get("delivery_id")))
	b.Say("reason", mailing.First(data.Get("failure_message")))
	b.Properties("data", data)
	mailing.KeepMembers(b, v, "data", "event_id", "timestamp")
	mailing.KeepText(b, "user_agent", mailing.First(data.Get("user_agent")))
	item.Fact, item.Errors = b.Finish("data.identifiers")
}

// kind gives our type for what happened; "" for custom.
func kind(b *fact.Builder, object, metric string) string {
	switch object {
	case "email", "":
		switch metric {
		case "sent":
			return "email_sent"
		case "delivered":
			return "email_delivered"
		case "opened":
			return "email_opened"
		case "clicked":
			return "email_clicked"
		case "bounced":
			return "email_bounced"
		case "unsubscribed":
			return "email_unsubscribed"
		case "spammed":
			b.Consent("email", "objected")
			return "consent_changed"
		}
	case "customer":
		switch metric {
		case "subscribed":
			b.Consent("email", "granted")
			return "consent_changed"
		case "unsubscribed":
			return "email_unsubscribed"
		}
	case "sms", "push", "whatsapp", "in_app":
		if metric == "unsubscribed" {
			b.Consent(object, "withdrawn")
			return "consent_changed"
		}
	}
	return ""
}

// who says whom the event is about. The id is the one that the company's own systems know the person by; it may be an address.
func who(b *fact.Builder, data strictjson.Value) {
	ids := data.Get("identifiers")
	id := mailing.First(ids.Get("id"), data.Get("customer_id"))
	b.Email("data.identifiers.email", mailing.First(ids.Get("email"), data.Get("email_address")))
	for _, other := range []string{mailing.First(data.Get("recipient")), id} {
		if _, ok := identity.NormalizeEmail(other); ok && !b.HasEmail() {
			b.Email("data.recipient", other)
		}
	}
	b.UserID("data.identifiers.id", id)
	b.ExternalID("data.identifiers.cio_id", Name, mailing.First(ids.Get("cio_id"), data.Get("cio_id")))
}

// automated marks what Customer.io takes for a machine's doing. An open through an image proxy alone (proxied) is a person's.
func automated(b *fact.Builder, data strictjson.Value) {
	for _, flag := range []string{"prefetched", "machine", "machine_open", "machine_opened", "machine_click", "machine_clicked", "bot"} {
		if mailing.True(data.Get(flag)) {
			b.Automated("Customer.io says that a machine did it (" + flag + ")")
			return
		}
	}
}
