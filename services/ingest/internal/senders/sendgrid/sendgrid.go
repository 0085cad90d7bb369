// Package sendgrid receives SendGrid's Event Webhook: lists of what became of mails, signed with ECDSA (Twilio SendGrid: "Getting
// Started with the Event Webhook Security Features", "Event Webhook Reference").
package sendgrid

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/mailing"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Name is the type's.
const Name = "sendgrid"

// The headers that sign a request.
const (
	HeaderSignature = "X-Twilio-Email-Event-Webhook-Signature"
	HeaderTimestamp = "X-Twilio-Email-Event-Webhook-Timestamp"
)

// Tolerance is how far the signed time may lie from ours. SendGrid repeats a post for 24 hours and does not say whether it signs
// it anew: a narrower window could refuse all repeats and so lose what an outage has held up. What is recorded and sent again
// within it does no harm, every event is known by its sg_event_id.
const Tolerance = 25 * time.Hour

// Type is the table's row. SendGrid repeats what is not answered with a 2xx for a day: what cannot be read is kept and acknowledged.
func Type() sender.Type {
	return sender.Type{
		Name: Name, Path: sender.Webhooks,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		New:   New,
	}
}

type source struct {
	cfg  sender.Config
	keys []*ecdsa.PublicKey
	docs sender.Docs
}

// New makes the sender of a source; its secrets are the console's verification keys.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the verification key that SendGrid's console shows for the signed event webhook"); err != nil {
		return nil, err
	}
	s := &source{cfg: cfg}
	for i, secret := range cfg.Secrets {
		key, err := publicKey(secret)
		if err != nil {
			return nil, fmt.Errorf("secrets[%d]: %w", i, err)
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

// publicKey reads a verification key: base64 of its DER, as the console shows it, or PEM.
func publicKey(text string) (*ecdsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if block, _ := pem.Decode([]byte(text)); block != nil {
		der, err = block.Bytes, nil
	}
	if err != nil {
		return nil, errors.New("is neither base64 nor PEM; it is the verification key that SendGrid's console shows")
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("is not a public key; it is the verification key that SendGrid's console shows")
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("is not an ECDSA key on the curve P-256, which SendGrid's are")
	}
	return key, nil
}

// Verify checks the signature, which is of the timestamp's text and the body as it came, line ends included.
func (s *source) Verify(r *sender.Request) (string, error) {
	signed, stamp := r.Header.Get(HeaderSignature), r.Header.Get(HeaderTimestamp)
	if signed == "" || stamp == "" {
		return "", sender.ErrUnsigned
	}
	signature, err := base64.StdEncoding.DecodeString(signed)
	if err != nil {
		return "", sender.ErrForged
	}
	h := sha256.New()
	h.Write([]byte(stamp))
	h.Write(r.Body)
	sum := h.Sum(nil)
	found := false
	for _, key := range s.keys { // public keys: no secret could show in the time that it takes
		found = found || ecdsa.VerifyASN1(key, sum, signature)
	}
	if !found {
		return "", sender.ErrForged
	}
	at, err := sender.Seconds(stamp)
	if err != nil {
		return "", err
	}
	return "", sender.Fresh(at, r.Now, Tolerance)
}

// Decode reads a list of events.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	return sender.Objects(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) { s.read(v, d.Received, item) })
}

func (s *source) read(v strictjson.Value, received fact.Received, item *sender.Item) {
	name, id := mailing.First(v.Get("event")), mailing.First(v.Get("sg_event_id"))
	if id == "" {
		id = sender.BodyID(v.Raw()) // mails sent before SendGrid gave ids
	}
	item.ID = sender.ID(id)
	if _, mapped := s.cfg.Map[name]; !mapped {
		switch email := mailing.First(v.Get("email")); {
		case name == "":
			item.Errors = fact.Errors{{Field: "event", Reason: "is required: what became of the mail"}}
		case name == "deferred":
			item.Ignored = "not delivered yet: SendGrid tries again"
		case email == "":
			item.Ignored = "about no recipient"
		}
		if item.Errors != nil || item.Ignored != "" {
			return
		}
	}
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	b.ID("sg_event_id", item.ID)
	group := mailing.First(v.Get("asm_group_id"))
	mailing.Kind(b, &s.cfg, Name, name, kind(b, name, group))
	mailing.Occurred(b, "timestamp", v.Get("timestamp"))
	b.Email("email", mailing.First(v.Get("email")))
	if mailing.True(v.Get("sg_machine_open")) {
		b.Automated("SendGrid says that the recipient's mail program opened it, not the recipient (sg_machine_open)")
	}
	category := v.Get("category")
	if category.Kind() == strictjson.Array {
		e := category.Elements()
		category, _ = e.Next()
	}
	b.Say("channel", "email")
	b.Say("campaign", mailing.First(v.Get("marketing_campaign_name"), v.Get("singlesend_name"), v.Get("mc_auto_name"), category,
		v.Get("marketing_campaign_id"), v.Get("singlesend_id"), v.Get("mc_auto_id")))
	message, _, _ := strings.Cut(mailing.First(v.Get("sg_message_id")), ".")
	b.Say("email_id", message)
	if kind := mailing.First(v.Get("type")); name == "bounce" && !v.Get("reason").Given() {
		b.Say("reason", kind)
	}
	b.Properties("", v)
	mailing.KeepText(b, "user_agent", mailing.First(v.Get("useragent")))
	item.Fact, item.Errors = b.Finish("email")
}

// kind gives our type for what became of a mail; "" for custom. A dropped mail was never sent, so nothing has bounced.
func kind(b *fact.Builder, name, group string) string {
	switch name {
	case "processed":
		return "email_sent"
	case "delivered":
		return "email_delivered"
	case "open":
		return "email_opened"
	case "click":
		return "email_clicked"
	case "bounce":
		return "email_bounced"
	case "unsubscribe", "group_unsubscribe":
		b.Say("list", group)
		return "email_unsubscribed"
	case "group_resubscribe":
		if group == "" {
			return ""
		}
		b.Consent("email:"+group, "granted") // to that group's mails alone
		return "consent_changed"
	case "spamreport":
		b.Consent("email", "objected")
		return "consent_changed"
	}
	return ""
}
