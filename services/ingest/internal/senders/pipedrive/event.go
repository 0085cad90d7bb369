package pipedrive

import (
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// event is one event as Pipedrive's "Guide for Webhooks v2" has it: data is the record as it is now, previous the former values
// of what has changed.
type event struct {
	*source
	meta, data, previous strictjson.Value
}

// read completes the item. It gives the record of a person who has taken back the consent to marketing, else nil.
func (e *event) read(v strictjson.Value, spare *strictjson.Doc, received fact.Received, item *sender.Item) *crm.Record {
	if !e.cfg.Listed(crm.First(e.meta, "company_id")) {
		item.Ignored = crm.NotOurs
		return nil
	}
	entity, action := crm.First(e.meta, "entity", "object"), crm.First(e.meta, "action")
	if entity == "" || action == "" {
		item.Errors = fact.Errors{{Field: "meta", Reason: "it names no entity and action: webhooks must be of version 2"}}
		return nil
	}
	item.ID = eventID(e.meta, e.data, v.Raw())
	if !e.data.Given() { // of what was deleted only the former values are left
		e.data = e.previous
	}
	r := crm.Record{
		EventID: item.ID, EventField: "meta.id", Event: entity + "." + action, System: vendor + "-" + entity,
		ID: crm.First(e.data, "id"), Person: reference(e.data.Get("person_id")), Properties: v,
	}
	if r.ID == "" {
		r.ID = crm.First(e.meta, "entity_id")
	}
	r.At, _ = crm.Time(crm.First(e.meta, "timestamp"))
	if r.Handoff = crm.Handoff(e.data.Get("custom_fields"), true); r.Handoff == "" {
		r.Handoff = crm.Handoff(e.data, true)
	}
	optedOut := false
	switch {
	case entity == "person":
		optedOut = e.person(&r, action)
		var kept crm.Object
		kept.Members(v, func(name string) bool { return name == "data" })
		var err error
		if r.Properties, err = kept.Value(spare); err != nil {
			item.Errors = fact.Fault(err)
			return nil
		}
	case entity == "deal":
		e.deal(&r, action)
	case r.Person == "" && r.Handoff == "":
		item.Ignored = "it belongs to no person: " + strictjson.Printable(entity, 40)
		return nil
	default:
		r.Belongs = true
		if entity == "activity" {
			e.activity(&r, action)
		}
	}
	item.Fact, item.Errors = e.mapper.Fact(received, &r)
	if !optedOut {
		return nil
	}
	return &r
}

// reference gives the id of a record that another points at: the id, or an object that holds it.
func reference(v strictjson.Value) string {
	if v.Kind() == strictjson.Object {
		return crm.First(v, "value", "id")
	}
	return strings.TrimSpace(v.Text())
}

// primary gives the value that a list of addresses or numbers marks as the main one, else its first.
func primary(list strictjson.Value) string {
	first := strings.TrimSpace(list.Text())
	for elements := list.Elements(); ; {
		e, ok := elements.Next()
		if !ok {
			return first
		}
		value := crm.First(e, "value")
		if crm.Truth(e.Get("primary")) && value != "" {
			return value
		}
		if first == "" {
			first = value
		}
	}
}

// changed reports whether a field is new with this event; where nothing is said of what was before, it is.
func (e *event) changed(field string) bool {
	if e.previous.Kind() != strictjson.Object || e.previous.Len() == 0 || crm.First(e.meta, "action") == "create" {
		return true
	}
	for m := e.previous.Members(); ; {
		key, _, ok := m.Next()
		if !ok {
			return false
		}
		if key.Is(field) {
			return true
		}
	}
}

func (e *event) person(r *crm.Record, action string) (optedOut bool) {
	r.System, r.Person = vendor, ""
	r.Traits, r.Names = e.data, personField
	if r.Email = primary(e.data.Get("emails")); r.Email == "" {
		r.Email = primary(e.data.Get("email"))
	}
	phone := primary(e.data.Get("phones"))
	if phone == "" {
		phone = primary(e.data.Get("phone"))
	}
	r.Fill = map[string]string{"phone": phone}
	if action != "delete" {
		r.Type = "identified"
	}
	return crm.First(e.data, "marketing_status") == "unsubscribed" && e.changed("marketing_status") && action != "delete"
}

func (e *event) deal(r *crm.Record, action string) {
	r.Deal, r.System = true, vendor+"-deal"
	r.StageName, r.Reason = crm.First(e.data, "stage_id"), crm.First(e.data, "lost_reason")
	r.Amount, r.Currency = crm.First(e.data, "value"), crm.First(e.data, "currency")
	r.Owner, r.Created = crm.First(e.data, "owner_id", "user_id"), crm.First(e.data, "add_time")
	status := crm.First(e.data, "status")
	switch {
	case action == "delete":
		return
	case e.changed("status") && status != "" && status != "open":
		r.Stages = append(r.Stages, status)
	case status == "open" && (crm.First(e.previous, "status") == "won" || crm.First(e.previous, "status") == "lost"):
		r.Type = "deal_reopened"
		return
	}
	if e.changed("stage_id") {
		r.Stages = append(r.Stages, r.StageName)
	}
	switch {
	case action == "create":
		r.Type = "deal_opened"
	case e.changed("stage_id") || e.changed("status") || e.changed("value") || e.changed("currency"):
		r.Type = "deal_stage_changed"
	}
}

// activity is what sales does with a person: a call that has been made, a meeting that has been set up; what else there is
// keeps its name.
func (e *event) activity(r *crm.Record, action string) {
	at := strings.TrimSpace(crm.First(e.data, "due_date") + " " + crm.First(e.data, "due_time"))
	switch kind := crm.First(e.data, "type"); {
	case action == "delete":
	case kind == "call" && crm.Truth(e.data.Get("done")) && e.changed("done"):
		r.Type = "call_logged"
	case kind == "meeting" && action == "create":
		r.Type, r.More = "meeting_booked", map[string]string{"starts_at": at}
	}
}
