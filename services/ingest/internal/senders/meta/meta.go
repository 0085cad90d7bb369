// Package meta receives the leadgen webhooks of Meta's lead ads (Facebook and Instagram).
package meta

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Type is the table's row. Meta repeats what is not answered with a 200 for 36 hours, and then drops it.
func Type() sender.Type {
	return sender.Type{
		Name: "meta", Path: sender.Webhooks, Polled: true,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		New:   New,
	}
}

type source struct {
	cfg  sender.Config
	docs sender.Docs
	api  *api // nil: not asked
}

// New makes the sender of a source; it needs the app's secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the app secret"); err != nil {
		return nil, err
	}
	s := &source{cfg: cfg}
	if cfg.Poll == nil {
		return s, nil
	}
	var errs []error
	s.api, errs = newAPI(cfg.Poll, cfg.Secrets[0], cfg.Accounts)
	s.cfg.MaxEvents = max(cfg.MaxEvents, pageSize) // what a request may have is no measure of what is asked for
	return s, errors.Join(errs...)
}

// Verify checks X-Hub-Signature-256: sha256=<hex>, the HMAC-SHA256 of the body by the app secret. Meta makes it of the payload
// with everything beyond ASCII escaped ("Validating Payloads" of the Graph API's webhooks); where something between has
// written these characters out, the escaped form is what was signed, and it says the same.
func (s *source) Verify(r *sender.Request) (string, error) {
	shown := r.Header.Get("X-Hub-Signature-256")
	if shown == "" {
		return "", sender.ErrUnsigned
	}
	encoded, ok := strings.CutPrefix(shown, "sha256=")
	signature, err := hex.DecodeString(encoded)
	if !ok || err != nil {
		return "", sender.ErrForged
	}
	signed := func(body []byte) bool {
		return sender.SignedBy(s.cfg.Secrets, signature, func(secret string) []byte { return sender.MAC(sha256.New, secret, body) })
	}
	if signed(r.Body) {
		return "", nil
	}
	if plain, different := escaped(r.Body); different && signed(plain) {
		return "", nil
	}
	return "", sender.ErrForged
}

// escaped gives a JSON text with every character beyond ASCII as \uXXXX, in lower-case digits; false if it has none, or is not
// UTF-8.
func escaped(body []byte) (plain []byte, different bool) {
	if bytes.IndexFunc(body, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 || !utf8.Valid(body) {
		return nil, false
	}
	out := make([]byte, 0, len(body)+len(body)/2)
	for _, r := range string(body) {
		switch high, low := utf16.EncodeRune(r); {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r > 0xffff:
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out, true
}

// maxChallenge is the longest challenge that is given back; Meta's are numbers.
const maxChallenge = 256

// Greet answers the question by which Meta verifies an address: the challenge, to who names the verify token.
func (s *source) Greet(r *sender.Request) (sender.Greeting, error) {
	if r.Method != http.MethodGet {
		return sender.Greeting{Status: http.StatusMethodNotAllowed, Header: map[string]string{"Allow": "GET, POST"}}, nil
	}
	challenge := r.Query.Get("hub.challenge")
	switch {
	case s.cfg.VerifyToken == "":
		return sender.Greeting{}, fmt.Errorf("%w: the source has no verify_token", sender.ErrForbidden)
	case r.Query.Get("hub.mode") != "subscribe" || !sender.Equal(r.Query.Get("hub.verify_token"), s.cfg.VerifyToken):
		return sender.Greeting{}, fmt.Errorf("%w: hub.verify_token is not the source's, or hub.mode is not subscribe", sender.ErrForbidden)
	case challenge == "" || len(challenge) > maxChallenge:
		return sender.Greeting{}, fmt.Errorf("%w: hub.challenge is missing or too long", sender.ErrForbidden)
	}
	return sender.Greeting{Status: http.StatusOK, Header: map[string]string{"Content-Type": "text/plain; charset=utf-8"}, Body: []byte(challenge)}, nil
}

// Decode reads the changes of a delivery: {"object": "page", "entry": [{"id", "changes": [{"field", "value"}]}]}, up to 1000 of
// them. An entry or a change that was cut out is read as well.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	list, found, err := entries(d.Body)
	if err != nil {
		return &sender.Unreadable{Errors: fact.Fault(err)}
	}
	w := &walk{s: s, d: d, yield: yield, single: !found}
	if !found {
		return w.entry(doc, strictjson.Span{From: 0, To: len(d.Body)})
	}
	if err := sender.Countable(d.Body, list.From, list.To, s.cfg.MaxEvents); err != nil {
		return err
	}
	return strictjson.EachElement(d.Body, list.From, list.To, func(at strictjson.Span) error { return w.entry(doc, at) })
}

// entries finds the list of entries.
func entries(body []byte) (list strictjson.Span, found bool, err error) {
	err = strictjson.EachMember(body, 0, len(body), func(key, value strictjson.Span) error {
		if string(body[key.From:key.To]) != `"entry"` || body[value.From] != '[' {
			return nil
		}
		if found {
			return &strictjson.Fault{Offset: key.From, Path: "entry", Reason: "the key is given twice"}
		}
		list, found = value, true
		return nil
	})
	return list, found, err
}

// walk is one delivery being decoded.
type walk struct {
	s      *source
	d      *sender.Delivery
	yield  func(sender.Item) error
	single bool
	index  int
}

func (w *walk) give(item sender.Item) error {
	item.Index, item.Single = w.index, w.single
	w.index++
	return w.yield(item)
}

// entry reads an entry and gives its changes.
func (w *walk) entry(doc *strictjson.Doc, at strictjson.Span) error {
	body := w.d.Body
	item := sender.Item{Raw: body[at.From:at.To]}
	v, err := doc.Parse(body, at.From, at.To, sender.Limits())
	changes := v.Get("changes")
	switch {
	case err != nil:
		item.Errors = fact.Fault(err)
	case v.Get("field").Kind() == strictjson.String: // a change by itself
		w.s.change(v, "", w.d.Received, &item)
	case changes.Kind() == strictjson.Array && changes.Len() > 0:
		page := v.Get("id").Text()
		for e := changes.Elements(); ; {
			change, ok := e.Next()
			if !ok {
				return nil
			}
			item := sender.Item{Raw: change.Raw()}
			w.s.change(change, page, w.d.Received, &item)
			if err := w.give(item); err != nil {
				return err
			}
		}
	case v.Kind() == strictjson.Object && v.Get("id").Given():
		item.Ignored = "it tells of no change" // messages, say
	default:
		item.Errors = fact.Errors{{Field: "entry", Reason: "is no list of changes"}}
	}
	return w.give(item)
}
