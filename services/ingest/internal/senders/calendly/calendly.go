// Package calendly receives the webhooks of Calendly (version 2): meetings booked and canceled, invitees who did not come, and
// routing forms.
package calendly

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/forms"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Type is the table's row. Calendly repeats what is not answered with a 2xx for 24 hours, and then switches the webhook off.
func Type() sender.Type {
	return sender.Type{
		Name: "calendly", Path: sender.Webhooks,
		Rules: sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		New:   New,
	}
}

// Tolerance is how far the signed time may lie from ours: what Calendly's documentation of webhook signatures proposes.
const Tolerance = 3 * time.Minute

type source struct {
	cfg  sender.Config
	docs sender.Docs
}

// New makes the sender of a source; it needs a secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the subscription's signing key"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg}, nil
}

// Verify checks Calendly-Webhook-Signature: t=<seconds>,v1=<hex>, the HMAC-SHA256 of t, a dot and the body.
func (s *source) Verify(r *sender.Request) (string, error) {
	shown := r.Header.Get("Calendly-Webhook-Signature")
	if shown == "" {
		return "", sender.ErrUnsigned
	}
	t, signatures := parse(shown)
	at, err := sender.Seconds(t)
	if err != nil {
		return "", err
	}
	believed := false
	for _, signature := range signatures {
		believed = sender.SignedBy(s.cfg.Secrets, signature, func(secret string) []byte {
			return sender.MAC(sha256.New, secret, []byte(t), []byte("."), r.Body)
		}) || believed
	}
	if !believed {
		return "", sender.ErrForged
	}
	return "", sender.Fresh(at, r.Now, Tolerance)
}

// maxSignatures is how many signatures of one request are looked at.
const maxSignatures = 4

// parse reads the header. Parts that it does not know say nothing.
func parse(header string) (t string, signatures [][]byte) {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name == "t" && t == "":
			t = value
		case name == "v1" && len(signatures) < maxSignatures:
			if b, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, b)
			}
		}
	}
	return t, signatures
}

// Decode reads the one event of a delivery.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	return sender.Objects(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) { s.read(v, d.Received, item) })
}

func (s *source) read(v strictjson.Value, received fact.Received, item *sender.Item) {
	name, payload := v.Get("event").Text(), v.Get("payload")
	uri := payload.Get("uri").Text()
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	if name == "" {
		b.Refuse("event", "is required")
	}
	if uri == "" {
		b.Refuse("payload.uri", "is required: by it a repeated event is recognised")
	} else {
		item.ID = id(name, uri, payload)
		b.ID("payload.uri", item.ID)
	}
	meeting := payload.Get("scheduled_event")
	eventType := s.cfg.TypeOf(eventTypeOf(name), name)
	if name == "invitee.created" {
		eventType = s.cfg.TypeOf(eventType, meeting.Get("name").Text(), name)
	}
	b.Type("event", eventType)
	if eventType == core.Custom {
		b.Name("event", "calendly: "+name)
	}
	occurred(b, v.Get("created_at"), payload.Get("created_at"))

	answers := answersOf(payload)
	if email := payload.Get("email").Text(); email != "" {
		b.Email("payload.email", email)
	}
	forms.Name(b, payload.Get("first_name").Text(), payload.Get("last_name").Text(), payload.Get("name").Text())
	b.Trait("phone", payload.Get("text_reminder_number").Text())
	forms.Person(b, answers)

	if eventType == "form_submitted" {
		b.Say("form", payload.Get("routing_form").Text())
	}
	b.Say("starts_at", meeting.Get("start_time").Text())
	b.Say("event", meeting.Get("name").Text())
	forms.Came(b, payload.Get("tracking"))
	rescheduled := payload.Get("rescheduled").Kind() == strictjson.True || payload.Get("old_invitee").Given()
	if name == "invitee.canceled" {
		reason := payload.Get("cancellation").Get("reason").Text()
		if strings.TrimSpace(reason) == "" && rescheduled {
			reason = "rescheduled"
		}
		b.Say("reason", reason)
	}
	b.Properties("payload", strictjson.Value{})
	if rescheduled {
		b.SetProperty("rescheduled", structpb.NewBoolValue(true))
	}
	keepText(b, "starts_at", meeting.Get("start_time"))
	keepText(b, "meeting", meeting.Get("name"))
	keepAnswers(b, answers)
	forms.Keep(b, payload, "email")
	item.Fact, item.Errors = b.Finish("payload.email")
}

func eventTypeOf(name string) string {
	switch name {
	case "invitee.created":
		return "meeting_booked"
	case "invitee.canceled":
		return "meeting_canceled"
	case "routing_form_submission.created":
		return "form_submitted"
	}
	return core.Custom
}

// id tells an event by its kind and what it is about. An invitee may be marked as absent more than once: each mark has its
// own URI.
func id(name, uri string, payload strictjson.Value) string {
	if mark := payload.Get("no_show").Get("uri").Text(); mark != "" && strings.HasPrefix(name, "invitee_no_show.") {
		return sender.ID(name, uri, mark)
	}
	return sender.ID(name, uri)
}

// occurred takes the first time that can be read: an odd one is no reason to lose a meeting.
func occurred(b *fact.Builder, times ...strictjson.Value) {
	for _, v := range times {
		if at, err := core.ParseLooseTime(v.Text()); err == nil && !at.Before(core.Earliest()) {
			b.Occurred("created_at", at, at)
			return
		}
	}
}

func answersOf(payload strictjson.Value) []forms.Field {
	var fields []forms.Field
	for e := payload.Get("questions_and_answers").Elements(); ; {
		qa, ok := e.Next()
		if !ok {
			return fields
		}
		if answer := qa.Get("answer").Text(); answer != "" {
			fields = append(fields, forms.Field{Labels: []string{qa.Get("question").Text()}, Entered: answer})
		}
	}
}

func keepText(b *fact.Builder, name string, v strictjson.Value) {
	if s := v.Text(); s != "" {
		b.SetProperty(name, structpb.NewStringValue(s))
	}
}

// keepAnswers puts the answers under their questions, so that rules and people can read them.
func keepAnswers(b *fact.Builder, answers []forms.Field) {
	if len(answers) == 0 {
		return
	}
	out := make(map[string]*structpb.Value, len(answers))
	for _, a := range answers {
		out[a.Labels[0]] = structpb.NewStringValue(a.Entered)
	}
	b.SetProperty("answers", structpb.NewStructValue(&structpb.Struct{Fields: out}))
}
