package cloudevents

import (
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/forms"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// read turns an event into a fact. Its id is its source and its id together: that is what the specification has unique.
func (s *source) read(e *event, received fact.Received, item *sender.Item) {
	for _, a := range [...]struct{ name, value string }{{"id", e.id}, {"source", e.source}, {"type", e.kind}, {"specversion", e.version}} {
		if a.value == "" {
			e.refuse(a.name, "is required")
		}
	}
	if e.version != "" && e.version != "1.0" {
		e.refuse("specversion", "is not 1.0")
	}
	if e.id != "" && e.source != "" {
		item.ID = sender.ID(e.source, e.id)
	}
	if e.refused != nil {
		item.Errors = e.refused
		return
	}
	occurred := e.occurred()
	if e.data.Get("lead").Kind() == strictjson.Object {
		s.form(e, received, occurred, item)
	} else {
		s.any(e, received, occurred, item)
	}
	if item.Errors == nil && item.Ignored == "" {
		fact.KeepProperty(item.Fact.Event, "cloudevent", e.attributes())
	}
}

// occurred gives the event's time, the zero one where it has none that is believed: the attribute is optional, and the event is
// not lost for it.
func (e *event) occurred() time.Time {
	at, err := core.ParseTime(e.time)
	if err != nil || at.Before(core.Earliest()) {
		return time.Time{}
	}
	return at
}

// attributes gives all of them, to be kept.
func (e *event) attributes() *structpb.Value {
	out := map[string]*structpb.Value{}
	for name, text := range map[string]string{"id": e.id, "source": e.source, "type": e.kind, "subject": e.subject, "time": e.time} {
		if text != "" {
			out[name] = structpb.NewStringValue(text)
		}
	}
	for name, v := range e.more {
		if _, there := out[name]; !there {
			out[name] = v
		}
	}
	return structpb.NewStructValue(&structpb.Struct{Fields: out})
}

// form reads data that is our own event form.
func (s *source) form(e *event, received fact.Received, occurred time.Time, item *sender.Item) {
	form := fact.Form{Source: s.cfg.Name, Received: received, ID: item.ID, Type: s.cfg.TypeNamed(e.kind), At: "data."}
	if core.ClassOf(form.Type) == core.Unknown {
		form.Type, form.Name = core.Custom, e.kind
	}
	if !occurred.IsZero() {
		form.OccurredAt = occurred.Format(time.RFC3339Nano)
	}
	item.Fact, item.Errors = form.Read(e.data)
}

// any reads data of any other form, as far as it names a person. An event of a kind that is none of ours is custom, and none at
// all for Baton if it is about nobody.
func (s *source) any(e *event, received fact.Received, occurred time.Time, item *sender.Item) {
	b := fact.NewBuilder(s.cfg.Name, received, true, "")
	b.ID("id", item.ID)
	eventType, known := s.eventType(e.kind)
	b.Type("type", eventType)
	if eventType == core.Custom {
		b.Name("type", e.kind)
	}
	if !occurred.IsZero() {
		b.Occurred("time", occurred, occurred)
	}
	named := s.person(b, e.data)
	if !named && e.subject != "" {
		named = s.subject(b, e.subject, known)
	}
	if !named && !known {
		item.Ignored = "it is of a kind that is not known here and about no person"
		return
	}
	b.Properties("data", e.data)
	if e.data.Given() && e.data.Kind() != strictjson.Object {
		b.SetProperty("data", fact.Value(e.data))
	}
	item.Fact, item.Errors = b.Finish("data.email")
}

// eventType gives our type for an event's. What sales answers to a handoff is never taken from a name alone: order.accepted is
// no answer of sales. The map can say so, and so does our own form.
func (s *source) eventType(kind string) (eventType string, known bool) {
	if t, ok := s.cfg.Map[kind]; ok {
		return t, true
	}
	switch t := s.cfg.TypeNamed(kind); core.ClassOf(t) {
	case core.Unknown, core.Disposition:
		return core.Custom, false
	default:
		return t, true
	}
}

// subject takes the subject for the person where the data names nobody: an address is one anywhere, any other text where the
// event's kind says that it is about a person, and then it is an id of the source's.
func (s *source) subject(b *fact.Builder, subject string, known bool) bool {
	if _, ok := identity.NormalizeEmail(subject); ok {
		b.Email("subject", subject)
		return true
	}
	if known {
		b.ExternalID("subject", s.cfg.Name, subject)
	}
	return known && !core.Placeholder(subject)
}

// person finds who the data is about: in it, or in the object that it has for the person.
func (s *source) person(b *fact.Builder, data strictjson.Value) bool {
	named := false
	for _, v := range [...]strictjson.Value{data, data.Get("traits"), data.Get("person"), data.Get("contact"), data.Get("user"), data.Get("customer")} {
		for m := v.Members(); ; {
			key, value, ok := m.Next()
			if !ok {
				break
			}
			text := value.Text()
			if text == "" || core.Placeholder(text) {
				continue
			}
			switch core.Snake(key.Text()) {
			case "email", "email_address":
				if !b.HasEmail() {
					b.Email("data.email", text)
				}
				named = named || b.HasEmail()
			case "user_id":
				b.UserID("data.user_id", text)
				named = true
			case "anonymous_id":
				b.AnonymousID("data.anonymous_id", text)
				named = true
			case "first_name":
				b.Trait("first_name", text)
			case "last_name":
				b.Trait("last_name", text)
			case "job_title":
				b.Trait("title", text)
			case "company", "company_name":
				b.Trait("company", text)
				b.Company(text, "")
			case "phone", "phone_number":
				b.Trait("phone", text)
			case "country":
				b.Trait("country", text)
			}
		}
	}
	for m := data.Get("external_ids").Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			break
		}
		if text := value.Text(); text != "" && !core.Placeholder(text) {
			b.ExternalID("data.external_ids", key.Text(), text)
			named = true
		}
	}
	forms.Came(b, data)
	return named
}
