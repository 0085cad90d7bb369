// Package standardwebhooks receives webhooks of any sender that signs as Standard Webhooks has it and speaks our event
// form, bare or in the usual envelope: {"type", "timestamp", "data"}.
package standardwebhooks

import (
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/batonhq/baton/pkg/webhook"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Type is the table's row. Such senders repeat what is refused for days, or switch the webhook off: what is verified but
// cannot be read is kept and acknowledged.
func Type() sender.Type {
	return sender.Type{
		Name: "standard-webhooks", Path: sender.Webhooks,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.Accepted},
		New:   New,
	}
}

type source struct {
	cfg      sender.Config
	verifier *webhook.Verifier
	docs     sender.Docs
}

// New makes the sender of a source; it needs a secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("by which the sender signs (whsec_… or whpk_…)"); err != nil {
		return nil, err
	}
	v, err := webhook.NewVerifier(cfg.Secrets, webhook.Tolerance)
	if err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	return &source{cfg: cfg, verifier: v}, nil
}

// Verify checks the signature and gives the webhook-id, which every attempt repeats. Svix, through which many vendors send,
// signs the same and has names of its own for the headers, svix-id and so on; they count where webhook-id is missing.
func (s *source) Verify(r *sender.Request) (string, error) {
	h := r.Header
	if len(h.Values(webhook.HeaderID)) == 0 && len(h.Values("Svix-Id")) > 0 {
		h = http.Header{}
		for name, theirs := range map[string]string{
			webhook.HeaderID: "Svix-Id", webhook.HeaderTimestamp: "Svix-Timestamp", webhook.HeaderSignature: "Svix-Signature",
		} {
			h[http.CanonicalHeaderKey(name)] = r.Header.Values(theirs)
		}
	}
	id := h.Get(webhook.HeaderID)
	if !utf8.ValidString(id) {
		return "", fmt.Errorf("%w: %s is not UTF-8", webhook.ErrMalformed, webhook.HeaderID)
	}
	return id, s.verifier.Verify(h, r.Body, r.Now)
}

// Decode reads one event, an array, or NDJSON. An event's id is the webhook-id; in a list, with # and its index.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	return sender.Split(d.Body, d.ContentType, s.cfg.MaxEvents, func(i int, single bool, at strictjson.Span) error {
		item := sender.Item{Index: i, Single: single, ID: d.ID, Raw: d.Body[at.From:at.To]}
		if !single {
			item.ID += "#" + strconv.Itoa(i)
		}
		v, err := doc.Parse(d.Body, at.From, at.To, sender.Limits())
		if err != nil {
			item.Errors = fact.Fault(err)
		} else if item.Errors = sender.TooLarge(len(v.Raw()), s.cfg.MaxEvent); item.Errors == nil {
			item.Fact, item.Errors = s.read(v, fact.Form{Source: s.cfg.Name, Received: d.Received, ID: item.ID})
		}
		return yield(item)
	})
}

func (s *source) read(v strictjson.Value, form fact.Form) (fact.Fact, fact.Errors) {
	data := v.Get("data")
	if data.Kind() == strictjson.Invalid {
		return form.Read(v)
	}
	form.At = "data."
	form.Type, form.OccurredAt = s.cfg.TypeNamed(v.Get("type").Text()), v.Get("timestamp").Text()
	got, errs := form.Read(data)
	if errs != nil {
		return got, errs
	}
	fact.KeepRest(got.Event, v, "type", "timestamp", "data")
	return got, nil
}
