package fact

import (
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Form reads Baton's own event form. Fields that it does not have are refused by name: a misspelt one must not be lost in
// silence.
type Form struct {
	Source   string
	Received Received
	// ID is the event's id where the sender's headers give it; an id of the event's own is then kept as property id.
	ID string
	// Type and OccurredAt stand for the event's own where it has none: they come from an envelope.
	Type       string
	OccurredAt string
	// Name stands for the event's own where it has none and is a custom one.
	Name string
	// At is put before the names of fields in errors: "data.".
	At string
}

// Read gives the event that v states, or what is wrong with it.
func (f Form) Read(v strictjson.Value) (Fact, Errors) {
	b := NewBuilder(f.Source, f.Received, false, f.At)
	if v.Kind() != strictjson.Object {
		b.Refuse("", "an event must be an object")
		return b.Finish("lead")
	}
	var id, eventType, name, occurred, lead, traits, account, properties, automated, history strictjson.Value
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			break
		}
		switch {
		case key.Is("id"):
			id = value
		case key.Is("type"):
			eventType = value
		case key.Is("name"):
			name = value
		case key.Is("occurred_at"):
			occurred = value
		case key.Is("lead"):
			lead = value
		case key.Is("traits"):
			traits = value
		case key.Is("account"):
			account = value
		case key.Is("properties"):
			properties = value
		case key.Is("automated"):
			automated = value
		case key.Is("history"):
			history = value
		default:
			b.unknown("", key, "an event has id, type, name, occurred_at, lead, traits, account, properties, automated and history")
		}
	}
	own := b.string("id", id)
	switch {
	case f.ID != "":
		b.ID("id", f.ID)
	default:
		b.ID("id", own)
	}
	if t := b.string("type", eventType); t != "" || f.Type == "" {
		b.Type("type", t)
	} else {
		b.Type("type", f.Type)
	}
	if n := b.string("name", name); n != "" || b.slab.event.Type != core.Custom {
		b.Name("name", n)
	} else {
		b.Name("name", f.Name)
	}
	b.slab.event.Automated = b.flag("automated", automated)
	b.slab.event.History = b.flag("history", history)
	b.occurredAt(b.string("occurred_at", occurred), f.OccurredAt)
	b.readLead(lead)
	b.Traits("traits", traits, Same)
	b.Account("account", account, Same)
	b.Properties("properties", properties)
	if f.ID != "" && own != "" && own != f.ID {
		b.SetProperty("id", structpb.NewStringValue(own))
	}
	return b.Finish("lead")
}

// flag gives a field that must be true or false; absent and null are false.
func (b *Builder) flag(field string, v strictjson.Value) bool {
	switch v.Kind() {
	case strictjson.True:
		return true
	case strictjson.False, strictjson.Null, strictjson.Invalid:
	default:
		b.Refuse(field, "must be true or false")
	}
	return false
}

func (b *Builder) unknown(parent string, key strictjson.Value, known string) {
	b.Refuse(parent+strictjson.Printable(key.Text(), 64), "is not a known field: "+known)
}

// string gives a field that must be a string; absent and null are "".
func (b *Builder) string(field string, v strictjson.Value) string {
	if v.Given() && v.Kind() != strictjson.String {
		b.Refuse(field, "must be a string")
	}
	if v.Kind() != strictjson.String {
		return ""
	}
	return v.Text()
}

func (b *Builder) occurredAt(own, outer string) {
	field, s := "occurred_at", own
	if s == "" && outer != "" {
		field, s = "timestamp", outer
		defer func(at string) { b.at = at }(b.at)
		b.at = "" // the envelope's own field
	}
	if s == "" {
		if b.slab.event.History {
			b.Refuse(field, "is required for an event of history")
		}
		return
	}
	at, err := core.ParseTime(s)
	if err != nil {
		b.Refuse(field, err.Error())
		return
	}
	b.Occurred(field, at, at)
}

func (b *Builder) readLead(v strictjson.Value) {
	if !b.object("lead", v) {
		return
	}
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			return
		}
		switch {
		case key.Is("email"):
			b.Email("lead.email", b.string("lead.email", value))
		case key.Is("user_id"):
			b.UserID("lead.user_id", b.idText("lead.user_id", value))
		case key.Is("anonymous_id"):
			b.AnonymousID("lead.anonymous_id", b.idText("lead.anonymous_id", value))
		case key.Is("external_ids"):
			if b.object("lead.external_ids", value) {
				each(value, func(system string, id strictjson.Value) {
					field := "lead.external_ids." + strictjson.Printable(system, 64)
					b.ExternalID(field, system, b.idText(field, id))
				})
			}
		default:
			b.unknown("lead.", key, "a lead has email, user_id, anonymous_id and external_ids; what else is known of it belongs in traits")
		}
	}
}

// idText gives an identifier, which many systems hold as a number: then it is its digits.
func (b *Builder) idText(field string, v strictjson.Value) string {
	switch v.Kind() {
	case strictjson.String, strictjson.Number:
		return v.Text()
	case strictjson.Invalid, strictjson.Null:
	default:
		b.Refuse(field, "must be a string")
	}
	return ""
}
