// Package baton receives Baton's own event form, signed as Standard Webhooks has it.
package baton

import (
	"errors"
	"fmt"

	"github.com/batonhq/baton/pkg/webhook"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Type is the table's row.
func Type() sender.Type {
	return sender.Type{
		Name: "baton", Path: sender.Webhooks,
		Rules: sender.Rules{Refused: sender.Answer, Unavailable: sender.Retry, Reply: sender.Accepted},
		New:   New,
	}
}

type source struct {
	cfg      sender.Config
	verifier *webhook.Verifier
	docs     sender.Docs
}

// New makes the sender of a source. Without a secret it takes requests from this machine alone.
func New(cfg sender.Config) (sender.Sender, error) {
	s := &source{cfg: cfg}
	if cfg.WriteKey != "" {
		return nil, errors.New("write_key: sources of this type have none, they sign with secrets")
	}
	if len(cfg.Map) > 0 {
		return nil, errors.New("map: sources of this type name our own event types")
	}
	if len(cfg.Secrets) > 0 {
		v, err := webhook.NewVerifier(cfg.Secrets, webhook.Tolerance)
		if err != nil {
			return nil, fmt.Errorf("secrets: %w", err)
		}
		s.verifier = v
	}
	return s, nil
}

// Verify checks the signature, or where there is no secret the caller's place.
func (s *source) Verify(r *sender.Request) (string, error) {
	if s.verifier == nil {
		if !r.Local {
			return "", fmt.Errorf("%w: this source has no secret and takes requests from its own machine alone", sender.ErrForbidden)
		}
		return "", nil
	}
	return r.Header.Get(webhook.HeaderID), s.verifier.Verify(r.Header, r.Body, r.Now)
}

// Decode reads one event, an array, or NDJSON. The events' own ids count, not the delivery's.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	form := fact.Form{Source: s.cfg.Name, Received: d.Received}
	return sender.Split(d.Body, d.ContentType, s.cfg.MaxEvents, func(i int, single bool, at strictjson.Span) error {
		item := sender.Item{Index: i, Single: single, Raw: d.Body[at.From:at.To]}
		v, err := doc.Parse(d.Body, at.From, at.To, sender.Limits())
		if err != nil {
			item.Errors = fact.Fault(err)
		} else if item.Errors = sender.TooLarge(len(v.Raw()), s.cfg.MaxEvent); item.Errors == nil {
			item.Fact, item.Errors = form.Read(v)
		}
		return yield(item)
	})
}
