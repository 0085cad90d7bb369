// Package typeform receives the webhooks of Typeform, and those of Formstack, which are signed the same but for the encoding.
package typeform

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/forms"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Types are the table's rows. Typeform repeats for hours what is answered with anything but a 2xx, and switches the webhook off
// for a 404 or a 410.
func Types() []sender.Type {
	rules := sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK}
	return []sender.Type{
		{Name: "typeform", Path: sender.Webhooks, Rules: rules, New: New},
		{Name: "formstack", Path: sender.Webhooks, Rules: rules, New: NewFormstack},
	}
}

type source struct {
	cfg  sender.Config
	docs sender.Docs
}

// New makes the sender of a source; it needs a secret.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the webhook's secret"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg}, nil
}

// Verify checks Typeform-Signature: sha256=<base64>, the HMAC-SHA256 of the body.
func (s *source) Verify(r *sender.Request) (string, error) {
	shown := r.Header.Get("Typeform-Signature")
	if shown == "" {
		return "", sender.ErrUnsigned
	}
	encoded, ok := strings.CutPrefix(shown, "sha256=")
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || !sender.SignedBy(s.cfg.Secrets, signature, func(secret string) []byte {
		return sender.MAC(sha256.New, secret, r.Body)
	}) {
		return "", sender.ErrForged
	}
	return "", nil
}

// Decode reads the one event of a delivery.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	return sender.Objects(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) { s.read(v, d.Received, item) })
}

func (s *source) read(v strictjson.Value, received fact.Received, item *sender.Item) {
	kind, response := v.Get("event_type").Text(), v.Get("form_response")
	item.ID = v.Get("event_id").Text()
	definition, hidden := response.Get("definition"), response.Get("hidden")
	title, formID := definition.Get("title").Text(), response.Get("form_id").Text()
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	b.ID("event_id", item.ID)
	eventType := core.Custom
	if kind == "form_response" {
		eventType = s.cfg.TypeOf("form_submitted", formID, title, kind)
	} else {
		eventType = s.cfg.TypeOf(eventType, kind)
	}
	b.Type("event_type", eventType)
	if eventType == core.Custom {
		b.Name("event_type", "typeform: "+kind)
	}
	if kind == "" {
		b.Refuse("event_type", "is required")
	}
	for _, name := range [...]string{"submitted_at", "landed_at"} {
		if at, err := core.ParseLooseTime(response.Get(name).Text()); err == nil && !at.Before(core.Earliest()) {
			b.Occurred("form_response."+name, at, at)
			break
		}
	}

	answers := answersOf(response)
	fields := make([]forms.Field, 0, len(answers)+4)
	for _, a := range answers {
		fields = append(fields, a.Field)
	}
	b.Email("answers", forms.Address(fields))
	b.Email("hidden.email", firstEmail(b, hidden))
	user, device := firstText(hidden, "user_id", "userid", "userId"), firstText(hidden, "anonymous_id", "anonymousId")
	if user+device != "" {
		b.Unproven() // hidden fields stand in the form's address, where anybody writes what they like
	}
	b.UserID("hidden.user_id", user)
	b.AnonymousID("hidden.anonymous_id", device)
	if kind != "form_response" && kind != "" && !b.HasEmail() && user+device == "" {
		item.Ignored = "it is no whole response, and about no person"
		return
	}
	forms.Person(b, append(fields, hiddenFields(hidden)...))

	b.Say("form", firstOf(title, formID))
	forms.Came(b, hidden)
	b.Say("url", firstText(hidden, "page_url", "url", "landing_page"))
	b.Say("referrer", firstText(hidden, "referrer", "referer"))
	b.Say("click_id", firstText(hidden, "gclid", "fbclid", "msclkid", "li_fat_id"))
	b.Properties("form_response", strictjson.Value{})
	b.SetProperty("form", structpb.NewStringValue(firstOf(title, formID)))
	keepResponses(b, answers)
	forms.Keep(b, response)
	item.Fact, item.Errors = b.Finish("form_response.answers")
}

