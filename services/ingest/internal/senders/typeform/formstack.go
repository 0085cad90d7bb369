package typeform

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/forms"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

type formstack struct {
	cfg  sender.Config
	docs sender.Docs
}

// NewFormstack makes the sender of a source of Formstack's; it needs a secret.
func NewFormstack(cfg sender.Config) (sender.Sender, error) {
	if err := cfg.NeedSecrets("the webhook's secret"); err != nil {
		return nil, err
	}
	return &formstack{cfg: cfg}, nil
}

// Verify checks X-FS-Signature: sha256=<hex>, the HMAC-SHA256 of the body.
func (s *formstack) Verify(r *sender.Request) (string, error) {
	shown := r.Header.Get("X-FS-Signature")
	if shown == "" {
		return "", sender.ErrUnsigned
	}
	signature, err := hex.DecodeString(strings.TrimPrefix(shown, "sha256="))
	if err != nil || !sender.SignedBy(s.cfg.Secrets, signature, func(secret string) []byte {
		return sender.MAC(sha256.New, secret, r.Body)
	}) {
		return "", sender.ErrForged
	}
	return "", nil
}

// maxFields is how many fields a form-encoded submission may have.
const maxFields = 1000

// Decode reads a submission, which is a flat JSON object of the form's fields or, as set up, form-encoded.
func (s *formstack) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	body := d.Body
	if mediaType(d.ContentType) == "application/x-www-form-urlencoded" {
		var err error
		if body, err = fromForm(d.Body); err != nil {
			return err
		}
	}
	as := &sender.Delivery{Body: body, Received: d.Received}
	return sender.Objects(&s.docs, &s.cfg, as, func(item sender.Item) error {
		if item.Single {
			item.Raw = d.Body
		}
		return yield(item)
	}, func(v strictjson.Value, item *sender.Item) { s.read(v, d.Received, item) })
}

func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// fromForm gives the JSON of a form-encoded body. Of a field that is given twice the last counts, as with Formstack itself.
func fromForm(body []byte) ([]byte, error) {
	refuse := func(reason string) error { return &sender.Unreadable{Errors: fact.Errors{{Reason: reason}}} }
	if strings.Count(string(body), "&") >= maxFields {
		return nil, refuse("more than 1000 fields")
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, refuse("it is not form-encoded")
	}
	flat := make(map[string]string, len(values))
	for name, all := range values {
		value := all[len(all)-1]
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, refuse("it is not UTF-8")
		}
		flat[name] = value
	}
	return json.Marshal(flat)
}

func (s *formstack) read(v strictjson.Value, received fact.Received, item *sender.Item) {
	form, submission := v.Get("FormID").Text(), v.Get("UniqueID").Text()
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	for _, f := range [...]struct{ name, value string }{{"FormID", form}, {"UniqueID", submission}} {
		if f.value == "" {
			b.Refuse(f.name, "is required: by it a repeated submission is recognised")
		}
	}
	if form != "" && submission != "" {
		item.ID = sender.ID(form, submission)
		b.ID("UniqueID", item.ID)
	}
	eventType := s.cfg.TypeOf("form_submitted", form, "form_submitted")
	b.Type("FormID", eventType)
	if eventType == core.Custom {
		b.Name("FormID", "formstack: submission")
	}
	var fields []forms.Field
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			break
		}
		if key.Is("FormID") || key.Is("UniqueID") || key.Is("HandshakeKey") {
			continue
		}
		fields = append(fields, fieldsOf(key.Text(), value)...)
	}
	forms.Person(b, fields)
	b.Say("form", form)
	forms.Came(b, v)
	b.Properties("", strictjson.Value{})
	b.SetProperty("form", structpb.NewStringValue(form))
	forms.Keep(b, v, "HandshakeKey") // it is a secret
	item.Fact, item.Errors = b.Finish("email")
}

// fieldsOf gives what was entered in a field: a text, {"value": …, "field_type": …}, or the parts of a name or an address.
func fieldsOf(label string, v strictjson.Value) []forms.Field {
	if inner := v.Get("value"); inner.Given() {
		fields := fieldsOf(label, inner)
		if v.Get("field_type").Is("email") {
			for i := range fields {
				fields[i].Kind = forms.Email
			}
		}
		return fields
	}
	if v.Kind() != strictjson.Object {
		return []forms.Field{{Labels: []string{label}, Entered: v.Text()}}
	}
	var fields []forms.Field
	for _, part := range [...][2]string{{"first", "first_name"}, {"last", "last_name"}, {"country", "country"}} {
		if text := v.Get(part[0]).Text(); text != "" {
			fields = append(fields, forms.Field{Labels: []string{part[1]}, Entered: text})
		}
	}
	return fields
}
