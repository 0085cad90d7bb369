package hubspot

import (
	"slices"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// event is one event of a subscription, as HubSpot's "Webhooks API" documents it.
type event struct {
	*source
	received fact.Received
	v        strictjson.Value
	spare    *strictjson.Doc
}

// object gives the kind of record and what happened to it: contact and propertyChange, whether the app is an old one
// (contact.propertyChange) or a new one (object.propertyChange with objectTypeId 0-1).
func (e *event) object() (kind, what string) {
	kind, what, _ = strings.Cut(e.v.Get("subscriptionType").Text(), ".")
	if kind != "object" {
		return kind, what
	}
	return kindOf(crm.First(e.v, "objectTypeId", "fromObjectTypeId")), what
}

// kindOf names the object types that mean something to Baton (HubSpot's "Object type IDs").
func kindOf(typeID string) string {
	switch typeID {
	case "0-1":
		return "contact"
	case "0-2":
		return "company"
	case "0-3":
		return "deal"
	case "0-136":
		return "lead"
	}
	return "object " + strictjson.Printable(typeID, 32)
}

func (e *event) read(item *sender.Item) {
	v := e.v
	if !e.cfg.Listed(v.Get("portalId").Text()) {
		item.Ignored = crm.NotOurs
		return
	}
	kind, what := e.object()
	r := crm.Record{EventField: "eventId", Event: kind + "." + what, ID: crm.First(v, "objectId", "primaryObjectId", "fromObjectId")}
	// An event id is not unique with HubSpot; what is, is this.
	item.ID = sender.ID(v.Get("portalId").Text(), v.Get("subscriptionId").Text(), v.Get("eventId").Text(), v.Get("occurredAt").Text(), r.ID, v.Get("propertyName").Text(), crm.First(v, "toObjectId"))
	if v.Get("eventId").Text() == "" { // refused: what the quarantine tells them apart by is their bytes
		item.ID = ""
	}
	r.EventID = item.ID
	r.At, _ = crm.Time(v.Get("occurredAt").Text())
	switch kind {
	case "contact":
		r.System = vendor
	case "deal":
		r.System, r.Deal = dealSystem, true
	case "lead":
		r.System = leadSystem
	default:
		item.Ignored = "it is about neither a person nor a deal: " + strictjson.Printable(kind, 40)
		return
	}
	e.meaning(&r, kind, what)
	if what == "associationChange" && !e.joins(&r) {
		item.Ignored = "the association is with neither a contact nor a deal"
		return
	}
	var kept crm.Object
	kept.Members(v, dropped)
	var err error
	if r.Properties, err = kept.Value(e.spare); err != nil {
		item.Errors = fact.Fault(err)
		return
	}
	if r.Names != nil {
		// The one property that changed, as a field of the person.
		text := append(append([]byte(`{`), v.Get("propertyName").Raw()...), ':')
		text = append(append(text, v.Get("propertyValue").Raw()...), '}')
		fields := e.docs.Get()
		defer e.docs.Put(fields)
		if r.Traits, err = fields.Parse(text, 0, len(text), sender.Limits()); err != nil {
			item.Errors = fact.Fault(err)
			return
		}
	}
	item.Fact, item.Errors = e.mapper.Fact(e.received, &r)
}

// meaning fills in what the kind of event says.
func (e *event) meaning(r *crm.Record, kind, what string) {
	switch what {
	case "creation":
		if kind == "deal" {
			r.Type, r.Created = "deal_opened", crm.First(e.v, "occurredAt")
		} else if kind == "contact" {
			r.Type = "identified"
		}
	case "privacyDeletion":
		// The person asked to be forgotten there: here it ends mails and profiling at once. Erasing the lead is for whoever
		// answers for it to ask.
		r.Type = "consent_changed"
		r.More = with(with(nil, "consent:email", "withdrawn"), "consent:profiling", "objected")
	case "propertyChange":
		e.change(r, kind, crm.First(e.v, "propertyName"), strings.TrimSpace(e.v.Get("propertyValue").Text()))
	}
}

// change is one property's new value.
func (e *event) change(r *crm.Record, kind, name, value string) {
	if crm.IsHandoffField(name) && crm.IsHandoff(value) {
		r.Handoff = value
	}
	switch kind {
	case "contact":
		r.Type = "identified"
		if e.v.Get("propertyName").Kind() == strictjson.String && e.v.Get("propertyValue").Given() {
			r.Names = contactField
		}
		switch {
		case name == "email":
			r.Email = value
		case name == "hs_lead_status" || name == "lifecyclestage":
			r.Stages = []string{value}
		case strings.HasPrefix(name, "hs_email_optout") && strings.EqualFold(value, "true"):
			r.Type = "email_unsubscribed"
			r.More = with(nil, "list", strings.TrimPrefix(strings.TrimPrefix(name, "hs_email_optout"), "_"))
		}
	case "lead":
		if name == "hs_pipeline_stage" || name == "hs_lead_status" {
			r.Stages = []string{value}
		}
	case "deal":
		switch name {
		case "dealstage":
			r.Type, r.Stages, r.StageName = "deal_stage_changed", []string{value}, value
		case "amount":
			r.Type, r.Amount = "deal_stage_changed", value // the same stage, with what it is worth now
		case "hubspot_owner_id":
			r.Type, r.Owner = "deal_stage_changed", value
		case "createdate":
			r.Type, r.Created = "deal_stage_changed", value
		case "closed_lost_reason", "closed_won_reason":
			r.Type, r.Reason = "deal_stage_changed", value
		default:
			if r.Handoff != "" {
				r.Type = "deal_stage_changed" // whose deal it is
			}
		}
	}
}

// joins reads an association. Only if the operator maps the event to identified are the two made one lead: a deal may have
// several contacts, and must not make one person of them.
func (e *event) joins(r *crm.Record) bool {
	from, to := e.ends()
	if !slices.Contains([]string{from, to}, "contact") {
		return from == "deal" || to == "deal"
	}
	contact, other, otherID := "fromObjectId", to, crm.First(e.v, "toObjectId")
	if from != "contact" {
		contact, other, otherID = "toObjectId", from, crm.First(e.v, "fromObjectId")
	}
	r.Deal, r.System, r.ID = false, vendor, crm.First(e.v, contact)
	if other == "deal" && !crm.Truth(e.v.Get("associationRemoved")) && e.cfg.Map[r.Event] == "identified" {
		r.Also = map[string]string{dealSystem: otherID}
	}
	return true
}

// ends gives the kinds at both ends of an association: from CONTACT_TO_DEAL, or from the object types.
func (e *event) ends() (from, to string) {
	from, to, ok := strings.Cut(strings.ToLower(e.v.Get("associationType").Text()), "_to_")
	if ok {
		return from, to
	}
	return kindOf(crm.First(e.v, "fromObjectTypeId")), kindOf(crm.First(e.v, "toObjectTypeId"))
}
