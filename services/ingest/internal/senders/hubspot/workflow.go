package hubspot

import (
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// maxForms is how many of a contact's form submissions are looked at: the first that are listed, which are the latest.
const maxForms = 50

// workflow is what a workflow's webhook posts: a contact or a deal, its properties as HubSpot's contact API has them
// ({"email": {"value": …}}), flat, or chosen by the operator and at the top.
type workflow struct {
	*source
	received fact.Received
	v        strictjson.Value
	spare    *strictjson.Doc
}

// own reports which members of the object are no properties.
func own(name string) bool {
	switch name {
	case "properties", "vid", "objectId", "objectType", "objectTypeId", "portal-id", "portalId", "canonical-vid", "merged-vids", "is-contact", "profile-url",
		"form-submissions", "list-memberships", "identity-profiles", "merge-audits", "associated-company", "associations", "object", "origin", "context",
		"callbackId", "inputFields", "portal", "occurredAt":
		return true
	}
	return false
}

func (w *workflow) read(item sender.Item, yield func(sender.Item) error) error {
	v, object := w.v, w.v.Get("object")
	portal := crm.First(v, "portal-id", "portalId")
	if portal == "" {
		portal = crm.First(v.Get("origin"), "portalId")
	}
	switch {
	case w.cfg.Listed(portal):
	case portal == "": // a body of chosen properties: it may be ours, and nobody would send it again
		item.ID = sender.BodyID(v.Raw())
		item.Errors = fact.Errors{{Field: "portalId", Reason: "is required, since the source names its accounts: add it to the body that the workflow sends"}}
		return yield(item)
	default:
		item.Ignored = crm.NotOurs
		return yield(item)
	}
	var flat crm.Object
	for _, properties := range []strictjson.Value{v.Get("properties"), object.Get("properties"), v.Get("inputFields")} {
		w.flatten(&flat, properties)
	}
	flat.Members(v, own)
	fields, err := flat.Value(w.spare)
	if err != nil {
		item.Errors = fact.Fault(err)
		return yield(item)
	}
	r := w.record(fields, object)
	// A workflow has no id for what it posts, and posts the same bytes when it tries again.
	item.ID = sender.BodyID(v.Raw())
	r.EventID = item.ID
	var kept crm.Object
	if r.Deal {
		kept.Members(fields, nil)
	}
	kept.Members(v, func(name string) bool { return name == "properties" || !own(name) })
	rest := w.docs.Get()
	defer w.docs.Put(rest)
	if r.Properties, err = kept.Value(rest); err != nil {
		item.Errors = fact.Fault(err)
		return yield(item)
	}
	item.Fact, item.Errors = w.mapper.Fact(w.received, &r)
	if err := yield(item); err != nil || item.Errors != nil || r.Deal {
		return err
	}
	return w.forms(item, &r, portal, yield)
}

// flatten adds properties, each a value or an object that holds it.
func (w *workflow) flatten(flat *crm.Object, properties strictjson.Value) {
	for m := properties.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			return
		}
		if value.Kind() == strictjson.Object {
			value = value.Get("value")
		}
		flat.Raw(key.Text(), value.Raw())
	}
}

func (w *workflow) record(fields, object strictjson.Value) crm.Record {
	v := w.v
	r := crm.Record{
		EventField: "id", ID: crm.First(v, "vid", "objectId", "id"), Handoff: crm.Handoff(fields, false), Email: crm.First(fields, "email"),
		Currency: crm.First(fields, "deal_currency_code"), Amount: crm.First(fields, "amount"), Owner: crm.First(fields, "hubspot_owner_id"),
	}
	if r.ID == "" {
		r.ID = crm.First(object, "objectId", "id")
	}
	if r.ID == "" {
		r.ID = crm.First(fields, "hs_object_id", "vid")
	}
	r.At, _ = crm.Time(crm.First(v, "occurredAt"))
	kind := strings.ToLower(crm.First(v, "objectType"))
	if kind == "" {
		kind = strings.ToLower(crm.First(object, "objectType"))
	}
	if id := crm.First(v, "objectTypeId"); id != "" {
		kind = kindOf(id)
	}
	stage := crm.First(fields, "dealstage")
	if kind == "deal" || kind == "0-3" || kind == "" && (stage != "" || fields.Get("dealname").Given()) {
		r.Event, r.Deal, r.System, r.Email = "workflow.deal", true, dealSystem, ""
		r.Type, r.Stages, r.StageName, r.Reason = "deal_stage_changed", []string{stage}, stage, crm.First(fields, "closed_lost_reason")
		r.Created = crm.First(fields, "createdate", "hs_createdate")
		return r
	}
	r.Event, r.System, r.Type, r.Traits, r.Names = "workflow.contact", vendor, "identified", fields, contactField
	r.Stages = []string{crm.First(fields, "hs_lead_status"), crm.First(fields, "lifecyclestage")}
	r.Reason = crm.First(fields, "hs_lead_disqualification_reason", "unqualified_reason")
	if form := crm.First(fields, "form_id", "formId", "form-id", "form_guid", "formGuid"); form != "" {
		r.Event, r.Type, r.Stages = "workflow.form", "form_submitted", nil
		r.More = map[string]string{"form": form, "url": crm.First(fields, "page_url", "pageUrl", "page-url")}
	}
	return r
}

// forms gives a contact's form submissions, which HubSpot lists with every contact that it posts: each has an id of its own, by
// which it is one event however often it is listed.
func (w *workflow) forms(item sender.Item, contact *crm.Record, portal string, yield func(sender.Item) error) error {
	n := 0
	for list := w.v.Get("form-submissions").Elements(); n < maxForms; n++ {
		form, ok := list.Next()
		if !ok {
			return nil
		}
		id := crm.First(form, "conversion-id")
		if id == "" {
			continue
		}
		r := crm.Record{
			EventID: sender.ID("form", portal, id), EventField: "conversion-id", Event: "form-submission", System: vendor, ID: contact.ID, Email: contact.Email,
			Type: "form_submitted", Properties: form, More: map[string]string{"form": crm.First(form, "form-id"), "url": crm.First(form, "page-url"), "title": crm.First(form, "title")},
		}
		r.At, _ = crm.Time(crm.First(form, "timestamp"))
		next := item
		next.ID = r.EventID
		next.Fact, next.Errors = w.mapper.Fact(w.received, &r)
		if err := yield(next); err != nil {
			return err
		}
	}
	return nil
}
