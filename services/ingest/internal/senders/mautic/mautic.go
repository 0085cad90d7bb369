// Package mautic receives Mautic's webhooks: an object of lists of events by their type, signed with HMAC (Mautic: "Webhooks", and
// its WebhookBundle, which writes empty objects as [] and forgets its queue after any answer).
package mautic

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Name is the type's, and what its ids of people go by.
const Name = "mautic"

// HeaderSignature signs a request.
const HeaderSignature = "Webhook-Signature"

// Type is the table's row. Mautic deletes what it has posted after any answer at all and keeps it only where there is none: while
// the journal is down it is kept waiting, and then the connection is dropped.
func Type() sender.Type {
	return sender.Type{
		Name: Name, Path: sender.Webhooks,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Hold, Reply: sender.OK},
		New:   New,
	}
}

type source struct {
	cfg  sender.Config
	docs sender.Docs
}

// New makes the sender of a source; it needs a secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the secret that the webhook is set up with in Mautic"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg}, nil
}

// Verify checks the signature, base64 of the HMAC-SHA256 of the body as it came. No time is signed: a repeat is known by its ids.
func (s *source) Verify(r *sender.Request) (string, error) {
	signed := r.Header.Get(HeaderSignature)
	if signed == "" {
		return "", sender.ErrUnsigned
	}
	signature, err := base64.StdEncoding.DecodeString(signed)
	if err != nil || !sender.SignedBy(s.cfg.Secrets, signature, func(secret string) []byte {
		return sender.MAC(sha256.New, secret, r.Body)
	}) {
		return "", sender.ErrForged
	}
	return "", nil
}

// Decode reads the events of all types. An event that cannot be read is given with its type around it, so that it can be decoded
// by itself.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	docs := pair{s.docs.Get(), s.docs.Get()}
	defer s.docs.Put(docs.event)
	defer s.docs.Put(docs.fields)
	if none(d.Body) {
		return nil
	}
	if err := s.countable(docs.event, d.Body); err != nil {
		return err
	}
	i := 0
	return strictjson.EachMember(d.Body, 0, len(d.Body), func(key, value strictjson.Span) error {
		k, err := docs.event.Parse(d.Body, key.From, key.To, sender.Limits())
		if err != nil {
			return err // countable has read it
		}
		name := k.Text()
		each := func(at strictjson.Span) error {
			item := sender.Item{Index: i, Raw: d.Body[at.From:at.To]}
			i++
			v, err := docs.event.Parse(d.Body, at.From, at.To, sender.Limits())
			switch {
			case err != nil:
				item.Errors = fact.Fault(err)
			case v.Kind() != strictjson.Object:
				item.Errors = fact.Errors{{Reason: "an event must be an object"}}
			case len(item.Raw) > s.cfg.MaxEvent:
				item.Errors = sender.TooLarge(len(item.Raw), s.cfg.MaxEvent)
			default:
				s.read(docs, name, v, d.Received, &item)
			}
			if item.Errors != nil {
				item.Raw = alone(d.Body[key.From:key.To], item.Raw)
			}
			return yield(item)
		}
		switch d.Body[value.From] {
		case '[':
			return strictjson.EachElement(d.Body, value.From, value.To, each)
		case '{':
			return each(value)
		}
		return nil // a time, a version: no event
	})
}

// pair is a parser for the event, and one for what is made of its contact's fields.
type pair struct{ event, fields *strictjson.Doc }

// alone puts an event's type around it.
func alone(key, event []byte) []byte {
	out := make([]byte, 0, len(key)+len(event)+3)
	out = append(append(append(out, '{'), key...), ':')
	return append(append(out, event...), '}')
}

// none reports whether a body is Mautic's way of writing an object without members.
func none(body []byte) bool {
	return strictjson.EachElement(body, 0, len(body), func(strictjson.Span) error { return errEvent }) == nil
}

var errEvent = errors.New("there is an event")

// countable checks that the body is an object of types whose events can be told apart, and are not too many.
func (s *source) countable(doc *strictjson.Doc, body []byte) error {
	n, many := 0, errors.New("many")
	count := func(strictjson.Span) error {
		if n++; n > s.cfg.MaxEvents {
			return many
		}
		return nil
	}
	err := strictjson.EachMember(body, 0, len(body), func(key, value strictjson.Span) error {
		if _, err := doc.Parse(body, key.From, key.To, sender.Limits()); err != nil {
			return err
		}
		if body[value.From] == '[' {
			return strictjson.EachElement(body, value.From, value.To, count)
		}
		return count(value)
	})
	switch {
	case errors.Is(err, many):
		return &sender.Unreadable{Errors: fact.Errors{{Reason: "more than " + strconv.Itoa(s.cfg.MaxEvents) + " events in one request"}}}
	case err != nil:
		return &sender.Unreadable{Errors: fact.Fault(err)}
	}
	return nil
}
