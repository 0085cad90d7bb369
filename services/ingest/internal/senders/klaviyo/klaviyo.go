// Package klaviyo receives Klaviyo's system webhooks: lists of events with their profiles, signed with HMAC (Klaviyo: "Working with
// system webhooks").
package klaviyo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/mailing"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Name is the type's, and what its ids of people go by.
const Name = "klaviyo"

// The headers of a request.
const (
	HeaderSignature = "Klaviyo-Signature"
	HeaderTimestamp = "Klaviyo-Timestamp"
	headerWebhook   = "klaviyo-webhook-id"
)

// Tolerance is how far the signed time may lie from ours. Requests have been seen whose time was hours ahead, a local one called
// GMT. What is recorded and sent again within it does no harm, every event is known by its external_id.
const Tolerance = 25 * time.Hour

// Type is the table's row. What is signed and cannot be read is kept and acknowledged.
func Type() sender.Type {
	return sender.Type{
		Name: Name, Path: sender.Webhooks,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		Keep:  func(name string) bool { return name == headerWebhook },
		New:   New,
	}
}

type source struct {
	cfg  sender.Config
	docs sender.Docs
}

// New makes the sender of a source; it needs a secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the secret key that the webhook was made with"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg}, nil
}

// Verify checks the signature, hex of the HMAC-SHA256 of the body and the timestamp's text.
func (s *source) Verify(r *sender.Request) (string, error) {
	signed, stamp := r.Header.Get(HeaderSignature), r.Header.Get(HeaderTimestamp)
	if signed == "" || stamp == "" {
		return "", sender.ErrUnsigned
	}
	signature, err := hex.DecodeString(signed)
	if err != nil || !sender.SignedBy(s.cfg.Secrets, signature, func(secret string) []byte {
		return sender.MAC(sha256.New, secret, r.Body, []byte(stamp))
	}) {
		return "", sender.ErrForged
	}
	at, ok := mailing.Moment(stamp)
	if !ok {
		return "", errors.New(HeaderTimestamp + " is no time")
	}
	return "", sender.Fresh(at, r.Now, Tolerance)
}

// Decode reads the list, or one event alone, as it stands in a quarantine.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	e, err := s.envelope(doc, d)
	if err != nil {
		return err
	}
	one := func(item sender.Item, at strictjson.Span) error {
		item.Raw = d.Body[at.From:at.To]
		v, err := doc.Parse(d.Body, at.From, at.To, sender.Limits())
		switch {
		case e.foreign:
			item.Ignored = "of an account that is not one of the source's"
		case err != nil:
			item.Errors = fact.Fault(err)
		case v.Kind() != strictjson.Object:
			item.Errors = fact.Errors{{Reason: "an event must be an object"}}
		case len(v.Raw()) > s.cfg.MaxEvent:
			item.Errors = sender.TooLarge(len(v.Raw()), s.cfg.MaxEvent)
		default:
			s.read(v, d.Received, &item)
		}
		return yield(item)
	}
	if e.bare {
		return one(sender.Item{Single: true}, strictjson.Span{To: len(d.Body)})
	}
	i := 0
	return strictjson.EachElement(d.Body, e.list.From, e.list.To, func(at strictjson.Span) error {
		i++
		return one(sender.Item{Index: i - 1}, at)
	})
}

// envelope is what stands around the events.
type envelope struct {
	list strictjson.Span
	// bare: there is none, the body is an event.
	bare bool
	// foreign: the events are of an account that the source does not take.
	foreign bool
}

func (s *source) envelope(doc *strictjson.Doc, d *sender.Delivery) (e envelope, err error) {
	account, webhook, metas := "", "", 0
	err = strictjson.EachMember(d.Body, 0, len(d.Body), func(key, value strictjson.Span) error {
		k, err := doc.Parse(d.Body, key.From, key.To, sender.Limits())
		if err != nil {
			return err
		}
		switch {
		case k.Is("data") && e.list.To > 0, k.Is("meta") && metas > 0:
			return &strictjson.Fault{Offset: key.From, Reason: "the key is given twice"}
		case k.Is("data"):
			e.list = value
		case k.Is("topic"):
			e.bare = true
		case k.Is("meta"):
			metas++
			meta, err := doc.Parse(d.Body, value.From, value.To, sender.Limits())
			if err != nil {
				return err
			}
			account, webhook = mailing.First(meta.Get("klaviyo_account_id")), mailing.First(meta.Get("klaviyo_webhook_id"))
		}
		return nil
	})
	header := d.Header[headerWebhook]
	switch {
	case err != nil:
		return e, &sender.Unreadable{Errors: fact.Fault(err)}
	case e.bare && e.list.To == 0:
		return e, nil
	case e.list.To == 0 || d.Body[e.list.From] != '[':
		return e, &sender.Unreadable{Errors: fact.Errors{{Field: "data", Reason: "is required: a list of events"}}}
	case header != "" && webhook != "" && header != webhook:
		return e, &sender.Unreadable{Errors: fact.Errors{{Field: "meta.klaviyo_webhook_id", Reason: "is not the header's Klaviyo-Webhook-Id"}}}
	}
	e.bare = false
	e.foreign = len(s.cfg.Accounts) > 0 && !slices.Contains(s.cfg.Accounts, account)
	return e, sender.Countable(d.Body, e.list.From, e.list.To, s.cfg.MaxEvents)
}
