// Package mailgun receives Mailgun's webhooks: one event a request, with a signature inside the body that is of a time and a token
// and not of the body (Mailgun: "Securing Webhooks", "Webhook Payloads").
package mailgun

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/formjson"
	"github.com/batonhq/baton/services/ingest/internal/mailing"
	"github.com/batonhq/baton/services/ingest/internal/recent"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Name is the type's.
const Name = "mailgun"

const (
	// Tolerance is how far the signed time may lie from ours: Mailgun repeats a post for about eight hours.
	Tolerance = 9 * time.Hour
	// remembered is how many tokens of one source are known at once, 24 MB when full: eight a second over Tolerance. Beyond it the
	// oldest could be used once more, by who has seen it.
	remembered = 1 << 18
)

// ErrSpent refuses a second body under one token.
var ErrSpent = errors.New("the token has been used for another body: Mailgun signs the token alone, and each once")

// Type is the table's row. Mailgun repeats what is not answered with 200: what cannot be read is kept and acknowledged.
func Type() sender.Type {
	return sender.Type{
		Name: Name, Path: sender.Webhooks,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		New:   New,
	}
}

type source struct {
	cfg   sender.Config
	docs  sender.Docs
	spent *spent
}

// spent holds for each token what body it came with.
type spent struct {
	mu     sync.Mutex
	tokens *recent.Set
}

// Inherit takes over the tokens that have been seen: a new key must not make them good for other bodies.
func (s *source) Inherit(from sender.Sender) {
	if before, ok := from.(*source); ok {
		s.spent = before.spent
	}
}

// New makes the sender of a source; it needs a secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the account's HTTP webhook signing key"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg, spent: &spent{tokens: recent.New(remembered, 2*Tolerance)}}, nil
}

// signature is what proves a body.
type signature struct{ timestamp, token, mac string }

// Verify checks the signature in the body, for which only that much of the body is read, and that its token has not come with
// another body before: whoever has seen one post could else send anything under its signature. A repeat of the same body is
// fine. It gives the token.
func (s *source) Verify(r *sender.Request) (string, error) {
	sig, err := s.signature(r.Body)
	if err != nil {
		return "", err
	}
	if sig.timestamp == "" || sig.token == "" || sig.mac == "" {
		return "", sender.ErrUnsigned
	}
	mac, err := hex.DecodeString(sig.mac)
	if err != nil || !sender.SignedBy(s.cfg.Secrets, mac, func(secret string) []byte {
		return sender.MAC(sha256.New, secret, []byte(sig.timestamp), []byte(sig.token))
	}) {
		return "", sender.ErrForged
	}
	at, err := sender.Seconds(sig.timestamp)
	if err != nil {
		return "", err
	}
	if err := sender.Fresh(at, r.Now, Tolerance); err != nil {
		return "", err
	}
	return sig.token, s.spent.spend(sig.token, r.Body, r.Now)
}

// spend remembers what body a token came with.
func (s *spent) spend(token string, body []byte, now time.Time) error {
	name, content := sha256.Sum256([]byte(token)), sha256.Sum256(body)
	key, is := recent.Key(name[:16]), binary.BigEndian.Uint64(content[:8])
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, ok := s.tokens.Get(key, now); ok && was != is {
		return ErrSpent
	}
	s.tokens.Put(key, is, now)
	return nil
}

// form reports whether a body is of the old kind, form-encoded.
func form(body []byte) bool {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] != '{' && trimmed[0] != '['
}

// signature finds the signature: the member of that name, or of an old form its three names.
func (s *source) signature(body []byte) (sig signature, err error) {
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	if form(body) {
		text, err := formjson.Convert(body, sender.Limits())
		if err != nil {
			return sig, sender.ErrUnsigned
		}
		v, err := doc.Parse(text, 0, len(text), sender.Limits())
		if err != nil {
			return sig, sender.ErrUnsigned
		}
		return read(v), nil
	}
	found := 0
	// What is wrong behind the signature is Decode's to say: then the body is genuine, and cannot be read.
	_ = strictjson.EachMember(body, 0, len(body), func(key, value strictjson.Span) error {
		if k, err := doc.Parse(body, key.From, key.To, sender.Limits()); err == nil && !k.Is("signature") {
			return nil
		} else if err != nil {
			return err
		}
		found++
		v, err := doc.Parse(body, value.From, value.To, sender.Limits())
		if err != nil {
			return err
		}
		sig = read(v)
		return nil
	})
	if found > 1 {
		return signature{}, errors.New("two signatures in one body")
	}
	return sig, nil
}

