// Package linkedin receives LinkedIn's notifications: leads of lead forms, and what people do with an organisation's posts.
package linkedin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Type is the table's row. LinkedIn asks its challenge anew every two hours, and stops sending where it is not answered.
func Type() sender.Type {
	return sender.Type{
		Name: "linkedin", Path: sender.Webhooks, Polled: true,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		New:   New,
	}
}

// signing is what stands before the body when it is signed, and may stand before the signature.
const signing = "hmacsha256="

type source struct {
	cfg  sender.Config
	docs sender.Docs
	api  *api // nil: not asked
}

// New makes the sender of a source; it needs the application's client secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the application's client secret"); err != nil {
		return nil, err
	}
	s := &source{cfg: cfg}
	if cfg.Poll == nil {
		return s, nil
	}
	var errs []error
	s.api, errs = newAPI(cfg.Poll, cfg.Accounts)
	s.cfg.MaxEvents = max(cfg.MaxEvents, pageSize) // what a request may have is no measure of what is asked for
	return s, errors.Join(errs...)
}

// Verify checks X-LI-Signature: in hex the HMAC-SHA256, by the client secret, of "hmacsha256=" and the body.
func (s *source) Verify(r *sender.Request) (string, error) {
	shown := r.Header.Get("X-LI-Signature")
	if shown == "" {
		return "", sender.ErrUnsigned
	}
	signature, err := hex.DecodeString(strings.TrimPrefix(shown, signing))
	if err != nil || !sender.SignedBy(s.cfg.Secrets, signature, func(secret string) []byte {
		return sender.MAC(sha256.New, secret, []byte(signing), r.Body)
	}) {
		return "", sender.ErrForged
	}
	return "", nil
}

// maxChallenge is the longest challenge that is answered; LinkedIn's are UUIDs.
const maxChallenge = 100

// Greet answers LinkedIn's challenge: the HMAC of the code by the client secret, the newest one.
//
// Anybody may ask, and the answer is an HMAC by the same secret as a signature. So only a code of letters, digits, - and _ is
// answered: one that begins as a signed body does (hmacsha256=…) would have its own forgery signed.
func (s *source) Greet(r *sender.Request) (sender.Greeting, error) {
	if r.Method != http.MethodGet {
		return sender.Greeting{Status: http.StatusMethodNotAllowed, Header: map[string]string{"Allow": "GET, POST"}}, nil
	}
	code := r.Query.Get("challengeCode")
	if !isCode(code) {
		return sender.Greeting{
			Status: http.StatusBadRequest, Header: map[string]string{"Content-Type": "text/plain; charset=utf-8"},
			Body: []byte("challengeCode is missing, or not of letters, digits, - and _\n"),
		}, nil
	}
	body, err := json.Marshal(map[string]string{
		"challengeCode":     code,
		"challengeResponse": hex.EncodeToString(sender.MAC(sha256.New, s.cfg.Secrets[0], []byte(code))),
	})
	if err != nil {
		return sender.Greeting{}, fmt.Errorf("answer the challenge: %w", err)
	}
	return sender.Greeting{Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/json"}, Body: body}, nil
}

func isCode(s string) bool {
	if s == "" || len(s) > maxChallenge {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// Decode reads a lead's notification, or one that holds several of social actions. One of these, cut out, is read as well.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	index := 0
	return sender.Split(d.Body, "", s.cfg.MaxEvents, func(_ int, single bool, at strictjson.Span) error {
		item := sender.Item{Index: index, Single: single, Raw: d.Body[at.From:at.To]}
		v, err := doc.Parse(d.Body, at.From, at.To, sender.Limits())
		list := v.Get("notifications")
		switch {
		case err != nil:
			item.Errors = fact.Fault(err)
		case v.Kind() != strictjson.Object:
			item.Errors = fact.Errors{{Reason: "a notification must be an object"}}
		case list.Kind() == strictjson.Array && list.Len() > s.cfg.MaxEvents:
			item.Errors = fact.Errors{{Field: "notifications", Reason: "are more than one request may have"}}
		case list.Kind() == strictjson.Array:
			for e := list.Elements(); ; index++ {
				one, ok := e.Next()
				if !ok {
					return nil
				}
				item := sender.Item{Index: index, Raw: one.Raw()}
				s.one(one, d.Received, &item)
				if err := yield(item); err != nil {
					return err
				}
			}
		default:
			s.one(v, d.Received, &item)
		}
		index++
		return yield(item)
	})
}

func (s *source) one(v strictjson.Value, received fact.Received, item *sender.Item) {
	switch {
	case v.Kind() != strictjson.Object:
		item.Errors = fact.Errors{{Reason: "a notification must be an object"}}
	case len(v.Raw()) > s.cfg.MaxEvent:
		item.Errors = sender.TooLarge(len(v.Raw()), s.cfg.MaxEvent)
	case v.Get("notificationId").Given():
		s.social(v, received, item)
	case v.Get("leadGenFormResponse").Given():
		s.lead(v, received, item)
	case v.Get("type").Is("LEAD_ACTION"):
		item.Errors = fact.Errors{{Field: "leadGenFormResponse", Reason: "is required: by it the lead is known"}}
	case v.Get("type").Kind() == strictjson.String:
		item.Ignored = "it is of a kind that is not known here and about no person"
	default:
		item.Errors = fact.Errors{{Field: "type", Reason: "is required"}}
	}
}

// listed reports whether events of an organisation or an advertising account, which are URNs, are taken. The configuration
// names them by their URNs or by the ids at their ends; what names none is taken.
func (s *source) listed(urns ...string) bool {
	given := false
	for _, urn := range urns {
		if urn == "" {
			continue
		}
		given = true
		if s.cfg.Listed(urn) || s.cfg.Listed(urn[strings.LastIndexByte(urn, ':')+1:]) {
			return true
		}
	}
	return !given
}