// answer is one answer of a response.
type answer struct {
	forms.Field
	title string
	value *structpb.Value
}

// question is what the definition says of a field.
type question struct{ title, part string }

// answersOf gives the answers with what the definition says of their fields. A field of contact details is a group there, of
// fields that say in subfield_key which detail they are; its answers come as if each had been asked for by itself.
func answersOf(response strictjson.Value) []answer {
	questions := map[string]question{}
	ask(response.Get("definition").Get("fields"), questions)
	var out []answer
	for e := response.Get("answers").Elements(); ; {
		v, ok := e.Next()
		if !ok {
			return out
		}
		field, kind := v.Get("field"), v.Get("type").Text()
		value := v.Get(kind)
		if !value.Given() {
			continue
		}
		id, ref := field.Get("id").Text(), field.Get("ref").Text()
		q, known := questions[id]
		if !known {
			q = questions[ref]
		}
		a := answer{title: firstOf(q.title, ref, id), value: plain(value)}
		a.Entered = plainText(value)
		for _, label := range [...]string{q.part, ref, q.title} {
			if label != "" {
				a.Labels = append(a.Labels, label)
			}
		}
		switch {
		case kind == "email" || field.Get("type").Text() == "email":
			a.Kind = forms.Email
		case kind == "phone_number" || field.Get("type").Text() == "phone_number":
			a.Kind = forms.Phone
		}
		out = append(out, a)
	}
}

// ask notes the fields by id and by reference, and those of groups.
func ask(fields strictjson.Value, into map[string]question) {
	for e := fields.Elements(); ; {
		f, ok := e.Next()
		if !ok {
			return
		}
		q := question{title: f.Get("title").Text(), part: f.Get("subfield_key").Text()}
		for _, name := range [...]string{f.Get("ref").Text(), f.Get("id").Text()} {
			if name != "" {
				into[name] = q
			}
		}
		ask(f.Get("properties").Get("fields"), into)
	}
}

// plain gives an answer as a person would read it: a choice is its label, several are a list of labels.
func plain(v strictjson.Value) *structpb.Value {
	if label := v.Get("label"); label.Kind() == strictjson.String {
		return fact.Value(label)
	}
	if other := v.Get("other"); other.Kind() == strictjson.String {
		return fact.Value(other)
	}
	if labels := v.Get("labels"); labels.Kind() == strictjson.Array {
		return fact.Value(labels)
	}
	return fact.Value(v)
}

func plainText(v strictjson.Value) string {
	return firstOf(v.Text(), v.Get("label").Text(), v.Get("other").Text())
}

// keepResponses puts the answers under their questions. Of two questions with one title the second has its reference behind it.
func keepResponses(b *fact.Builder, answers []answer) {
	if len(answers) == 0 {
		return
	}
	out := make(map[string]*structpb.Value, len(answers))
	for _, a := range answers {
		name := a.title
		if _, there := out[name]; there && len(a.Labels) > 0 {
			name += " (" + a.Labels[0] + ")"
		}
		out[name] = a.value
	}
	b.SetProperty("responses", structpb.NewStructValue(&structpb.Struct{Fields: out}))
}

// firstEmail gives the hidden e-mail address, which stood in the form's link: it counts where none was entered.
func firstEmail(b *fact.Builder, hidden strictjson.Value) string {
	if b.HasEmail() {
		return ""
	}
	return firstText(hidden, "email", "e_mail", "email_address", "user_email")
}

// hiddenFields gives the hidden fields that speak of the person, all but the address.
func hiddenFields(hidden strictjson.Value) []forms.Field {
	var out []forms.Field
	for m := hidden.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			return out
		}
		if !strings.Contains(core.Snake(key.Text()), "mail") {
			out = append(out, forms.Field{Labels: []string{key.Text()}, Entered: value.Text()})
		}
	}
}

// firstText gives the first of the members that says something.
func firstText(v strictjson.Value, names ...string) string {
	for _, n := range names {
		if s := strings.TrimSpace(v.Get(n).Text()); s != "" && !core.Placeholder(s) {
			return s
		}
	}
	return ""
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return ""
}