func read(v strictjson.Value) signature {
	return signature{timestamp: v.Get("timestamp").Text(), token: v.Get("token").Text(), mac: v.Get("signature").Text()}
}

// Decode reads one event.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	if form(d.Body) {
		return mailing.Form(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) { s.read(v, d, item) })
	}
	return sender.Objects(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) { s.read(v.Get("event-data"), d, item) })
}

func (s *source) read(v strictjson.Value, d *sender.Delivery, item *sender.Item) {
	name := mailing.First(v.Get("event"))
	item.ID = mailing.First(v.Get("id"))
	if item.ID == "" {
		item.ID = d.ID // the token: the old form has no ids
	}
	if name == "" {
		item.Errors = fact.Errors{{Field: "event-data.event", Reason: "is required: what became of the mail"}}
		return
	}
	recipient := mailing.First(v.Get("recipient"))
	if _, mapped := s.cfg.Map[name]; !mapped {
		switch {
		case name == "failed" && !v.Get("severity").Is("permanent") && v.Get("severity").Given():
			item.Ignored = "not delivered yet: Mailgun tries again"
		case recipient == "":
			item.Ignored = "about no recipient"
		}
		if item.Ignored != "" {
			return
		}
	}
	b := fact.NewBuilder(s.cfg.Name, d.Received, true, "")
	b.ID("event-data.id", item.ID)
	mailing.Kind(b, &s.cfg, Name, name, kind(b, name))
	mailing.Occurred(b, "event-data.timestamp", v.Get("timestamp"))
	b.Email("event-data.recipient", recipient)
	client := v.Get("client-info")
	automated(b, v, client)
	campaigns, tags := v.Get("campaigns").Elements(), v.Get("tags").Elements()
	campaign, _ := campaigns.Next()
	tag, _ := tags.Next()
	status := v.Get("delivery-status")
	list := v.Get("mailing-list")
	b.Say("channel", "email")
	b.Say("campaign", mailing.First(campaign.Get("name"), campaign.Get("id"), v.Get("campaign-name"), v.Get("campaign-id"), tag, v.Get("tag")))
	b.Say("email_id", mailing.First(v.Get("message").Get("headers").Get("message-id"), v.Get("Message-Id")))
	b.Say("list", mailing.First(list.Get("address"), list))
	b.Say("reason", mailing.First(status.Get("message"), status.Get("description"), v.Get("reason"), v.Get("error")))
	b.Properties("event-data", strictjson.Value{})
	b.Touch(strictjson.Value{}, strictjson.Value{}, strictjson.Value{}, v.Get("url"), strictjson.Value{})
	mailing.KeepMembers(b, v, "signature", "token")
	mailing.KeepText(b, "user_agent", mailing.First(client.Get("user-agent"), v.Get("user-agent")))
	item.Fact, item.Errors = b.Finish("event-data.recipient")
}

// kind gives our type for what became of a mail; "" for custom. bounced and complained are also the old form's names.
func kind(b *fact.Builder, name string) string {
	switch name {
	case "accepted":
		return "email_sent"
	case "delivered":
		return "email_delivered"
	case "failed", "bounced":
		return "email_bounced"
	case "opened":
		return "email_opened"
	case "clicked":
		return "email_clicked"
	case "unsubscribed":
		return "email_unsubscribed"
	case "complained":
		b.Consent("email", "objected")
		return "consent_changed"
	}
	return ""
}

// automated marks what Mailgun takes for a program's doing.
func automated(b *fact.Builder, v, client strictjson.Value) {
	kind := mailing.First(client.Get("client-type"), v.Get("client-type"))
	switch bot := mailing.First(client.Get("bot"), v.Get("bot")); {
	case bot != "" && bot != "false" || client.Get("bot").Kind() == strictjson.True:
		b.Automated("Mailgun says that a bot did it (client-info.bot)")
	case kind == "bot" || kind == "robot" || kind == "library":
		b.Automated("Mailgun says that no person's program did it (client-info.client-type)")
	}
}
