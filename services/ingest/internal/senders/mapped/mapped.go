// Package mapped receives JSON of any platform, signed or with a token, as its source's configuration says: expressions find
// the events and make facts of them. It is for platforms that have no sender of their own.
package mapped

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/celrules"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Type is the table's row. What is verified and cannot be mapped is kept: once the mapping has been mended, it is replayed.
func Type() sender.Type {
	return sender.Type{
		Name: "json", Path: sender.Webhooks, Token: true, Mapped: true,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.Accepted},
		New:   New,
	}
}

type source struct {
	cfg       sender.Config
	signature *signature // nil: a token
	keep      []string
	events    *celrules.Expression // nil: the body itself
	path      []string             // of events, its names
	mapping   mapping
	docs      sender.Docs
}

// New makes the sender of a source. The error joins all that is wrong with its configuration, each with its field.
func New(cfg sender.Config) (sender.Sender, error) {
	var errs []error
	if cfg.WriteKey != "" {
		errs = append(errs, errors.New("write_key: sources of this type have none, they sign with secrets or show one as a token"))
	}
	if len(cfg.Secrets) == 0 || slices.Contains(cfg.Secrets, "") {
		errs = append(errs, errors.New("secrets: at least one is required, by which the sender signs or which it shows as a token"))
	}
	if err := sender.CheckMap("map", cfg.Map); err != nil {
		errs = append(errs, err)
	}
	s := &source{cfg: cfg}
	if cfg.Signature != nil {
		signature, signatureErrs := newSignature(cfg.Signature)
		s.signature, errs = signature, append(errs, signatureErrs...)
	}
	errs = append(errs, s.compile()...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// Keep keeps the headers that the mapping names.
func (s *source) Keep(name string) bool { return slices.Contains(s.keep, name) }

// Verify checks the signature, or the token where none is configured.
func (s *source) Verify(r *sender.Request) (string, error) {
	if s.signature == nil {
		return "", sender.HasToken(r, s.cfg.Secrets)
	}
	return "", s.signature.verify(r, s.cfg.Secrets)
}

// Decode finds the events and maps each.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	if s.events != nil {
		return s.decodeWithin(d, yield)
	}
	return sender.Objects(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) {
		s.mapping.read(s.cfg.Name, v, celrules.NewScope(v, v, d.Header), d.Received, item)
	})
}

// Limits of a body whose events stand within it. Each of its values takes 16 bytes.
const (
	bodyValues = 200_000
	bodyKeys   = 50_000
)

// decodeWithin decodes a body that says where its events are.
func (s *source) decodeWithin(d *sender.Delivery, yield func(sender.Item) error) error {
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	limits := sender.Limits()
	limits.Values, limits.Keys = bodyValues, bodyKeys
	start := 0
	if bytes.HasPrefix(d.Body, []byte("\xef\xbb\xbf")) { // a byte order mark says nothing and harms nobody
		start = 3
	}
	body, err := doc.Parse(d.Body, start, len(d.Body), limits)
	if err != nil {
		return &sender.Unreadable{Errors: fact.Fault(err)}
	}
	found := s.events.Eval(celrules.NewScope(strictjson.Value{}, body, d.Header)).JSON()
	switch found.Kind() {
	case strictjson.Object:
		return yield(s.item(d, body, found, sender.Item{Single: true, Raw: d.Body}))
	case strictjson.Array:
	default:
		return &sender.Unreadable{Errors: fact.Errors{{Field: strings.Join(s.path, "."), Reason: "is neither a list of events nor an event"}}}
	}
	if found.Len() > s.cfg.MaxEvents {
		return &sender.Unreadable{Errors: fact.Errors{{Field: strings.Join(s.path, "."), Reason: "has more events than one request may have"}}}
	}
	events := found.Elements()
	for i := 0; ; i++ {
		event, ok := events.Next()
		if !ok {
			return nil
		}
		item := s.item(d, body, event, sender.Item{Index: i})
		if item.Errors != nil {
			item.Raw = s.cut(d.Body, found, event)
		}
		if err := yield(item); err != nil {
			return err
		}
	}
}

func (s *source) item(d *sender.Delivery, body, event strictjson.Value, item sender.Item) sender.Item {
	switch errs := sender.TooLarge(len(event.Raw()), s.cfg.MaxEvent); {
	case event.Kind() != strictjson.Object:
		item.Errors = fact.Errors{{Reason: "an event must be an object"}}
	case errs != nil:
		item.Errors = errs
	default:
		s.mapping.read(s.cfg.Name, event, celrules.NewScope(event, body, d.Header), d.Received, &item)
	}
	return item
}

// maxEnvelope is how much of a body is kept with each of its events that could not be read, in bytes.
const maxEnvelope = 64 << 10

// cut gives a body with one of its events alone, so that it can be decoded by itself. What stands around the list is kept,
// unless it is large: then the path to the list is all there is.
func (s *source) cut(body []byte, list, event strictjson.Value) []byte {
	from, to := list.Offset(), list.Offset()+len(list.Raw())
	before, after := body[:from], body[to:]
	if len(before)+len(after) > maxEnvelope {
		before, after = nil, nil
		for _, name := range s.path {
			key, err := json.Marshal(name)
			if err != nil { // a string: it cannot
				continue
			}
			before = append(append(append(before, '{'), key...), ':')
			after = append(after, '}')
		}
	}
	return slices.Concat(before, []byte{'['}, event.Raw(), []byte{']'}, after)
}
