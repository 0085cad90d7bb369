// Package segmentwebhook receives what Segment's webhook destination posts: the calls of a workspace's sources, one by one or in
// batches, each as its SDK made it.
//
// The signature is X-Signature, the HMAC-SHA1 in hex of the JSON of the event. Of a batch it is of the first event alone
// (action-destinations, destinations/webhook: createHmac over JSON.stringify(payload[0].data)), so that anybody who has seen
// one such request could put events of their own behind the first. A batch therefore needs a token in the address, too.
package segmentwebhook

import (
	"crypto/sha1" //nolint:gosec // what Segment signs with; an HMAC does not rest on collisions
	"encoding/hex"
	"errors"
	"fmt"
	"hash"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/segment"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Type is the table's row. Segment waits 5 s for the answer and repeats for up to 4 hours what timed out or was answered with
// a 5xx; what is answered with a 4xx is lost.
func Type() sender.Type {
	return sender.Type{
		Name: "segment-webhook", Path: sender.Webhooks, Token: true, Open: true,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		New:   New,
	}
}

type source struct {
	cfg   sender.Config
	calls *segment.Forwarded
	docs  sender.Docs
	// tokens are what the address may carry.
	tokens []string
}

// New makes the sender of a source; it needs a secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the destination's shared secret"); err != nil {
		return nil, err
	}
	s := &source{cfg: cfg, calls: segment.NewForwarded(cfg), tokens: cfg.Secrets}
	if cfg.VerifyToken != "" {
		s.tokens = []string{cfg.VerifyToken}
	}
	return s, nil
}

// ErrBatch says that the signature of a batch proves its first event alone.
var ErrBatch = fmt.Errorf("the signature of a batch is of its first event alone: the address must carry the token as well, /webhooks/{source}/{token}: %w", sender.ErrToken)

// Verify checks the signature, and the token where the signature does not cover all events. A token in the address is checked
// wherever there is one.
func (s *source) Verify(r *sender.Request) (string, error) {
	shown := r.Header.Get("X-Signature")
	if shown == "" {
		return "", sender.ErrUnsigned
	}
	signature, err := hex.DecodeString(shown)
	if err != nil {
		return "", sender.ErrForged
	}
	signed := func(b []byte) bool {
		return sender.SignedBy(s.cfg.Secrets, signature, func(secret string) []byte {
			return sender.MAC(func() hash.Hash { return sha1.New() }, secret, b) //nolint:gosec // as above
		})
	}
	if r.Token != "" {
		if err := sender.HasToken(r, s.tokens); err != nil {
			return "", err
		}
	}
	if signed(r.Body) {
		return "", nil
	}
	list, ok, err := batch(r.Body)
	if err != nil || !ok {
		return "", sender.ErrForged // one event, and not the one that was signed
	}
	first, found := firstOf(r.Body, list)
	if !found || !signed(first) {
		return "", sender.ErrForged
	}
	if sender.HasToken(r, s.tokens) != nil {
		return "", ErrBatch
	}
	return "", nil
}

// batch finds the list of a body that is one, or an object with a member batch; ok is false for any other body. Only brackets,
// quotes and commas are looked at.
func batch(body []byte) (list strictjson.Span, ok bool, err error) {
	switch start := firstByte(body); start {
	case '[':
		return strictjson.Span{From: 0, To: len(body)}, true, nil
	case '{':
	default:
		return list, false, nil
	}
	err = strictjson.EachMember(body, 0, len(body), func(key, value strictjson.Span) error {
		if string(body[key.From:key.To]) != `"batch"` || body[value.From] != '[' {
			return nil
		}
		if ok {
			return errors.New("two batches")
		}
		list, ok = value, true
		return nil
	})
	return list, ok, err
}

func firstByte(body []byte) byte {
	for _, c := range body {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}

var errEnough = errors.New("enough")

// firstOf gives the first event of a list as it stands in the body.
func firstOf(body []byte, list strictjson.Span) (first []byte, found bool) {
	err := strictjson.EachElement(body, list.From, list.To, func(at strictjson.Span) error {
		first, found = body[at.From:at.To], true
		return errEnough
	})
	return first, found && errors.Is(err, errEnough)
}

// Decode reads one call, a list of them, or {"batch": […]}.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	read := func(v strictjson.Value, item *sender.Item) {
		item.ID = v.Get("messageId").Text()
		item.Fact, item.Errors = s.calls.Read(v, d.Received)
	}
	list, ok, err := batch(d.Body)
	switch {
	case err != nil && firstByte(d.Body) == '{':
		return &sender.Unreadable{Errors: fact.Fault(err)}
	case ok && list.From > 0: // {"batch": […]}
		d = &sender.Delivery{Body: d.Body[list.From:list.To], Received: d.Received}
	default:
		d = &sender.Delivery{Body: d.Body, Received: d.Received}
	}
	return sender.Objects(&s.docs, &s.cfg, d, yield, read)
}
